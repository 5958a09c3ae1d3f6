package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client's transactions: all three outcomes, and what is asked for later. */
class RocketMqTransactionIT {

  /** RocketMQ asks 6 s after the send at the earliest, and then every 30 s. */
  private static final long PATIENCE_NS = 100_000_000_000L;

  private InteropTarget target;
  private RocketMqClients clients;
  private final String topic = "tx" + Long.toString(System.nanoTime(), 36);
  private final ConcurrentLinkedQueue<MessageExt> seen = new ConcurrentLinkedQueue<>();

  @BeforeEach
  void start() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-readers");
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              seen.addAll(messages);
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    clients.producer(topic + "-plain").send(message("first"));
    consumer.start();
    await("the first", () -> bodies().contains("first"));
  }

  @AfterEach
  void stop() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldEndInAllThreeWays() throws Exception {
    Local local =
        new Local(
            body ->
                switch (body) {
                  case "commit" -> LocalTransactionState.COMMIT_MESSAGE;
                  case "rollback" -> LocalTransactionState.ROLLBACK_MESSAGE;
                  default -> LocalTransactionState.UNKNOW;
                },
            body ->
                body.equals("later")
                    ? LocalTransactionState.COMMIT_MESSAGE
                    : LocalTransactionState.ROLLBACK_MESSAGE);
    TransactionMQProducer producer = producer(local);
    TransactionSendResult commit = send(producer, "commit");
    assertEquals(LocalTransactionState.COMMIT_MESSAGE, commit.getLocalTransactionState());
    assertEquals(commit.getMsgId(), commit.getTransactionId());
    send(producer, "rollback");
    TransactionSendResult later = send(producer, "later");
    send(producer, "never");
    await("what was committed, " + bodies(), () -> bodies().contains("later"));
    await("the last question", () -> local.asked.containsKey("never"));
    assertEquals(List.of("commit", "first", "later"), bodies());
    MessageExt asked = local.asked.get("later");
    assertEquals(topic, asked.getTopic());
    assertEquals(later.getTransactionId(), asked.getTransactionId());
    assertEquals("tag", asked.getTags());
    MessageExt seenLater = message(seen, "later");
    assertEquals(later.getMsgId(), seenLater.getMsgId());
    assertEquals(later.getTransactionId(), seenLater.getTransactionId());
    assertEquals("yes", seenLater.getUserProperty("kept"));
    assertEquals("tag", seenLater.getTags());
  }

  @Test
  void shouldAskAnotherProducerOfTheGroupWhenTheFirstIsGone() throws Exception {
    Local first = new Local(body -> LocalTransactionState.UNKNOW, body -> null);
    TransactionMQProducer gone = producer(first);
    send(gone, "left behind");
    gone.shutdown();
    Local second = new Local(body -> null, body -> LocalTransactionState.COMMIT_MESSAGE);
    TransactionMQProducer other = producer(second);
    // A producer knows a Broker, and says so to it, once it has sent something.
    assertEquals(SendStatus.SEND_OK, other.send(message("plain")).getSendStatus());
    await("the message left behind", () -> bodies().contains("left behind"));
    assertNotNull(second.asked.get("left behind"));
  }

  @Test
  void shouldKeepOpenOnesOverARestartOfTheBroker() throws Exception {
    assumeTrue(target.isSluice());
    Local local =
        new Local(
            body -> {
              try {
                target.restartBroker();
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
              return body.equals("end is known")
                  ? LocalTransactionState.COMMIT_MESSAGE
                  : LocalTransactionState.UNKNOW;
            },
            body -> LocalTransactionState.COMMIT_MESSAGE);
    TransactionMQProducer producer = producer(local);
    send(producer, "end is known");
    send(producer, "end is asked for");
    await(
        "both, " + bodies(),
        () -> bodies().containsAll(List.of("end is known", "end is asked for")));
    assertEquals(List.of("end is asked for", "end is known", "first"), bodies());
  }

  @Test
  void shouldHideHalfMessagesFromWhoLooksForThem() throws Exception {
    Local local = new Local(body -> LocalTransactionState.UNKNOW, body -> null);
    TransactionMQProducer producer = producer(local);
    Message message = message("half");
    message.setKeys("half-key");
    SendResult result = producer.sendMessageInTransaction(message, null);
    assertEquals(SendStatus.SEND_OK, result.getSendStatus());
    try {
      List<MessageExt> found =
          producer.queryMessage(topic, "half-key", 10, 0, Long.MAX_VALUE).getMessageList();
      assertEquals(List.of(), found);
    } catch (org.apache.rocketmq.client.exception.MQClientException nothing) {
      assertTrue(nothing.getMessage().contains("no message"), nothing::getMessage);
    }
  }

  /** What a producer does and knows, by the body of the message. */
  private static final class Local implements TransactionListener {
    private final Function<String, LocalTransactionState> does;
    private final Function<String, LocalTransactionState> knows;
    private final Map<String, MessageExt> asked = new ConcurrentHashMap<>();

    private Local(
        Function<String, LocalTransactionState> does,
        Function<String, LocalTransactionState> knows) {
      this.does = does;
      this.knows = knows;
    }

    @Override
    public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
      return does.apply(body(message));
    }

    @Override
    public LocalTransactionState checkLocalTransaction(MessageExt message) {
      asked.put(body(message), message);
      LocalTransactionState state = knows.apply(body(message));
      return state == null ? LocalTransactionState.UNKNOW : state;
    }
  }

  private TransactionMQProducer producer(TransactionListener listener) throws Exception {
    return clients.transactionProducer(topic + "-shop", listener);
  }

  private TransactionSendResult send(TransactionMQProducer producer, String body) throws Exception {
    TransactionSendResult result = producer.sendMessageInTransaction(message(body), null);
    assertEquals(SendStatus.SEND_OK, result.getSendStatus());
    return result;
  }

  private Message message(String body) {
    Message message = new Message(topic, "tag", body.getBytes(StandardCharsets.UTF_8));
    message.putUserProperty("kept", "yes");
    return message;
  }

  private List<String> bodies() {
    return seen.stream().map(RocketMqTransactionIT::body).sorted().toList();
  }

  private static MessageExt message(Iterable<MessageExt> messages, String body) {
    for (MessageExt message : messages) {
      if (body(message).equals(body)) {
        return message;
      }
    }
    return fail("no message " + body);
  }

  private static String body(Message message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  private static void await(String what, BooleanSupplier condition) {
    long endNs = System.nanoTime() + PATIENCE_NS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > endNs) {
        fail("did not come: " + what);
      }
      LockSupport.parkNanos(5_000_000);
    }
  }
}
