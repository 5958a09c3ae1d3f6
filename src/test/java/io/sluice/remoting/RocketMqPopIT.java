package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client's push consumer in pop mode: leases, retries, dead letters, changes. */
class RocketMqPopIT {

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
    producer = shared.producer("pop-it");
    admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("pop-it");
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
    topic = "pop" + unique;
    group = "group" + unique;
    putGroup(16);
    producer.createTopic("TBW102", topic, 4, Map.of());
    producer.createTopic("TBW102", "%RETRY%" + group, 1, Map.of());
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldPopEachMessageOnce() throws Exception {
    setMode(MessageRequestMode.POP);
    send(0, 100);
    Seen seen = new Seen(message -> true);
    DefaultMQPushConsumer consumer = consumer(seen);
    consumer.start();
    seen.awaitCount(100);
    assertTrue(isPopping(consumer));
    send(100, 200);
    seen.awaitExactly(200);
    assertTrue(seen.messages.stream().allMatch(message -> message.getReconsumeTimes() == 0));
  }

  @Test
  void shouldPopAgainWhatFailsAndEndInTheDeadLetters() throws Exception {
    putGroup(3);
    setMode(MessageRequestMode.POP);
    send(0, 8);
    Seen seen = new Seen(message -> !text(message).equals("5"));
    DefaultMQPushConsumer consumer = consumer(seen);
    // The client's own delays before the second attempt, the third, ...: 10 s, 30 s by default.
    int[] delaysSeconds = popDelays(consumer);
    delaysSeconds[0] = 1;
    delaysSeconds[1] = 2;
    delaysSeconds[2] = 1;
    delaysSeconds[3] = 1;
    consumer.start();
    List<MessageExt> letters = new CopyOnWriteArrayList<>();
    if (!target.isSluice()) {
      // A RocketMQ 5.5.0 buries nothing that is popped: its group's retryMaxTimes does not count.
      RocketMqClients.await(() -> "four attempts", () -> seen.of("5").size() == 4);
      return;
    }
    RocketMqClients.await(() -> "three attempts", () -> seen.of("5").size() == 3);
    RocketMqClients.await(
        () -> "the dead letters' topic",
        () -> {
          try {
            return !producer.fetchPublishMessageQueues("%DLQ%" + group).isEmpty();
          } catch (Exception notYet) {
            return false;
          }
        });
    DefaultMQPushConsumer reader = clients.pushConsumer(group + "-dlq");
    reader.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    reader.subscribe("%DLQ%" + group, "*");
    reader.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              letters.addAll(messages);
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    reader.start();
    RocketMqClients.await(() -> "the dead letter", () -> letters.size() == 1);
    assertEquals("5", text(letters.get(0)));
    assertEquals(
        List.of(0, 1, 2), seen.of("5").stream().map(MessageExt::getReconsumeTimes).toList());
    assertEquals(10, seen.messages.size());
  }

  @Test
  void shouldShareATopicAmongPoppingClientsThatComeAndGo() throws Exception {
    setMode(MessageRequestMode.POP);
    Seen first = new Seen(message -> true);
    Seen second = new Seen(message -> true);
    DefaultMQPushConsumer one = consumer(first);
    one.start();
    send(0, 40);
    first.awaitCount(40);
    consumer(second).start();
    send(40, 140);
    RocketMqClients.await(
        () -> "140 messages, " + first.count() + " and " + second.count(),
        () -> first.count() + second.count() >= 140);
    RocketMqClients.await(
        () -> "the second to get some",
        () -> {
          sendOne("probe-" + System.nanoTime());
          return second.count() > 0;
        });
    one.shutdown();
    send(140, 240);
    RocketMqClients.await(() -> "the last ones", () -> union(first, second).size() >= 240);
    for (int i = 0; i < 240; i++) {
      int times = first.of(String.valueOf(i)).size() + second.of(String.valueOf(i)).size();
      assertEquals(1, times, "message " + i);
    }
  }

