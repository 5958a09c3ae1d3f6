package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.AppendReply;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Repeated sends are recognised, answered as the first one, and stored once. */
@Timeout(120)
class RepeatedSendsTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final long MINUTE_MS = 60_000;

  @TempDir Path directory;
  @TempDir Path copies;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private BrokerKit kit;
  private int nextId;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.start();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldAnswerARepeatLikeTheFirstAndStoreNothing() throws Exception {
    AppendReply first = send("orders", "k1", "a");
    assertFalse(first.isDuplicate(0));
    AppendReply other = send("orders", "k2", "b");
    assertFalse(other.isDuplicate(0));
    AppendReply again = send("orders", "k1", "a again");
    assertTrue(again.isDuplicate(0));
    assertEquals("id0", again.messageId(0, "own"));
    assertSamePlace(first, 0, again, 0);
    assertEquals(List.of("a", "b"), received("orders"));
    assertEquals(1, info().duplicates());
    assertEquals(2, info().duplicateEntries());
  }

  @Test
  void shouldRecogniseTheIdThatAClientGaveButNotOneOfOurs() throws Exception {
    MessageBatch batch = kit.batch();
    addOfClient(batch, "orders", "client-id", "a");
    AppendReply first = kit.send(batch);
    batch = kit.batch();
    addOfClient(batch, "orders", "client-id", "a");
    AppendReply again = kit.send(batch);
    assertTrue(again.isDuplicate(0));
    assertEquals("client-id", again.messageId(0, "own"));
    assertSamePlace(first, 0, again, 0);
    for (int i = 0; i < 2; i++) {
      batch = kit.batch();
      batch.add(
          "orders",
          QueueSelector.ANY,
          0,
          0,
          1,
          HOST,
          0,
          0,
          body("ours"),
          new PropertiesWriter().recognise(false).put(PropertyNames.UNIQUE_KEY, "our-id"));
      assertFalse(kit.send(batch).isDuplicate(0));
    }
    assertEquals(List.of("a", "ours", "ours"), received("orders"));
  }

  @Test
  void shouldTellKeysOfTopicsAndKindsApart() throws Exception {
    send("orders", "k", "a");
    assertFalse(send("bills", "k", "b").isDuplicate(0));
    MessageBatch batch = kit.batch();
    addOfClient(batch, "orders", "k", "c");
    assertFalse(kit.send(batch).isDuplicate(0));
    assertEquals(List.of("a", "c"), received("orders"));
  }

  @Test
  void shouldRecogniseRepeatsWithinOneRequest() throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, "orders", "k1", "a", 0);
    add(batch, "orders", "k2", "b", 0);
    add(batch, "orders", "k1", "c", 0);
    add(batch, "orders", "k3", "d", 0);
    add(batch, "orders", "k3", "e", 0);
    AppendReply reply = kit.send(batch);
    assertEquals("id0", reply.messageId(2, "own"));
    assertSamePlace(reply, 0, reply, 2);
    assertEquals("id3", reply.messageId(4, "own"));
    assertSamePlace(reply, 3, reply, 4);
    assertEquals(List.of("a", "b", "d"), received("orders"));
  }

  @Test
  void shouldStoreOfAnAtomicBatchWhatIsNotThereYet() throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, "orders", "k1", "a", 0);
    add(batch, "orders", "k2", "b", 0);
    AppendReply first = Await.result("a batch", kit.append(batch, AckLevel.MEMORY, true));
    batch = kit.batch();
    add(batch, "orders", "k1", "a", 0);
    add(batch, "orders", "k2", "b", 0);
    AppendReply again = Await.result("its repeat", kit.append(batch, AckLevel.DISK, true));
    for (int i = 0; i < 2; i++) {
      assertTrue(again.isDuplicate(i));
      assertSamePlace(first, i, again, i);
    }
    batch = kit.batch();
    add(batch, "orders", "k0", "z", 0);
    add(batch, "orders", "k2", "b", 0);
    add(batch, "orders", "k3", "c", 0);
    add(batch, "orders", "k3", "c", 0);
    add(batch, "orders", "k4", "d", 500);
    AppendReply mixed = Await.result("a mixed one", kit.append(batch, AckLevel.DISK, true));
    assertFalse(mixed.isDuplicate(0));
    assertSamePlace(first, 1, mixed, 1);
    assertFalse(mixed.isDuplicate(2));
    assertSamePlace(mixed, 2, mixed, 3);
    assertEquals(mixed.queueOffset(0) + 1, mixed.queueOffset(2));
    assertEquals(clock.nowMs() + 500, mixed.deliverAtMs(4));
    clock.advanceMs(500);
    BrokerKit.awaitEquals(List.of("a", "b", "c", "d", "z"), () -> received("orders"));
  }

  @Test
  void shouldForgetAfterTheWindowOfTheTopic() throws Exception {
    kit.admin(new PutTopic(topic("short", "2m")));
    kit.admin(new PutTopic(topic("off", "0")));
    send("orders", "k", "a");
    send("short", "k", "a");
    send("off", "k", "a");
    assertFalse(send("off", "k", "b").isDuplicate(0));
    clock.advanceMs(2 * MINUTE_MS - 1);
    assertTrue(send("short", "k", "b").isDuplicate(0));
    clock.advanceMs(1);
    assertFalse(send("short", "k", "c").isDuplicate(0));
    assertTrue(send("short", "k", "d").isDuplicate(0));
    clock.advanceMs(8 * MINUTE_MS - 1);
    assertTrue(send("orders", "k", "b").isDuplicate(0));
    clock.advanceMs(1);
    assertFalse(send("orders", "k", "c").isDuplicate(0));
    assertEquals(List.of("a", "c"), received("orders"));
    assertEquals(List.of("a", "c"), received("short"));
    assertEquals(List.of("a", "b"), received("off"));
  }

  @Test
  void shouldRememberNoMoreThanItMay() throws Exception {
    kit.options.setMaxDuplicateEntries(10);
    kit.restart();
    for (int i = 0; i < 15; i++) {
      send("orders", "k" + i, "m" + i);
    }
    assertEquals(10, info().duplicateEntries());
    assertTrue(send("orders", "k5", "again").isDuplicate(0));
    assertFalse(send("orders", "k4", "again").isDuplicate(0));
    kit.restart();
    assertEquals(10, info().duplicateEntries());
    assertTrue(send("orders", "k6", "again").isDuplicate(0));
    assertFalse(send("orders", "k5", "again").isDuplicate(0));
  }

  @Test
  void shouldRecogniseTheRepeatOfADelayedMessageAlsoWhenItIsDelivered() throws Exception {
    AppendReply first = sendDelayed("orders", "k", "a", 1_000);
    assertEquals(clock.nowMs() + 1_000, first.deliverAtMs(0));
    AppendReply again = sendDelayed("orders", "k", "b", 5_000);
    assertTrue(again.isDuplicate(0));
    assertEquals(first.deliverAtMs(0), again.deliverAtMs(0));
    assertEquals(-1, again.queueOffset(0));
    assertTrue(send("orders", "k", "c").isDuplicate(0));
    clock.advanceMs(1_000);
    BrokerKit.awaitEquals(List.of("a"), () -> received("orders"));
    assertTrue(sendDelayed("orders", "k", "d", 5_000).isDuplicate(0));
    clock.advanceMs(10 * MINUTE_MS - 1_000);
    assertFalse(send("orders", "k", "e").isDuplicate(0));
    assertEquals(List.of("a", "e"), received("orders"));
  }

  @Test
  void shouldNotBringBackWhatWasRecalled() throws Exception {
    sendDelayed("orders", "k", "a", 60_000);
    kit.admin(new Recall("orders", "id0"));
    assertTrue(sendDelayed("orders", "k", "a", 60_000).isDuplicate(0));
    clock.advanceMs(2 * MINUTE_MS);
    assertEquals(List.of(), received("orders"));
  }

  @Test
  void shouldForgetADeletedTopic() throws Exception {
    send("orders", "k", "a");
    kit.admin(new DeleteTopic("orders"));
    assertFalse(send("orders", "k", "b").isDuplicate(0));
    kit.admin(new DeleteTopic("orders"));
    kit.restart();
    assertFalse(send("orders", "k", "c").isDuplicate(0));
    assertEquals(List.of("c"), received("orders"));
  }

  @Test
  void shouldHoldOverARestartAndLookAtWhatIsColdThen() throws Exception {
    List<AppendReply> firsts = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      firsts.add(send("orders", "k" + i, "m" + i));
    }
    AppendReply delayed = sendDelayed("orders", "later", "l", 3 * MINUTE_MS);
    kit.restart();
    assertEquals(51, info().duplicateEntries());
    MessageBatch batch = kit.batch();
    for (int i = 0; i < 50; i++) {
      add(batch, "orders", "k" + i, "again", 0);
      add(batch, "orders", "new" + i, "new", 0);
    }
    add(batch, "orders", "later", "l", 0);
    AppendReply reply = kit.send(batch);
    for (int i = 0; i < 50; i++) {
      assertTrue(reply.isDuplicate(2 * i));
      assertSamePlace(firsts.get(i), 0, reply, 2 * i);
      assertFalse(reply.isDuplicate(2 * i + 1));
    }
    assertEquals(delayed.deliverAtMs(0), reply.deliverAtMs(100));
    assertEquals(50, received("orders").stream().filter("new"::equals).count());
  }

  @Test
  void shouldKeepTheOrderOfSendsWhileOneLooksAtTheDisk() throws Exception {
    send("orders", "k", "a");
    kit.restart();
    List<Future<?>> replies = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      MessageBatch batch = kit.batch();
      if (i % 3 == 0) {
        add(batch, "orders", "k", "again", 0);
      }
      BrokerKit.add(batch, "orders", QueueSelector.queue(0), null, "m" + i);
      replies.add(kit.append(batch, AckLevel.MEMORY, false));
    }
    Await.result("the answers", Future.all(replies));
    List<String> inOrder =
        kit.receive("g2", "orders", 100).stream()
            .filter(message -> message.queueId() == 0)
            .map(BrokerKit.Received::body)
            .filter(text -> text.startsWith("m"))
            .toList();
    assertEquals(List.of("m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"), inOrder);
  }

  @Test
  void shouldHoldAfterACrashWithNoneOfTheDerivedFiles() throws Exception {
    AppendReply first = send("orders", "k", "a");
    sendDelayed("orders", "later", "l", 1_000);
    clock.advanceMs(1_000);
    BrokerKit.awaitEquals(List.of("a", "l"), () -> received("orders"));
    Path copy = copies.resolve("crashed");
    copy(directory, copy);
    delete(copy.resolve("index"));
    delete(copy.resolve("queues"));
    try (BrokerKit crashed = new BrokerKit(copy)) {
      crashed.clock = clock;
      crashed.start();
      MessageBatch batch = crashed.batch();
      add(batch, "orders", "k", "again", 0);
      add(batch, "orders", "later", "again", 0);
      AppendReply reply = crashed.send(batch);
      assertTrue(reply.isDuplicate(0));
      assertSamePlace(first, 0, reply, 0);
      // Its first one is the send, not the copy that was delivered.
      assertTrue(reply.deliverAtMs(1) > 0);
      BrokerInfo info = crashed.admin(new GetBroker());
      assertEquals(2, info.duplicateEntries());
    }
  }

  @Test
  void shouldHoldOverManySortedFilesOfTheIndex() throws Exception {
    // A file has 1,024 entries here: each message takes two of them.
    for (int from = 0; from < 4_000; from += 500) {
      MessageBatch batch = kit.batch();
      for (int i = from; i < from + 500; i++) {
        add(batch, "orders", "k" + i, "m", 0);
      }
      kit.send(batch);
    }
    kit.restart();
    assertEquals(4_000, info().duplicateEntries());
    kit.options.setMaxDuplicateEntries(2_500);
    kit.restart();
    assertEquals(2_500, info().duplicateEntries());
    assertTrue(send("orders", "k1500", "again").isDuplicate(0));
    assertFalse(send("orders", "k1499", "again").isDuplicate(0));
  }

  @Test
  void shouldRememberAsManyAsTheTopicSaysWhateverOtherTopicsSend() throws Exception {
    kit.admin(new PutTopic(topic("few", "10m").withAttribute(TopicConfig.DUPLICATE_ENTRIES, "3")));
    kit.restart();
    send("orders", "k", "a");
    for (int i = 0; i < 10; i++) {
      send("few", "k" + i, "m" + i);
    }
    assertEquals(4, info().duplicateEntries());
    for (int start = 0; start < 2; start++) {
      assertTrue(send("orders", "k", "again").isDuplicate(0));
      assertTrue(send("few", "k7", "again").isDuplicate(0));
      kit.restart();
    }
    assertFalse(send("few", "k6", "again").isDuplicate(0));
  }

  @Test
  void shouldReadNothingWhereAllIsSwitchedOff() throws Exception {
    send("orders", "k", "a");
    kit.options.setDuplicateWindow(Duration.ZERO);
    kit.restart();
    assertFalse(send("orders", "k", "b").isDuplicate(0));
    assertEquals(0, info().duplicateEntries());
  }

  @Test
  void shouldStoreACopyThatAClientSendsToARetryTopic() throws Exception {
    for (int i = 0; i < 2; i++) {
      MessageBatch batch = kit.batch();
      addOfClient(batch, "%RETRY%g", "client-id", "a");
      assertFalse(kit.send(batch).isDuplicate(0));
    }
  }

  private AppendReply send(String topic, String key, String body) throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, topic, key, body, 0);
    return kit.send(batch);
  }

  private AppendReply sendDelayed(String topic, String key, String body, long delayMs)
      throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, topic, key, body, delayMs);
    return kit.send(batch);
  }

  private void add(MessageBatch batch, String topic, String key, String body, long delayMs) {
    PropertiesWriter properties =
        new PropertiesWriter()
            .recognise(false)
            .put(PropertyNames.UNIQUE_KEY, "id" + nextId++)
            .put(PropertyNames.IDEMPOTENCY_KEY, key);
    if (delayMs > 0) {
      long dueAtMs = clock.nowMs() + delayMs;
      batch.addDelayed(topic, QueueSelector.ANY, dueAtMs, 0, 0, 1, HOST, 0, body(body), properties);
    } else {
      batch.add(topic, QueueSelector.ANY, 0, 0, 1, HOST, 0, 0, body(body), properties);
    }
  }

  private static void addOfClient(MessageBatch batch, String topic, String id, String body) {
    PropertiesWriter properties =
        new PropertiesWriter()
            .recognise(true)
            .put(PropertyNames.UNIQUE_KEY, id)
            .put("CLUSTER", "c");
    batch.add(topic, QueueSelector.ANY, 0, 0, 1, HOST, 0, 0, body(body), properties);
  }

  private static ByteBuffer body(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static TopicConfig topic(String name, String window) {
    return TopicConfig.of(name, 4).withAttribute(TopicConfig.DUPLICATE_WINDOW, window);
  }

  private BrokerInfo info() throws Exception {
    return kit.admin(new GetBroker());
  }

  /** All there is, from the start, whatever was received before. */
  private List<String> received(String topic) throws Exception {
    String group = "reader-" + nextId++;
    List<BrokerKit.Received> all = new ArrayList<>();
    List<BrokerKit.Received> some = kit.receive(group, topic, 10_000);
    while (!some.isEmpty()) {
      all.addAll(some);
      some = kit.receive(group, topic, 10_000);
    }
    return BrokerKit.sortedBodies(all);
  }

  private static void assertSamePlace(AppendReply one, int i, AppendReply other, int j) {
    assertEquals(one.queueId(i), other.queueId(j));
    assertEquals(one.queueOffset(i), other.queueOffset(j));
    assertEquals(one.physicalOffset(i), other.physicalOffset(j));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (!file.getFileName().toString().equals("lock")) {
          Files.copy(file, target);
        }
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
