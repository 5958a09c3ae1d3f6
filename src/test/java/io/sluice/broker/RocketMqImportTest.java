package io.sluice.broker;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.RocketMqImport.Report;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.testkit.Await;
import io.sluice.testkit.ManualClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Takes over a store that RocketMQ 5.5.0 wrote and that stands among the test resources: 10
 * messages and a committed transaction in {@code plain}, of which the group {@code halfway} has
 * taken 5; an open transaction; and of 10 delayed messages 6 that were not delivered yet. Its log
 * is cut behind its last record.
 */
class RocketMqImportTest {

  private static final Path STORE = Path.of("src", "test", "resources", "rocketmq-store");

  /** A few minutes after the store was written. */
  private static final long THEN_MS = 1_795_355_100_000L;

  private static final List<Long> DELAY_LEVELS_MS =
      Stream.concat(Stream.of(1_000L, 5_000L), GroupConfig.DEFAULT_RETRY_DELAYS_MS.stream())
          .toList();

  private static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

  private static final int TWO_HOURS_MS = 7_200_000;

  private final ManualClock clock = new ManualClock(THEN_MS);

  @TempDir Path directory;

  @Test
  void shouldTakeOverMessagesAtTheirOffsetsAndGroupsAtTheirPositions() throws Exception {
    Path data = directory.resolve("data");
    Report report = importTo(data);
    assertEquals(6, report.delayed());
    assertEquals(1, report.halfMessages());
    assertTrue(report.halfMessageIds().get(0).startsWith("plain "), report.toString());
    try (BrokerKit kit = start(data)) {
      Topic plain = kit.admin(new AdminRequest.GetTopic("plain"));
      assertEquals(4, plain.config().queues());
      assertEquals(11, Arrays.stream(plain.maxOffsets()).sum());
      assertEquals(
          Set.of("p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "tx1"),
          read(kit, "plain"));
      Lag lag = kit.admin(new AdminRequest.GetLag("halfway"));
      assertEquals(6, lag.queues().stream().mapToLong(QueueLag::waiting).sum());
      assertEquals(
          List.of(1L, 2L, 1L, 1L), lag.queues().stream().map(QueueLag::committedOffset).toList());
      GroupConfig group = kit.admin(new AdminRequest.GetGroup("mqaG2"));
      assertEquals(5, group.maxAttempts());
      assertFalse(group.isOn(GroupConfig.CONSUME_ENABLE));
      AdminRequest.Topics topics = kit.admin(new AdminRequest.ListTopics());
      assertTrue(
          topics.topics().stream().noneMatch(topic -> topic.name().equals("DefaultCluster")),
          "RocketMQ's own topics stay out");
    }
  }

  @Test
  void shouldDeliverDelayedMessagesThatStillWaitedWhenTheyAreDueAndNoneTwice() throws Exception {
    Path data = directory.resolve("data");
    importTo(data);
    try (BrokerKit kit = start(data)) {
      Set<String> before = Set.of("level0", "level1", "timer0", "timer1");
      assertEquals(before, read(kit, "delayTopic"));
      clock.advanceMs(TWO_HOURS_MS);
      Set<String> all = new TreeSet<>(before);
      all.addAll(Set.of("level2", "level3", "level4", "timer2", "timer3", "timer4"));
      Await.until("the delayed messages", () -> read(kit, "delayTopic").equals(all));
      kit.restart();
      assertEquals(all, read(kit, "delayTopic"));
    }
  }

  @Test
  void shouldGoOnAtTheSameOffsetsAfterAnotherStart() throws Exception {
    Path data = directory.resolve("data");
    importTo(data);
    try (BrokerKit kit = start(data)) {
      long sent = kit.send("plain", "new").queueOffset(0);
      assertTrue(sent >= 2, "queues go on where they were: " + sent);
      kit.restart();
      Topic plain = kit.admin(new AdminRequest.GetTopic("plain"));
      assertEquals(12, Arrays.stream(plain.maxOffsets()).sum());
      Lag lag = kit.admin(new AdminRequest.GetLag("halfway"));
      assertEquals(7, lag.queues().stream().mapToLong(QueueLag::waiting).sum());
    }
  }

  @Test
  void shouldTakeOverTheTopicOfTracesButNotThatOfBenchmarksThatNobodyRan() throws Exception {
    Path store = directory.resolve("store");
    copy(STORE, store);
    Path topics = store.resolve("config").resolve("topics.json");
    Files.writeString(
        topics, Files.readString(topics).replace("RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", TRACE_TOPIC));
    Path data = directory.resolve("data");
    importOf(store, data).run();
    try (BrokerKit kit = start(data)) {
      List<String> names =
          kit.<AdminRequest.Topics>admin(new AdminRequest.ListTopics()).topics().stream()
              .map(TopicConfig::name)
              .toList();
      assertTrue(names.contains(TRACE_TOPIC), names.toString());
      assertFalse(names.contains("BenchmarkTest"), names.toString());
    }
  }

  @Test
  void shouldLeaveNothingBehindWhenTheLogIsDamaged() throws Exception {
    Path broken = directory.resolve("broken");
    copy(STORE, broken);
    Path log = broken.resolve("commitlog").resolve("00000000000000000000");
    byte[] bytes = Files.readAllBytes(log);
    Files.write(broken.resolve("commitlog").resolve("00000000000000037035"), record(bytes));
    Path data = directory.resolve("data");
    IOException refused = assertThrows(IOException.class, () -> importOf(broken, data).run());
    assertTrue(refused.getMessage().contains("damaged"), refused.getMessage());
    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(List.of(broken), left.toList());
    }
  }

  private Report importTo(Path data) throws IOException {
    return importOf(STORE, data).run();
  }

  private RocketMqImport importOf(Path store, Path data) {
    return new RocketMqImport(store, data, DELAY_LEVELS_MS, clock, (step, done, total) -> {});
  }

  /** The first record of the log, as if it stood at the start of another file. */
  private static byte[] record(byte[] log) {
    byte[] record = Arrays.copyOf(log, java.nio.ByteBuffer.wrap(log).getInt());
    java.nio.ByteBuffer.wrap(record).putLong(28, 37_035);
    return record;
  }

  private BrokerKit start(Path data) throws Exception {
    BrokerKit kit = new BrokerKit(data);
    kit.clock = clock;
    return kit.start();
  }

  /** The bodies of all messages in the four queues of a topic. */
  private static Set<String> read(BrokerKit kit, String topic) throws Exception {
    List<String> bodies = new ArrayList<>();
    for (int queueId = 0; queueId < 4; queueId++) {
      ReadRequest request =
          new ReadRequest(
              topic, new int[] {queueId}, new long[1], null, 100, 1 << 20, 0, null, "test:0");
      try (MessageBlock block = kit.read(request).await(20, SECONDS).messages()) {
        for (int i = 0; i < block.count(); i++) {
          bodies.add(new String(block.view(i, new MessageView()).body(), StandardCharsets.UTF_8));
        }
      }
    }
    assertEquals(bodies.size(), new TreeSet<>(bodies).size(), "something came twice: " + bodies);
    return new TreeSet<>(bodies);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
