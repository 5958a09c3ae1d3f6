package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.body.CMResult;
import org.apache.rocketmq.remoting.protocol.body.ConsumeMessageDirectlyResult;
import org.apache.rocketmq.remoting.protocol.body.ConsumerRunningInfo;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the official tools ask of a live client by way of the Broker. */
class RocketMqClientCallsIT {

  private static final String TOPIC = "calls" + Long.toString(System.nanoTime(), 36);
  private static final String GROUP = "group-" + TOPIC;

  private static final List<MessageExt> consumed = new CopyOnWriteArrayList<>();
  private static final List<SendResult> sent = new CopyOnWriteArrayList<>();
  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQAdminExt admin;
  private static String clientId;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    DefaultMQProducer producer = clients.producer("calls-it");
    for (int i = 0; i < 4; i++) {
      sent.add(
          producer.send(
              RocketMqClients.message(TOPIC, "A", "m" + i), (queues, m, key) -> queues.get(0), 0));
    }
    DefaultMQPushConsumer consumer = clients.pushConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              consumed.addAll(messages);
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "four messages", () -> consumed.size() == 4);
    clientId = consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("calls-it");
    admin.start();
    // The tools look for a group's Brokers by the route of its retry topic.
    RocketMqClients.await(() -> "the retry topic's route", RocketMqClientCallsIT::hasRetryTopic);
  }

  @AfterAll
  static void stopTarget() throws Exception {
    admin.shutdown();
    clients.close();
    target.close();
  }

  @Test
  void shouldSayWhatAClientIsDoing() throws Exception {
    ConsumerRunningInfo info = admin.getConsumerRunningInfo(GROUP, clientId, false);
    assertTrue(
        info.getSubscriptionSet().stream().anyMatch(wanted -> wanted.getTopic().equals(TOPIC)));
    assertTrue(info.getMqTable().keySet().stream().anyMatch(q -> q.getTopic().equals(TOPIC)));
    assertFalse(String.valueOf(info.getJstack()).contains("TID:"));
    assertTrue(admin.getConsumerRunningInfo(GROUP, clientId, true).getJstack().contains("TID:"));
    assertThrows(
        Exception.class, () -> admin.getConsumerRunningInfo(GROUP, "nobody", false).getJstack());
  }

  @Test
  void shouldHaveAMessageConsumedByTheClientThatIsNamed() throws Exception {
    String id = sent.get(2).getOffsetMsgId();
    int before = consumed.size();
    ConsumeMessageDirectlyResult result = admin.consumeMessageDirectly(GROUP, clientId, TOPIC, id);
    assertEquals(CMResult.CR_SUCCESS, result.getConsumeResult());
    assertEquals(before + 1, consumed.size());
    MessageExt again = consumed.get(before);
    assertEquals("m2", new String(again.getBody(), StandardCharsets.UTF_8));
    assertEquals(TOPIC, again.getTopic());
  }

  @Test
  void shouldTellTheOffsetsThatTheClientsSay() throws Exception {
    MessageQueue queue = new MessageQueue(TOPIC, InteropTarget.BROKER, 0);
    Map<String, Map<MessageQueue, Long>> status = admin.getConsumeStatus(TOPIC, GROUP, "");
    assertEquals(Set.of(clientId), status.keySet());
    assertEquals(4L, status.get(clientId).get(queue));
    assertEquals(status, admin.getConsumeStatus(TOPIC, GROUP, clientId));
  }

  @Test
  void shouldTellTheTopicsAndTheSubscriptionOfAGroup() throws Exception {
    // The group is known for the topic once its client has told a position, every five seconds.
    RocketMqClients.await(() -> "the topics of the group", () -> topicsOfGroup().contains(TOPIC));
    assertEquals("*", admin.querySubscription(GROUP, TOPIC).getSubString());
  }

  @Test
  void shouldFindTheLastMessageUpToATime() throws Exception {
    MessageQueue queue = new MessageQueue(TOPIC, InteropTarget.BROKER, 0);
    long firstMs = consumed.stream().mapToLong(MessageExt::getStoreTimestamp).min().getAsLong();
    long lastMs = consumed.stream().mapToLong(MessageExt::getStoreTimestamp).max().getAsLong();
    assertEquals(0, admin.searchLowerBoundaryOffset(queue, firstMs - 1_000));
    assertEquals(4, admin.searchLowerBoundaryOffset(queue, lastMs + 1_000));
    assertEquals(0, admin.searchUpperBoundaryOffset(queue, firstMs - 1_000));
    assertEquals(3, admin.searchUpperBoundaryOffset(queue, lastMs));
    assertEquals(3, admin.searchUpperBoundaryOffset(queue, lastMs + 1_000));
  }

  private static Set<String> topicsOfGroup() {
    try {
      return admin.queryTopicsByConsumer(GROUP).getTopicList();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean hasRetryTopic() {
    try {
      return admin.examineTopicRouteInfo("%RETRY%" + GROUP) != null;
    } catch (MQClientException notYet) {
      return false;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
