package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * What an older client does, run by {@link RocketMqOldClientIT} in a class loader that has nothing
 * but that client and this class. Takes the NameServer's address, says in text what happened.
 */
public final class OldClientScenario implements UnaryOperator<String> {

  private static final int SINGLE = 20;
  private static final int BATCH = 10;
  private static final int ONEWAY = 5;

  @Override
  public String apply(String nameServer) {
    try {
      return run(nameServer);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String run(String nameServer) throws Exception {
    String topic = "old" + Long.toString(System.nanoTime(), 36);
    DefaultMQProducer producer = new DefaultMQProducer(topic + "-producer", true, null);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName(topic);
    producer.start();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(topic + "-consumer", true, null);
    DefaultLitePullConsumer pull = new DefaultLitePullConsumer(topic + "-pull");
    try {
      Set<String> ids = send(producer, topic);
      ConcurrentLinkedQueue<MessageExt> seen = push(consumer, nameServer, topic);
      await("all pushed, " + seen.size(), () -> seen.size() >= SINGLE + BATCH + ONEWAY);
      List<MessageExt> pulled = pull(pull, nameServer, topic);
      long found =
          ids.stream()
              .filter(id -> seen.stream().anyMatch(message -> message.getMsgId().equals(id)))
              .count();
      MessageQueue queue = new MessageQueue(topic, "broker-a", 0);
      MessageExt byId =
          producer.viewMessage(topic, ((MessageClientExt) seen.peek()).getOffsetMsgId());
      return "pushed "
          + seen.size()
          + ", pulled "
          + pulled.size()
          + ", ids found "
          + found
          + ", from "
          + producer.minOffset(queue)
          + ", by id "
          + byId.getTopic().equals(topic)
          + ", traces "
          + traces(producer, seen.peek().getMsgId())
          + ", transactions "
          + transact(nameServer, topic + "-transactions");
    } finally {
      pull.shutdown();
      consumer.shutdown();
      producer.shutdown();
    }
  }

  private static Set<String> send(DefaultMQProducer producer, String topic) throws Exception {
    Set<String> ids = new HashSet<>();
    Map<Integer, Long> next = new TreeMap<>();
    for (int i = 0; i < SINGLE; i++) {
      SendResult result = producer.send(message(topic, "m" + i));
      ids.add(result.getMsgId());
      int queueId = result.getMessageQueue().getQueueId();
      if (result.getQueueOffset() != next.getOrDefault(queueId, 0L)) {
        throw new IllegalStateException("offset " + result.getQueueOffset());
      }
      next.put(queueId, result.getQueueOffset() + 1);
    }
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) {
      batch.add(message(topic, "b" + i));
    }
    ids.addAll(List.of(producer.send(batch).getMsgId().split(",")));
    for (int i = 0; i < ONEWAY; i++) {
      producer.sendOneway(message(topic, "o" + i));
    }
    return ids;
  }

  private static ConcurrentLinkedQueue<MessageExt> push(
      DefaultMQPushConsumer consumer, String nameServer, String topic) throws Exception {
    ConcurrentLinkedQueue<MessageExt> seen = new ConcurrentLinkedQueue<>();
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(topic + "-push");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "A");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              seen.addAll(messages);
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    return seen;
  }

  private static List<MessageExt> pull(
      DefaultLitePullConsumer consumer, String nameServer, String topic) throws Exception {
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(topic + "-pull");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.start();
    List<MessageExt> found = new ArrayList<>();
    await(
        "all pulled",
        () -> {
          found.addAll(consumer.poll(200));
          return found.size() >= SINGLE + BATCH + ONEWAY;
        });
    return found;
  }

  /** What the traces of a message are of, once it was sent and consumed. */
  private static Set<String> traces(DefaultMQProducer producer, String messageId) {
    Set<String> kinds = new TreeSet<>();
    await(
        "traces of sending and consuming, " + kinds,
        () -> {
          for (MessageExt trace : query(producer, "RMQ_SYS_TRACE_TOPIC", messageId)) {
            String text = new String(trace.getBody(), StandardCharsets.UTF_8);
            Stream.of("Pub", "SubBefore", "SubAfter").filter(text::contains).forEach(kinds::add);
          }
          return kinds.size() == 3;
        });
    return kinds;
  }

  private static List<MessageExt> query(DefaultMQProducer producer, String topic, String key) {
    try {
      return producer.queryMessage(topic, key, 32, 0, Long.MAX_VALUE).getMessageList();
    } catch (MQClientException none) {
      return List.of();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** One that is committed, one that is rolled back, and one that the Broker has to ask for. */
  private static String transact(String nameServer, String topic) throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer(topic + "-producer");
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName(topic);
    producer.setHeartbeatBrokerInterval(1_000);
    producer.setTransactionListener(
        new TransactionListener() {
          @Override
          public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return (LocalTransactionState) argument;
          }

          @Override
          public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.COMMIT_MESSAGE;
          }
        });
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(topic + "-pull");
    try {
      producer.start();
      for (LocalTransactionState state : LocalTransactionState.values()) {
        producer.sendMessageInTransaction(message(topic, state.name()), state);
      }
      consumer.setNamesrvAddr(nameServer);
      consumer.setInstanceName(topic + "-pull");
      consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
      consumer.subscribe(topic, "*");
      consumer.start();
      Set<String> bodies = new TreeSet<>();
      await(
          "both committed",
          () -> {
            for (MessageExt message : consumer.poll(200)) {
              bodies.add(new String(message.getBody(), StandardCharsets.UTF_8));
            }
            return bodies.size() >= 2;
          });
      return bodies.toString();
    } finally {
      consumer.shutdown();
      producer.shutdown();
    }
  }

  private static Message message(String topic, String body) {
    return new Message(topic, "A", body.getBytes(StandardCharsets.UTF_8));
  }

  private static void await(String what, BooleanSupplier condition) {
    long endNs = System.nanoTime() + 30_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > endNs) {
        throw new IllegalStateException("did not come within 30 s: " + what);
      }
      java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
    }
  }
}
