package io.sluice.broker;

import static io.sluice.broker.BrokerKit.bodies;
import static io.sluice.broker.BrokerKit.receiveRequest;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Commit;
import io.sluice.bus.ClientKept.Disconnect;
import io.sluice.bus.ClientKept.GetOffset;
import io.sluice.bus.ClientKept.Heartbeat;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Offset;
import io.sluice.bus.ClientKept.Outcome;
import io.sluice.bus.ClientKept.Pull;
import io.sluice.bus.ClientKept.Pulled;
import io.sluice.bus.ClientKept.SendBack;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import io.sluice.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Retries of a group that is consumed by clients which keep their queues, and by leases. */
@Timeout(120)
class RetryHandoverTest {

  private static final String RETRY = "%RETRY%g";

  @TempDir Path directory;

  private BrokerKit kit;

  /** A message that a client pulled. */
  private record PulledMessage(long physicalOffset, String body, int times, String origin) {}

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
    kit.admin(new AdminRequest.PutGroup(new GroupConfig("g", 4, List.of(0L), 0)));
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldGiveLeasesWhatClientsLeftToBeTriedAgain() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    join("t");
    sendBack("t", "b");
    leave();
    Received again = only(receive("t", 10_000));
    assertEquals("b", again.body());
    assertEquals(2, again.attempt());
    assertEquals("t", again.message().properties().get(PropertyNames.RETRY_TOPIC));
    settle(SettleRequest.Kind.ACK, "t", again);
    assertEquals(List.of(), receive("t", 0));

