package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What the official client sends again has the unique id that it had, so it is stored once. A
 * RocketMQ stores it twice: only a Sluice is asked.
 */
class RocketMqRepeatIT {

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer producer;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    Assumptions.assumeTrue(target.isSluice());
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("repeat-it");
    producer.setRetryAnotherBrokerWhenNotStoreOK(true);
  }

  @AfterAll
  static void stopTarget() throws Exception {
    if (clients != null) {
      clients.close();
    }
    target.close();
  }

  @Test
  void shouldStoreTheSameMessageOnce() throws Exception {
    String topic = topic();
    Message message = message(topic, "a");
    SendResult first = send(message);
    SendResult again = send(message);
    assertSame(first, again);
    assertEquals(1, stored(topic));
    Message alike = message(topic, "a");
    assertNotEquals(first.getMsgId(), send(alike).getMsgId());
    assertEquals(2, stored(topic));
  }

  @Test
  void shouldRecogniseARetryThatGoesToAnotherQueue() throws Exception {
    String topic = topic();
    Message message = message(topic, "a");
    SendResult first = send(message);
    for (MessageQueue queue : producer.fetchPublishMessageQueues(topic)) {
      SendResult again = producer.send(message, queue);
      assertSame(first, again);
    }
    assertEquals(1, stored(topic));
  }

  @Test
  void shouldStoreABatchOnceAndOfAnotherOneWhatIsNew() throws Exception {
    String topic = topic();
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      messages.add(message(topic, "m" + i));
    }
    SendResult first = producer.send(messages);
    // The client puts the ids on the messages of the list itself.
    SendResult again = producer.send(messages);
    assertSame(first, again);
    assertEquals(5, stored(topic));
    messages.add(message(topic, "new"));
    SendResult mixed = producer.send(messages);
    assertEquals(first.getQueueOffset(), mixed.getQueueOffset());
    assertEquals(6, stored(topic));
  }

  @Test
  void shouldStoreAgainWhatWasGivenANewId() throws Exception {
    String topic = topic();
    Message message = message(topic, "a");
    send(message);
    MessageAccessor.clearProperty(message, "UNIQ_KEY");
    send(message);
    assertEquals(2, stored(topic));
  }

  @Test
  void shouldRecogniseOverARestartOfTheBroker() throws Exception {
    String topic = topic();
    Message message = message(topic, "a");
    SendResult first = send(message);
    target.restartBroker();
    assertSame(first, send(message));
    assertEquals(1, stored(topic));
  }

  private static void assertSame(SendResult first, SendResult again) {
    assertEquals(SendStatus.SEND_OK, again.getSendStatus());
    assertEquals(first.getMsgId(), again.getMsgId());
    assertEquals(first.getOffsetMsgId(), again.getOffsetMsgId());
    assertEquals(first.getQueueOffset(), again.getQueueOffset());
  }

  private static SendResult send(Message message) throws Exception {
    SendResult result = producer.send(message);
    assertEquals(SendStatus.SEND_OK, result.getSendStatus());
    return result;
  }

  private static long stored(String topic) throws Exception {
    List<MessageQueue> queues = producer.fetchPublishMessageQueues(topic);
    return IntStream.range(0, queues.size()).mapToLong(i -> maxOffset(queues.get(i))).sum();
  }

  private static long maxOffset(MessageQueue queue) {
    try {
      return producer.maxOffset(queue);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String topic() {
    return "repeat" + Long.toString(System.nanoTime(), 36);
  }

  private static Message message(String topic, String body) {
    return new Message(topic, "tag", body.getBytes(StandardCharsets.UTF_8));
  }
}
