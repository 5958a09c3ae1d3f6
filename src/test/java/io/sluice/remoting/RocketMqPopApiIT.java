package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pops, acks and changes of the invisible time, call by call, with the official client's codec. */
class RocketMqPopApiIT {

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer producer;
  private static MQClientAPIImpl api;
  private static String address;

  private String topic;
  private String group;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("pop-api-it");
    api = producer.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
    address = target.brokerAddress();
  }

  @AfterAll
  static void stopTarget() throws Exception {
    clients.close();
    target.close();
  }

  @BeforeEach
  void setUp() throws Exception {
    String unique = Long.toString(System.nanoTime(), 36);
    topic = "popapi" + unique;
    group = "group" + unique;
    producer.createTopic("TBW102", topic, 2, Map.of());
  }

  @Test
  void shouldPopFromAllQueuesWithReceiptsThatCanBeAckedOneByOne() throws Exception {
    send(0, "a", "b");
    send(1, "c");
    PopResult popped = pop(-1, 32, 60_000, 0);
    assertEquals(PopStatus.FOUND, popped.getPopStatus());
    assertEquals(0, popped.getRestNum());
    assertEquals(3, popped.getMsgFoundList().size());
    for (MessageExt message : popped.getMsgFoundList()) {
      String[] words = message.getProperty(MessageConst.PROPERTY_POP_CK).split(" ");
      assertEquals(8, words.length);
      assertEquals(popped.getPopTime(), Long.parseLong(words[1]));
      assertEquals("60000", words[2]);
      assertEquals("0", words[4]);
      assertEquals(InteropTarget.BROKER, words[5]);
      assertEquals(String.valueOf(message.getQueueOffset()), words[7]);
      assertEquals(AckStatus.OK, ack(message).getStatus());
      // Again: it is settled, so that is no mistake.
      assertEquals(AckStatus.OK, ack(message).getStatus());
    }
    assertEquals(PopStatus.POLLING_NOT_FOUND, pop(-1, 32, 60_000, 0).getPopStatus());
  }

  @Test
  void shouldAckABatchAndGiveTheRestAgainWithItsAttempts() throws Exception {
    send(0, "a", "b", "c", "d");
    PopResult popped = pop(0, 32, 2_000, 0);
    List<String> receipts = new ArrayList<>();
    for (MessageExt message : popped.getMsgFoundList()) {
      if (!text(message).equals("b")) {
        receipts.add(message.getProperty(MessageConst.PROPERTY_POP_CK));
      }
    }
    CompletableFuture<AckResult> acked = new CompletableFuture<>();
    api.batchAckMessageAsync(address, 5_000, callback(acked), topic, group, receipts);
    assertEquals(AckStatus.OK, acked.get(10, TimeUnit.SECONDS).getStatus());
    PopResult again = pop(0, 32, 60_000, 10_000);
    assertEquals(1, again.getMsgFoundList().size());
    MessageExt b = again.getMsgFoundList().get(0);
    assertEquals("b", text(b));
    assertEquals(1, b.getReconsumeTimes());
    // The first delivery is over, and its receipt with it.
    MessageExt before = popped.getMsgFoundList().get(1);
    assertStale(ack(before));
    assertEquals(AckStatus.OK, ack(b).getStatus());
  }

  @Test
  void shouldMoveTheInvisibleTimeAndTakeTheNewReceipt() throws Exception {
    send(0, "a");
    MessageExt message = pop(0, 1, 60_000, 0).getMsgFoundList().get(0);
    AckResult changed = change(message.getProperty(MessageConst.PROPERTY_POP_CK), 30_000);
    assertEquals(AckStatus.OK, changed.getStatus());
    assertStale(ack(message));
    assertEquals(AckStatus.OK, change(changed.getExtraInfo(), 1).getStatus());
    PopResult again = pop(0, 1, 60_000, 10_000);
    assertEquals("a", text(again.getMsgFoundList().get(0)));
    assertEquals(AckStatus.OK, ack(again.getMsgFoundList().get(0)).getStatus());
  }

  @Test
  void shouldGiveNothingToAPopWhoseClientDoesNotWaitAnyMore() throws Exception {
    send(0, "a");
    try (RawClient raw = new RawClient(target.brokerPort())) {
      ExtFields stale =
          new ExtFields()
              .put("consumerGroup", group)
              .put("topic", topic)
              .put("queueId", 0)
              .put("maxMsgNums", 1)
              .put("invisibleTime", 60_000)
              .put("initMode", 0)
              .put("pollTime", 1_000)
              .put("bornTime", System.currentTimeMillis() - 2_000);
      assertEquals(210, raw.call(RawClient.json(200_050, 1, 0, stale, new byte[0])).code);
    }
    assertEquals("a", text(pop(0, 1, 60_000, 0).getMsgFoundList().get(0)));
  }

  @Test
  void shouldTellWhenThereIsSomethingAndWhoWaits() throws Exception {
    try (RawClient raw = new RawClient(target.brokerPort())) {
      CompletableFuture<PopResult> waits = popLater(1, 1, 60_000, 10_000);
      RocketMqClients.await(() -> "one that waits", () -> waiting(raw) == 1);
      ExtFields notification =
          new ExtFields()
              .put("consumerGroup", group)
              .put("topic", topic)
              .put("queueId", 0)
              .put("pollTime", 0)
              .put("bornTime", System.currentTimeMillis());
      Command none = raw.call(RawClient.json(200_054, 7, 0, notification, new byte[0]));
      assertEquals("false", none.fields().get("hasMsg"));
      send(0, "a");
      Command some = raw.call(RawClient.json(200_054, 8, 0, notification, new byte[0]));
      assertEquals("true", some.fields().get("hasMsg"));
      if (target.isSluice()) {
        // RocketMQ asks the filter with useMessageFilterForNotification only.
        notification.put("expType", "TAG").put("exp", "unwanted");
        Command unwanted = raw.call(RawClient.json(200_054, 11, 0, notification, new byte[0]));
        assertEquals("false", unwanted.fields().get("hasMsg"));
      }
      assertFalse(waits.isDone());
      send(1, "b");
      assertEquals("b", text(waits.get(10, TimeUnit.SECONDS).getMsgFoundList().get(0)));
      ExtFields peek =
          new ExtFields()
              .put("consumerGroup", group)
              .put("topic", topic)
              .put("queueId", 0)
              .put("maxMsgNums", 32);
      Command peeked = raw.call(RawClient.json(200_052, 9, 0, peek, new byte[0]));
      assertEquals(0, peeked.code);
      assertTrue(peeked.bodyBytes() > 0);
      assertEquals("a", text(pop(0, 1, 60_000, 0).getMsgFoundList().get(0)));
      peek =
          new ExtFields()
              .put("consumerGroup", group)
              .put("topic", topic)
              .put("queueId", 0)
              .put("bornTime", System.currentTimeMillis());
      Command refused = raw.call(RawClient.json(200_050, 10, 0, peek, new byte[0]));
      // RocketMQ reads what is missing as 0, and says that the pop comes too late.
      assertEquals(target.isSluice() ? 29 : 210, refused.code);
    }
  }

  @Test
  void shouldHoldAQueueBackUntilAllOfAnOrderedPopIsAcked() throws Exception {
    send(0, "a", "b", "c");
    PopResult first = popInOrder(0, 2, 60_000);
    assertEquals(List.of("a", "b"), texts(first));
    assertEquals(List.of(), texts(popInOrder(0, 2, 60_000)));
    // The queues do not wait for each other.
    send(1, "x");
    assertEquals(List.of("x"), texts(popInOrder(1, 2, 60_000)));
    assertEquals(AckStatus.OK, ack(first.getMsgFoundList().get(0)).getStatus());
    assertEquals(List.of(), texts(popInOrder(0, 2, 60_000)));
    assertEquals(AckStatus.OK, ack(first.getMsgFoundList().get(1)).getStatus());
    PopResult second = popInOrder(0, 2, 1_000);
    assertEquals(List.of("c"), texts(second));
    send(0, "d");
    // What is not acked in time comes again, before what is behind it.
    List<PopResult> again = new ArrayList<>();
    RocketMqClients.await(
        () -> "c again",
        () -> {
          try {
            again.add(popInOrder(0, 1, 60_000));
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
          return !texts(again.get(again.size() - 1)).isEmpty();
        });
    PopResult third = again.get(again.size() - 1);
    assertEquals(List.of("c"), texts(third));
    assertEquals(1, third.getMsgFoundList().get(0).getReconsumeTimes());
    assertEquals(AckStatus.OK, ack(third.getMsgFoundList().get(0)).getStatus());
    assertEquals(List.of("d"), texts(popInOrder(0, 2, 60_000)));
  }

  @Test
  void shouldAnswerQueriesOfAssignmentsWithoutAClientByKeepingThem() throws Exception {
    try (RawClient raw = new RawClient(target.brokerPort())) {
      byte[] body =
          ("{\"clientId\":\"c\",\"consumerGroup\":\""
                  + group
                  + "\",\"messageModel\":\"CLUSTERING\",\"strategyName\":\"AVG\",\"topic\":\""
                  + topic
                  + "\"}")
              .getBytes(StandardCharsets.UTF_8);
      Command answer = raw.call(RawClient.json(400, 1, 0, new ExtFields(), body));
      assertEquals(0, answer.code);
      assertEquals(null, answer.bodyObject().get("messageQueueAssignments"));
    }
  }

  /** RocketMQ takes an ack that comes too late, and it does nothing; Sluice says so. */
  private static void assertStale(AckResult late) {
    assertEquals(target.isSluice(), late.getStatus() != AckStatus.OK);
  }

  private int waiting(RawClient raw) {
    ExtFields fields =
        new ExtFields().put("consumerGroup", group).put("topic", topic).put("queueId", 1);
    try {
      Command answer = raw.call(RawClient.json(200_055, 1, 0, fields, new byte[0]));
      return Integer.parseInt(answer.fields().get("pollingNum"));
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private PopResult pop(int queueId, int max, long invisibleMs, long pollMs) throws Exception {
    return popLater(queueId, max, invisibleMs, pollMs).get(20, TimeUnit.SECONDS);
  }

  private PopResult popInOrder(int queueId, int max, long invisibleMs) throws Exception {
    return popLater(queueId, max, invisibleMs, 0, true).get(20, TimeUnit.SECONDS);
  }

  private static List<String> texts(PopResult popped) {
    return popped.getMsgFoundList() == null
        ? List.of()
        : popped.getMsgFoundList().stream().map(RocketMqPopApiIT::text).toList();
  }

  private CompletableFuture<PopResult> popLater(int queueId, int max, long invisibleMs, long pollMs)
      throws Exception {
    return popLater(queueId, max, invisibleMs, pollMs, false);
  }

  private CompletableFuture<PopResult> popLater(
      int queueId, int max, long invisibleMs, long pollMs, boolean inOrder) throws Exception {
    PopMessageRequestHeader header = new PopMessageRequestHeader();
    header.setConsumerGroup(group);
    header.setTopic(topic);
    header.setQueueId(queueId);
    header.setMaxMsgNums(max);
    header.setInvisibleTime(invisibleMs);
    header.setPollTime(pollMs);
    header.setBornTime(System.currentTimeMillis());
    header.setInitMode(0);
    if (inOrder) {
      header.setOrder(true);
    }
    CompletableFuture<PopResult> popped = new CompletableFuture<>();
    api.popMessageAsync(
        InteropTarget.BROKER,
        address,
        header,
        pollMs + 10_000,
        new PopCallback() {
          @Override
          public void onSuccess(PopResult result) {
            popped.complete(result);
          }

          @Override
          public void onException(Throwable failure) {
            popped.completeExceptionally(failure);
          }
        });
    return popped;
  }

  private AckResult ack(MessageExt message) throws Exception {
    AckMessageRequestHeader header = new AckMessageRequestHeader();
    header.setConsumerGroup(group);
    header.setTopic(topic);
    header.setQueueId(message.getQueueId());
    header.setOffset(message.getQueueOffset());
    header.setExtraInfo(message.getProperty(MessageConst.PROPERTY_POP_CK));
    CompletableFuture<AckResult> acked = new CompletableFuture<>();
    api.ackMessageAsync(address, 5_000, callback(acked), header);
    return acked.get(10, TimeUnit.SECONDS);
  }

  private AckResult change(String receipt, long invisibleMs) throws Exception {
    ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
    header.setConsumerGroup(group);
    header.setTopic(topic);
    header.setQueueId(0);
    header.setOffset(0L);
    header.setExtraInfo(receipt);
    header.setInvisibleTime(invisibleMs);
    CompletableFuture<AckResult> changed = new CompletableFuture<>();
    api.changeInvisibleTimeAsync(InteropTarget.BROKER, address, header, 5_000, callback(changed));
    return changed.get(10, TimeUnit.SECONDS);
  }

  private static AckCallback callback(CompletableFuture<AckResult> result) {
    return new AckCallback() {
      @Override
      public void onSuccess(AckResult ackResult) {
        result.complete(ackResult);
      }

      @Override
      public void onException(Throwable failure) {
        result.completeExceptionally(failure);
      }
    };
  }

  private void send(int queueId, String... bodies) throws Exception {
    for (String body : bodies) {
      producer.send(
          RocketMqClients.message(topic, "A", body),
          new MessageQueue(topic, InteropTarget.BROKER, queueId));
    }
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
