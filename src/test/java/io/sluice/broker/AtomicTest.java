package io.sluice.broker;

import static io.sluice.broker.BrokerKit.add;
import static io.sluice.broker.BrokerKit.awaitEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a Broker stores whole or not at all. */
@Timeout(60)
class AtomicTest {

  @TempDir Path directory;
  @TempDir Path copies;
  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldGiveABatchNeighbouringOffsetsInOneQueue() throws Exception {
    Set<Integer> queues = new HashSet<>();
    for (int round = 0; round < 4; round++) {
      MessageBatch batch = kit.batch();
      for (int i = 0; i < 10; i++) {
        add(batch, "orders", QueueSelector.ANY, null, "m" + i);
      }
      AppendReply reply = Await.result("an atomic batch", kit.append(batch, AckLevel.MEMORY, true));
      queues.add(reply.queueId(0));
      for (int i = 0; i < 10; i++) {
        assertEquals(reply.queueId(0), reply.queueId(i));
        assertEquals(reply.queueOffset(0) + i, reply.queueOffset(i));
      }
    }
    assertEquals(4, queues.size(), "batches go to the queues in turn");
    assertEquals(40, kit.receive("g", "orders", 100).size());
  }

  @Test
  void shouldSendEachKeyOfABatchToItsQueue() throws Exception {
    MessageBatch batch = kit.batch();
    for (int i = 0; i < 20; i++) {
      add(batch, "orders", QueueSelector.orderingKey("key" + i % 5), null, "m" + i);
    }
    AppendReply reply = Await.result("an atomic batch", kit.append(batch, AckLevel.MEMORY, true));
    for (int i = 0; i < 20; i++) {
      long selector = QueueSelector.orderingKey("key" + i % 5);
      assertEquals(QueueSelector.queueOfKey(selector, 4), reply.queueId(i));
    }
  }

  @Test
  void shouldRefuseABatchThatNoSegmentHolds() throws Exception {
    MessageBatch batch = kit.batch();
    for (int i = 0; i < 40; i++) {
      add(batch, "orders", QueueSelector.ANY, null, "x".repeat(30_000));
    }
    SluiceException refused =
        SluiceException.of(
            Await.failure("a batch too large", kit.append(batch, AckLevel.MEMORY, true)));
    assertEquals(ErrorCode.MESSAGE_TOO_LARGE, refused.code());
    assertEquals(List.of(), kit.receive("g", "orders", 10));
  }

  @Test
  void shouldHaveADeadLetterOnceWhereverTheLogIsCut() throws Exception {
    kit.send("orders", "poison");
    List<Received> got = kit.receive("g", "orders", 1);
    long before = end(directory);
    kit.settle(Kind.DEAD, "g", got.get(0), 0);
    awaitEquals(1, () -> kit.receive("reader", "%DLQ%g", 10).size());
    kit.stop();
    long after = end(directory);
    assertTrue(after > before + 300, before + " to " + after);
    int starts = 0;
    for (long cut = before; cut <= after; cut += 41) {
      Path copy = copies.resolve("cut-" + cut);
      copy(directory, copy);
      cut(copy, cut);
      try (BrokerKit crashed = new BrokerKit(copy).start()) {
        int dead = crashed.receive("reader-" + cut, "%DLQ%g", 10).size();
        long waiting =
            crashed.<Lag>admin(new GetLag("g")).queues().stream()
                .filter(queue -> queue.topic().equals("orders"))
                .mapToLong(QueueLag::waiting)
                .sum();
        assertEquals(1, dead + waiting, "cut at byte " + cut + " of " + after);
        crashed.stop();
      }
      starts++;
    }
    assertTrue(starts > 5);
  }

