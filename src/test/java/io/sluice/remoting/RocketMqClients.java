package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;

/**
 * Makes the official clients for one NameServer and shuts them down in reverse order. Each client
 * is an instance of its own, as if in a process of its own.
 */
final class RocketMqClients implements AutoCloseable {

  /** A busy machine is no reason for a client to give up on a route. */
  private static final int API_TIMEOUT_MS = 20_000;

  /** RocketMQ's own. */
  private static final int ROUTES_MS = 30_000;

  /**
   * RocketMQ's client may fail to renew its subscription for 30 s, in which RocketMQ refuses its
   * pulls, and shares queues anew every 20 s.
   */
  private static final int DEADLINE_SECONDS = InteropTarget.isReal() ? 120 : 30;

  private static final AtomicInteger INSTANCES = new AtomicInteger();

  static {
    // The clients' own log and the offsets of broadcasts belong into the build directory.
    System.setProperty("rocketmq.log.root", "target/rocketmq-client");
    System.setProperty("rocketmq.log.level", "WARN");
    System.setProperty("rocketmq.client.localOffsetStoreDir", "target/rocketmq-client/offsets");
  }

  private final String nameServer;
  private final Deque<Runnable> shutdowns = new ArrayDeque<>();

  RocketMqClients(String nameServer) {
    this.nameServer = nameServer;
  }

  /** A started producer. */
  DefaultMQProducer producer(String group) throws Exception {
    return producer(group, ROUTES_MS);
  }

  /** A started producer that looks at the routes so often. */
  DefaultMQProducer producer(String group, int routesMs) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(group);
    producer.setPollNameServerInterval(routesMs);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName(instance());
    producer.setMqClientApiTimeout(API_TIMEOUT_MS);
    producer.setSendMsgTimeout(10_000);
    producer.start();
    shutdowns.push(producer::shutdown);
    return producer;
  }

  /** A started producer that traces what it sends, to RocketMQ's usual topic of traces. */
  DefaultMQProducer tracingProducer(String group) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(group, true, null);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName(instance());
    producer.setMqClientApiTimeout(API_TIMEOUT_MS);
    producer.setSendMsgTimeout(10_000);
    producer.start();
    shutdowns.push(producer::shutdown);
    return producer;
  }

  /** A started producer that knows the NameServers and is else as its makers ship it. */
  DefaultMQProducer shippedProducer(String group) throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer(group);
    producer.setNamesrvAddr(nameServer);
    producer.start();
    shutdowns.push(producer::shutdown);
    return producer;
  }

  /** A started producer of transactions; it tells every second that it lives. */
  TransactionMQProducer transactionProducer(String group, TransactionListener listener)
      throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer(group);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName(instance());
    producer.setMqClientApiTimeout(API_TIMEOUT_MS);
    producer.setSendMsgTimeout(10_000);
    producer.setHeartbeatBrokerInterval(1_000);
    producer.setTransactionListener(listener);
    producer.start();
    shutdowns.push(producer::shutdown);
    return producer;
  }

  /** A push consumer that is not started yet. */
  DefaultMQPushConsumer pushConsumer(String group) {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(instance());
    consumer.setMqClientApiTimeout(API_TIMEOUT_MS);
    // A client that rebalances while it sends a heartbeat leaves one out ("lock heartBeat, but
    // failed"): its pulls are refused until the next, as its subscription has a newer version.
    consumer.setHeartbeatBrokerInterval(5_000);
    shutdowns.push(consumer::shutdown);
    return consumer;
  }

  /** A lite pull consumer that is not started yet. */
  DefaultLitePullConsumer litePullConsumer(String group) {
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(group);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(instance());
    consumer.setMqClientApiTimeout(API_TIMEOUT_MS);
    shutdowns.push(consumer::shutdown);
    return consumer;
  }

  /** A consumer of the old kind, which pulls by itself; not started yet. */
  @SuppressWarnings("deprecation")
  DefaultMQPullConsumer pullConsumer(String group) {
    DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(instance());
    consumer.setMqClientApiTimeout(API_TIMEOUT_MS);
    shutdowns.push(consumer::shutdown);
    return consumer;
  }

  @Override
  public void close() {
    while (!shutdowns.isEmpty()) {
      shutdowns.pop().run();
    }
  }

  static Message message(String topic, String tag, String body) {
    return new Message(topic, tag, body.getBytes(StandardCharsets.UTF_8));
  }

  /** Waits until a consumer has so many queues of a topic. */
  static void awaitQueues(DefaultMQPushConsumer consumer, String topic, int count) {
    await(
        () -> count + " queues, " + queues(consumer, topic),
        () -> queues(consumer, topic) == count);
  }

  private static long queues(DefaultMQPushConsumer consumer, String topic) {
    return consumer
        .getDefaultMQPushConsumerImpl()
        .getRebalanceImpl()
        .getProcessQueueTable()
        .keySet()
        .stream()
        .filter(queue -> queue.getTopic().equals(topic))
        .count();
  }

  /** Waits until the condition holds. */
  static void await(Supplier<String> what, BooleanSupplier condition) {
    long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > endNs) {
        fail("did not come within " + DEADLINE_SECONDS + " s: " + what.get());
      }
      java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
    }
  }

  private static String instance() {
    return "test-" + INSTANCES.incrementAndGet();
  }
}