    join("t");
    assertEquals(List.of(), pull(RETRY, offset(RETRY)));
    assertEquals(List.of(), pull("t", offset("t")));
  }

  @Test
  void shouldGiveAWaitingLeaseWhatBecomesDueLater() throws Exception {
    kit.sendInOrder("t", "a");
    join("t");
    List<PulledMessage> pulled = pull("t", 0);
    ask(new SendBack("g", pulled.get(0).physicalOffset(), 300, -1, null));
    commit("t", 1);
    leave();
    assertEquals(List.of("a"), bodies(receive("t", 10_000)));
  }

  @Test
  void shouldGiveClientsWhatLeasesLeftToBeTriedAgain() throws Exception {
    kit.sendInOrder("t", "a", "b");
    join("t");
    sendBack("t", "a");
    sendBack("t", "b");
    leave();
    List<Received> leased = new ArrayList<>();
    while (leased.size() < 2) {
      leased.addAll(receive("t", 10_000));
    }
    settle(SettleRequest.Kind.NACK, "t", leased.get(0));
    settle(SettleRequest.Kind.ACK, "t", leased.get(1));
    join("t");
    List<PulledMessage> back = awaitPulled(offset(RETRY));
    assertEquals(1, back.size());
    assertEquals(leased.get(0).body(), back.get(0).body());
    assertEquals(2, back.get(0).times(), "one try by a client, one by a lease");
    assertEquals("t", back.get(0).origin());
    commit(RETRY, offset(RETRY) + 1);
    leave();
    assertEquals(List.of(), receive("t", 0));
  }

  @Test
  void shouldGiveClientsWhatLeasesFailedWithoutWhatSucceededBehindIt() throws Exception {
    kit.sendInOrder("t", "a", "b", "c", "d");
    List<Received> leased = kit.receive(receiveRequest("g", "t", 3, 0));
    settle(SettleRequest.Kind.NACK, "t", leased.get(0), 0);
    settle(SettleRequest.Kind.ACK, "t", leased.get(1), 0);
    settle(SettleRequest.Kind.NACK, "t", leased.get(2), 500);
    join("t");
    assertEquals(3, offset("t"));
    List<PulledMessage> retries = awaitPulled(0);
    assertEquals("a", retries.get(0).body());
    assertEquals(1, retries.get(0).times());
    assertEquals("t", retries.get(0).origin());
    assertEquals("c", awaitPulled(1).get(0).body());
    assertEquals("d", pull("t", 3).get(0).body());
  }

  @Test
  void shouldLetClientsBeginAtWhatOrderedLeasesFailed() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    ReceiveRequest ordered =
        new ReceiveRequest(
            "g",
            "t",
            10,
            1 << 20,
            0,
            30_000,
            Filter.ALL,
            true,
            io.sluice.bus.StartPosition.EARLIEST,
            null);
    List<Received> leased = kit.receive(ordered);
    settle(SettleRequest.Kind.ACK, "t", leased.get(0), 0);
    settle(SettleRequest.Kind.NACK, "t", leased.get(1), 0);
    join("t");
    assertEquals(1, offset("t"));
    assertEquals(List.of(), pull(RETRY, 0));
  }

  @Test
  void shouldWaitForTheEndOfALeaseBeforeClientsGetItsMessage() throws Exception {
    kit.sendInOrder("t", "a");
    join("t");
    sendBack("t", "a");
    leave();
    Received leased = only(receive("t", 10_000));
    join("t");
    assertEquals(List.of(), pull(RETRY, offset(RETRY)));
    settle(SettleRequest.Kind.NACK, "t", leased);
    assertEquals("a", awaitPulled(offset(RETRY)).get(0).body());
  }

  @Test
  void shouldGiveClientsWhatWasRedrivenForLeases() throws Exception {
    kit.sendInOrder("t", "a");
    settle(SettleRequest.Kind.DEAD, "t", only(receive("t", 0)));
    kit.request(
            Addresses.letters(BrokerKit.BROKER),
            new io.sluice.bus.LetterRequest.Start(
                "g", io.sluice.bus.LetterRequest.Kind.REDRIVE, Filter.ALL, 0, 0))
        .await(10, SECONDS);
    // Somebody is there for it when it has been redriven, and leaves it to others.
    Received redriven = only(receive("t", 10_000));
    settle(SettleRequest.Kind.NACK, "t", redriven);
    join("t");
    assertEquals("a", awaitPulled(offset(RETRY)).get(0).body());
  }

  @Test
  void shouldCountTheAttemptsOfBothKindsAndEndInTheDeadLetters() throws Exception {
    kit.admin(new AdminRequest.PutGroup(new GroupConfig("g", 2, List.of(0L), 0)));
    kit.sendInOrder("t", "a");
    join("t");
    sendBack("t", "a");
    leave();
    settle(SettleRequest.Kind.NACK, "t", only(receive("t", 10_000)));
    List<Received> dead = kit.receive(receiveRequest("x", "%DLQ%g", 10, 10_000));
    assertEquals(List.of("a"), bodies(dead));
    assertEquals("t", dead.get(0).message().properties().get(PropertyNames.DLQ_ORIGIN_TOPIC));
    assertEquals(List.of(), receive("t", 0));
  }

  @Test
  void shouldNotLetAClientFromBeforeTakeTheGroupBack() throws Exception {
    kit.sendInOrder("t", "a");
    join("t");
    sendBack("t", "a");
    leave();
    settle(SettleRequest.Kind.ACK, "t", only(receive("t", 10_000)));
    commit(RETRY, 0);
    join("t");
    assertEquals(1, offset(RETRY));
    Pulled moved = pulled(RETRY, 0);
    assertEquals(Outcome.MOVED, moved.outcome());
    assertEquals(1, moved.nextOffset());
    kit.admin(new AdminRequest.SetPosition("g", RETRY, null, new int[] {0}, new long[] {0}));
    assertEquals(0, offset(RETRY));
  }

  @Test
  void shouldKeepAwayFromWhatIsLeasedOfTheRetryTopicItself() throws Exception {
    kit.sendInOrder("t", "a");
    join("t");
    sendBack("t", "a");
    leave();
    Received leased = only(kit.receive(receiveRequest("g", RETRY, 10, 10_000)));
    assertEquals(2, leased.attempt());
    assertEquals(List.of(), receive("t", 0));
    settle(SettleRequest.Kind.NACK, RETRY, leased);
    assertEquals(3, only(receive("t", 10_000)).attempt());
    assertEquals(List.of(), kit.receive(receiveRequest("g", RETRY, 10, 0)));
  }

  @Test
  void shouldBuryRetriesOfATopicThatIsGone() throws Exception {
    kit.sendInOrder("t", "a");
    kit.sendInOrder("u", "b");
    join("t", "u");
    sendBack("t", "a");
    sendBack("u", "b");
    leave();
    kit.admin(new AdminRequest.DeleteTopic("t"));
    assertEquals(List.of("b"), bodies(receive("u", 10_000)));
    List<Received> dead = kit.receive(receiveRequest("x", "%DLQ%g", 10, 10_000));
    assertEquals(List.of("a"), bodies(dead));
    assertEquals(
        "its topic 't' is not there any more",
        dead.get(0).message().properties().get(PropertyNames.DEAD_REASON));
  }

  @Test
  void shouldNeitherLoseNorDoubleAnythingHoweverTheGroupGoesOver() throws Exception {
    long seed = Long.getLong("handover.seed", System.nanoTime());
    Random random = new Random(seed);
    kit.admin(new AdminRequest.PutGroup(new GroupConfig("g", 1_000, List.of(0L), 0)));
    for (String topic : List.of("t", "u")) {
      kit.admin(new AdminRequest.PutTopic(TopicConfig.of(topic, 1)));
    }
    Map<String, Integer> acks = new TreeMap<>();
    int sent = 0;
    for (int phase = 0; phase < 30; phase++) {
      for (String topic : List.of("t", "u")) {
        for (int i = random.nextInt(5); i > 0; i--) {
          String body = topic + sent++;
          kit.sendInOrder(topic, body);
          acks.put(body, 0);
        }
      }
      if (random.nextBoolean()) {
        join("t", "u");
        consumeAsClient(random, random.nextInt(4), acks);
        leave();
      } else {
        lease(random, random.nextInt(4), acks);
      }
      if (random.nextInt(5) == 0) {
        kit.restart();
      }
    }
    long endNs = System.nanoTime() + SECONDS.toNanos(30);
    while (acks.containsValue(0)) {
      lease(random, 1, acks);
      assertTrue(System.nanoTime() < endNs, () -> "seed " + seed + " " + acks);
    }
    acks.forEach((body, times) -> assertEquals(1, times, body + ", seed " + seed));
    join("t", "u");
    assertEquals(List.of(), pull(RETRY, offset(RETRY)), "seed " + seed);
  }

  private void consumeAsClient(Random random, int rounds, Map<String, Integer> acks)
      throws Exception {
    for (int round = 0; round < rounds; round++) {
      for (String topic : List.of("t", "u", RETRY)) {
        long from = offset(topic);
        List<PulledMessage> messages = pull(topic, from);
        for (PulledMessage message : messages) {
          if (random.nextInt(3) == 0) {
            ask(new SendBack("g", message.physicalOffset(), 1, -1, null));
          } else {
            acks.merge(message.body(), 1, Integer::sum);
          }
        }
        commit(topic, from + messages.size());
      }
    }
  }

  private void lease(Random random, int rounds, Map<String, Integer> acks) throws Exception {
    for (int round = 0; round < rounds; round++) {
      for (String topic : List.of("t", "u")) {
        for (Received message : kit.receive(receiveRequest("g", topic, 3, 20))) {
          if (random.nextInt(3) == 0) {
            settle(SettleRequest.Kind.NACK, topic, message);
          } else {
            settle(SettleRequest.Kind.ACK, topic, message);
            acks.merge(message.body(), 1, Integer::sum);
          }
        }
      }
    }
  }

  private List<Received> receive(String topic, long waitMs) throws Exception {
    return kit.receive(receiveRequest("g", topic, 10, waitMs));
  }

  private static Received only(List<Received> messages) {
    assertEquals(1, messages.size(), () -> bodies(messages).toString());
    return messages.get(0);
  }

  private void settle(SettleRequest.Kind kind, String topic, Received message) throws Exception {
    settle(kind, topic, message, 0);
  }

  private void settle(SettleRequest.Kind kind, String topic, Received message, long durationMs)
      throws Exception {
    List<SettleReply.Outcome> outcomes =
        kit.settle(
            new SettleRequest("g")
                .add(
                    kind,
                    topic,
                    message.queueId(),
                    message.queueOffset(),
                    message.lease(),
                    durationMs,
                    "because"));
    assertEquals(List.of(SettleReply.Outcome.OK), outcomes, message.body());
  }

  /** A client comes that subscribes to these topics, and as RocketMQ's do to its retries. */
  private void join(String... topics) throws Exception {
    List<Subscription> subscriptions = new ArrayList<>();
    for (String topic : topics) {
      subscriptions.add(new Subscription(topic, Filter.ALL, 1));
    }
    subscriptions.add(new Subscription(RETRY, Filter.ALL, 1));
    ask(
        new Heartbeat(
            new Member("id", "f:1", "10.0.0.1:1", "JAVA", 513),
            List.of(),
            List.of(
                new Membership(
                    "g",
                    "CONSUME_PASSIVELY",
                    "CLUSTERING",
                    "CONSUME_FROM_FIRST_OFFSET",
                    subscriptions))));
  }

  private void leave() throws Exception {
    ask(new Disconnect("f:1"));
  }

  /** Consumes a topic's first queue to its end and gives this message back. */
  private void sendBack(String topic, String body) throws Exception {
    List<PulledMessage> pulled = pull(topic, 0);
    for (PulledMessage message : pulled) {
      if (message.body().equals(body)) {
        ask(new SendBack("g", message.physicalOffset(), 1, -1, null));
      }
    }
    commit(topic, pulled.size());
    Await.until("the retry to be due", () -> timersDelivered());
  }

  private boolean timersDelivered() {
    try {
      AdminRequest.Topic timers = kit.admin(new AdminRequest.GetTopic(RETRY));
      return timers.maxOffsets()[0] > 0;
    } catch (Exception notYet) {
      return false;
    }
  }

  private List<PulledMessage> awaitPulled(long offset) throws Exception {
    List<PulledMessage> pulled = new ArrayList<>();
    Await.until(
        "a retry at " + offset,
        () -> {
          try {
            pulled.addAll(pull(RETRY, offset));
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
          return !pulled.isEmpty();
        });
    return pulled;
  }

  private List<PulledMessage> pull(String topic, long offset) throws Exception {
    List<PulledMessage> out = new ArrayList<>();
    try (MessageBlock block = pulled(topic, offset).messages()) {
      MessageView view = new MessageView();
      for (int i = 0; i < block.count(); i++) {
        block.view(i, view);
        out.add(
            new PulledMessage(
                view.physicalOffset(),
                new String(view.body(), StandardCharsets.UTF_8),
                view.reconsumeTimes(),
                view.property(PropertyNames.RETRY_TOPIC)));
      }
    }
    return out;
  }

  private Pulled pulled(String topic, long offset) throws Exception {
    Pull pull = new Pull("g", topic, 0, offset, 32, 1 << 18, 0, null, 1, true, -1, "f:1");
    return this.<Pulled>ask(pull);
  }

  private void commit(String topic, long offset) throws Exception {
    ask(new Commit("g", topic, 0, offset));
  }

  /** Where RocketMQ's clients begin; they ask again until nothing is in between. */
  private long offset(String topic) throws Exception {
    long[] found = {0};
    Await.until(
        "the position in " + topic,
        () -> {
          try {
            found[0] = this.<Offset>ask(new GetOffset("g", topic, 0, true)).queueOffset();
            return true;
          } catch (Exception e) {
            return SluiceException.of(e).code() == ErrorCode.MESSAGE_NOT_FOUND;
          }
        });
    return found[0];
  }

  private <T extends BusMessage> T ask(ClientKept request) throws Exception {
    return kit.<T>request(Addresses.clientKept(BrokerKit.BROKER), request).await(10, SECONDS);
  }
}
