package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.GroupConfig;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Messages that the official client's consumers could not consume: again, later, or no more. */
class RocketMqRetryIT {

  private static InteropTarget target;
  private static DefaultMQProducer producer;
  private static RocketMqClients shared;

  private RocketMqClients clients;
  private String topic;
  private String group;

  @BeforeAll
  static void startTarget() throws Exception {
    // RocketMQ's retries begin at level 3; a Sluice has a schedule for each group.
    target = new InteropTarget(Map.of("messageDelayLevel", "1s 1s 1s 1s 1s 1s"));
    shared = new RocketMqClients(target.nameServer());
    producer = shared.producer("retry-it");
  }

  @AfterAll
  static void stopTarget() throws Exception {
    shared.close();
    target.close();
  }

  @BeforeEach
  void setUp() throws Exception {
    clients = new RocketMqClients(target.nameServer());
    String unique = Long.toString(System.nanoTime(), 36);
    topic = "retry" + unique;
    group = "group" + unique;
    // A heartbeat makes it too, but then a client of a new group hears of it within 30 s only.
    producer.createTopic("TBW102", "%RETRY%" + group, 1, Map.of());
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldTryAgainAfterGrowingDelaysAndEndInTheDeadLetters() throws Exception {
    putGroup(List.of(200L, 400L, 800L));
    send("good", "bad", "fine");
    Attempts attempts =
        new Attempts(
            (message, context) ->
                text(message).equals("bad")
                    ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                    : ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
    DefaultMQPushConsumer consumer = push(attempts);
    consumer.setMaxReconsumeTimes(3);
    consumer.start();
    final MessageExt dead = firstDeadLetter();
    List<MessageExt> bad = attempts.of("bad");
    assertEquals(List.of(0, 1, 2, 3), bad.stream().map(MessageExt::getReconsumeTimes).toList());
    assertEquals(1, attempts.of("good").size());
    assertEquals(1, attempts.of("fine").size());
    for (int i = 1; i < 4; i++) {
      long waitedMs = attempts.atMs("bad", i) - attempts.atMs("bad", i - 1);
      assertTrue(waitedMs >= 100L << i, "retry " + i + " came after " + waitedMs + " ms");
    }
    for (MessageExt message : bad) {
      assertEquals(topic, message.getTopic());
      assertEquals("kept", message.getUserProperty("mine"));
      assertEquals(bad.get(0).getMsgId(), message.getMsgId());
      assertEquals(bad.get(0).getBornTimestamp(), message.getBornTimestamp());
    }
    assertEquals(
        offsetId(bad.get(0)), bad.get(3).getProperty(MessageConst.PROPERTY_ORIGIN_MESSAGE_ID));
    assertNotEquals(offsetId(bad.get(0)), offsetId(bad.get(3)));
    assertEquals("bad", text(dead));
    assertEquals(4, dead.getReconsumeTimes());
    assertEquals(bad.get(0).getMsgId(), dead.getMsgId());
    assertEquals(topic, dead.getProperty(MessageConst.PROPERTY_RETRY_TOPIC));
    assertEquals(offsetId(bad.get(0)), dead.getProperty(MessageConst.PROPERTY_ORIGIN_MESSAGE_ID));
  }

  @Test
  void shouldTryAgainWhenTheConsumerSaysAndNotAtAllIfItSaysSo() throws Exception {
    send("level", "never");
    Attempts attempts =
        new Attempts(
            (message, context) -> {
              if (message.getReconsumeTimes() > 0) {
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
              }
              context.setDelayLevelWhenNextConsume(text(message).equals("level") ? 1 : -1);
              return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            });
    push(attempts).start();
    RocketMqClients.await(() -> "the retry", () -> attempts.of("level").size() == 2);
    assertTrue(attempts.atMs("level", 1) - attempts.atMs("level", 0) >= 1_000);
    MessageExt dead = firstDeadLetter();
    assertEquals("never", text(dead));
    assertEquals(1, attempts.of("never").size());
    assertEquals(2, attempts.of("level").size());
  }

  @Test
  void shouldTakeARetryThatTheClientSendsByItself() throws Exception {
    send("first");
    Attempts attempts =
        new Attempts((message, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
    push(attempts).start();
    RocketMqClients.await(() -> "the first", () -> attempts.of("first").size() == 1);
    assertEquals(SendStatus.SEND_OK, selfSent("again", 2, 3).getSendStatus());
    RocketMqClients.await(() -> "the retry", () -> attempts.of("again").size() == 1);
    MessageExt again = attempts.of("again").get(0);
    assertEquals(2, again.getReconsumeTimes());
    assertEquals(topic, again.getTopic());
    // As often as allowed is not too often yet here; RocketMQ counts so for what clients send.
    selfSent("last", 3, 3);
    RocketMqClients.await(() -> "the last", () -> attempts.of("last").size() == 1);
    selfSent("dead", 4, 3);
    MessageExt dead = firstDeadLetter();
    assertEquals("dead", text(dead));
    assertEquals(4, dead.getReconsumeTimes());
    assertEquals(0, attempts.of("dead").size());
  }

  @Test
  void shouldTakeARetryOfAGroupThatNobodyHeardOf() throws Exception {
    group += "-none";
    // The client chooses among the queues that it guesses; the topic has one.
    for (int i = 0; i < 4; i++) {
      group += i;
      assertEquals(SendStatus.SEND_OK, selfSent("kept", 1, 3).getSendStatus());
    }
  }

  @Test
  void shouldSuspendAQueueInOrderAndGoOnBehindWhatIsGivenUp() throws Exception {
    send("a", "bad", "c");
    List<String> order = new CopyOnWriteArrayList<>();
    AtomicInteger succeeded = new AtomicInteger();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setMaxReconsumeTimes(2);
    consumer.setSuspendCurrentQueueTimeMillis(50);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              MessageExt message = messages.get(0);
              order.add(text(message) + message.getReconsumeTimes());
              if (text(message).equals("bad")) {
                return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
              }
              succeeded.incrementAndGet();
              return ConsumeOrderlyStatus.SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "the end, " + order, () -> succeeded.get() == 2);
    assertEquals(List.of("a0", "bad0", "bad1", "bad2", "c0"), order);
    MessageExt dead = firstDeadLetter();
    assertEquals("bad", text(dead));
    assertEquals(3, dead.getReconsumeTimes());
    assertEquals(topic, dead.getProperty(MessageConst.PROPERTY_RETRY_TOPIC));
    // The group holds locks, so whatever it sends to its retry topic is dead at once.
    assertEquals(1, selfSent("locked", 1, 3).getQueueOffset());
  }

  /** What the client does when its send-back fails, and an orderly consumer when it gives up. */
  private org.apache.rocketmq.client.producer.SendResult selfSent(String body, int times, int max)
      throws Exception {
    Message message = new Message("%RETRY%" + group, body.getBytes(StandardCharsets.UTF_8));
    MessageAccessor.putProperty(message, MessageConst.PROPERTY_RETRY_TOPIC, topic);
    MessageAccessor.setOriginMessageId(message, "origin");
    MessageAccessor.setReconsumeTime(message, String.valueOf(times));
    MessageAccessor.setMaxReconsumeTimes(message, String.valueOf(max));
    message.setDelayTimeLevel(1);
    return producer.send(message);
  }

  private void send(String... bodies) throws Exception {
    for (String body : bodies) {
      Message message = RocketMqClients.message(topic, "A", body);
      message.putUserProperty("mine", "kept");
      producer.send(message, (queues, sent, key) -> queues.get(0), null);
    }
  }

  private DefaultMQPushConsumer push(Attempts attempts) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(attempts);
    return consumer;
  }

  /** Waits for the one message in the group's dead letters. */
  private MessageExt firstDeadLetter() throws Exception {
    List<MessageExt> letters = new CopyOnWriteArrayList<>();
    RocketMqClients.await(() -> "the topic of the dead letters", this::hasDeadLetters);
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
    RocketMqClients.await(() -> "a dead letter", () -> !letters.isEmpty());
    assertEquals(1, letters.size());
    return letters.get(0);
  }

  private boolean hasDeadLetters() {
    try {
      return !producer.fetchPublishMessageQueues("%DLQ%" + group).isEmpty();
    } catch (Exception notYet) {
      return false;
    }
  }

  /** Short delays; a RocketMQ is started with short levels instead. */
  private void putGroup(List<Long> delaysMs) throws Exception {
    if (target.isSluice()) {
      InteropTarget.await(
          target
              .vertx()
              .eventBus()
              .request(
                  Addresses.admin(InteropTarget.BROKER),
                  new AdminRequest.PutGroup(new GroupConfig(group, 16, delaysMs, 1_000)),
                  BusCodec.options(10_000)));
    }
  }

  private static String offsetId(MessageExt message) {
    return ((MessageClientExt) message).getOffsetMsgId();
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  /** Notes each attempt and decides as told. */
  private static final class Attempts implements MessageListenerConcurrently {
    private record Attempt(MessageExt message, long atMs) {}

    private final List<Attempt> all = new CopyOnWriteArrayList<>();
    private final BiFunction<MessageExt, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus>
        decision;

    private Attempts(
        BiFunction<MessageExt, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus> decision) {
      this.decision = decision;
    }

    @Override
    public ConsumeConcurrentlyStatus consumeMessage(
        List<MessageExt> messages, ConsumeConcurrentlyContext context) {
      MessageExt message = messages.get(0);
      all.add(new Attempt(message, System.currentTimeMillis()));
      return decision.apply(message, context);
    }

    private List<MessageExt> of(String body) {
      return all.stream().map(Attempt::message).filter(m -> text(m).equals(body)).toList();
    }

    private long atMs(String body, int index) {
      return all.stream().filter(a -> text(a.message).equals(body)).toList().get(index).atMs;
    }
  }
}
