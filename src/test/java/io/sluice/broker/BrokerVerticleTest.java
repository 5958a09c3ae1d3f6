package io.sluice.broker;

import static io.sluice.broker.BrokerKit.ackRequest;
import static io.sluice.broker.BrokerKit.add;
import static io.sluice.broker.BrokerKit.awaitEquals;
import static io.sluice.broker.BrokerKit.bodies;
import static io.sluice.broker.BrokerKit.copy;
import static io.sluice.broker.BrokerKit.receiveRequest;
import static io.sluice.broker.BrokerKit.sortedBodies;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.DeleteGroup;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.FindByKey;
import io.sluice.bus.AdminRequest.FindByPhysicalOffset;
import io.sluice.bus.AdminRequest.Found;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.GetGroup;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.Groups;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.ListGroups;
import io.sluice.bus.AdminRequest.ListTopics;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AdminRequest.Topics;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class BrokerVerticleTest {

  @TempDir Path directory;
  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldHandOutWhatWasSentOnceAndSettleIt() throws Exception {
    AppendReply reply = kit.send("orders", "a", "b", "c");
    assertEquals(3, reply.count());
    assertNull(reply.error(0));

    List<Received> got = kit.receive("g", "orders", 10);
    assertEquals(List.of("a", "b", "c"), sortedBodies(got));
    assertTrue(got.stream().allMatch(m -> m.attempt() == 1));
    assertEquals(List.of(), kit.receive("g", "orders", 10));
    assertEquals(List.of(Outcome.OK, Outcome.OK, Outcome.OK), kit.ack("g", got));
    assertEquals(List.of("a", "b", "c"), sortedBodies(kit.receive("other", "orders", 10)));
  }

  @Test
  void shouldSpreadOverTheQueuesInTurnAndKeepAnOrderingKeyTogether() throws Exception {
    AppendReply spread = kit.send("orders", "a", "b", "c", "d");
    Set<Integer> queues = new TreeSet<>();
    for (int i = 0; i < 4; i++) {
      queues.add(spread.queueId(i));
    }
    assertEquals(Set.of(0, 1, 2, 3), queues);

    MessageBatch batch = kit.batch();
    for (int i = 0; i < 5; i++) {
      add(batch, "orders", QueueSelector.orderingKey("customer-7"), null, "m" + i);
    }
    AppendReply keyed = kit.send(batch);
    for (int i = 1; i < 5; i++) {
      assertEquals(keyed.queueId(0), keyed.queueId(i));
      assertEquals(keyed.queueOffset(0) + i, keyed.queueOffset(i));
    }
  }

  @Test
  void shouldRefuseSingleMessagesAndStoreTheOthers() throws Exception {
    kit.options.setMaxMessageBytes(100);
    kit.restart();
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.ANY, null, "fine");
    add(batch, "not allowed!", QueueSelector.ANY, null, "x");
    add(batch, Names.STATE_TOPIC, QueueSelector.ANY, null, "x");
    add(batch, "orders", QueueSelector.queue(99), null, "x");
    add(batch, "orders", QueueSelector.ANY, null, "y".repeat(101));
    add(batch, "orders", QueueSelector.ANY, null, "z".repeat(100));
    AppendReply reply = kit.send(batch);

    assertNull(reply.error(0));
    assertEquals(ErrorCode.INVALID_TOPIC, reply.error(1).code());
    assertEquals(ErrorCode.NO_PERMISSION, reply.error(2).code());
    assertEquals(ErrorCode.INVALID_ARGUMENT, reply.error(3).code());
    assertEquals(ErrorCode.MESSAGE_TOO_LARGE, reply.error(4).code());
    assertNull(reply.error(5));
    assertEquals(2, kit.receive("g", "orders", 10).size());
  }

  @Test
  void shouldStoreNothingOfAnAtomicBatchWithOneBadMessage() throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.ANY, null, "fine");
    add(batch, "not allowed!", QueueSelector.ANY, null, "x");
    SluiceException failure = failureOf(kit.append(batch, AckLevel.DISK, true));
    assertEquals(ErrorCode.INVALID_TOPIC, failure.code());
    assertEquals(List.of(), kit.receive("g", "orders", 10));
  }

  @Test
  void shouldSayWhatIsMissingForReplicated() {
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.ANY, null, "x");
    assertEquals(
        ErrorCode.REPLICAS_MISSING,
        failureOf(kit.append(batch, AckLevel.REPLICATED, false)).code());
  }

  @Test
  void shouldNotMakeTopicsWhereThatIsOff() throws Exception {
    kit.options.setAutoCreateTopics(false);
    kit.restart();
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, kit.send("orders", "a").error(0).code());
    assertEquals(
        ErrorCode.TOPIC_NOT_FOUND,
        failureOf(kit.receiveLater(receiveRequest("g", "orders", 1, 0))).code());
    kit.admin(new PutTopic(TopicConfig.of("orders", 2)));
    assertNull(kit.send("orders", "a").error(0));
  }

  @Test
  void shouldLoseNothingAndKeepTheOrderOfKeysWhenTheNumberOfQueuesChanges() throws Exception {
    Map<String, List<String>> seen = new TreeMap<>();
    List<String> sent = new ArrayList<>();
    for (int queues : List.of(4, 2, 8, 1, 3)) {
      kit.admin(new PutTopic(TopicConfig.of("orders", queues)));
      Set<Integer> used = new TreeSet<>();
      for (int i = 0; i < 40; i++) {
        String body = "k" + i % 5 + ":" + sent.size();
        MessageBatch batch = kit.batch();
        add(batch, "orders", QueueSelector.orderingKey("k" + i % 5), null, body);
        used.add(kit.send(batch).queueId(0));
        sent.add(body);
        // Some are leased when the number changes, some wait; the last queue may be gone then.
        if (i == 20) {
          takeInOrder(12, seen);
        }
      }
      assertTrue(used.stream().allMatch(queueId -> queueId < queues), used::toString);
      // As decision 0012 has it for strict order: what is there first, then another number.
      while (takeInOrder(7, seen) > 0) {
        // There is more.
      }
      kit.restart();
    }
    List<String> all = new ArrayList<>();
    seen.values().forEach(all::addAll);
    assertEquals(new TreeSet<>(sent), new TreeSet<>(all));
    assertEquals(sent.size(), all.size());
    for (List<String> ofKey : seen.values()) {
      List<Integer> numbers =
          ofKey.stream().map(body -> Integer.valueOf(body.split(":")[1])).toList();
      assertEquals(numbers.stream().sorted().toList(), numbers);
    }
  }

  @Test
  void shouldConsumeTheQueuesThatATopicNoLongerHasToTheirEnd() throws Exception {
    kit.admin(new PutTopic(TopicConfig.of("orders", 4)));
    Set<String> sent = new TreeSet<>();
    for (int queueId = 0; queueId < 4; queueId++) {
      for (int i = 0; i < 5; i++) {
        String body = queueId + ":" + i;
        MessageBatch batch = kit.batch();
        add(batch, "orders", QueueSelector.queue(queueId), null, body);
        assertNull(kit.send(batch).error(0));
        sent.add(body);
      }
    }
    List<Received> leased = kit.receive("g", "orders", 6);
    kit.admin(new PutTopic(TopicConfig.of("orders", 2)));
    kit.ack("g", leased);
    List<String> got = new ArrayList<>(bodies(leased));
    for (List<Received> more = kit.receive("g", "orders", 6);
        !more.isEmpty();
        more = kit.receive("g", "orders", 6)) {
      kit.ack("g", more);
      got.addAll(bodies(more));
    }
    assertEquals(20, got.size());
    assertEquals(sent, new TreeSet<>(got));
    assertEquals(0, totalWaiting("g"));
  }

  private int takeInOrder(int max, Map<String, List<String>> seen) throws Exception {
    List<Received> got = kit.receive(ordered("g", "orders", max, 0));
    for (Received each : got) {
      seen.computeIfAbsent(each.body().split(":")[0], key -> new ArrayList<>()).add(each.body());
    }
    if (!got.isEmpty()) {
      kit.ack("g", got);
    }
    return got.size();
  }

  @Test
  void shouldRefuseToSendToATopicThatIsReadOnly() throws Exception {
    kit.admin(
        new PutTopic(
            new TopicConfig(
                "orders", 2, TopicConfig.READ, false, TopicConfig.RETENTION_OF_BROKER, Map.of())));
    assertEquals(ErrorCode.NO_PERMISSION, kit.send("orders", "a").error(0).code());
  }

  @Test
  void shouldAnswerAWaitingReceiveWhenAMessageArrives() throws Exception {
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("g", "orders", 10, 10_000));
    kit.send("other", "not this");
    kit.send("orders", "a");
    ReceiveReply reply = waiting.await(5, SECONDS);
    assertTrue(reply.drained());
    assertTrue(reply.receivedNs() > 0);
    assertTrue(reply.dispatchedNs() >= reply.receivedNs());
    assertEquals(List.of("a"), bodies(copy(reply)));
  }

  @Test
  void shouldAnswerAWaitingReceiveEmptyWhenItsTimeIsOver() throws Exception {
    long startNs = System.nanoTime();
    assertEquals(List.of(), kit.receive(receiveRequest("g", "orders", 10, 50)));
    assertTrue(System.nanoTime() - startNs >= 49_000_000);
  }

  @Test
  void shouldWakeAWaiterOnlyForATagThatItWants() throws Exception {
    Future<ReceiveReply> waiting =
        kit.receiveLater(filtered("g", "orders", "paid || sent", 10_000));
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.queue(0), "other", "1");
    add(batch, "orders", QueueSelector.queue(0), null, "2");
    // "Aa" and "BB" have the same hash: the exact tag decides.
    add(batch, "orders", QueueSelector.queue(0), "BB", "3");
    kit.send(batch);
    assertFalse(waiting.isComplete());
    MessageBatch wanted = kit.batch();
    add(wanted, "orders", QueueSelector.queue(0), "sent", "4");
    kit.send(wanted);
    assertEquals(List.of("4"), bodies(copy(waiting.await(5, SECONDS))));

    assertEquals(List.of(), kit.receive(receiveRequest("g", "orders", 10, 0)));
  }

  @Test
  void shouldTellTagsWithTheSameHashApart() throws Exception {
    MessageBatch batch = kit.batch();
    for (String tag : List.of("BB", "Aa", "BB", "Aa", "BB")) {
      add(batch, "orders", QueueSelector.queue(0), tag, tag);
    }
    kit.send(batch);
    List<Received> got = kit.receive(filtered("g", "orders", "Aa", 0));
    assertEquals(List.of("Aa", "Aa"), bodies(got));
    kit.ack("g", got);
    assertEquals(0, totalWaiting("g"));
  }

  @Test
  void shouldRefuseFiltersThatCanNotBeRead() {
    assertEquals(
        ErrorCode.INVALID_FILTER,
        failureOf(kit.receiveLater(filtered("g", "orders", "a || || b", 0))).code());
    ReceiveRequest sql =
        new ReceiveRequest(
            "g", "orders", 1, 1, 0, 1, new Filter(Filter.Kind.SQL, "price > "), false, null, null);
    assertEquals(ErrorCode.INVALID_FILTER, failureOf(kit.receiveLater(sql)).code());
  }

  @Test
  void shouldHandOutAgainAfterANackAndCountTheAttempt() throws Exception {
    kit.send("orders", "a");
    Received first = kit.receive("g", "orders", 1).get(0);
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("g", "orders", 10, 10_000));
    assertEquals(List.of(Outcome.OK), kit.settle(Kind.NACK, "g", first, 20));
    Received second = copy(waiting.await(5, SECONDS)).get(0);
    assertEquals(2, second.attempt());
    assertTrue(second.lease() > first.lease());

    assertEquals(List.of(Outcome.EXPIRED), kit.ack("g", List.of(first)));
    assertEquals(List.of(Outcome.OK), kit.ack("g", List.of(second)));
    assertEquals(List.of(Outcome.OK), kit.ack("g", List.of(second)));
  }

  @Test
  void shouldHandOutAgainWhenTheLeaseEnds() throws Exception {
    kit.admin(new PutGroup(new GroupConfig("g", 16, List.of(10L), 10)));
    kit.send("orders", "a");
    ReceiveRequest brief =
        new ReceiveRequest(
            "g", "orders", 1, 1, 0, 30, Filter.ALL, false, StartPosition.EARLIEST, null);
    Received first = kit.receive(brief).get(0);
    Received second = kit.receive(receiveRequest("g", "orders", 1, 10_000)).get(0);
    assertEquals(2, second.attempt());
    assertEquals(List.of(Outcome.EXPIRED), kit.ack("g", List.of(first)));
  }

  @Test
  void shouldKeepALeaseThatIsExtended() throws Exception {
    kit.admin(new PutGroup(new GroupConfig("g", 16, List.of(0L), 0)));
    kit.send("orders", "a");
    ReceiveRequest brief =
        new ReceiveRequest(
            "g", "orders", 1, 1, 0, 50, Filter.ALL, false, StartPosition.EARLIEST, null);
    Received got = kit.receive(brief).get(0);
    assertEquals(List.of(Outcome.OK), kit.settle(Kind.EXTEND, "g", got, 60_000));
    assertEquals(List.of(), kit.receive(receiveRequest("g", "orders", 1, 150)));
    assertEquals(List.of(Outcome.OK), kit.ack("g", List.of(got)));
  }

  @Test
  void shouldNotKnowReceiptsThatWereNeverGiven() throws Exception {
    kit.send("orders", "a");
    Received got = kit.receive("g", "orders", 1).get(0);
    Received forged = new Received("orders", 0, 0, got.lease() + 5, 1, "", null, got.message());
    Received elsewhere = new Received("nowhere", 0, 0, got.lease(), 1, "", null, got.message());
    Received beyond = new Received("orders", 999, 0, got.lease(), 1, "", null, got.message());
    assertEquals(
        List.of(Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.UNKNOWN),
        kit.ack("g", List.of(forged, elsewhere, beyond)));
    assertEquals(
        ErrorCode.GROUP_NOT_FOUND,
        failureOf(kit.settleLater(ackRequest("nobody", List.of(got)))).code());
  }

  @Test
  void shouldGiveBackTheLeasesOfAHolderThatIsGone() throws Exception {
    kit.send("orders", "a", "b");
    List<Received> held = kit.receive(heldBy("socket-1", "g", "orders", 10, 0));
    assertEquals(2, held.size());
    Future<ReceiveReply> waiting = kit.receiveLater(heldBy("socket-1", "g", "orders", 10, 10_000));
    kit.release("socket-1");
    assertEquals(0, waiting.await(5, SECONDS).messages().count());
    List<Received> again = kit.receive("g", "orders", 10);
    assertEquals(List.of("a", "b"), sortedBodies(again));
    assertTrue(again.stream().allMatch(m -> m.attempt() == 2));
    assertEquals(List.of(Outcome.EXPIRED, Outcome.EXPIRED), kit.ack("g", held));
  }

  @Test
  void shouldSendToTheDeadLettersAfterTheLastAttempt() throws Exception {
    kit.admin(new PutGroup(new GroupConfig("g", 2, List.of(0L), 0)));
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.queue(2), "tag", "poison");
    kit.send(batch);
    kit.settle(Kind.NACK, "g", kit.receive("g", "orders", 1).get(0), 0);
    kit.settle(Kind.NACK, "g", kit.receive("g", "orders", 1).get(0), 0);

    assertEquals(List.of(), kit.receive("g", "orders", 1));
    assertEquals(0, totalWaiting("g"));
    Received dead = kit.receive("undertaker", Names.deadLetterTopic("g"), 1).get(0);
    assertEquals("poison", dead.body());
    Map<String, String> properties = dead.message().properties();
    assertEquals("tag", dead.tag());
    assertEquals("orders", properties.get(PropertyNames.RETRY_TOPIC));
    assertEquals("g", properties.get(PropertyNames.ORIGIN_GROUP));
    assertEquals("because", properties.get(PropertyNames.DEAD_REASON));
    assertEquals("2", properties.get(PropertyNames.DEAD_QUEUE_ID));
    assertEquals("0", properties.get(PropertyNames.DEAD_QUEUE_OFFSET));
    assertEquals("k-poison", properties.get(PropertyNames.KEYS));
  }

  @Test
  void shouldSendToTheDeadLettersAtOnceWhenAsked() throws Exception {
    kit.send("orders", "a");
    Received got = kit.receive("g", "orders", 1).get(0);
    assertEquals(List.of(Outcome.OK), kit.settle(Kind.DEAD, "g", got, 0));
    assertEquals(List.of(Outcome.OK), kit.settle(Kind.DEAD, "g", got, 0));
    assertEquals(1, kit.receive("undertaker", Names.deadLetterTopic("g"), 5).size());
  }

  @Test
  void shouldKeepTheOrderThroughFailures() throws Exception {
    kit.admin(new PutGroup(new GroupConfig("g", 16, List.of(0L), 20)));
    kit.sendInOrder("orders", "1", "2", "3", "4", "5", "6");
    List<Received> batch = kit.receive(ordered("g", "orders", 4, 0));
    assertEquals(List.of("1", "2", "3", "4"), bodies(batch));
    assertEquals(List.of(), kit.receive(ordered("g", "orders", 4, 0)));

    kit.ack("g", batch.subList(0, 1));
    kit.settle(Kind.NACK, "g", batch.get(1), -1);
    assertEquals(List.of(Outcome.EXPIRED), kit.ack("g", batch.subList(2, 3)));
    assertEquals(List.of(), kit.receive(ordered("g", "orders", 4, 0)));

    List<Received> again = kit.receive(ordered("g", "orders", 10, 10_000));
    assertEquals(List.of("2", "3", "4", "5", "6"), bodies(again));
    assertEquals(List.of(2, 1, 1, 1, 1), again.stream().map(Received::attempt).toList());
    kit.ack("g", again);
    assertEquals(0, totalWaiting("g"));
  }

  @Test
  void shouldGoOnWhereItWasAfterARestart() throws Exception {
    kit.send("orders", "a", "b", "c", "d", "e");
    List<Received> got = kit.receive("g", "orders", 3);
    kit.ack("g", got.subList(0, 2));
    kit.restart();

    assertEquals(List.of(Outcome.OK), kit.ack("g", got.subList(0, 1)));
    List<Received> rest = new ArrayList<>(kit.receive("g", "orders", 10));
    // A queue that is not in memory yet is not waited for while another has something.
    rest.addAll(kit.receive("g", "orders", 10));
    assertEquals(2, rest.size());
    assertTrue(rest.get(0).lease() > got.get(2).lease());
    assertEquals(List.of(Outcome.OK), kit.ack("g", got.subList(2, 3)));
    kit.ack("g", rest);
    assertEquals(0, totalWaiting("g"));
    Set<String> all = new TreeSet<>(bodies(got));
    all.addAll(bodies(rest));
    assertEquals(Set.of("a", "b", "c", "d", "e"), all);
  }

  @Test
  void shouldGiveBackTheLeasesOfSocketsAtARestart() throws Exception {
    kit.send("orders", "a");
    kit.receive(heldBy("socket", "g", "orders", 1, 0));
    kit.restart();
    Received again = kit.receive("g", "orders", 1).get(0);
    assertEquals(2, again.attempt());
  }

  @Test
  void shouldKeepTopicsAndGroupsOverARestart() throws Exception {
    TopicConfig topic =
        new TopicConfig("orders", 3, 6, true, 60_000, Map.of("message.type", "FIFO"));
    GroupConfig group = new GroupConfig("g", 5, List.of(1L, 2L), 7);
    kit.admin(new PutTopic(topic));
    kit.admin(new PutGroup(group));
    kit.restart();
    assertEquals(topic, kit.<Topic>admin(new GetTopic("orders")).config());
    assertEquals(group, kit.admin(new GetGroup("g")));
    kit.restart();
    assertEquals(group, kit.admin(new GetGroup("g")));
  }

  @Test
  void shouldStartADeletedTopicAtZero() throws Exception {
    kit.sendInOrder("orders", "a", "b");
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("idle", "orders", 1, 10_000));
    kit.ack("idle", copy(waiting.await(5, SECONDS)));
    kit.receive("idle", "orders", 10);
    waiting = kit.receiveLater(receiveRequest("idle", "orders", 1, 10_000));
    kit.admin(new DeleteTopic("orders"));
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, failureOf(waiting).code());
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, adminFailure(new GetTopic("orders")));

    assertEquals(0, kit.sendInOrder("orders", "new").queueOffset(0));
    assertEquals(List.of("new"), bodies(kit.receive("idle", "orders", 10)));
    kit.restart();
    assertEquals(1, kit.sendInOrder("orders", "newer").queueOffset(0));
    assertEquals(List.of("newer"), bodies(kit.receive("idle", "orders", 10)));
  }

  @Test
  void shouldForgetADeletedGroup() throws Exception {
    kit.send("orders", "a");
    kit.ack("g", kit.receive("g", "orders", 1));
    kit.admin(new DeleteGroup("g"));
    assertEquals(ErrorCode.GROUP_NOT_FOUND, adminFailure(new GetLag("g")));
    assertEquals(List.of("a"), bodies(kit.receive("g", "orders", 1)));
  }

  @Test
  void shouldGoOnWhereADeletedGroupWasIfItsPositionsWereKept() throws Exception {
    kit.sendInOrder("orders", "a", "b", "c");
    kit.ack("g", kit.receive("g", "orders", 1));
    kit.receive("g", "orders", 1);
    kit.admin(new DeleteGroup("g", true));
    assertEquals(ErrorCode.GROUP_NOT_FOUND, adminFailure(new GetLag("g")));
    assertEquals(List.of(), kit.<Groups>admin(new ListGroups()).groups());
    // Once from the log, and once from the snapshot that the stop writes.
    kit.restart();
    kit.restart();
    assertEquals(ErrorCode.GROUP_NOT_FOUND, adminFailure(new GetLag("g")));

    kit.admin(new PutGroup(GroupConfig.of("g")));
    QueueLag lag =
        kit.<Lag>admin(new GetLag("g")).queues().stream()
            .filter(queue -> queue.queueId() == 0)
            .findFirst()
            .orElseThrow();
    assertEquals(1, lag.committedOffset());
    assertEquals(2, lag.nextOffset());
    assertEquals(List.of("c"), bodies(kit.receive("g", "orders", 1)));
  }

  @Test
  void shouldForgetThePositionsOfADeletedGroupIfTheyAreDeletedLater() throws Exception {
    kit.send("orders", "a");
    kit.ack("g", kit.receive("g", "orders", 1));
    kit.admin(new DeleteGroup("g", true));
    kit.admin(new DeleteGroup("g"));
    assertEquals(ErrorCode.GROUP_NOT_FOUND, adminFailure(new DeleteGroup("g")));
    assertEquals(List.of("a"), bodies(kit.receive("g", "orders", 1)));
  }

  @Test
  void shouldCountGroupsWithKeptPositionsAmongThoseThatAreAllowed() throws Exception {
    kit.options.setMaxGroups(1);
    kit.restart();
    kit.admin(new PutGroup(GroupConfig.of("g")));
    kit.admin(new DeleteGroup("g", true));
    assertEquals(ErrorCode.BUSY, adminFailure(new PutGroup(GroupConfig.of("h"))));
    kit.admin(new PutGroup(GroupConfig.of("g")));
    kit.admin(new DeleteGroup("g"));
    kit.admin(new PutGroup(GroupConfig.of("h")));
  }

  @Test
  void shouldNotDeleteAGroupOfTheSystem() throws Exception {
    kit.admin(new PutGroup(GroupConfig.of("TOOLS_CONSUMER")));
    assertEquals(ErrorCode.NO_PERMISSION, adminFailure(new DeleteGroup("TOOLS_CONSUMER")));
    assertEquals(ErrorCode.NO_PERMISSION, adminFailure(new DeleteGroup("TOOLS_CONSUMER", true)));
  }

  @Test
  void shouldSetThePositionOfOneQueueByTime() throws Exception {
    kit.sendInOrder("orders", "a", "b", "c");
    kit.ack("g", kit.receive("g", "orders", 3));
    kit.admin(new SetPosition("g", "orders", StartPosition.time(0), new int[] {1}, null));
    assertEquals(List.of(), kit.receive("g", "orders", 10));
    Positions set =
        kit.admin(new SetPosition("g", "orders", StartPosition.time(0), new int[] {0}, null));
    assertArrayEquals(new int[] {0}, set.queueIds());
    assertArrayEquals(new long[] {0}, set.queueOffsets());
    assertEquals(3, kit.receive("g", "orders", 10).size());
    assertEquals(
        ErrorCode.INVALID_ARGUMENT,
        adminFailure(new SetPosition("g", "orders", StartPosition.LATEST, new int[] {4}, null)));
  }

  @Test
  void shouldSetAPositionThatWaitingConsumersFollowAtOnce() throws Exception {
    kit.sendInOrder("orders", "a", "b", "c");
    kit.ack("g", kit.receive("g", "orders", 3));
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("g", "orders", 10, 10_000));
    kit.admin(new SetPosition("g", "orders", null, new int[] {0}, new long[] {1}));
    assertEquals(List.of("b", "c"), bodies(copy(waiting.await(5, SECONDS))));

    kit.admin(new SetPosition("g", "orders", StartPosition.EARLIEST, null, null));
    assertEquals(3, kit.receive("g", "orders", 10).size());
    kit.admin(new SetPosition("g", "orders", StartPosition.time(0), null, null));
    assertEquals(3, kit.receive("g", "orders", 10).size());
    kit.admin(new SetPosition("g", "orders", StartPosition.LATEST, null, null));
    assertEquals(List.of(), kit.receive("g", "orders", 10));
    assertEquals(
        ErrorCode.OFFSET_OUT_OF_RANGE,
        adminFailure(new SetPosition("g", "orders", null, new int[] {0}, new long[] {4})));
  }

  @Test
  void shouldStartANewGroupWhereItIsTold() throws Exception {
    kit.sendInOrder("orders", "old");
    assertEquals(List.of(), kit.receive(from("late", StartPosition.LATEST)));
    assertEquals(List.of(), kit.receive(from("future", StartPosition.time(Long.MAX_VALUE))));
    assertEquals(List.of("old"), bodies(kit.receive(from("timed", StartPosition.time(1)))));
    kit.sendInOrder("orders", "new");
    assertEquals(List.of("new"), bodies(kit.receive(from("late", StartPosition.EARLIEST))));
  }

  @Test
  void shouldTellTheLag() throws Exception {
    kit.sendInOrder("orders", "a", "b", "c", "d");
    List<Received> got = kit.receive("g", "orders", 3);
    kit.ack("g", got.subList(0, 1));
    kit.settle(Kind.NACK, "g", got.get(1), 60_000);
    QueueLag lag =
        kit.<Lag>admin(new GetLag("g")).queues().stream()
            .filter(queue -> queue.queueId() == 0)
            .findFirst()
            .orElseThrow();
    assertEquals(1, lag.committedOffset());
    assertEquals(3, lag.nextOffset());
    assertEquals(4, lag.maxOffset());
    assertEquals(3, lag.waiting());
    assertEquals(1, lag.inFlight());
    assertEquals(1, lag.retrying());
    assertTrue(lag.oldestStoredAtMs() > 0);
  }

  @Test
  void shouldListTopicsButNotTheSystems() throws Exception {
    kit.send("orders", "a");
    Topics topics = kit.admin(new ListTopics());
    assertEquals(List.of("orders"), topics.topics().stream().map(TopicConfig::name).toList());
  }

  @Test
  void shouldMakeTheTopicOfTracesByTheFirstSendOrByHand() throws Exception {
    kit.send(Names.TRACE_TOPIC, "a");
    assertEquals(List.of("a"), bodies(kit.receive("g", Names.TRACE_TOPIC, 1)));
    kit.admin(new PutTopic(TopicConfig.of(Names.BENCHMARK_TOPIC, 2)));
    Topics topics = kit.admin(new ListTopics());
    assertEquals(
        List.of(Names.BENCHMARK_TOPIC, Names.TRACE_TOPIC),
        topics.topics().stream().map(TopicConfig::name).toList());
  }

  @Test
  void shouldFindMessagesByKeyAndPlace() throws Exception {
    AppendReply reply = kit.send("orders", "a", "b");
    Found found = kit.admin(new FindByKey("orders", "k-b", 10));
    assertEquals(List.of("b"), bodies(copy(found.messages())));
    Found there = kit.admin(new FindByPhysicalOffset(reply.physicalOffset(0)));
    assertEquals(List.of("a"), bodies(copy(there.messages())));
    Found hidden = kit.admin(new FindByPhysicalOffset(0));
    assertEquals(0, hidden.messages().count());
  }

  @Test
  void shouldTellAboutItself() throws Exception {
    kit.send("orders", "a", "b");
    kit.receive("g", "orders", 10);
    kit.receiveLater(receiveRequest("g", "orders", 10, 10_000));
    awaitEquals(1L, () -> kit.<BrokerInfo>admin(new GetBroker()).waitingReceives());
    BrokerInfo info = kit.admin(new GetBroker());
    assertEquals(2, info.messagesIn());
    assertEquals(2, info.messagesOut());
    assertEquals(2, info.leasesInFlight());
    assertTrue(info.writable());
  }

  @Test
  void shouldTellNameServersAgainAndAgainThatItLives() throws Exception {
    kit.options.setRegisterInterval(Duration.ofMillis(20));
    kit.restart();
    AtomicInteger told = new AtomicInteger();
    kit.vertx
        .eventBus()
        .<NameServerRequest>consumer(Addresses.registrations(), message -> told.incrementAndGet());
    awaitEquals(true, () -> told.get() >= 5);
  }

  @Test
  void shouldReadWithoutAGroup() throws Exception {
    kit.sendInOrder("orders", "a", "b", "c");
    ReadReply start = read(null, null, StartPosition.LATEST, 0, 0);
    assertEquals(4, start.queueIds().length);
    assertEquals(3, start.nextOffsets()[0]);
    ReadReply reply = read(new int[] {0}, new long[] {1}, null, 10, 0);
    assertEquals(List.of("b", "c"), bodies(copy(reply.messages())));
    assertEquals(3, reply.nextOffsets()[0]);

    Future<ReadReply> waiting =
        kit.read(
            new ReadRequest(
                "orders",
                start.queueIds(),
                start.nextOffsets(),
                null,
                10,
                1 << 20,
                10_000,
                Filter.ALL,
                null));
    kit.sendInOrder("orders", "d");
    assertEquals(List.of("d"), bodies(copy(waiting.await(5, SECONDS).messages())));
    assertEquals(0, read(new int[] {0}, new long[] {77}, null, 10, 20).messages().count());
  }

  @Test
  void shouldBoundTheWaiting() throws Exception {
    kit.options.setMaxWaitingReceives(2);
    kit.restart();
    List<Future<ReceiveReply>> waiting = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      waiting.add(kit.receiveLater(receiveRequest("g", "orders", 1, 10_000)));
    }
    assertEquals(ErrorCode.BUSY, failureOf(waiting.get(2)).code());
    kit.send("orders", "a", "b");
    assertEquals(1, copy(waiting.get(0).await(5, SECONDS)).size());
    assertEquals(1, copy(waiting.get(1).await(5, SECONDS)).size());
  }

  @Test
  void shouldHandOutNothingNewAtTheBoundOfUnsettled() throws Exception {
    kit.options.setMaxUnsettledPerQueue(3);
    kit.restart();
    kit.sendInOrder("orders", "1", "2", "3", "4", "5");
    List<Received> got = kit.receive("g", "orders", 10);
    assertEquals(List.of("1", "2", "3"), bodies(got));
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("g", "orders", 10, 10_000));
    kit.ack("g", got.subList(1, 2));
    assertEquals(List.of("4"), bodies(copy(waiting.await(5, SECONDS))));
  }

  @Test
  void shouldAnswerAllThatWaitsWhenItStops() throws Exception {
    List<Future<?>> waiting = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      waiting.add(kit.receiveLater(receiveRequest("g" + i, "orders", 1, 60_000)));
    }
    waiting.add(
        kit.read(
            new ReadRequest("orders", null, null, null, 10, 1 << 20, 60_000, Filter.ALL, null)));
    awaitEquals(21L, () -> kit.<BrokerInfo>admin(new GetBroker()).waitingReceives());
    kit.stop();
    for (Future<?> each : waiting) {
      assertEquals(ErrorCode.SHUTTING_DOWN, failureOf(each).code());
    }
  }

  @Test
  void shouldReadWhatIsFarBehindAfterARestart() throws Exception {
    int count = 3_000;
    String filler = "x".repeat(1_000);
    for (int i = 0; i < count / 100; i++) {
      MessageBatch batch = kit.batch();
      for (int j = 0; j < 100; j++) {
        add(batch, "orders", QueueSelector.queue(0), null, i * 100 + j + filler);
      }
      kit.send(batch);
    }
    kit.restart();
    int next = 0;
    while (next < count) {
      List<Received> got = kit.receive(receiveRequest("g", "orders", 500, 5_000));
      for (Received each : got) {
        assertEquals(next++ + filler, each.body());
      }
      kit.ack("g", got);
    }
    assertEquals(0, totalWaiting("g"));
  }

  @Test
  void shouldTakePlainSendsForTopicsThatExist() throws Exception {
    kit.admin(new PutTopic(TopicConfig.of("orders", 2)));
    io.vertx.core.eventbus.DeliveryOptions headers =
        new io.vertx.core.eventbus.DeliveryOptions()
            .addHeader("Sluice-Tag", "paid")
            .addHeader("Sluice-Property-Colour", "red")
            .addHeader("Sluice-Ack", "disk");
    JsonObject reply =
        kit.vertx
            .eventBus()
            .<JsonObject>request("sluice.send.orders", new JsonObject().put("id", 7), headers)
            .await(5, SECONDS)
            .body();
    assertEquals("disk", reply.getString("ack"));
    assertEquals("orders", reply.getString("topic"));
    Received got = kit.receive("g", "orders", 1).get(0);
    assertEquals("{\"id\":7}", got.body());
    assertEquals("paid", got.tag());
    assertEquals("red", got.message().properties().get("Colour"));
    assertEquals(
        reply.getString("messageId"), got.message().properties().get(PropertyNames.UNIQUE_KEY));

    kit.admin(new DeleteTopic("orders"));
    awaitEquals(
        true,
        () ->
            failureOf(kit.vertx.eventBus().request("sluice.send.orders", "x")).code()
                == ErrorCode.BROKER_UNAVAILABLE);
  }

  private long totalWaiting(String group) throws Exception {
    return kit.<Lag>admin(new GetLag(group)).queues().stream().mapToLong(QueueLag::waiting).sum();
  }

  private ErrorCode adminFailure(io.sluice.bus.AdminRequest request) {
    return assertThrows(
                Exception.class,
                () -> {
                  try {
                    kit.admin(request);
                  } catch (Exception e) {
                    throw SluiceException.of(e);
                  }
                })
            instanceof SluiceException known
        ? known.code()
        : null;
  }

  private ReadReply read(int[] queueIds, long[] offsets, StartPosition from, int max, long waitMs)
      throws Exception {
    return kit.read(
            new ReadRequest(
                "orders", queueIds, offsets, from, max, 1 << 20, waitMs, Filter.ALL, null))
        .await(10, SECONDS);
  }

  private static SluiceException failureOf(Future<?> future) {
    try {
      Object value = future.await(10, SECONDS);
      throw new AssertionError("expected a failure, found " + value);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError("no answer", e);
    } catch (RuntimeException e) {
      return SluiceException.of(e);
    }
  }

  private static ReceiveRequest from(String group, StartPosition from) {
    return new ReceiveRequest(
        group, "orders", 10, 1 << 20, 0, 30_000, Filter.ALL, false, from, null);
  }

  private static ReceiveRequest filtered(String group, String topic, String tags, long waitMs) {
    return new ReceiveRequest(
        group,
        topic,
        10,
        1 << 20,
        waitMs,
        30_000,
        Filter.tags(tags),
        false,
        StartPosition.EARLIEST,
        null);
  }

  private static ReceiveRequest ordered(String group, String topic, int max, long waitMs) {
    return new ReceiveRequest(
        group, topic, max, 1 << 20, waitMs, 30_000, Filter.ALL, true, StartPosition.EARLIEST, null);
  }

  private static ReceiveRequest heldBy(
      String holder, String group, String topic, int max, long waitMs) {
    return new ReceiveRequest(
        group,
        topic,
        max,
        1 << 20,
        waitMs,
        30_000,
        Filter.ALL,
        false,
        StartPosition.EARLIEST,
        holder);
  }
}
