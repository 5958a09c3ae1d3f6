package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.exception.RequestTimeoutException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The official client's requests and replies, among themselves and with users of HTTP. */
class RocketMqRequestIT {

  @TempDir static Path directory;
  private static TestServer server;
  private static RocketMqClients clients;
  private static DefaultMQProducer asker;
  private static DefaultMQProducer replier;

  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeAll
  static void start() throws Exception {
    server = TestServer.start(directory.resolve("data"));
    clients = new RocketMqClients("127.0.0.1:" + server.sluice().nameServerPort());
    asker = clients.producer("askers");
    replier = clients.producer("repliers");
  }

  @AfterAll
  static void stop() {
    clients.close();
    server.close();
  }

  @Test
  void shouldBringTheReplyOfOneClientToTheOther() throws Exception {
    String topic = topic();
    replyOn(topic);
    Message reply = asker.request(message(topic, "one"), 10_000);
    assertEquals("re: one", text(reply));
    assertEquals("yes", reply.getUserProperty("polite"));
    CompletableFuture<Message> later = new CompletableFuture<>();
    asker.request(
        message(topic, "two"),
        new RequestCallback() {
          @Override
          public void onSuccess(Message message) {
            // The client also calls this without a message, when the request was stored.
            if (message != null) {
              later.complete(message);
            }
          }

          @Override
          public void onException(Throwable e) {
            later.completeExceptionally(e);
          }
        },
        10_000);
    assertEquals("re: two", text(later.get(20, TimeUnit.SECONDS)));
    byte[] large = "x".repeat(20_000).getBytes(StandardCharsets.UTF_8);
    assertEquals(
        "re: ".length() + 20_000,
        asker.request(new Message(topic, large), 10_000).getBody().length);
  }

  @Test
  void shouldLetARequestTimeOutAndTellALateReplier() throws Exception {
    String topic = topic();
    assertThrows(RequestTimeoutException.class, () -> asker.request(message(topic, "a"), 1_000));
    MessageExt request = new MessageExt();
    request.setTopic(topic);
    MessageAccessor.putProperty(request, "CLUSTER", "DefaultCluster");
    MessageAccessor.putProperty(request, "CORRELATION_ID", "none");
    MessageAccessor.putProperty(request, "REPLY_TO_CLIENT", "nobody@1");
    MessageAccessor.putProperty(request, "TTL", "1000");
    Message reply = MessageUtil.createReplyMessage(request, new byte[] {1});
    // The client tries a refused reply again, and then tells the last refusal as the cause.
    MQClientException gone = assertThrows(MQClientException.class, () -> replier.send(reply));
    assertTrue(gone.getCause().getMessage().contains("nobody@1"), gone.toString());
  }

  @Test
  void shouldBringAClientsReplyToAUserOfHttp() throws Exception {
    String topic = topic();
    replyOn(topic);
    HttpResponse<String> reply =
        http.send(
            HttpRequest.newBuilder(uri("/v1/topics/" + topic + "/messages"))
                .header("Sluice-Reply-Wait", "20s")
                .POST(BodyPublishers.ofString("hello"))
                .build(),
            BodyHandlers.ofString());
    assertEquals(200, reply.statusCode(), reply.body());
    assertEquals("re: hello", reply.body());
    assertEquals("yes", reply.headers().firstValue("sluice-property-polite").orElse(""));
    String large = "x".repeat(20_000);
    reply =
        http.send(
            HttpRequest.newBuilder(uri("/v1/topics/" + topic + "/messages"))
                .header("Sluice-Reply-Wait", "20s")
                .POST(BodyPublishers.ofString(large))
                .build(),
            BodyHandlers.ofString());
    // The client has compressed it.
    assertEquals("re: " + large, reply.body());
    assertTrue(reply.headers().firstValue("sluice-content-encoding").isEmpty());
  }

  @Test
  void shouldBringAReplyOverHttpToAClient() throws Exception {
    String topic = topic();
    CompletableFuture<Message> asked =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return asker.request(message(topic, "from rocketmq"), 20_000);
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    JsonObject request = null;
    while (request == null) {
      HttpResponse<String> got =
          post("/v1/groups/web/topics/" + topic + "/receive", "{\"wait\":\"5s\"}");
      request =
          got.statusCode() == 200
              ? new JsonObject(got.body()).getJsonArray("messages").getJsonObject(0)
              : null;
    }
    assertEquals("from rocketmq", request.getString("body"));
    String path = "/v1/replies/" + request.getString("replyTo");
    assertEquals(204, post(path, "from the web").statusCode());
    Message reply = asked.get(20, TimeUnit.SECONDS);
    assertEquals("from the web", text(reply));
    assertNotNull(reply.getProperty("ARRIVE_TIME"));
    assertNull(reply.getUserProperty("polite"));
  }

  private void replyOn(String topic) throws Exception {
    // A consumer looks for a topic that is not there yet again after 30 s only.
    HttpRequest put =
        HttpRequest.newBuilder(uri("/v1/topics/" + topic)).PUT(BodyPublishers.noBody()).build();
    assertEquals(201, http.send(put, BodyHandlers.ofString()).statusCode());
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt request : messages) {
                try {
                  byte[] body = ("re: " + text(request)).getBytes(StandardCharsets.UTF_8);
                  Message reply = MessageUtil.createReplyMessage(request, body);
                  reply.putUserProperty("polite", "yes");
                  replier.send(reply, 3_000);
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
  }

  private static String topic() {
    return "ask" + Long.toString(System.nanoTime(), 36);
  }

  private static Message message(String topic, String body) {
    return new Message(topic, body.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(Message message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  private static URI uri(String path) {
    return server.uri().resolve(path);
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return http.send(
        HttpRequest.newBuilder(uri(path)).POST(BodyPublishers.ofString(body)).build(),
        BodyHandlers.ofString());
  }
}
