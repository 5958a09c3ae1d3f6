package io.sluice.remoting;

import static io.sluice.remoting.RocketMqRequestIT.message;
import static io.sluice.remoting.RocketMqRequestIT.text;
import static io.sluice.remoting.RocketMqRequestIT.topic;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Requests and replies between the official client and users of HTTP. */
@DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
@DisabledIfSystemProperty(named = "target", matches = "rocketmq")
class RocketMqHttpRequestIT {

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
    RocketMqRequestIT.replyOn(topic, clients, replier);
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