  @Test
  void shouldGoOnAtTheSamePlaceWhenTheModeChanges() throws Exception {
    send(0, 40);
    Seen seen = new Seen(message -> true);
    DefaultMQPushConsumer consumer = consumer(seen);
    consumer.start();
    seen.awaitExactly(40);
    assertTrue(!isPopping(consumer));
    setMode(MessageRequestMode.POP);
    RocketMqClients.await(() -> "the client to pop", () -> isPopping(consumer));
    send(40, 80);
    seen.awaitExactly(80);
    setMode(MessageRequestMode.PULL);
    RocketMqClients.await(() -> "the client to pull", () -> !isPopping(consumer));
    send(80, 120);
    seen.awaitExactly(120);
  }

  @Test
  void shouldLetClientsPullThatNeverAskForTheMode() throws Exception {
    setMode(MessageRequestMode.POP);
    send(0, 20);
    Seen seen = new Seen(message -> true);
    DefaultMQPushConsumer consumer = consumer(seen);
    consumer.setClientRebalance(true);
    consumer.start();
    seen.awaitExactly(20);
    assertTrue(!isPopping(consumer));
    consumer.shutdown();
    // Who asks goes on at the same place, by pops.
    send(20, 40);
    Seen popped = new Seen(message -> true);
    consumer(popped).start();
    popped.awaitExactly(20);
  }

  private DefaultMQPushConsumer consumer(Seen seen) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setClientRebalance(false);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(seen);
    return consumer;
  }

  private static int[] popDelays(DefaultMQPushConsumer consumer) throws Exception {
    Object inner = consumer.getDefaultMQPushConsumerImpl();
    Field delays = inner.getClass().getDeclaredField("popDelayLevel");
    delays.setAccessible(true);
    return (int[]) delays.get(inner);
  }

  private boolean isPopping(DefaultMQPushConsumer consumer) {
    return consumer
        .getDefaultMQPushConsumerImpl()
        .getRebalanceImpl()
        .getPopProcessQueueTable()
        .keySet()
        .stream()
        .anyMatch(queue -> queue.getTopic().equals(topic));
  }

  private void putGroup(int attempts) throws Exception {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    config.setRetryMaxTimes(attempts);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
  }

  private void setMode(MessageRequestMode mode) throws Exception {
    admin.setMessageRequestMode(brokerAddress(), topic, group, mode, 0, 5_000);
  }

  private String brokerAddress() throws Exception {
    return admin
        .examineBrokerClusterInfo()
        .getBrokerAddrTable()
        .get(InteropTarget.BROKER)
        .selectBrokerAddr();
  }

  private void send(int from, int to) throws Exception {
    for (int i = from; i < to; i++) {
      producer.send(
          RocketMqClients.message(topic, "A", String.valueOf(i)),
          new MessageQueue(topic, InteropTarget.BROKER, i % 4));
    }
  }

  private void sendOne(String body) {
    try {
      producer.send(RocketMqClients.message(topic, "A", body));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static Set<String> union(Seen first, Seen second) {
    Set<String> all = new TreeSet<>();
    first.messages.forEach(message -> all.add(text(message)));
    second.messages.forEach(message -> all.add(text(message)));
    all.removeIf(body -> body.startsWith("probe"));
    return all;
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  /** What a consumer was given; answers as told. */
  private static final class Seen implements MessageListenerConcurrently {
    private final List<MessageExt> messages = new CopyOnWriteArrayList<>();
    private final Function<MessageExt, Boolean> succeeds;

    private Seen(Function<MessageExt, Boolean> succeeds) {
      this.succeeds = succeeds;
    }

    @Override
    public ConsumeConcurrentlyStatus consumeMessage(
        List<MessageExt> batch, ConsumeConcurrentlyContext context) {
      messages.addAll(batch);
      return batch.stream().allMatch(succeeds::apply)
          ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS
          : ConsumeConcurrentlyStatus.RECONSUME_LATER;
    }

    private int count() {
      return messages.size();
    }

    private List<MessageExt> of(String body) {
      return messages.stream().filter(message -> text(message).equals(body)).toList();
    }

    private void awaitCount(int count) {
      RocketMqClients.await(
          () -> count + " messages, there are " + count(), () -> count() >= count);
    }

    /** The count, nothing twice, and nothing more for a moment. */
    private void awaitExactly(int count) {
      awaitCount(count);
      long quietNs = System.nanoTime() + 300_000_000L;
      RocketMqClients.await(() -> "a moment", () -> System.nanoTime() > quietNs);
      assertEquals(count, count());
      assertEquals(count, messages.stream().map(RocketMqPopIT::text).distinct().count());
    }
  }
}
