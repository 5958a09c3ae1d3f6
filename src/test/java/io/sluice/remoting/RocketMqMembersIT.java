package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Members of a group that come, leave and die while messages flow, and topics that change. */
class RocketMqMembersIT {

  private static final int QUEUES = 4;

  private static InteropTarget target;
  private static RocketMqClients shared;
  private static DefaultMQProducer producer;
  private static DefaultMQAdminExt admin;

  private RocketMqClients clients;
  private String topic;
  private String group;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    shared = new RocketMqClients(target.nameServer());
    producer = shared.producer("members-it");
    admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("members-it");
    admin.start();
  }

  @AfterAll
  static void stopTarget() throws Exception {
    admin.shutdown();
    shared.close();
    target.close();
  }

  @BeforeEach
  void setUp() throws Exception {
    clients = new RocketMqClients(target.nameServer());
    String unique = Long.toString(System.nanoTime(), 36);
    topic = "members" + unique;
    group = "group" + unique;
    producer.createTopic("TBW102", topic, QUEUES, Map.of());
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldLoseNothingWhenAConsumerDiesAndRepeatOnlyWhatItHad() throws Exception {
    List<String> other = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer consumer = consumer(other);
    consumer.start();
    RocketMqClients.awaitQueues(consumer, topic, QUEUES);
    try (ConsumerProcess dying = new ConsumerProcess(target.nameServer(), group, topic)) {
      RocketMqClients.awaitQueues(consumer, topic, QUEUES / 2);
      send(0, 100);
      RocketMqClients.await(
          () -> "both to have their share, " + dying.bodies().size() + " and " + other.size(),
          () -> dying.bodies().size() == 50 && other.size() == 50);
      dying.kill();
      send(100, 200);
      RocketMqClients.awaitQueues(consumer, topic, QUEUES);
      Set<String> all = new HashSet<>(dying.bodies());
      RocketMqClients.await(
          () -> "all messages, " + union(all, other).size(), () -> union(all, other).size() == 200);
      // What it had and could not commit any more comes once again, to the other one; nothing else.
      assertEquals(other.size(), Set.copyOf(other).size());
    }
  }

  @Test
  void shouldGiveEachMessageOnceWhenAConsumerLeavesInTheMiddle() throws Exception {
    List<String> first = new CopyOnWriteArrayList<>();
    List<String> second = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer leaving = consumer(first);
    leaving.setAwaitTerminationMillisWhenShutdown(10_000);
    leaving.start();
    RocketMqClients.awaitQueues(leaving, topic, QUEUES);
    DefaultMQPushConsumer staying = consumer(second);
    staying.start();
    RocketMqClients.awaitQueues(leaving, topic, QUEUES / 2);
    RocketMqClients.awaitQueues(staying, topic, QUEUES / 2);
    AtomicInteger sent = new AtomicInteger();
    AtomicBoolean stop = new AtomicBoolean();
    Thread sender = new Thread(() -> sendUntil(sent, stop), "sender");
    sender.start();
    RocketMqClients.await(() -> "some messages", () -> first.size() > 100);
    leaving.shutdown();
    RocketMqClients.awaitQueues(staying, topic, QUEUES);
    int before = second.size();
    RocketMqClients.await(() -> "more messages", () -> second.size() > before + 100);
    stop.set(true);
    sender.join();
    RocketMqClients.await(
        () -> sent + " messages, " + first.size() + " and " + second.size(),
        () -> union(new HashSet<>(first), second).size() == sent.get());
    assertEquals(sent.get(), first.size() + second.size());
  }

  @Test
  void shouldLoseNothingWhenAConsumerComesInTheMiddle() throws Exception {
    List<String> first = new CopyOnWriteArrayList<>();
    List<String> second = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer early = consumer(first);
    early.start();
    RocketMqClients.awaitQueues(early, topic, QUEUES);
    AtomicInteger sent = new AtomicInteger();
    AtomicBoolean stop = new AtomicBoolean();
    Thread sender = new Thread(() -> sendUntil(sent, stop), "sender");
    sender.start();
    RocketMqClients.await(() -> "some messages", () -> first.size() > 100);
    DefaultMQPushConsumer late = consumer(second);
    late.start();
    RocketMqClients.awaitQueues(late, topic, QUEUES / 2);
    RocketMqClients.awaitQueues(early, topic, QUEUES / 2);
    RocketMqClients.await(() -> "messages for the second", () -> second.size() > 100);
    stop.set(true);
    sender.join();
    RocketMqClients.await(
        () -> sent + " messages, " + first.size() + " and " + second.size(),
        () -> union(new HashSet<>(first), second).size() == sent.get());
    // A queue that is handed over begins at what was committed: RocketMQ's contract.
    assertEquals(first.size(), Set.copyOf(first).size());
    assertEquals(second.size(), Set.copyOf(second).size());
  }

  @Test
  void shouldTellAMemberAtOnceThatAnotherOneCameOrWent() throws Exception {
    try (RawClient first = new RawClient(target.brokerPort())) {
      join(first, "first");
      assertEquals(List.of("first"), members(first));
      try (RawClient second = new RawClient(target.brokerPort())) {
        join(second, "second");
        assertEquals(group, notice(first).fields().get("consumerGroup"));
        assertEquals(List.of("first", "second"), members(first));
      }
      assertEquals(group, notice(first).fields().get("consumerGroup"));
      assertEquals(List.of("first"), members(first));
    }
  }

  private void join(RawClient client, String id) throws Exception {
    String heartbeat =
        "{\"clientID\":\"%s\",\"consumerDataSet\":[{\"consumeFromWhere\":"
            + "\"CONSUME_FROM_FIRST_OFFSET\",\"consumeType\":\"CONSUME_PASSIVELY\","
            + "\"groupName\":\"%s\",\"messageModel\":\"CLUSTERING\",\"subscriptionDataSet\":"
            + "[{\"subString\":\"*\",\"subVersion\":1,\"topic\":\"%s\"}],\"unitMode\":false}],"
            + "\"producerDataSet\":[]}";
    byte[] body = heartbeat.formatted(id, group, topic).getBytes(StandardCharsets.UTF_8);
    assertEquals(0, answer(client, RequestCode.HEART_BEAT, new ExtFields(), body).code);
  }

  /** Of the group, in order of their names; notices that came before are passed over. */
  private List<String> members(RawClient client) throws Exception {
    ExtFields fields = new ExtFields().put("consumerGroup", group);
    Command list = answer(client, RequestCode.GET_CONSUMER_LIST_BY_GROUP, fields, new byte[0]);
    assertEquals(0, list.code);
    return ((List<?>) list.bodyObject().get("consumerIdList"))
        .stream().map(String::valueOf).sorted().toList();
  }

  private static Command answer(RawClient client, int code, ExtFields fields, byte[] body)
      throws Exception {
    Command read = client.call(RawClient.json(code, 1, 0, fields, body));
    while (!read.isResponse()) {
      read = client.read();
    }
    return read;
  }

  private static Command notice(RawClient client) throws Exception {
    Command read = client.read();
    assertEquals(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, read.code);
    assertTrue(read.isOneway());
    return read;
  }

  @Test
  void shouldReadTheQueuesThatATopicNoLongerHas() throws Exception {
    send(0, 40);
    assumeTrue(target.isSluice(), "RocketMQ has to be told both numbers one after the other");
    admin.createAndUpdateTopicConfig(
        target.front().advertisedAddress(), new TopicConfig(topic, 2, 2));
    RocketMqClients.await(() -> "two queues to write to", () -> writeQueues() == 2);
    assertEquals(4, admin.examineTopicRouteInfo(topic).getQueueDatas().get(0).getReadQueueNums());
    List<String> seen = new CopyOnWriteArrayList<>();
    Map<Integer, List<Long>> offsets = new ConcurrentHashMap<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              for (MessageExt message : messages) {
                offsets
                    .computeIfAbsent(message.getQueueId(), id -> new CopyOnWriteArrayList<>())
                    .add(message.getQueueOffset());
                seen.add(text(message));
              }
              return ConsumeOrderlyStatus.SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "all 40, " + seen.size(), () -> seen.size() == 40);
    DefaultMQProducer after = clients.producer("members-after");
    for (int i = 40; i < 60; i++) {
      int queueId =
          after
              .send(RocketMqClients.message(topic, "A", String.valueOf(i)))
              .getMessageQueue()
              .getQueueId();
      assertTrue(queueId < 2, "went to queue " + queueId);
    }
    RocketMqClients.await(() -> "all 60, " + seen.size(), () -> seen.size() == 60);
    assertEquals(60, Set.copyOf(seen).size());
    offsets.values().forEach(queue -> assertEquals(queue.stream().sorted().toList(), queue));
  }

  private int writeQueues() {
    try {
      return admin.examineTopicRouteInfo(topic).getQueueDatas().get(0).getWriteQueueNums();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private DefaultMQPushConsumer consumer(List<String> seen) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(message -> seen.add(text(message)));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    return consumer;
  }

  private void send(int from, int to) throws Exception {
    for (int i = from; i < to; i++) {
      producer.send(
          RocketMqClients.message(topic, "A", String.valueOf(i)),
          new MessageQueue(topic, InteropTarget.BROKER, i % QUEUES));
    }
  }

  private void sendUntil(AtomicInteger sent, AtomicBoolean stop) {
    try {
      while (!stop.get()) {
        int next = sent.get();
        send(next, next + 1);
        sent.incrementAndGet();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static Set<String> union(Set<String> some, List<String> more) {
    Set<String> all = new TreeSet<>(some);
    all.addAll(more);
    return all;
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
