package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.bus.TransactionRequest.EndHalf;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.Await;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Transactions under a clock that is moved by hand. */
@Timeout(120)
class TransactionsTest {

  private static final long FIRST_MS = 6_000;
  private static final long INTERVAL_MS = 30_000;

  @TempDir Path directory;
  @TempDir Path copies;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private TransactionKit shop;

  @BeforeEach
  void open() {
    shop = new TransactionKit(directory, clock);
  }

  @AfterEach
  void close() throws Exception {
    shop.close();
  }

  @Test
  void shouldShowAMessageOnceItIsCommittedAndNotBefore() throws Exception {
    shop.start();
    String id = shop.begin("orders");
    assertEquals(List.of(), shop.receive("orders"));
    assertEquals(List.of(id), shop.open());
    assertEquals(State.COMMITTED, shop.end(id, true));
    assertEquals(List.of(id), shop.receive("orders"));
    assertEquals(List.of(), shop.open());
  }

  @Test
  void shouldNeverShowWhatIsRolledBack() throws Exception {
    shop.start();
    String id = shop.begin("orders");
    assertEquals(State.ROLLED_BACK, shop.end(id, false));
    assertEquals(State.ROLLED_BACK, shop.find(id).state());
    shop.crash(copies.resolve("crash"));
    assertEquals(List.of(), shop.receive("orders"));
    assertEquals(State.ROLLED_BACK, shop.find(id).state());
  }

  @Test
  void shouldDeliverTheMessageAsItWasSent() throws Exception {
    shop.start();
    AppendReply half = shop.begin("the-id", "orders", "shop", QueueSelector.queue(3), 0, "x");
    assertEquals(-1, half.queueId(0));
    shop.end("the-id", true);
    List<Received> got = shop.kit.receive("g", "orders", 10);
    assertEquals(1, got.size());
    assertEquals(3, got.get(0).queueId());
    assertEquals("paid", got.get(0).tag());
    assertEquals(
        Map.of(
            "TAGS",
            "paid",
            "colour",
            "red",
            "UNIQ_KEY",
            "the-id",
            "TRAN_MSG",
            "true",
            "PGROUP",
            "shop"),
        got.get(0).message().properties());
  }

  @Test
  void shouldAnswerTheSameAgainAndConflictToTheOther() throws Exception {
    shop.start();
    String yes = shop.begin("orders");
    String no = shop.begin("orders");
    shop.end(yes, true);
    shop.end(no, false);
    for (int round = 0; round < 3; round++) {
      assertEquals(State.COMMITTED, shop.end(yes, true));
      assertEquals(State.ROLLED_BACK, shop.end(no, false));
      assertEquals(ErrorCode.CONFLICT, shop.refusal(yes, false));
      assertEquals(ErrorCode.CONFLICT, shop.refusal(no, true));
      assertEquals(ErrorCode.TRANSACTION_NOT_FOUND, shop.refusal("nobody", true));
      if (round == 0) {
        shop.kit.restart();
      } else {
        shop.crash(copies.resolve("crash-" + round));
      }
    }
    assertEquals(List.of(yes), shop.receive("orders"));
  }

