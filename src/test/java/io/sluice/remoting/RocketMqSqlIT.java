package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The official client with {@code MessageSelector.bySql}. */
class RocketMqSqlIT {

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer producer;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("sql-it");
  }

  @AfterAll
  static void stopTarget() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldPushOnlyWhatFulfilsTheCondition() throws Exception {
    String topic = "sql" + Long.toString(System.nanoTime(), 36);
    send(topic, 0, 40);
    Set<Integer> seen = new ConcurrentSkipListSet<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.subscribe(
        topic, MessageSelector.bySql("(TAGS IN ('even') AND price >= 20) OR note CONTAINS 'vip'"));
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(
                  each ->
                      seen.add(
                          Integer.valueOf(new String(each.getBody(), StandardCharsets.UTF_8))));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "11 messages, " + seen, () -> seen.size() >= 11);
    // Waiting pulls go by the condition too.
    send(topic, 40, 60);
    RocketMqClients.await(() -> "21 messages, " + seen, () -> seen.size() >= 21);
    assertEquals(21, seen.size());
    seen.forEach(price -> assertTrue(price == 7 || price >= 20 && price % 2 == 0, seen::toString));
  }

  @Test
  void shouldTellTheClientWhereTheConditionIsWrong() throws Exception {
    String topic = "sql" + Long.toString(System.nanoTime(), 36);
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.subscribe(topic, MessageSelector.bySql("price > AND note = 'a'"));
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
    send(topic, 0, 1);
    MQClientException refused = assertThrows(MQClientException.class, consumer::start);
    assertEquals(ResponseCode.SUBSCRIPTION_PARSE_FAILED, refused.getResponseCode());
    // RocketMQ counts from one.
    String where = target.isSluice() ? "position 8" : "column 9";
    assertTrue(refused.getErrorMessage().contains(where), refused.getErrorMessage());
  }

  private static void send(String topic, int from, int to) throws Exception {
    for (int price = from; price < to; price++) {
      byte[] body = Integer.toString(price).getBytes(StandardCharsets.UTF_8);
      Message message = new Message(topic, price % 2 == 0 ? "even" : "odd", body);
      message.putUserProperty("price", Integer.toString(price));
      if (price == 7) {
        message.putUserProperty("note", "a vip");
      }
      producer.send(message);
    }
  }
}