  @Test
  void shouldDeliverADelayedMessageOnceWhereverTheLogIsCut() throws Exception {
    MessageBatch batch = kit.batch();
    batch.addDelayed(
        "orders",
        QueueSelector.ANY,
        System.currentTimeMillis() + 200,
        0,
        0,
        1,
        new byte[8],
        0,
        ByteBuffer.wrap(new byte[] {'x'}),
        new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, "the-id"));
    kit.send(batch);
    final long before = end(directory);
    awaitEquals(1L, () -> stored(kit));
    kit.stop();
    long after = end(directory);
    assertTrue(after > before + 300, before + " to " + after);
    for (long cut = before; cut <= after; cut += 53) {
      Path copy = copies.resolve("timer-" + cut);
      copy(directory, copy);
      cut(copy, cut);
      try (BrokerKit crashed = new BrokerKit(copy).start()) {
        awaitEquals(1L, () -> stored(crashed));
        // Were it to come twice, it would by now: it has been due all the time.
        crashed.restart();
        awaitEquals(1, () -> crashed.receive("g", "orders", 10).size());
        assertEquals(1L, stored(crashed), "cut at byte " + cut + " of " + after);
        crashed.stop();
      }
    }
  }

  @Test
  void shouldCommitATransactionOnceWhereverTheLogIsCut() throws Exception {
    MessageBatch batch = kit.batch();
    TransactionKit.addHalf(batch, "tx", "orders", "shop", QueueSelector.ANY, 0, "x");
    kit.send(batch);
    final long before = end(directory);
    assertEquals(State.COMMITTED, commit(kit).state());
    kit.stop();
    long after = end(directory);
    assertTrue(after > before + 300, before + " to " + after);
    int open = 0;
    int committed = 0;
    for (long cut = before; cut <= after; cut += cut < after ? Math.min(41, after - cut) : 1) {
      Path copy = copies.resolve("transaction-" + cut);
      copy(directory, copy);
      cut(copy, cut);
      try (BrokerKit crashed = new BrokerKit(copy).start()) {
        boolean isOpen =
            crashed
                    .<Transaction>request(transactions(), new TransactionRequest.Find("tx"))
                    .await(10, TimeUnit.SECONDS)
                    .state()
                == State.OPEN;
        assertEquals(isOpen ? 0 : 1, stored(crashed), "cut at byte " + cut + " of " + after);
        open += isOpen ? 1 : 0;
        committed += isOpen ? 0 : 1;
        assertEquals(State.COMMITTED, commit(crashed).state());
        assertEquals(1, crashed.receive("g", "orders", 10).size());
        crashed.stop();
      }
    }
    assertTrue(open > 5 && committed > 0, open + " open, " + committed + " committed");
  }

  private static Transaction commit(BrokerKit kit) throws Exception {
    return kit.<Transaction>request(transactions(), new TransactionRequest.End("tx", true))
        .await(10, TimeUnit.SECONDS);
  }

  private static String transactions() {
    return Addresses.transactions(BrokerKit.BROKER);
  }

  private static long stored(BrokerKit kit) throws Exception {
    long stored = 0;
    for (long maxOffset : kit.<Topic>admin(new GetTopic("orders")).maxOffsets()) {
      stored += maxOffset;
    }
    return stored;
  }

  private static Path log(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .filter(file -> file.getFileName().toString().equals("00000000000000000000"))
          .filter(file -> file.getParent().getFileName().toString().equals("commitlog"))
          .findFirst()
          .orElseThrow();
    }
  }

  /** Where the first segment ends: behind its last byte that is not zero. */
  private static long end(Path directory) throws IOException {
    byte[] bytes = Files.readAllBytes(log(directory));
    int at = bytes.length;
    while (at > 0 && bytes[at - 1] == 0) {
      at--;
    }
    return at;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path target = to.resolve(from.relativize(file).toString());
        // Without the checkpoint everything is rebuilt from the log, as after a crash long ago.
        boolean derived = file.toString().contains("checkpoint");
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (!derived && !file.getFileName().toString().equals("state.snapshot")) {
          Files.copy(file, target);
        }
      }
    }
  }

  private static void cut(Path directory, long from) throws IOException {
    Path log = log(directory);
    try (FileChannel channel = FileChannel.open(log, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate((int) (Files.size(log) - from)), from);
    }
  }
}
