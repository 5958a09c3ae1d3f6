package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.MQPullConsumerScheduleService;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client's old consumer, with which the application pulls and keeps the offsets. */
@SuppressWarnings("deprecation")
class RocketMqOldPullIT {

  private static final int QUEUES = 4;

  private InteropTarget target;
  private RocketMqClients clients;
  private DefaultMQProducer producer;
  private String topic;

  @BeforeEach
  void start() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("old-pull-it");
    topic = "oldpull" + Long.toString(System.nanoTime(), 36);
    producer.createTopic("TBW102", topic, QUEUES, Map.of());
  }

  @AfterEach
  void stop() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldPullEachQueueFromItsBeginningToItsEnd() throws Exception {
    send(0, 40);
    DefaultMQPullConsumer consumer = clients.pullConsumer(topic + "-group");
    consumer.start();
    Set<MessageQueue> queues = new TreeSet<>(consumer.fetchSubscribeMessageQueues(topic));
    assertEquals(QUEUES, queues.size());
    for (MessageQueue queue : queues) {
      List<String> bodies = new ArrayList<>();
      long next = 0;
      while (next < 10) {
        PullResult result = consumer.pullBlockIfNotFound(queue, "*", next, 4);
        assertEquals(PullStatus.FOUND, result.getPullStatus());
        assertEquals(0, result.getMinOffset());
        assertEquals(next, result.getMsgFoundList().get(0).getQueueOffset());
        result.getMsgFoundList().forEach(message -> bodies.add(text(message)));
        next = result.getNextBeginOffset();
      }
      assertEquals(bodiesOf(queue.getQueueId(), 0, 40), bodies);
      assertEquals(10, next);
      assertEquals(PullStatus.NO_NEW_MSG, consumer.pull(queue, "*", next, 4).getPullStatus());
    }
  }

  @Test
  void shouldTellWhatIsNotWantedAndWhatIsNotThere() throws Exception {
    send(0, 40);
    DefaultMQPullConsumer consumer = clients.pullConsumer(topic + "-group");
    consumer.start();
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 1);
    RocketMqClients.await(() -> "ten messages there", () -> end(queue) == 10);
    PullResult other = consumer.pull(queue, "B", 0, 32);
    assertEquals(PullStatus.NO_MATCHED_MSG, other.getPullStatus());
    assertEquals(10, other.getNextBeginOffset());
    PullResult beyond = consumer.pull(queue, "*", 1_000, 32);
    assertEquals(PullStatus.OFFSET_ILLEGAL, beyond.getPullStatus());
    assertEquals(10, beyond.getNextBeginOffset());
    assertEquals(10, beyond.getMaxOffset());
  }

  @Test
  void shouldWaitAtTheEndForWhatComes() throws Exception {
    send(0, 4);
    DefaultMQPullConsumer consumer = clients.pullConsumer(topic + "-group");
    consumer.start();
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 2);
    CompletableFuture<PullResult> waiting =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return consumer.pullBlockIfNotFound(queue, "*", 1, 32);
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    producer.send(RocketMqClients.message(topic, "A", "late"), queue);
    PullResult result = waiting.get(30, TimeUnit.SECONDS);
    assertEquals(PullStatus.FOUND, result.getPullStatus());
    assertEquals(
        List.of("late"), result.getMsgFoundList().stream().map(RocketMqOldPullIT::text).toList());
    assertEquals(2, result.getNextBeginOffset());
  }

  @Test
  void shouldKeepTheOffsetsThatTheApplicationSays() throws Exception {
    send(0, 40);
    String group = topic + "-group";
    DefaultMQPullConsumer first = clients.pullConsumer(group);
    first.start();
    for (MessageQueue queue : first.fetchSubscribeMessageQueues(topic)) {
      // A Broker takes no offset of a group that it does not know; a pull makes it known.
      first.pull(queue, "*", 0, 1);
      first.updateConsumeOffset(queue, 5 + queue.getQueueId());
      assertEquals(5 + queue.getQueueId(), first.fetchConsumeOffset(queue, false));
    }
    first
        .getDefaultMQPullConsumerImpl()
        .getOffsetStore()
        .persistAll(first.fetchSubscribeMessageQueues(topic));
    DefaultMQPullConsumer second = clients.pullConsumer(group);
    second.start();
    for (MessageQueue queue : second.fetchSubscribeMessageQueues(topic)) {
      long expected = 5 + queue.getQueueId();
      // The first one writes them one way.
      RocketMqClients.await(
          () -> "the offset of " + queue, () -> offset(second, queue, true) == expected);
    }
  }

  @Test
  void shouldGoOnWhereAScheduledPullerStopped() throws Exception {
    send(0, 40);
    String group = topic + "-group";
    List<String> bodies = new CopyOnWriteArrayList<>();
    MQPullConsumerScheduleService first = scheduled(group, bodies);
    MQPullConsumerScheduleService second = scheduled(group, bodies);
    try {
      first.start();
      RocketMqClients.await(() -> "40 messages, " + bodies.size(), () -> bodies.size() >= 40);
      RocketMqClients.await(() -> "40 offsets", () -> positions(first) == 40);
      first.shutdown();
      second.start();
      send(40, 80);
      RocketMqClients.await(() -> "80 messages, " + bodies.size(), () -> bodies.size() >= 80);
      assertEquals(80, Set.copyOf(bodies).size());
      assertEquals(80, bodies.size());
    } finally {
      second.shutdown();
    }
  }

  /** Pulls its queues over and over, from where the group stands. */
  private MQPullConsumerScheduleService scheduled(String group, List<String> bodies) {
    MQPullConsumerScheduleService service = new MQPullConsumerScheduleService(group);
    service.setDefaultMQPullConsumer(clients.pullConsumer(group));
    service.registerPullTaskCallback(
        topic,
        (queue, context) -> {
          try {
            DefaultMQPullConsumer consumer = (DefaultMQPullConsumer) context.getPullConsumer();
            long from = Math.max(0, consumer.fetchConsumeOffset(queue, false));
            PullResult result = consumer.pull(queue, "*", from, 32);
            if (result.getPullStatus() == PullStatus.FOUND) {
              result.getMsgFoundList().forEach(message -> bodies.add(text(message)));
            }
            consumer.updateConsumeOffset(queue, result.getNextBeginOffset());
            context.setPullNextDelayTimeMillis(20);
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    return service;
  }

  private long positions(MQPullConsumerScheduleService service) {
    long sum = 0;
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, queueId);
      sum += offset(service.getDefaultMQPullConsumer(), queue, false);
    }
    return sum;
  }

  private static long offset(DefaultMQPullConsumer consumer, MessageQueue queue, boolean stored) {
    try {
      return consumer.fetchConsumeOffset(queue, stored);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private long end(MessageQueue queue) {
    try {
      return producer.maxOffset(queue);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private void send(int from, int to) throws Exception {
    for (int i = from; i < to; i++) {
      producer.send(
          RocketMqClients.message(topic, "A", String.valueOf(i)),
          new MessageQueue(topic, InteropTarget.BROKER, i % QUEUES));
    }
  }

  private static List<String> bodiesOf(int queueId, int from, int to) {
    List<String> bodies = new ArrayList<>();
    for (int i = from + queueId; i < to; i += QUEUES) {
      bodies.add(String.valueOf(i));
    }
    return bodies;
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
