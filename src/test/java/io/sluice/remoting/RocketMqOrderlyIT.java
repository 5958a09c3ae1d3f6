package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.junit.jupiter.api.Test;

/** Orderly consumers that hand queues over to each other while messages flow. */
class RocketMqOrderlyIT {

  private static final int QUEUES = 4;

  private final String topic = "orderly" + Long.toString(System.nanoTime(), 36);
  private final String group = "group" + topic;

  /** All that was consumed, in the order it was. Guarded by itself. */
  private final List<Step> steps = new ArrayList<>();

  /** Held while consumers are to stay in the middle of a message. */
  private volatile CountDownLatch gate = new CountDownLatch(0);

  private final AtomicInteger locksAsked = new AtomicInteger();

  /** A message and who had it. */
  private record Step(String who, int queueId, long queueOffset) {}

  @Test
  void shouldKeepTheOrderOfEachQueueWhenAConsumerComesAndAnotherLeaves() throws Exception {
    try (InteropTarget target = new InteropTarget();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("orderly-it");
      producer.createTopic("TBW102", topic, QUEUES, Map.of());
      DefaultMQPushConsumer first = consumer(target, "first");
      DefaultMQPushConsumer second = consumer(target, "second");
      long[] sent = new long[QUEUES];
      try {
        first.start();
        awaitQueues(first, QUEUES);
        send(producer, sent, 200);
        awaitMore("first", 0, 200);
        // In the middle of a message of each queue, which nobody else may have meanwhile.
        gate = new CountDownLatch(1);
        send(producer, sent, QUEUES);
        awaitMore("first", 200, QUEUES);
        second.start();
        RocketMqClients.await(() -> "the second to ask for locks", () -> locksAsked.get() >= 3);
        assertEquals(0, count("second"));
        gate.countDown();
        RocketMqClients.await(
            () -> "two queues each, " + queues(first) + " and " + queues(second),
            () -> {
              // By itself the first looks again after 20 s.
              first.getDefaultMQPushConsumerImpl().getmQClientFactory().rebalanceImmediately();
              return queues(first) == QUEUES / 2 && queues(second) == QUEUES / 2;
            });
        handOver(producer, sent, first, second);
      } finally {
        gate.countDown();
        first.shutdown();
        second.shutdown();
      }
      for (int queueId = 0; queueId < QUEUES; queueId++) {
        checkOrder(queueId, sent[queueId]);
      }
    }
  }

  /** Both consume, then the first leaves its queues to the second. */
  private void handOver(
      DefaultMQProducer producer,
      long[] sent,
      DefaultMQPushConsumer first,
      DefaultMQPushConsumer second)
      throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    Thread sender = new Thread(() -> sendUntil(producer, sent, stop), "sender");
    sender.start();
    try {
      awaitMore("first", count("first"), 100);
      awaitMore("second", count("second"), 100);
      first.shutdown();
      awaitQueues(second, QUEUES);
      awaitMore("second", count("second"), 100);
    } finally {
      stop.set(true);
      sender.join();
    }
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      awaitLast(queueId, sent[queueId]);
    }
  }

  private void awaitLast(int queueId, long sent) {
    RocketMqClients.await(
        () -> "message " + (sent - 1) + " of queue " + queueId,
        () -> steps(queueId).stream().anyMatch(step -> step.queueOffset() == sent - 1));
  }

  /** Looks how the queue went. */
  private void checkOrder(int queueId, long sent) {
    long next = 0;
    int handedOver = 0;
    String who = "first";
    for (Step step : steps(queueId)) {
      boolean takesOver = !step.who().equals(who);
      if (takesOver) {
        handedOver++;
        // What is consumed while its queue is taken away is not committed: RocketMQ's contract.
        assertTrue(
            step.queueOffset() == next || step.queueOffset() == next - 1, step + ", " + next);
      } else {
        assertEquals(next, step.queueOffset(), step::toString);
      }
      next = step.queueOffset() + 1;
      who = step.who();
    }
    assertEquals(sent, next);
    assertEquals(1, handedOver, "queue " + queueId + " is consumed by one after the other");
  }

  private DefaultMQPushConsumer consumer(InteropTarget target, String who) throws Exception {
    DefaultMQPushConsumer consumer =
        new DefaultMQPushConsumer(group, who.equals("second") ? new LockAnswers() : null);
    consumer.setNamesrvAddr(target.nameServer());
    consumer.setInstanceName(who + topic);
    consumer.setMqClientApiTimeout(20_000);
    consumer.setHeartbeatBrokerInterval(5_000);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAwaitTerminationMillisWhenShutdown(10_000);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              for (MessageExt message : messages) {
                synchronized (steps) {
                  steps.add(new Step(who, message.getQueueId(), message.getQueueOffset()));
                }
              }
              pass();
              return ConsumeOrderlyStatus.SUCCESS;
            });
    return consumer;
  }

  private void pass() {
    try {
      gate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private List<Step> steps(int queueId) {
    synchronized (steps) {
      return steps.stream().filter(step -> step.queueId() == queueId).toList();
    }
  }

  private long count(String who) {
    synchronized (steps) {
      return steps.stream().filter(step -> step.who().equals(who)).count();
    }
  }

  private void awaitMore(String who, long than, int more) {
    RocketMqClients.await(
        () -> more + " more for the " + who + " one, " + (count(who) - than),
        () -> count(who) >= than + more);
  }

  private void awaitQueues(DefaultMQPushConsumer consumer, int count) {
    RocketMqClients.await(
        () -> count + " queues, " + queues(consumer), () -> queues(consumer) == count);
  }

  /** Those that it holds the lock of. */
  private long queues(DefaultMQPushConsumer consumer) {
    return consumer
        .getDefaultMQPushConsumerImpl()
        .getRebalanceImpl()
        .getProcessQueueTable()
        .entrySet()
        .stream()
        .filter(entry -> entry.getKey().getTopic().equals(topic) && entry.getValue().isLocked())
        .count();
  }

  /** The counts may be read when the thread has ended. */
  private void sendUntil(DefaultMQProducer producer, long[] sent, AtomicBoolean stop) {
    try {
      while (!stop.get()) {
        send(producer, sent, QUEUES);
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Sends to queue after queue. */
  private void send(DefaultMQProducer producer, long[] sent, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      int queueId = i % QUEUES;
      producer.send(
          RocketMqClients.message(topic, "A", String.valueOf(i)),
          new MessageQueue(topic, InteropTarget.BROKER, queueId));
      sent[queueId]++;
    }
  }

  /** Counts how often locks were asked for. */
  private final class LockAnswers implements RPCHook {

    @Override
    public void doBeforeRequest(String address, RemotingCommand request) {
      // Only answers count.
    }

    @Override
    public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
      if (request.getCode() == RequestCode.LOCK_BATCH_MQ) {
        locksAsked.incrementAndGet();
      }
    }
  }
}
