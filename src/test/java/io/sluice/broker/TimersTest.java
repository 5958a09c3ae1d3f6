package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.Await;
import io.sluice.testkit.ManualClock;
import io.sluice.util.Clock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Delayed messages under a clock that is moved by hand: 40 days pass in milliseconds. Whatever is
 * asked of the Broker makes it look at the clock.
 */
@Timeout(120)
class TimersTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final long DAY_MS = Duration.ofDays(1).toMillis();

  @TempDir Path directory;
  @TempDir Path copies;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private BrokerKit kit;
  private int nextId;

  @BeforeEach
  void open() {
    kit = kit(directory);
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldDeliverToTheMillisecondAndNotBefore() throws Exception {
    kit.start();
    sendDelayed("orders", "a", 40 * DAY_MS);
    sendDelayed("orders", "b", 1_500);
    assertEquals(List.of(), receive());
    clock.advanceMs(1_499);
    assertEquals(List.of(), receive());
    clock.advanceMs(1);
    awaitEquals(List.of("b"), this::receive);
    clock.advanceMs(40 * DAY_MS - 1_501);
    assertEquals(List.of(), receive());
    clock.advanceMs(1);
    awaitEquals(List.of("a"), this::receive);
    assertEquals(List.of(), receive());
  }

  @Test
  void shouldDeliverAtTheRealTimeToWhoWaits() throws Exception {
    kit.clock = Clock.system();
    kit.start();
    long dueAtMs = System.currentTimeMillis() + 300;
    MessageBatch batch = kit.batch();
    batch.addDelayed(
        "orders", QueueSelector.ANY, dueAtMs, 0, 0, 1, HOST, 0, body("a"), properties("id"));
    kit.send(batch);
    List<Received> got = kit.receive(BrokerKit.receiveRequest("g", "orders", 1, 10_000));
    long lateMs = System.currentTimeMillis() - dueAtMs;
    assertEquals(List.of("a"), BrokerKit.bodies(got));
    assertTrue(lateMs >= 0, "late by " + lateMs + " ms");
    assertTrue(got.get(0).message().storedAtMs() >= dueAtMs);
  }

  @Test
  void shouldDeliverWithinASecondWhenTheClockIsSetForwardThoughSomethingElseWaitsLonger()
      throws Exception {
    kit.start();
    kit.send("others", "x");
    assertEquals(1, kit.receive("g", "others", 1).size());
    kit.receiveLater(BrokerKit.receiveRequest("g", "others", 1, 30_000));
    clock.advanceMs(29_500);
    sendDelayed("orders", "a", 2_000);
    clock.advanceMs(2_000);
    // Asking for the topic gives the Broker no turn.
    awaitEquals(
        1L,
        () -> {
          Topic topic = kit.admin(new GetTopic("orders"));
          return LongStream.of(topic.maxOffsets()).sum();
        });
  }

  @Test
  void shouldDeliverTheMessageAsItWasSent() throws Exception {
    kit.start();
    MessageBatch batch = kit.batch();
    PropertiesWriter properties =
        properties("the-id").put(PropertyNames.TAGS, "paid").put("colour", "red");
    batch.addDelayed(
        "orders",
        QueueSelector.queue(3),
        clock.nowMs() + 10,
        7,
        0,
        1,
        HOST,
        0,
        body("x"),
        properties);
    PropertiesWriter keyed = properties("keyed").put(PropertyNames.ORDERING_KEY, "customer");
    batch.addDelayed(
        "orders",
        QueueSelector.orderingKey("customer"),
        clock.nowMs() + 11,
        0,
        0,
        1,
        HOST,
        0,
        body("y"),
        keyed);
    AppendReply reply = kit.send(batch);
    assertEquals(clock.nowMs() + 10, reply.deliverAtMs(0));
    assertEquals(-1, reply.queueOffset(0));
    clock.advanceMs(11);
    List<Received> got = new ArrayList<>();
    while (got.size() < 2) {
      got.addAll(kit.receive("g", "orders", 10));
    }
    got.sort(Comparator.comparing(Received::body));
    assertEquals(3, got.get(0).queueId());
    assertEquals("paid", got.get(0).tag());
    assertEquals(
        Map.of("TAGS", "paid", "colour", "red", "UNIQ_KEY", "the-id"),
        got.get(0).message().properties());
    assertEquals(
        QueueSelector.queueOfKey(QueueSelector.orderingKey("customer"), 4), got.get(1).queueId());
  }

  @Test
  void shouldRecallForGoodAndSayTheTruth() throws Exception {
    kit.start();
    String first = sendDelayed("orders", "a", DAY_MS);
    String second = sendDelayed("orders", "b", DAY_MS);
    assertNull(recall("orders", first));
    assertNull(recall("orders", first));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, recall("orders", "nobody"));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, recall("payments", second));
    kit.restart();
    clock.advanceMs(DAY_MS);
    awaitEquals(List.of("b"), this::receive);
    assertEquals(ErrorCode.CONFLICT, recall("orders", second));
    kit.restart();
    assertEquals(ErrorCode.CONFLICT, recall("orders", second));
    assertNull(recall("orders", first));
    assertEquals(List.of(), receive());
  }

  @Test
  void shouldDeliverAtOnceAfterAStartWhatCameDueMeanwhile() throws Exception {
    kit.start();
    sendDelayed("orders", "a", DAY_MS);
    kit.stop();
    clock.advanceMs(2 * DAY_MS);
    kit.start();
    awaitEquals(List.of("a"), this::receive);
  }

  @Test
  void shouldNeitherDeliverEarlyNorTwiceWhenTheClockGoesBack() throws Exception {
    kit.start();
    sendDelayed("orders", "a", 1_000);
    sendDelayed("orders", "b", 5_000);
    clock.advanceMs(2_000);
    awaitEquals(List.of("a"), this::receive);
    clock.advanceMs(-DAY_MS);
    assertEquals(List.of(), receive());
    // Sent in the past as it seems: due in its own time, and not lost over a restart.
    sendDelayed("orders", "c", 100);
    kit.restart();
    clock.advanceMs(DAY_MS);
    awaitEquals(List.of("c"), this::receive);
    clock.advanceMs(10_000);
    awaitEquals(List.of("b"), this::receive);
  }

  @Test
  void shouldRefuseADelayBeyondTheBound() throws Exception {
    kit.start();
    MessageBatch batch = kit.batch();
    batch.addDelayed(
        "orders",
        QueueSelector.ANY,
        clock.nowMs() + kit.options.getMaxDelay().toMillis() + 1,
        0,
        0,
        1,
        HOST,
        0,
        body("x"),
        properties("id"));
    assertEquals(ErrorCode.INVALID_ARGUMENT, kit.send(batch).error(0).code());
  }

  @Test
  void shouldDropWhatHasNoTopicAnyMoreAndGoOn() throws Exception {
    kit.options.setAutoCreateTopics(false);
    kit.start();
    kit.admin(new PutTopic(TopicConfig.of("gone", 1)));
    kit.admin(new PutTopic(TopicConfig.of("orders", 1)));
    sendDelayed("gone", "a", 1_000);
    sendDelayed("orders", "b", 1_001);
    kit.admin(new DeleteTopic("gone"));
    clock.advanceMs(2_000);
    awaitEquals(List.of("b"), this::receive);
  }

  @Test
  void shouldKeepTheLogForWhatWaitsAndLetItGoAfterwards() throws Exception {
    kit.options.setSnapshotInterval(Duration.ofMillis(20));
    kit.options.setRegisterInterval(Duration.ofMillis(20));
    kit.options.getStore().retentionInterval(Duration.ofMillis(20)).checkpointBytes(100_000);
    kit.start();
    sendDelayed("orders", "kept", 30 * DAY_MS);
    fill();
    clock.advanceMs(20 * DAY_MS);
    // One more message, so that the last segment is young; then retention has looked often enough.
    fill();
    sendDelayed("orders", "later", 20 * DAY_MS);
    long looks = System.nanoTime() + 300_000_000L;
    awaitEquals(true, () -> System.nanoTime() > looks && segments().contains(0L));
    clock.advanceMs(10 * DAY_MS);
    awaitEquals(List.of("kept"), this::receive);
    awaitEquals(
        false,
        () -> {
          receive();
          return segments().contains(0L);
        });
    clock.advanceMs(10 * DAY_MS);
    awaitEquals(List.of("later"), this::receive);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void shouldDoAsTheModelDoes(long seed) throws Exception {
    Random random = new Random(seed);
    // Few in memory, so that most of them are looked for in the queue.
    kit.options.setTimersInMemory(1 + random.nextInt(16));
    kit.start();
    Map<String, Long> waiting = new HashMap<>();
    List<String> delivered = new ArrayList<>();
    List<String> recalled = new ArrayList<>();
    for (int step = 0; step < 250; step++) {
      String where = "seed " + seed + ", step " + step;
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3 -> {
          int count = 1 + random.nextInt(20);
          for (int i = 0; i < count; i++) {
            long delayMs =
                random.nextBoolean()
                    ? 1 + random.nextInt(2_000)
                    : (long) (random.nextDouble() * 40 * DAY_MS) + 1;
            waiting.put(sendDelayed("orders", null, delayMs), clock.nowMs() + delayMs);
          }
        }
        case 4, 5 -> {
          List<String> ids = new ArrayList<>(waiting.keySet());
          if (!ids.isEmpty()) {
            String id = ids.get(random.nextInt(ids.size()));
            assertNull(recall("orders", id), where);
            waiting.remove(id);
            recalled.add(id);
          }
        }
        case 6 -> {
          if (!delivered.isEmpty()) {
            String id = delivered.get(random.nextInt(delivered.size()));
            assertEquals(ErrorCode.CONFLICT, recall("orders", id), where);
          }
          if (!recalled.isEmpty()) {
            assertNull(recall("orders", recalled.get(random.nextInt(recalled.size()))), where);
          }
        }
        case 7 -> crash(step);
        case 8 -> kit.restart();
        default ->
            clock.advanceMs(
                random.nextBoolean()
                    ? random.nextInt(3_000)
                    : (long) (random.nextDouble() * DAY_MS));
      }
      TreeSet<String> due = new TreeSet<>();
      waiting.forEach(
          (id, dueAtMs) -> {
            if (dueAtMs <= clock.nowMs()) {
              due.add(id);
            }
          });
      TreeSet<String> got = new TreeSet<>();
      long deadlineNs = System.nanoTime() + 10_000_000_000L;
      do {
        for (String id : receive()) {
          assertTrue(got.add(id), where + ": " + id + " came twice");
        }
      } while (got.size() < due.size() && System.nanoTime() < deadlineNs);
      got.addAll(receive());
      assertEquals(due, got, where);
      waiting.keySet().removeAll(due);
      delivered.addAll(due);
    }
  }

  /** The process dies: another one goes on with what stands in the files now. */
  private void crash(int step) throws Exception {
    Path copy = copies.resolve("step-" + step);
    copy(kit.options.getDirectory(), copy);
    int inMemory = kit.options.getTimersInMemory();
    kit.close();
    kit = kit(copy);
    kit.options.setTimersInMemory(inMemory);
    kit.start();
  }

  private BrokerKit kit(Path where) {
    BrokerKit made = new BrokerKit(where);
    made.clock = clock;
    made.options.getStore().segmentBytes(256 << 10).queueFileBytes(64 << 10);
    return made;
  }

  private void fill() throws Exception {
    String filler = "x".repeat(20_000);
    for (int i = 0; i < 40; i++) {
      MessageBatch batch = kit.batch();
      batch.add(
          "filler", QueueSelector.ANY, 0, 0, 1, HOST, 0, 0, body(filler), new PropertiesWriter());
      assertNull(Await.result("a send", kit.append(batch, AckLevel.DISK, false)).error(0));
    }
  }

  private List<Long> segments() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("commitlog"))) {
      return files.map(file -> Long.valueOf(file.getFileName().toString())).toList();
    }
  }

  private String sendDelayed(String topic, String text, long delayMs) throws Exception {
    String id = "id-" + nextId++;
    MessageBatch batch = kit.batch();
    batch.addDelayed(
        topic,
        QueueSelector.ANY,
        clock.nowMs() + delayMs,
        0,
        0,
        1,
        HOST,
        0,
        body(text == null ? id : text),
        properties(id));
    AppendReply reply = kit.send(batch);
    assertNull(reply.error(0));
    return id;
  }

  /** Recalls; null if it was recalled, else why not. */
  private ErrorCode recall(String topic, String id) throws Exception {
    try {
      kit.admin(new Recall(topic, id));
      return null;
    } catch (RuntimeException e) {
      return SluiceException.of(e).code();
    }
  }

  private List<String> receive() throws Exception {
    List<Received> got = kit.receive("g", "orders", 1_000);
    if (!got.isEmpty()) {
      kit.ack("g", got);
    }
    return BrokerKit.bodies(got);
  }

  private static PropertiesWriter properties(String id) {
    return new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, id);
  }

  private static ByteBuffer body(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (Files.exists(file)) {
          Files.copy(file, target);
        }
      }
    }
  }
}
