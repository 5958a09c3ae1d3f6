package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
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

/**
 * The official client's requests and replies; with users of HTTP: {@link RocketMqHttpRequestIT}.
 */
class RocketMqRequestIT {

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer asker;
  private static DefaultMQProducer replier;

  @BeforeAll
  static void start() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    asker = clients.producer("askers");
    replier = clients.producer("repliers");
  }

  @AfterAll
  static void stop() throws Exception {
    clients.close();
    target.close();
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
    asker.createTopic("TBW102", topic, 4, Map.of());
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

  private static void replyOn(String topic) throws Exception {
    // A consumer looks for a topic that is not there yet again after 30 s only.
    asker.createTopic("TBW102", topic, 4, Map.of());
    replyOn(topic, clients, replier);
  }

  /** Answers each message of the topic, politely. */
  static void replyOn(String topic, RocketMqClients clients, DefaultMQProducer replier)
      throws Exception {
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

  static String topic() {
    return "ask" + Long.toString(System.nanoTime(), 36);
  }

  static Message message(String topic, String body) {
    return new Message(topic, body.getBytes(StandardCharsets.UTF_8));
  }

  static String text(Message message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
