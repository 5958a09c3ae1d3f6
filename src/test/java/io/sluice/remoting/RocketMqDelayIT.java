package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The official client's delay levels and timer properties. */
class RocketMqDelayIT {

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer producer;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("delay-it");
  }

  @AfterAll
  static void stopTarget() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldDeliverByLevelAndByTimerAndNotBefore() throws Exception {
    String topic = "delay" + Long.toString(System.nanoTime(), 36);
    Map<String, Long> arrivedMs = new ConcurrentHashMap<>();
    Map<String, MessageExt> arrived = new ConcurrentHashMap<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                String body = new String(message.getBody(), StandardCharsets.UTF_8);
                arrivedMs.putIfAbsent(body, System.currentTimeMillis());
                arrived.put(body, message);
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    send(new Message(topic, "first".getBytes(StandardCharsets.UTF_8)));
    consumer.start();
    RocketMqClients.await(() -> "the first", () -> arrived.containsKey("first"));

    final long startMs = System.currentTimeMillis();
    Message level = message(topic, "level");
    level.setDelayTimeLevel(1);
    send(level);
    Message seconds = message(topic, "seconds");
    seconds.setDelayTimeSec(1);
    send(seconds);
    Message millis = message(topic, "millis");
    millis.setDelayTimeMs(700);
    send(millis);
    Message time = message(topic, "time");
    time.setDeliverTimeMs(startMs + 900);
    send(time);
    Message past = message(topic, "past");
    past.setDeliverTimeMs(startMs - 1_000);
    send(past);
    RocketMqClients.await(() -> "all six, " + arrived.keySet(), () -> arrived.size() == 6);
    assertTrue(arrivedMs.get("level") >= startMs + 1_000, arrivedMs::toString);
    assertTrue(arrivedMs.get("seconds") >= startMs + 1_000, arrivedMs::toString);
    assertTrue(arrivedMs.get("millis") >= startMs + 700, arrivedMs::toString);
    assertTrue(arrivedMs.get("time") >= startMs + 900, arrivedMs::toString);
    assertEquals("tag", arrived.get("millis").getTags());
    assertEquals(topic, arrived.get("millis").getTopic());
    assertEquals("yes", arrived.get("millis").getUserProperty("kept"));
  }

  @Test
  void shouldRecallWhatWaitsAndNothingElse() throws Exception {
    String topic = "recall" + Long.toString(System.nanoTime(), 36);
    Message recalled = message(topic, "recalled");
    recalled.setDelayTimeMs(1_500);
    String handle = producer.send(recalled).getRecallHandle();
    Message kept = message(topic, "kept");
    kept.setDelayTimeMs(1_500);
    final String keptHandle = producer.send(kept).getRecallHandle();
    String id = recalled.getProperty("UNIQ_KEY");
    assertEquals(id, producer.recallMessage(topic, handle));
    // Saying it again is no mistake.
    assertEquals(id, producer.recallMessage(topic, handle));
    List<String> bodies = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(m -> bodies.add(new String(m.getBody(), StandardCharsets.UTF_8)));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "what was not recalled", () -> !bodies.isEmpty());
    send(message(topic, "later"));
    RocketMqClients.await(() -> "a later one", () -> bodies.contains("later"));
    assertEquals(List.of("kept", "later"), bodies);
    MQBrokerException late =
        assertThrows(MQBrokerException.class, () -> producer.recallMessage(topic, keptHandle));
    assertEquals(604, late.getResponseCode());
    assertNull(producer.send(message(topic, "now")).getRecallHandle());
  }

  @Test
  void shouldRefuseADelayBeyondTheBound() {
    Message message = message("delayed-too-far", "x");
    message.setDelayTimeSec(100L * 86_400);
    assertThrows(MQBrokerException.class, () -> producer.send(message));
  }

  private static Message message(String topic, String body) {
    Message message = new Message(topic, "tag", body.getBytes(StandardCharsets.UTF_8));
    message.putUserProperty("kept", "yes");
    return message;
  }

  private static void send(Message message) throws Exception {
    assertEquals(SendStatus.SEND_OK, producer.send(message).getSendStatus());
  }
}
