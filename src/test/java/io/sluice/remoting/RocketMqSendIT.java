package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every kind of send with the unmodified official client: what it is told, and what is stored. */
class RocketMqSendIT {

  private static InteropTarget target;
  private static RocketMqClients shared;
  private static DefaultMQProducer producer;

  private RocketMqClients clients;
  private String topic;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    shared = new RocketMqClients(target.nameServer());
    producer = shared.producer("send-it");
  }

  @AfterAll
  static void stopTarget() throws Exception {
    shared.close();
    target.close();
  }

  @BeforeEach
  void setUp() {
    clients = new RocketMqClients(target.nameServer());
    topic = "send" + Long.toString(System.nanoTime(), 36);
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldSendSyncAndMakeTheTopicWithTheClientsFourQueues() throws Exception {
    Map<Integer, Long> next = new TreeMap<>();
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      SendResult result = producer.send(RocketMqClients.message(topic, "A", "m" + i));
      assertEquals(SendStatus.SEND_OK, result.getSendStatus());
      assertEquals("DefaultRegion", result.getRegionId());
      assertTrue(result.isTraceOn());
      assertTrue(ids.add(result.getMsgId()));
      MessageId offsetId = MessageDecoder.decodeMessageId(result.getOffsetMsgId());
      assertEquals(
          "127.0.0.1", ((java.net.InetSocketAddress) offsetId.getAddress()).getHostString());
      int queue = result.getMessageQueue().getQueueId();
      assertEquals(next.getOrDefault(queue, 0L), result.getQueueOffset());
      next.put(queue, result.getQueueOffset() + 1);
    }
    assertEquals(Set.of(0, 1, 2, 3), next.keySet());
    assertEquals(4, routedQueues());
  }

  @Test
  void shouldKeepEverythingOfAMessage() throws Exception {
    Message message = RocketMqClients.message(topic, "TagA", "h\u00e9llo");
    message.setKeys("k1 k2");
    message.setFlag(7);
    message.putUserProperty("colour", "gr\u00fcn \u4e2d");
    long before = System.currentTimeMillis();
    SendResult result = producer.send(message);
    MessageExt stored = readAll(1).get(0);
    assertArrayEquals(message.getBody(), stored.getBody());
    assertEquals("TagA", stored.getTags());
    assertEquals("k1 k2", stored.getKeys());
    assertEquals(7, stored.getFlag());
    assertEquals("gr\u00fcn \u4e2d", stored.getUserProperty("colour"));
    assertEquals("DefaultCluster", stored.getProperty("CLUSTER"));
    assertEquals(result.getMsgId(), stored.getMsgId());
    assertEquals(result.getQueueOffset(), stored.getQueueOffset());
    assertEquals(result.getMessageQueue().getQueueId(), stored.getQueueId());
    assertEquals(0, stored.getReconsumeTimes());
    assertTrue(stored.getBornTimestamp() >= before - 1_000);
    assertTrue(stored.getStoreTimestamp() >= before - 1_000);
    assertEquals("127.0.0.1", stored.getBornHostString());
    String host = ((java.net.InetSocketAddress) stored.getStoreHost()).getHostString();
    assertEquals("127.0.0.1", host);
  }

  @Test
  void shouldHandBackABodyThatTheClientCompressed() throws Exception {
    byte[] body = "compress me ".repeat(20_000).getBytes(StandardCharsets.UTF_8);
    producer.send(new Message(topic, body));
    assertArrayEquals(body, readAll(1).get(0).getBody());
  }

  @Test
  void shouldAnswerManyAsyncSendsEachOnceWithItsOwnPlace() throws Exception {
    producer.send(RocketMqClients.message(topic, "A", "first"));
    int count = 3_000;
    ConcurrentLinkedQueue<SendResult> results = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    CountDownLatch done = new CountDownLatch(count);
    for (int i = 0; i < count; i++) {
      producer.send(
          RocketMqClients.message(topic, "A", "m" + i),
          new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              results.add(result);
              done.countDown();
            }

            @Override
            public void onException(Throwable failure) {
              failures.add(failure);
              done.countDown();
            }
          });
    }
    assertTrue(done.await(60, TimeUnit.SECONDS));
    assertEquals(List.of(), List.copyOf(failures));
    Map<Integer, Set<Long>> offsets = new HashMap<>();
    for (SendResult result : results) {
      assertTrue(
          offsets
              .computeIfAbsent(result.getMessageQueue().getQueueId(), id -> new HashSet<>())
              .add(result.getQueueOffset()));
    }
    assertEquals(count, results.size());
    Set<String> bodies = new HashSet<>();
    readAll(count + 1).forEach(message -> bodies.add(text(message)));
    assertEquals(count + 1, bodies.size());
  }

  @Test
  void shouldKeepTheOrderOfOneQueueInPipelinedSends() throws Exception {
    producer.send(RocketMqClients.message(topic, "A", "first"));
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 2);
    int count = 500;
    CountDownLatch done = new CountDownLatch(count);
    Map<Integer, Long> offsets = new java.util.concurrent.ConcurrentHashMap<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      producer.send(
          RocketMqClients.message(topic, "A", "m" + i),
          queue,
          new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
              offsets.put(number, result.getQueueOffset());
              done.countDown();
            }

            @Override
            public void onException(Throwable failure) {
              done.countDown();
            }
          });
    }
    assertTrue(done.await(60, TimeUnit.SECONDS));
    assertEquals(count, offsets.size());
    for (MessageExt message : readAll(count + 1)) {
      if (message.getQueueId() == 2 && text(message).startsWith("m")) {
        int number = Integer.parseInt(text(message).substring(1));
        assertEquals(offsets.get(number), message.getQueueOffset());
      }
    }
  }

  @Test
  void shouldStoreOnewaySends() throws Exception {
    for (int i = 0; i < 50; i++) {
      producer.sendOneway(RocketMqClients.message(topic, "A", "m" + i));
    }
    Set<String> bodies = new HashSet<>();
    readAll(50).forEach(message -> bodies.add(text(message)));
    assertEquals(50, bodies.size());
  }

  @Test
  void shouldStoreABatchInARowWithAnIdForEach() throws Exception {
    List<Message> batch = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      Message message = RocketMqClients.message(topic, i % 2 == 0 ? "A" : "B", "m" + i);
      message.setKeys("key" + i);
      batch.add(message);
    }
    SendResult result = producer.send(batch);
    assertEquals(SendStatus.SEND_OK, result.getSendStatus());
    assertEquals(0, result.getQueueOffset());
    String[] ids = result.getMsgId().split(",");
    String[] offsetIds = result.getOffsetMsgId().split(",");
    assertEquals(32, ids.length);
    assertEquals(32, offsetIds.length);
    List<MessageExt> stored = readAll(32);
    for (int i = 0; i < 32; i++) {
      MessageExt message = stored.get(i);
      assertEquals("m" + i, text(message));
      assertEquals(i, message.getQueueOffset());
      assertEquals(i % 2 == 0 ? "A" : "B", message.getTags());
      assertEquals("key" + i, message.getKeys());
      assertEquals(ids[i], message.getMsgId());
      assertEquals(
          MessageDecoder.decodeMessageId(offsetIds[i]).getOffset(), message.getCommitLogOffset());
    }
  }

  @Test
  void shouldRefuseAQueueThatIsNotThere() throws Exception {
    producer.send(RocketMqClients.message(topic, "A", "first"));
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 99);
    MQBrokerException refused =
        assertThrows(
            MQBrokerException.class,
            () -> producer.send(RocketMqClients.message(topic, "A", "m"), queue));
    assertEquals(ResponseCode.INVALID_PARAMETER, refused.getResponseCode());
  }

  @Test
  void shouldAnswerTheOffsetsOfAQueue() throws Exception {
    List<Long> times = new ArrayList<>();
    MessageQueue queue = new MessageQueue(topic, InteropTarget.BROKER, 1);
    producer.send(RocketMqClients.message(topic, "A", "first"));
    SendResult last = null;
    for (int i = 0; i < 3; i++) {
      long before = System.currentTimeMillis();
      RocketMqClients.await(
          () -> "the next millisecond", () -> System.currentTimeMillis() > before);
      times.add(System.currentTimeMillis());
      last = producer.send(RocketMqClients.message(topic, "A", "m" + i), queue);
    }
    long first = last.getQueueOffset() - 2;
    // RocketMQ fills its queues a moment after it has answered the send.
    RocketMqClients.await(() -> "the end of the queue", () -> maxOffset(queue) == first + 3);
    assertEquals(0, producer.minOffset(queue));
    assertEquals(first + 1, producer.searchOffset(queue, times.get(1)));
    assertEquals(first + 2, producer.searchOffset(queue, times.get(2)));
    assertEquals(
        producer.maxOffset(queue),
        producer.searchOffset(queue, System.currentTimeMillis() + 3_600_000));
    long stored = producer.earliestMsgStoreTime(queue);
    assertTrue(Math.abs(System.currentTimeMillis() - stored) < 60_000, "stored at " + stored);
    assertEquals(0, producer.maxOffset(new MessageQueue(topic, InteropTarget.BROKER, 77)));
  }

  /** Reads messages of the topic by offsets, in the order of the queues. */
  private List<MessageExt> readAll(int count) throws Exception {
    DefaultLitePullConsumer consumer = clients.litePullConsumer("read-" + topic);
    consumer.setAutoCommit(false);
    // Not by a seek: it interrupts the client's own pulls, and one that is interrupted while it is
    // sent closes the connection under all others.
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.start();
    List<MessageQueue> queues = new ArrayList<>();
    RocketMqClients.await(
        () -> "the route of " + topic,
        () -> {
          try {
            queues.addAll(consumer.fetchMessageQueues(topic));
            return true;
          } catch (Exception notYet) {
            return false;
          }
        });
    consumer.assign(queues);
    // By place: the client may hand out once more what it had pulled.
    Map<String, MessageExt> byPlace = new HashMap<>();
    RocketMqClients.await(
        () -> count + " messages, there are " + byPlace.size(),
        () -> {
          consumer.poll(200).forEach(message -> byPlace.put(place(message), message));
          return byPlace.size() >= count;
        });
    consumer.poll(100).forEach(message -> byPlace.put(place(message), message));
    List<MessageExt> all = new ArrayList<>(byPlace.values());
    assertEquals(count, all.size());
    all.sort(
        java.util.Comparator.comparingInt(MessageExt::getQueueId)
            .thenComparingLong(MessageExt::getQueueOffset));
    return all;
  }

  private static String place(MessageExt message) {
    return message.getQueueId() + ":" + message.getQueueOffset();
  }

  private static long maxOffset(MessageQueue queue) {
    try {
      return producer.maxOffset(queue);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private int routedQueues() throws Exception {
    assertNotNull(producer.fetchPublishMessageQueues(topic));
    return producer.fetchPublishMessageQueues(topic).size();
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
