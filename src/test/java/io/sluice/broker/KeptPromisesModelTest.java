package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.GetBroker;
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
import io.vertx.core.eventbus.ReplyException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Repeats, delays and times to live together: random sends, recalls, moves of the clock, receives,
 * stops and crashes against a model that is a few maps. A crash is a copy of the files as they are
 * at that moment, with a Broker of its own. {@code -Dmodel.seeds=2000} runs so many seeds, {@code
 * -Dmodel.seed=n} one of them.
 */
@Timeout(3600)
class KeptPromisesModelTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final String[] TOPICS = {"plain", "short", "buries"};
  private static final long WINDOW_MS = 600_000;
  private static final long SHORT_WINDOW_MS = 20_000;
  private static final long TOPIC_TTL_MS = 30_000;
  private static final int STEPS = 60;

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private final List<Message> messages = new ArrayList<>();
  private final Map<String, Message> byKey = new HashMap<>();
  private Random random;
  private BrokerKit kit;
  private Path files;
  private int copies;
  private int groups;
  private String where;

  /** A message that was stored once. */
  private static final class Message {
    private final String id;
    private final String topic;
    private final long sentMs;
    private final long dueMs;
    private final long ttlMs;
    private final int queueId;
    private final long queueOffset;
    private boolean recalled;

    /** When it came into its topic, or -1. */
    private long storedMs;

    private Message(
        String id,
        String topic,
        long sentMs,
        long dueMs,
        long ttlMs,
        int queueId,
        long queueOffset) {
      this.id = id;
      this.topic = topic;
      this.sentMs = sentMs;
      this.dueMs = dueMs;
      this.ttlMs = ttlMs;
      this.queueId = queueId;
      this.queueOffset = queueOffset;
      storedMs = dueMs == 0 ? sentMs : -1;
    }
  }

  static LongStream seeds() {
    long one = Long.getLong("model.seed", -1);
    return one >= 0
        ? LongStream.of(one)
        : LongStream.iterate(Long.getLong("model.from", 1), seed -> seed + 1)
            .limit(Long.getLong("model.seeds", 6));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void shouldKeepItsPromises(long seed) throws Exception {
    random = new Random(seed);
    files = directory.resolve("first");
    open();
    kit.admin(
        new PutTopic(
            TopicConfig.of("short", 2)
                .withAttribute(TopicConfig.DUPLICATE_WINDOW, "20s")
                .withAttribute(TopicConfig.TTL, "30s")));
    kit.admin(
        new PutTopic(
            TopicConfig.of("buries", 3)
                .withAttribute(TopicConfig.EXPIRED, TopicConfig.DEAD_LETTERS)));
    for (int step = 0; step < STEPS; step++) {
      where = "seed " + seed + ", step " + step;
      step();
    }
    checkAll();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  private void step() throws Exception {
    switch (random.nextInt(11)) {
      case 0, 1, 2, 3, 4 -> send();
      case 5, 6 -> moveClock(random.nextInt(random.nextInt(5) == 0 ? 400_000 : 15_000));
      case 7 -> recall();
      case 8 -> checkAll();
      case 9 -> {
        kit.close();
        open();
      }
      default -> crash();
    }
  }

  private void open() throws Exception {
    kit = new BrokerKit(files);
    kit.clock = clock;
    kit.options.setTimersInMemory(random.nextInt(20) + 1);
    kit.start();
  }

  private void crash() throws Exception {
    Path copy = directory.resolve("copy" + copies++);
    copy(files, copy);
    if (random.nextInt(3) == 0) {
      // The derived files are gone too.
      delete(copy.resolve("index"));
      delete(copy.resolve("queues"));
    }
    kit.close();
    files = copy;
    open();
  }

  private void send() throws Exception {
    int count = random.nextInt(8) + 1;
    MessageBatch batch = kit.batch();
    List<Message> sent = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String topic = TOPICS[random.nextInt(TOPICS.length)];
      String key = random.nextInt(4) == 0 ? null : "k" + random.nextInt(40);
      String id = "id" + messages.size() + "-" + i + "-" + random.nextLong();
      long delayMs = random.nextInt(3) == 0 ? random.nextInt(60_000) + 1 : 0;
      long ttlMs = random.nextInt(3) == 0 ? random.nextInt(60_000) + 1 : 0;
      long dueMs = delayMs == 0 ? 0 : clock.nowMs() + delayMs;
      add(batch, topic, key, id, dueMs, ttlMs);
      keys.add(key);
      sent.add(new Message(id, topic, clock.nowMs(), dueMs, ttlMs, 0, 0));
    }
    boolean atomic = random.nextInt(3) == 0;
    AckLevel ack = random.nextBoolean() ? AckLevel.DISK : AckLevel.MEMORY;
    AppendReply reply = Await.result("a send", kit.append(batch, ack, atomic));
    for (int i = 0; i < count; i++) {
      assertEquals(null, reply.error(i), where);
      Message first = firstOf(sent.get(i).topic, keys.get(i));
      assertEquals(first != null, reply.isDuplicate(i), where + ", " + keys.get(i));
      if (first == null) {
        note(sent.get(i), keys.get(i), reply, i);
        continue;
      }
      assertEquals(first.id, reply.messageId(i, "own"), where);
      assertEquals(first.dueMs, reply.deliverAtMs(i), where);
      if (first.dueMs == 0) {
        assertEquals(first.queueId, reply.queueId(i), where);
        assertEquals(first.queueOffset, reply.queueOffset(i), where);
      }
    }
  }

  private Message firstOf(String topic, String key) {
    Message first = key == null ? null : byKey.get(topic + "#" + key);
    long windowMs = topic.equals("short") ? SHORT_WINDOW_MS : WINDOW_MS;
    return first != null && clock.nowMs() - first.sentMs < windowMs ? first : null;
  }

  private void note(Message sent, String key, AppendReply reply, int index) {
    Message stored =
        new Message(
            sent.id,
            sent.topic,
            sent.sentMs,
            sent.dueMs,
            sent.ttlMs,
            reply.queueId(index),
            reply.queueOffset(index));
    messages.add(stored);
    if (key != null) {
      byKey.put(sent.topic + "#" + key, stored);
    }
  }

  private void recall() throws Exception {
    List<Message> waiting =
        messages.stream().filter(message -> message.dueMs > 0 && !message.recalled).toList();
    if (waiting.isEmpty()) {
      return;
    }
    Message message = waiting.get(random.nextInt(waiting.size()));
    boolean recalled;
    try {
      kit.admin(new Recall(message.topic, message.id));
      recalled = true;
    } catch (ReplyException e) {
      assertEquals(ErrorCode.CONFLICT, SluiceException.of(e).code(), where);
      recalled = false;
    }
    assertEquals(message.storedMs < 0, recalled, where + ", " + message.id);
    message.recalled = recalled;
  }

  /** Moves the clock, and waits until what is due then was delivered: it is stored at that time. */
  private void moveClock(long ms) throws Exception {
    clock.advanceMs(ms);
    for (Message message : messages) {
      if (message.storedMs < 0 && !message.recalled && message.dueMs <= clock.nowMs()) {
        message.storedMs = clock.nowMs();
      }
    }
    for (String topic : TOPICS) {
      long expected =
          messages.stream()
              .filter(message -> message.topic.equals(topic) && message.storedMs >= 0)
              .count();
      BrokerKit.awaitEquals(expected, () -> stored(topic));
    }
  }

  private long stored(String name) throws Exception {
    try {
      Topic topic = kit.admin(new GetTopic(name));
      return LongStream.of(topic.maxOffsets()).sum();
    } catch (ReplyException e) {
      assertEquals(ErrorCode.TOPIC_NOT_FOUND, SluiceException.of(e).code(), where);
      return 0;
    }
  }

  /** A new group gets everything once that should be there now, and nothing else. */
  private void checkAll() throws Exception {
    for (String topic : TOPICS) {
      Map<String, Integer> alive = new TreeMap<>();
      Map<String, Integer> expired = new TreeMap<>();
      for (Message message : messages) {
        if (message.topic.equals(topic) && message.storedMs >= 0) {
          (isExpired(message) ? expired : alive).put(message.id, 1);
        }
      }
      String group = "g" + groups++;
      assertReceives(alive, group, topic, () -> {});
      if (topic.equals("buries") && !expired.isEmpty()) {
        // Whoever looks for messages passes over the expired ones, perhaps after it has the rest.
        assertReceives(
            expired,
            "reader-of-" + group,
            "%DLQ%" + group,
            () -> assertEquals(List.of(), kit.receive(group, topic, 1_000), where));
      }
    }
  }

  private interface Look {
    void first() throws Exception;
  }

  private void assertReceives(Map<String, Integer> expected, String group, String topic, Look look)
      throws Exception {
    Map<String, Integer> got = new TreeMap<>();
    try {
      BrokerKit.awaitEquals(
          expected,
          () -> {
            look.first();
            for (Received each : kit.receive(group, topic, 1_000)) {
              got.merge(each.body(), 1, Integer::sum);
            }
            return got;
          });
    } catch (TimeoutException e) {
      BrokerInfo broker = kit.admin(new GetBroker());
      throw new AssertionError(where + ", topic " + topic + ", " + broker, e);
    }
  }

  private boolean isExpired(Message message) {
    long waitedMs = clock.nowMs() - message.storedMs;
    return message.ttlMs > 0 && waitedMs >= message.ttlMs
        || message.topic.equals("short") && waitedMs >= TOPIC_TTL_MS;
  }

  private void add(
      MessageBatch batch, String topic, String key, String id, long dueMs, long ttlMs) {
    PropertiesWriter properties =
        new PropertiesWriter()
            .recognise(false)
            .put(PropertyNames.UNIQUE_KEY, id)
            .put(PropertyNames.IDEMPOTENCY_KEY, key);
    if (ttlMs > 0) {
      properties.put(PropertyNames.TTL_MS, Long.toString(ttlMs));
    }
    ByteBuffer body = ByteBuffer.wrap(id.getBytes(StandardCharsets.UTF_8));
    if (dueMs > 0) {
      batch.addDelayed(topic, QueueSelector.ANY, dueMs, 0, 0, 1, HOST, 0, body, properties);
    } else {
      batch.add(topic, QueueSelector.ANY, 0, 0, 1, HOST, 0, 0, body, properties);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path file : all.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (!file.getFileName().toString().equals("lock")) {
          Files.copy(file, target);
        }
      }
    }
  }

  private static void delete(Path root) throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      for (Path file : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
