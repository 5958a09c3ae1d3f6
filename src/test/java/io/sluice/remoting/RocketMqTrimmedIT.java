package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where groups begin that are new to a topic whose first messages are gone. */
class RocketMqTrimmedIT {

  private static final String TOPIC = "trimmed";
  private static final int QUEUES = 2;

  /** 6 MB in all, of which the last 3 stay, or the last one of a RocketMQ. */
  private static final int MESSAGES = 96;

  private static final int BODY_BYTES = 64 << 10;

  private InteropTarget target;
  private RocketMqClients clients;
  private DefaultMQProducer producer;

  @BeforeEach
  void trim() throws Exception {
    target = new InteropTarget(InteropTarget.SHORT_LOG);
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("trimmed-it");
    producer.createTopic("TBW102", TOPIC, QUEUES, Map.of());
    // Clients compress, so that nothing but chance is so long in the log.
    byte[] body = new byte[BODY_BYTES];
    new Random(1).nextBytes(body);
    for (int i = 0; i < MESSAGES; i++) {
      producer.send(new Message(TOPIC, body), queue(i % QUEUES));
    }
    DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("trimmed-it");
    admin.start();
    assertTrue(admin.deleteExpiredCommitLogByAddr(target.brokerAddress()));
    admin.shutdown();
    int left = (target.isSluice() ? 3 << 20 : 1 << 20) / BODY_BYTES;
    RocketMqClients.await(
        () -> "the old messages to go, there are " + wanted(),
        () -> wanted().size() <= left && min(0) > 0 && min(1) > 0);
    target.keepTheRest();
  }

  @AfterEach
  void stop() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldBeginWhereTheClientSays() throws Exception {
    List<String> old = wanted();
    List<String> all = begin("first", ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET, null);
    awaitSame(old, all);
    String hourAgo = UtilAll.timeMillisToHumanString3(System.currentTimeMillis() - 3_600_000);
    awaitSame(old, begin("hour", ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, hourAgo));
    List<String> last = begin("last", ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET, null);
    // A time is told in seconds: the next one that begins is after all that was sent.
    long second = System.currentTimeMillis() / 1_000 + 1;
    RocketMqClients.await(
        () -> "the next second", () -> System.currentTimeMillis() >= second * 1_000);
    for (int i = 0; i < 2 * QUEUES; i++) {
      producer.send(RocketMqClients.message(TOPIC, "A", "new"), queue(i % QUEUES));
    }
    List<String> added = wanted();
    added.removeAll(old);
    assertEquals(2 * QUEUES, added.size());
    awaitSame(added, last);
    String time = UtilAll.timeMillisToHumanString3(second * 1_000);
    awaitSame(added, begin("time", ConsumeFromWhere.CONSUME_FROM_TIMESTAMP, time));
    awaitSame(wanted(), all);
  }

  /** A new group, whose consumer has found where to begin when this returns. */
  private List<String> begin(String group, ConsumeFromWhere from, String time) throws Exception {
    List<String> seen = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer("trimmed-" + group);
    consumer.setConsumeFromWhere(from);
    if (time != null) {
      consumer.setConsumeTimestamp(time);
    }
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(
                  message -> seen.add(message.getQueueId() + "/" + message.getQueueOffset()));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.awaitQueues(consumer, TOPIC, QUEUES);
    return seen;
  }

  private static void awaitSame(List<String> wanted, List<String> seen) {
    RocketMqClients.await(
        () -> "messages " + wanted + ", there are " + seen, () -> seen.size() >= wanted.size());
    assertEquals(wanted, List.copyOf(new TreeSet<>(seen)));
    assertEquals(wanted.size(), seen.size(), seen::toString);
  }

  /** What is there now, sorted. */
  private List<String> wanted() {
    try {
      TreeSet<String> there = new TreeSet<>();
      for (int queueId = 0; queueId < QUEUES; queueId++) {
        for (long i = min(queueId); i < producer.maxOffset(queue(queueId)); i++) {
          there.add(queueId + "/" + i);
        }
      }
      return new ArrayList<>(there);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private long min(int queueId) {
    try {
      return producer.minOffset(queue(queueId));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static MessageQueue queue(int queueId) {
    return new MessageQueue(TOPIC, InteropTarget.BROKER, queueId);
  }
}
