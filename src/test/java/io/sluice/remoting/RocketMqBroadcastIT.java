package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client's consumers in broadcast mode, which keep their offsets by themselves. */
class RocketMqBroadcastIT {

  private static final int QUEUES = 4;

  private InteropTarget target;
  private RocketMqClients clients;
  private DefaultMQProducer producer;
  private String topic;

  @BeforeEach
  void start() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("broadcast-it");
    topic = "broadcast" + Long.toString(System.nanoTime(), 36);
    producer.createTopic("TBW102", topic, QUEUES, Map.of());
  }

  @AfterEach
  void stop() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldGiveEachMessageOnceToEachMember() throws Exception {
    List<String> first = new CopyOnWriteArrayList<>();
    List<String> second = new CopyOnWriteArrayList<>();
    send(0, 40);
    concurrent("first", first).start();
    concurrent("second", second).start();
    awaitAll(first, 0, 40);
    awaitAll(second, 0, 40);
    send(40, 80);
    awaitAll(first, 0, 80);
    awaitAll(second, 0, 80);
  }

  @Test
  void shouldStartWithWhatComesUnlessItIsToldOtherwise() throws Exception {
    send(0, 40);
    List<String> seen = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer consumer = concurrent("late", seen);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
    consumer.start();
    RocketMqClients.awaitQueues(consumer, topic, QUEUES);
    send(40, 80);
    awaitAll(seen, 40, 80);
  }

  @Test
  void shouldGoOnAtItsOwnOffsetsAfterARestart() throws Exception {
    List<String> before = new CopyOnWriteArrayList<>();
    List<String> other = new CopyOnWriteArrayList<>();
    send(0, 40);
    DefaultMQPushConsumer consumer = concurrent("restarted", before);
    consumer.setAwaitTerminationMillisWhenShutdown(10_000);
    consumer.start();
    awaitAll(before, 0, 40);
    consumer.shutdown();
    send(40, 80);
    List<String> after = new CopyOnWriteArrayList<>();
    concurrent("restarted", after).start();
    awaitAll(after, 40, 80);
    // Nobody else has these offsets.
    concurrent("other", other).start();
    awaitAll(other, 0, 80);
  }

  @Test
  void shouldKeepTheOrderOfEachQueueForEachMember() throws Exception {
    send(0, 400);
    List<Map<Integer, List<Long>>> members = new ArrayList<>();
    for (String name : List.of("first", "second")) {
      Map<Integer, List<Long>> offsets = new ConcurrentHashMap<>();
      DefaultMQPushConsumer consumer = consumer(name);
      consumer.registerMessageListener(
          (MessageListenerOrderly)
              (messages, context) -> {
                for (MessageExt message : messages) {
                  offsets
                      .computeIfAbsent(message.getQueueId(), id -> new CopyOnWriteArrayList<>())
                      .add(message.getQueueOffset());
                }
                return ConsumeOrderlyStatus.SUCCESS;
              });
      consumer.start();
      members.add(offsets);
    }
    List<Long> inOrder = LongStream.range(0, 400 / QUEUES).boxed().toList();
    for (Map<Integer, List<Long>> offsets : members) {
      RocketMqClients.await(
          () -> "400 messages", () -> offsets.values().stream().mapToInt(List::size).sum() >= 400);
      assertEquals(Map.of(0, inOrder, 1, inOrder, 2, inOrder, 3, inOrder), offsets);
    }
  }

  private DefaultMQPushConsumer concurrent(String name, List<String> seen) throws Exception {
    DefaultMQPushConsumer consumer = consumer(name);
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(
                  message -> seen.add(new String(message.getBody(), StandardCharsets.UTF_8)));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    return consumer;
  }

  /** One of the name has the same file of offsets as another one of it. */
  private DefaultMQPushConsumer consumer(String name) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.setInstanceName(topic + "-" + name);
    consumer.setMessageModel(MessageModel.BROADCASTING);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    return consumer;
  }

  /** Each of the bodies once, and nothing more for a moment. */
  private static void awaitAll(List<String> seen, int from, int to) {
    RocketMqClients.await(
        () -> to - from + " messages, there are " + seen.size(), () -> seen.size() >= to - from);
    long quietNs = System.nanoTime() + 300_000_000L;
    RocketMqClients.await(() -> "a moment", () -> System.nanoTime() > quietNs);
    List<String> sorted = new ArrayList<>(seen);
    sorted.sort(null);
    assertEquals(IntStream.range(from, to).mapToObj(String::valueOf).sorted().toList(), sorted);
  }

  private void send(int from, int to) throws Exception {
    for (int i = from; i < to; i++) {
      producer.send(
          RocketMqClients.message(topic, "A", String.valueOf(i)),
          new MessageQueue(topic, InteropTarget.BROKER, i % QUEUES));
    }
  }
}
