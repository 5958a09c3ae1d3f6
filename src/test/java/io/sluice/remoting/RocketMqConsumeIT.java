package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client's consumers: who gets which message, how often, and in what order. */
class RocketMqConsumeIT {

  private static InteropTarget target;
  private static RocketMqClients shared;
  private static DefaultMQProducer producer;

  private RocketMqClients clients;
  private String topic;
  private String group;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    shared = new RocketMqClients(target.nameServer());
    producer = shared.producer("consume-it");
  }

  @AfterAll
  static void stopTarget() throws Exception {
    shared.close();
    target.close();
  }

  @BeforeEach
  void setUp() {
    clients = new RocketMqClients(target.nameServer());
    String unique = Long.toString(System.nanoTime(), 36);
    topic = "consume" + unique;
    group = "group" + unique;
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldPushEachMessageOnce() throws Exception {
    send(0, 100, "A");
    Seen seen = new Seen();
    push(group, "*", seen).start();
    seen.awaitCount(100);
    send(100, 200, "A");
    seen.awaitExactly(200);
  }

  @Test
  void shouldStartANewGroupWithTheFirstMessageWhileTheTopicIsWhole() throws Exception {
    // CONSUME_FROM_LAST_OFFSET is the client's default; the broker's answer 0 overrules it.
    send(0, 10, "A");
    Seen seen = new Seen();
    DefaultMQPushConsumer consumer = push(group, "*", seen);
    assertEquals(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, consumer.getConsumeFromWhere());
    consumer.start();
    seen.awaitExactly(10);
  }

  @Test
  void shouldStartAGroupWhereItWasToldTo() throws Exception {
    send(0, 10, "A");
    Seen first = new Seen();
    DefaultMQPushConsumer fromFirst = push(group + "-first", "*", first);
    fromFirst.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    fromFirst.start();
    first.awaitExactly(10);
    Seen time = new Seen();
    DefaultMQPushConsumer fromTime = push(group + "-time", "*", time);
    fromTime.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
    fromTime.setConsumeTimestamp(
        UtilAll.timeMillisToHumanString3(System.currentTimeMillis() - 3_600_000));
    fromTime.start();
    time.awaitExactly(10);
  }

  @Test
  void shouldDeliverOnlyTheTagsThatAreWanted() throws Exception {
    send(0, 10, "A");
    send(10, 20, "B");
    send(20, 30, "C");
    Seen seen = new Seen();
    push(group, "A || C", seen).start();
    seen.awaitCount(20);
    send(30, 40, "B");
    send(40, 50, "C");
    seen.awaitExactly(30);
    Set<String> tags = new HashSet<>();
    seen.messages.forEach(message -> tags.add(message.getTags()));
    assertEquals(Set.of("A", "C"), tags);
  }

  @Test
  void shouldDeliverOnlyWhatAnSqlConditionWants() throws Exception {
    for (int i = 0; i < 20; i++) {
      Message message = RocketMqClients.message(topic, i % 2 == 0 ? "A" : "B", String.valueOf(i));
      if (i != 13) {
        message.putUserProperty("price", String.valueOf(i));
      }
      producer.send(message);
    }
    Seen seen = new Seen();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.subscribe(topic, MessageSelector.bySql("price >= 10 AND TAGS = 'B'"));
    consumer.registerMessageListener(seen);
    consumer.start();
    seen.awaitExactly(4);
    assertEquals(Set.of("11", "15", "17", "19"), Set.copyOf(seen.bodies()));
  }

  @Test
  void shouldRefuseAnSqlConditionThatCanNotBeRead() throws Exception {
    send(0, 1, "A");
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.subscribe(topic, MessageSelector.bySql("price >"));
    consumer.registerMessageListener(new Seen());
    assertThrows(MQClientException.class, consumer::start);
  }

  @Test
  void shouldShareTheQueuesAndTakeThemOver() throws Exception {
    send(0, 8, "A");
    Seen first = new Seen();
    Seen second = new Seen();
    DefaultMQPushConsumer one = push(group, "*", first);
    one.start();
    first.awaitExactly(8);
    DefaultMQPushConsumer two = push(group, "*", second);
    two.start();
    RocketMqClients.awaitQueues(one, topic, 2);
    RocketMqClients.awaitQueues(two, topic, 2);
    send(8, 108, "A");
    RocketMqClients.await(
        () -> "100 more messages, " + first.count() + " and " + second.count(),
        () -> first.count() + second.count() >= 108);
    assertEquals(108, first.count() + second.count());
    assertEquals(50, second.count());
    assertEquals(108, union(first, second).size());
    one.shutdown();
    RocketMqClients.awaitQueues(two, topic, 4);
    send(108, 208, "A");
    RocketMqClients.await(() -> "the last 100", () -> second.count() >= 150);
    assertEquals(208, union(first, second).size());
    assertEquals(208, first.count() + second.count());
  }

  @Test
  void shouldGoOnWhereTheGroupStoppedWithoutLossOrDuplicate() throws Exception {
    send(0, 40, "A");
    Seen before = new Seen();
    DefaultMQPushConsumer consumer = push(group, "*", before);
    consumer.start();
    before.awaitExactly(40);
    consumer.shutdown();
    send(40, 80, "A");
    Seen after = new Seen();
    push(group, "*", after).start();
    after.awaitExactly(40);
    assertEquals(80, union(before, after).size());
  }

  @Test
  void shouldKeepTheOrderOfEachQueueInOrderlyConsumption() throws Exception {
    send(0, 400, "A");
    Map<Integer, List<Long>> offsets = new TreeMap<>();
    AtomicInteger count = new AtomicInteger();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              synchronized (offsets) {
                for (MessageExt message : messages) {
                  offsets
                      .computeIfAbsent(message.getQueueId(), id -> new ArrayList<>())
                      .add(message.getQueueOffset());
                }
              }
              count.addAndGet(messages.size());
              return ConsumeOrderlyStatus.SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "400 messages, " + count, () -> count.get() >= 400);
    synchronized (offsets) {
      assertEquals(4, offsets.size());
      for (List<Long> queue : offsets.values()) {
        for (int i = 0; i < queue.size(); i++) {
          assertEquals(i, queue.get(i));
        }
      }
    }
  }

  @Test
  void shouldWakeAWaitingPullAtOnce() throws Exception {
    send(0, 4, "A");
    ConcurrentLinkedQueue<Long> delays = new ConcurrentLinkedQueue<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                delays.add(System.currentTimeMillis() - message.getBornTimestamp());
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "the first four", () -> delays.size() == 4);
    delays.clear();
    for (int i = 0; i < 20; i++) {
      int expected = i + 1;
      send(100 + i, 101 + i, "A");
      RocketMqClients.await(() -> "message " + expected, () -> delays.size() == expected);
    }
    // Far below the 15 s of the poll and the 5 s of RocketMQ's checker.
    assertTrue(delays.stream().allMatch(delay -> delay < 2_000), delays::toString);
  }

  @Test
  void shouldPullWithASubscription() throws Exception {
    send(0, 50, "A");
    DefaultLitePullConsumer consumer = clients.litePullConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAutoCommit(false);
    consumer.subscribe(topic, "*");
    consumer.start();
    List<String> bodies = new ArrayList<>();
    poll(consumer, bodies, 50);
    consumer.commit();
    consumer.shutdown();
    send(50, 60, "A");
    DefaultLitePullConsumer next = clients.litePullConsumer(group);
    next.subscribe(topic, "*");
    next.start();
    poll(next, bodies, 60);
    assertEquals(60, Set.copyOf(bodies).size());
  }

  @Test
  void shouldPullAssignedQueuesFromAnyOffset() throws Exception {
    send(0, 40, "A");
    DefaultLitePullConsumer consumer = clients.litePullConsumer(group);
    consumer.setAutoCommit(false);
    consumer.start();
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 0);
    consumer.assign(List.of(queue));
    // The client pulls as soon as it has a queue, and a seek may cross with that: first take all.
    assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L), pollOffsets(consumer, 10));
    consumer.seek(queue, 7);
    assertEquals(List.of(7L, 8L, 9L), pollOffsets(consumer, 3));
    consumer.seekToBegin(queue);
    assertEquals(0L, pollOffsets(consumer, 10).get(0));
    // Nothing was committed, but the queue is whole: the broker answers 0.
    assertEquals(0, consumer.committed(queue));
    consumer.commit(Map.of(queue, 5L), true);
    RocketMqClients.await(() -> "the commit", () -> committed(consumer, queue) == 5);
  }

  private static long committed(DefaultLitePullConsumer consumer, MessageQueue queue) {
    try {
      return consumer.committed(queue);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Long> pollOffsets(DefaultLitePullConsumer consumer, int count) {
    List<Long> found = new ArrayList<>();
    RocketMqClients.await(
        () -> count + " messages, " + found,
        () -> {
          consumer.poll(200).forEach(message -> found.add(message.getQueueOffset()));
          return found.size() >= count;
        });
    return found;
  }

  private static void poll(DefaultLitePullConsumer consumer, List<String> bodies, int count) {
    RocketMqClients.await(
        () -> count + " messages, " + bodies.size(),
        () -> {
          consumer.poll(200).forEach(message -> bodies.add(text(message)));
          return bodies.size() >= count;
        });
    consumer.poll(300).forEach(message -> bodies.add(text(message)));
    assertEquals(count, bodies.size());
  }

  private DefaultMQPushConsumer push(String name, String tags, Seen seen) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(name);
    consumer.subscribe(topic, tags);
    consumer.registerMessageListener(seen);
    return consumer;
  }

  /** Sends bodies by number, queue after queue. */
  private void send(int from, int to, String tag) throws Exception {
    for (int i = from; i < to; i++) {
      if (from == 0 && i == 0) {
        // The first send makes the topic with its four queues.
        producer.send(
            List.of(RocketMqClients.message(topic, tag, "0")),
            new MessageQueue(topic, InteropTarget.BROKER, 0));
      } else {
        producer.send(
            RocketMqClients.message(topic, tag, String.valueOf(i)),
            new MessageQueue(topic, InteropTarget.BROKER, i % 4));
      }
    }
  }

  private static Set<String> union(Seen first, Seen second) {
    Set<String> all = new TreeSet<>(first.bodies());
    all.addAll(second.bodies());
    return all;
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  /** What a push consumer was given. */
  private static final class Seen implements MessageListenerConcurrently {
    private final List<MessageExt> messages = new CopyOnWriteArrayList<>();

    @Override
    public ConsumeConcurrentlyStatus consumeMessage(
        List<MessageExt> batch,
        org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext context) {
      messages.addAll(batch);
      return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
    }

    int count() {
      return messages.size();
    }

    List<String> bodies() {
      return messages.stream().map(RocketMqConsumeIT::text).toList();
    }

    void awaitCount(int count) {
      RocketMqClients.await(
          () -> count + " messages, there are " + count(), () -> count() >= count);
    }

    /** The count, nothing twice, and nothing more for a moment. */
    void awaitExactly(int count) {
      awaitCount(count);
      long quietNs = System.nanoTime() + 300_000_000L;
      RocketMqClients.await(() -> "a moment", () -> System.nanoTime() > quietNs);
      assertEquals(count, count());
      assertEquals(count, Set.copyOf(bodies()).size());
    }
  }
}