  @Test
  void shouldEndOnceWhenManyAskAtTheSameTime() throws Exception {
    shop.start();
    String id = shop.begin("orders");
    List<Future<Transaction>> asked = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      asked.add(shop.endLater(id, i % 4 != 3));
    }
    Future.join(asked).transform(done -> Future.succeededFuture()).await(10, SECONDS);
    assertTrue(asked.get(0).succeeded());
    for (int i = 0; i < 40; i++) {
      assertEquals(i % 4 != 3, asked.get(i).succeeded(), "end " + i);
    }
    assertEquals(List.of(id), shop.receive("orders"));
  }

  @Test
  void shouldEndManyInTheOrderThatWasAskedFor() throws Exception {
    shop.start();
    MessageBatch batch = shop.kit.batch();
    for (int i = 0; i < 600; i++) {
      TransactionKit.addHalf(batch, "t" + i, "orders", "shop", QueueSelector.queue(0), 0, "t" + i);
    }
    shop.kit.send(batch);
    List<Future<Transaction>> ends = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    for (int i = 599; i >= 0; i--) {
      ends.add(shop.endLater("t" + i, i % 3 != 0));
      if (i % 3 != 0) {
        expected.add("t" + i);
      }
    }
    Future.all(ends).await(20, SECONDS);
    assertEquals(expected, shop.receive("orders"));
    shop.crash(copies.resolve("crash"));
    assertEquals(List.of(), shop.receive("orders"));
    assertEquals(List.of(), shop.open());
  }

  @Test
  void shouldKeepOpenOnesOverRestartAndCrash() throws Exception {
    shop.kit.options.setSnapshotInterval(Duration.ofMillis(20));
    shop.start();
    String first = shop.begin("orders");
    String second = shop.begin("orders");
    String third = shop.begin("orders");
    shop.end(second, true);
    shop.kit.restart();
    assertEquals(List.of(first, third), shop.open());
    assertEquals(clock.nowMs(), shop.find(first).begunAtMs());
    shop.crash(copies.resolve("crash"));
    assertEquals(List.of(first, third), shop.open());
    shop.end(third, true);
    assertEquals(List.of(second, third), shop.receive("orders").stream().sorted().toList());
    assertEquals(List.of(first), shop.open());
  }

  @Test
  void shouldAskALiveProducerOfTheGroupAndGiveItTheMessage() throws Exception {
    shop.start();
    AppendReply half = shop.begin("asked", "orders", "shop", QueueSelector.queue(2), 0, "body");
    shop.heartbeat("c1", "shop");
    shop.heartbeat("c2", "shop");
    shop.heartbeat("other", "other-group");
    clock.advanceMs(FIRST_MS - 1);
    assertEquals(0, shop.find("asked").checks());
    assertTrue(shop.checks.isEmpty());
    TreeSet<String> asked = new TreeSet<>();
    long waitMs = 1;
    for (int i = 1; i <= 4; i++) {
      clock.advanceMs(waitMs);
      shop.heartbeat("c1", "shop");
      shop.heartbeat("c2", "shop");
      int checks = i;
      awaitEquals(checks, () -> shop.find("asked").checks());
      awaitEquals(false, shop.checks::isEmpty);
      CheckTransaction check = shop.checks.poll();
      assertTrue(shop.checks.isEmpty());
      asked.add(check.holder());
      assertEquals("asked", check.transactionId());
      assertEquals("shop", check.group());
      assertEquals("orders", check.topic());
      assertEquals(half.queueOffset(0), check.queueOffset());
      assertEquals(half.physicalOffset(0), check.physicalOffset());
      waitMs = INTERVAL_MS;
      assertAsSent(check.record());
    }
    assertEquals(
        new TreeSet<>(List.of(TransactionKit.FRONT + ":c1", TransactionKit.FRONT + ":c2")), asked);
    assertEquals(clock.nowMs() + INTERVAL_MS, shop.find("asked").nextCheckAtMs());
    assertAsSent(shop.find("asked").record());
  }

  private static void assertAsSent(byte[] record) {
    ByteBuffer buffer = ByteBuffer.wrap(record);
    MessageView view = new MessageView().wrap(buffer, 0);
    assertEquals(
        record.length,
        MessageView.wholeRecordBytes(buffer, 0, record.length, view.physicalOffset()));
    assertEquals("orders", view.topic());
    assertEquals(2, view.queueId());
    assertEquals(7, view.flag());
    assertEquals("body", new String(view.body(), StandardCharsets.UTF_8));
    assertEquals("asked", view.property("UNIQ_KEY"));
    assertEquals("shop", view.property("PGROUP"));
    assertEquals(0, view.sysFlag() & MessageLayout.SYS_TRANSACTION_MASK);
    assertNull(view.property("REAL_TOPIC"));
  }

  @Test
  void shouldAskAfterTheTimeThatTheMessageAsksFor() throws Exception {
    shop.start();
    MessageBatch batch = shop.kit.batch();
    PropertiesWriter properties =
        new PropertiesWriter()
            .put("UNIQ_KEY", "patient")
            .put("CHECK_IMMUNITY_TIME_IN_SECONDS", "600");
    batch.addHalf(
        "orders",
        QueueSelector.ANY,
        "shop",
        0,
        0,
        0,
        1,
        new byte[8],
        0,
        ByteBuffer.wrap(new byte[1]),
        properties);
    shop.kit.send(batch);
    assertEquals(clock.nowMs() + 600_000, shop.find("patient").nextCheckAtMs());
  }

  @Test
  void shouldGiveUpAfterTheLastCheckAndKeepTheMessage() throws Exception {
    shop.start();
    String id = shop.begin("orders");
    long waitMs = FIRST_MS;
    for (int i = 1; i <= 15; i++) {
      clock.advanceMs(waitMs);
      int checks = i;
      awaitEquals(checks, () -> shop.find(id).checks());
      if (i == 8) {
        shop.crash(copies.resolve("crash"));
        assertEquals(8, shop.find(id).checks());
      }
      waitMs = INTERVAL_MS;
    }
    clock.advanceMs(INTERVAL_MS - 1);
    assertEquals(State.OPEN, shop.find(id).state());
    clock.advanceMs(1);
    awaitEquals(State.EXPIRED, () -> shop.find(id).state());
    assertEquals(List.of(id), ids(shop.browse("shop", State.EXPIRED)));
    assertEquals(List.of(), shop.browse("other", State.EXPIRED));
    assertEquals(ErrorCode.CONFLICT, shop.refusal(id, true));
    assertEquals(State.EXPIRED, shop.end(id, false));
    shop.kit.restart();
    assertEquals(State.EXPIRED, shop.find(id).state());
    assertEquals(List.of(), shop.receive("orders"));
  }

  @Test
  void shouldNotLetAStuckOneDelayTheOthers() throws Exception {
    shop.start();
    shop.begin("stuck", "orders", "gone", QueueSelector.ANY, 0, "stuck");
    clock.advanceMs(1_000);
    shop.begin("well", "orders", "shop", QueueSelector.ANY, 0, "well");
    shop.heartbeat("c1", "shop");
    clock.advanceMs(FIRST_MS);
    awaitEquals(1, () -> shop.find("well").checks());
    awaitEquals(false, shop.checks::isEmpty);
    assertEquals("well", shop.checks.poll().transactionId());
    assertEquals(State.COMMITTED, shop.end("well", true));
    assertEquals(State.OPEN, shop.find("stuck").state());
  }

  @Test
  void shouldRefuseToBeginMoreThanTheBoundAndGoOnBelowIt() throws Exception {
    shop.kit.options.getTransactions().setMaxOpen(3);
    shop.start();
    MessageBatch batch = shop.kit.batch();
    for (int i = 0; i < 5; i++) {
      TransactionKit.addHalf(batch, "t" + i, "orders", "shop", QueueSelector.ANY, 0, "x");
    }
    AppendReply reply = shop.kit.send(batch);
    for (int i = 0; i < 5; i++) {
      assertEquals(i < 3, reply.error(i) == null, "message " + i);
    }
    assertEquals(ErrorCode.BUSY, reply.error(3).code());
    assertEquals(List.of("t0", "t1", "t2"), shop.open());
    // Plain messages are not bound by it.
    assertNull(shop.kit.send("orders", "plain").error(0));
    shop.end("t1", false);
    shop.begin("t5", "orders", "shop", QueueSelector.ANY, 0, "x");
  }

  @Test
  void shouldRefuseNewOnesAndEndOldOnesWhereTheyAreSwitchedOff() throws Exception {
    shop.start();
    String old = shop.begin("orders");
    shop.kit.options.getTransactions().setEnabled(false);
    shop.crash(copies.resolve("off"));
    MessageBatch batch = shop.kit.batch();
    TransactionKit.addHalf(batch, "t", "orders", "shop", QueueSelector.ANY, 0, "x");
    SluiceException refused = shop.kit.send(batch).error(0);
    assertEquals(ErrorCode.NO_PERMISSION, refused.code());
    assertTrue(refused.getMessage().contains("sending transaction message is forbidden"));
    assertNull(shop.kit.send("orders", "plain").error(0));
    assertEquals(State.COMMITTED, shop.end(old, true));
  }

  @Test
  void shouldEndByThePlaceOfTheHalfMessageIfGroupAndPlaceAreRight() throws Exception {
    shop.start();
    AppendReply half = shop.begin("rocket", "orders", "shop", QueueSelector.ANY, 0, "x");
    long offset = half.queueOffset(0);
    long physical = half.physicalOffset(0);
    assertRefused(ErrorCode.INVALID_ARGUMENT, new EndHalf("thieves", offset, physical, true));
    assertRefused(ErrorCode.INVALID_ARGUMENT, new EndHalf("shop", offset, physical + 1, true));
    assertRefused(ErrorCode.TRANSACTION_NOT_FOUND, new EndHalf("shop", offset + 1, physical, true));
    EndHalf commit = new EndHalf("shop", offset, physical, true);
    assertEquals(State.COMMITTED, shop.<Transaction>ask(commit).state());
    assertEquals(State.COMMITTED, shop.<Transaction>ask(commit).state());
    assertRefused(ErrorCode.CONFLICT, new EndHalf("shop", offset, physical, false));
    assertEquals(List.of("x"), shop.receive("orders"));
  }

  private void assertRefused(ErrorCode code, EndHalf end) {
    RuntimeException refused = assertThrows(RuntimeException.class, () -> shop.ask(end));
    assertEquals(code, SluiceException.of(refused).code());
  }

  @Test
  void shouldFindTheOpenOneOfSeveralWithOneId() throws Exception {
    shop.start();
    shop.begin("same", "orders", "shop", QueueSelector.ANY, 0, "first");
    shop.begin("same", "orders", "shop", QueueSelector.ANY, 0, "second");
    assertEquals(State.COMMITTED, shop.end("same", true));
    assertEquals(State.OPEN, shop.find("same").state());
    assertEquals(State.ROLLED_BACK, shop.end("same", false));
    assertEquals(List.of("second"), shop.receive("orders"));
  }

  @Test
  void shouldDeliverADelayedOneWhenItIsCommittedAndDue() throws Exception {
    shop.start();
    shop.begin("early", "orders", "shop", QueueSelector.ANY, clock.nowMs() + 1_000, "early");
    shop.begin("late", "orders", "shop", QueueSelector.ANY, clock.nowMs() + 1_000, "late");
    shop.end("early", true);
    assertEquals(List.of(), shop.receive("orders"));
    shop.crash(copies.resolve("crash"));
    clock.advanceMs(999);
    assertEquals(List.of(), shop.receive("orders"));
    clock.advanceMs(1);
    awaitEquals(List.of("early"), () -> shop.receive("orders"));
    shop.end("late", true);
    awaitEquals(List.of("late"), () -> shop.receive("orders"));
  }

  @Test
  void shouldStayOpenWhenTheTopicIsGoneAndSaySo() throws Exception {
    shop.kit.options.setAutoCreateTopics(false);
    shop.start();
    shop.kit.admin(new PutTopic(TopicConfig.of("orders", 1)));
    String id = shop.begin("orders");
    shop.kit.admin(new DeleteTopic("orders"));
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, shop.refusal(id, true));
    assertEquals(State.OPEN, shop.find(id).state());
    shop.kit.admin(new PutTopic(TopicConfig.of("orders", 1)));
    assertEquals(State.COMMITTED, shop.end(id, true));
    assertEquals(List.of(id), shop.receive("orders"));
  }

  @Test
  void shouldListByGroupAndState() throws Exception {
    shop.start();
    shop.begin("a", "orders", "shop", QueueSelector.ANY, 0, "x");
    shop.begin("b", "orders", "bank", QueueSelector.ANY, 0, "x");
    shop.begin("c", "orders", "shop", QueueSelector.ANY, 0, "x");
    shop.begin("d", "orders", "shop", QueueSelector.ANY, 0, "x");
    assertEquals(List.of("a", "c", "d"), ids(shop.browse("shop", State.OPEN)));
    shop.end("a", true);
    shop.end("c", true);
    shop.end("d", false);
    assertEquals(List.of("c", "a"), ids(shop.browse(null, State.COMMITTED)));
    assertEquals(List.of("d"), ids(shop.browse("shop", State.ROLLED_BACK)));
    assertEquals(List.of(), ids(shop.browse("bank", State.ROLLED_BACK)));
    assertEquals("orders", shop.browse("shop", State.ROLLED_BACK).get(0).topic());
  }

  @Test
  void shouldKeepTheLogForAnOpenOneAndLetItGoAfterwards() throws Exception {
    shop.kit.options.setSnapshotInterval(Duration.ofMillis(20));
    shop.kit.options.setRegisterInterval(Duration.ofMillis(20));
    shop.kit.options.getTransactions().setFirstCheck(Duration.ofDays(30));
    shop.kit.options.getStore().retentionInterval(Duration.ofMillis(20)).checkpointBytes(100_000);
    shop.start();
    String id = shop.begin("orders");
    fill();
    clock.advanceMs(Duration.ofDays(20).toMillis());
    // One more, so that the last segment is young; then retention has looked often enough.
    fill();
    long looks = System.nanoTime() + 300_000_000L;
    awaitEquals(true, () -> System.nanoTime() > looks && segments().contains(0L));
    assertEquals(State.COMMITTED, shop.end(id, true));
    assertEquals(List.of(id), shop.receive("orders"));
    awaitEquals(false, () -> segments().contains(0L));
    String another = shop.begin("orders");
    shop.kit.restart();
    assertEquals(List.of(another), shop.open());
  }

  @Test
  void shouldTakeLargeMessagesAndRefuseWhatCouldNotBeCommitted() throws Exception {
    shop.start();
    String large = "x".repeat(240_000);
    shop.begin("large", "orders", "shop", QueueSelector.ANY, 0, large);
    shop.begin("large-too", "orders", "shop", QueueSelector.ANY, 0, large);
    Future.all(shop.endLater("large", true), shop.endLater("large-too", true)).await(20, SECONDS);
    assertEquals(2, shop.receive("orders").size() + shop.receive("orders").size());
    MessageBatch tooLarge =
        shop.half("huge", "orders", "shop", QueueSelector.ANY, 0, "x".repeat(258_000));
    assertEquals(ErrorCode.MESSAGE_TOO_LARGE, shop.kit.send(tooLarge).error(0).code());
    assertFalse(shop.open().contains("huge"));
  }

  @Test
  void shouldAnswerARepeatedHalfMessageLikeTheFirst() throws Exception {
    shop.start();
    AppendReply first = shop.kit.send(repeatable("a"));
    AppendReply again = shop.kit.send(repeatable("a"));
    assertTrue(again.isDuplicate(0) && again.isHalf(0));
    assertEquals(first.queueOffset(0), again.queueOffset(0));
    assertEquals(first.physicalOffset(0), again.physicalOffset(0));
    AppendReply twice =
        shop.kit.append(repeatable("b", "a", "b", "c"), AckLevel.MEMORY, true).await(10, SECONDS);
    assertEquals(first.queueOffset(0), twice.queueOffset(1));
    assertEquals(twice.queueOffset(0), twice.queueOffset(2));
    for (int i = 0; i < 4; i++) {
      assertTrue(twice.isHalf(i), "message " + i);
      assertEquals(i == 1 || i == 2, twice.isDuplicate(i), "message " + i);
    }
    assertEquals(List.of("a", "b", "c"), shop.open());
    EndHalf commit = new EndHalf("shop", twice.queueOffset(3), twice.physicalOffset(3), true);
    assertEquals("c", shop.<Transaction>ask(commit).transactionId());
    assertEquals(State.COMMITTED, shop.end("a", true));
    assertTrue(shop.kit.send(repeatable("a")).isDuplicate(0));
    assertEquals(List.of("a", "c"), shop.receive("orders").stream().sorted().toList());
    shop.crash(copies.resolve("crash"));
    AppendReply late = shop.kit.send(repeatable("a"));
    assertTrue(late.isDuplicate(0) && late.isHalf(0));
    assertEquals(List.of("b"), shop.open());
    assertEquals(List.of(), shop.receive("orders"));
  }

  private MessageBatch repeatable(String... ids) {
    MessageBatch batch = shop.kit.batch();
    for (String id : ids) {
      PropertiesWriter properties =
          new PropertiesWriter()
              .recognise(true)
              .put(PropertyNames.UNIQUE_KEY, id)
              .put("CLUSTER", "cluster");
      batch.addHalf(
          "orders",
          QueueSelector.ANY,
          "shop",
          0,
          0,
          0,
          1,
          new byte[8],
          0,
          ByteBuffer.wrap(id.getBytes(StandardCharsets.UTF_8)),
          properties);
    }
    return batch;
  }

  @Test
  void shouldStayOpenWhenTheDiskIsFullAndEndWhenItIsNot() throws Exception {
    TroubledFiles files = new TroubledFiles();
    shop.kit.files = files;
    shop.start();
    String id = shop.begin("orders");
    files.setFull(true);
    Await.until(
        "the disk to be full", () -> isDiskFull(shop.kit.send("filler", "x".repeat(9_999))));
    assertEquals(ErrorCode.DISK_FULL, shop.refusal(id, true));
    assertEquals(State.OPEN, shop.find(id).state());
    files.setFull(false);
    Await.until("room again", () -> shop.refusal(id, true) == null);
    assertEquals(List.of(id), shop.receive("orders"));
  }

  private static boolean isDiskFull(AppendReply reply) {
    return reply.error(0) != null && reply.error(0).code() == ErrorCode.DISK_FULL;
  }

  @Test
  void shouldAnswerEndsThatWaitForTheStoreInTheirOrder() throws Exception {
    TroubledFiles files = new TroubledFiles();
    shop.kit.files = files;
    shop.start();
    MessageBatch batch = shop.kit.batch();
    for (int i = 0; i < 200; i++) {
      TransactionKit.addHalf(
          batch, "t" + i, "orders", "shop", QueueSelector.queue(0), 0, "t" + i + "-".repeat(1_000));
    }
    shop.kit.send(batch);
    files.hold();
    List<Future<Transaction>> ends = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      ends.add(shop.endLater("t" + i, true));
    }
    files.letGo();
    Future.all(ends).await(20, SECONDS);
    List<String> got = new ArrayList<>();
    while (got.size() < 200) {
      got.addAll(shop.receive("orders"));
    }
    for (int i = 0; i < 200; i++) {
      assertTrue(got.get(i).startsWith("t" + i + "-"), got.get(i));
    }
    assertEquals(List.of(), shop.open());
  }

  private static List<String> ids(List<Transaction> transactions) {
    return transactions.stream().map(Transaction::transactionId).toList();
  }

  private void fill() throws Exception {
    String filler = "x".repeat(20_000);
    for (int i = 0; i < 40; i++) {
      MessageBatch batch = shop.kit.batch();
      BrokerKit.add(batch, "filler", QueueSelector.ANY, null, filler);
      assertNull(Await.result("a send", shop.kit.append(batch, AckLevel.DISK, false)).error(0));
    }
  }

  private List<Long> segments() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("commitlog"))) {
      return files.map(file -> Long.valueOf(file.getFileName().toString())).toList();
    }
  }
}
