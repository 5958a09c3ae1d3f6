package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.testkit.MemoryFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * A store and simple lists are put through the same random operations and asked the same questions.
 * Among the operations are clean restarts, the death of the process, the loss of queues and index,
 * deletion of topics, and retention; after each restart everything is compared.
 */
final class ModelTest {

  private static final Path DIRECTORY = Path.of("store");
  private static final int TOPICS = 2;
  private static final int QUEUES = 2;
  private static final int KEYS = 5;

  /** What is done to both. */
  enum Kind {
    APPEND,
    FORCE,
    CHECKPOINT,
    RESTART,
    DIE,
    LOSE_QUEUES,
    LOSE_INDEX,
    DELETE_TOPIC,
    EXPIRE,
    COMPARE
  }

  /** One operation with two numbers that it may use. */
  record Operation(Kind kind, int a, int b) {}

  /** A message of the model. */
  private record Message(String body, String key, long physicalOffset, long storedAtMs) {}

  /** A queue of the model. */
  private static final class Queue {
    long minOffset;
    final List<Message> messages = new ArrayList<>();
  }

  private final Map<String, Queue> model = new LinkedHashMap<>();
  private MemoryFiles files;
  private StoreKit kit;
  private int bodies;

  @Provide
  Arbitrary<List<Operation>> operations() {
    Arbitrary<Kind> kinds =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(30, Arbitraries.just(Kind.APPEND)),
            net.jqwik.api.Tuple.of(10, Arbitraries.of(Kind.class)));
    return Combinators.combine(
            kinds, Arbitraries.integers().between(0, 99), Arbitraries.integers().between(1, 60))
        .as(Operation::new)
        .list()
        .ofMinSize(5)
        .ofMaxSize(60);
  }

  @Property(tries = 60)
  void shouldAnswerAsTheModelDoes(@ForAll("operations") List<Operation> operations)
      throws Exception {
    model.clear();
    files = new MemoryFiles();
    open();
    try {
      for (Operation operation : operations) {
        run(operation);
      }
      compare();
      kit.reopen();
      compare();
    } finally {
      kit.close();
    }
    assertEquals(List.of(), files.violations());
  }

  private void run(Operation operation) throws Exception {
    kit.clock.advanceMs(10);
    switch (operation.kind()) {
      case APPEND -> append(operation.a(), operation.b());
      case FORCE -> kit.force();
      case CHECKPOINT -> kit.checkpoint();
      case RESTART -> {
        kit.reopen();
        compare();
      }
      case DIE -> {
        MemoryFiles found = files.afterProcessDeath();
        reopenOn(found);
        compare();
      }
      case LOSE_QUEUES -> lose(operation.a() % 2 == 0 ? "queues/chunks" : "queues/names");
      case LOSE_INDEX -> lose("index");
      case DELETE_TOPIC -> delete(topic(operation.a()));
      case EXPIRE -> expire();
      case COMPARE -> compare();
    }
  }

  private void append(int where, int count) {
    MessageBatch batch = new MessageBatch();
    String topic = topic(where);
    int queueId = where / TOPICS % QUEUES;
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String body = "body " + bodies++;
      texts.add(body);
      StoreKit.add(batch, topic, body, "tag", key(bodies));
    }
    long[] offsets = new long[count];
    long[] physicals = new long[count];
    kit.appendAll(batch, queueId, offsets, physicals, false);
    Queue queue = queue(topic, queueId);
    for (int i = 0; i < count; i++) {
      assertEquals(queue.minOffset + queue.messages.size(), offsets[i]);
      queue.messages.add(
          new Message(texts.get(i), key(bodies - count + 1 + i), physicals[i], kit.clock.nowMs()));
    }
  }

  private void delete(String topic) {
    MessageBatch batch = new MessageBatch();
    StoreKit.add(batch, Names.STATE_TOPIC, "delete " + topic, "tag");
    kit.appendAll(batch, 0, new long[1], new long[1], true);
    kit.on(
        () -> {
          kit.store.deleteTopic(topic);
          return null;
        });
    model.keySet().removeIf(name -> name.startsWith(topic));
  }

  private void expire() {
    kit.checkpoint();
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    LogStore store = (LogStore) kit.store;
    StoreKit.await(kit.on(() -> store.retention().look()));
    long minPhysical = kit.on(store::minPhysicalOffset);
    for (Queue queue : model.values()) {
      while (!queue.messages.isEmpty() && queue.messages.get(0).physicalOffset() < minPhysical) {
        queue.messages.remove(0);
        queue.minOffset++;
      }
    }
  }

  private void lose(String directory) throws IOException {
    kit.closeStore();
    for (Path file : files.list(DIRECTORY.resolve(directory))) {
      files.delete(file);
    }
    // Queues whose messages have all expired are not in the log any more.
    model.values().removeIf(queue -> queue.messages.isEmpty());
    openStore();
    compare();
  }

  private void compare() {
    for (int t = 0; t < TOPICS; t++) {
      for (int q = 0; q < QUEUES; q++) {
        Queue expected = queue(topic(t), q);
        ConsumeQueue found = queueOf(topic(t), q);
        String name = topic(t) + "/" + q;
        List<String> texts = expected.messages.stream().map(Message::body).toList();
        assertEquals(texts, kit.bodies(topic(t), q), name);
        long max = expected.minOffset + texts.size();
        assertEquals(max, kit.on(found::maxOffset), "next offset of " + name);
        assertEquals(expected.minOffset, kit.on(found::minOffset), "first offset of " + name);
        compareTimes(expected, found);
      }
      for (int k = 0; k < KEYS; k++) {
        assertEquals(withKey(topic(t), key(k)), kit.findByKey(topic(t), key(k), 10_000));
      }
    }
  }

  private void compareTimes(Queue expected, ConsumeQueue found) {
    if (expected.messages.isEmpty()) {
      return;
    }
    long middle = expected.messages.get(expected.messages.size() / 2).storedAtMs();
    long index =
        IntStream.range(0, expected.messages.size())
            .filter(i -> expected.messages.get(i).storedAtMs() >= middle)
            .findFirst()
            .orElseThrow();
    long offset = StoreKit.await(kit.on(() -> kit.store.offsetAtTime(found, middle)));
    assertEquals(expected.minOffset + index, offset);
  }

  /** The newest first. Those of a deleted topic stay in the log until they expire. */
  private List<String> withKey(String topic, String key) {
    List<Message> all = new ArrayList<>();
    model.forEach(
        (name, queue) -> {
          if (name.startsWith(topic)) {
            queue.messages.stream().filter(m -> m.key().equals(key)).forEach(all::add);
          }
        });
    all.sort(
        Collections.reverseOrder((m, n) -> Long.compare(m.physicalOffset(), n.physicalOffset())));
    return all.stream().map(Message::body).toList();
  }

  private void open() {
    kit = new StoreKit(DIRECTORY, files);
    openStore();
  }

  private void openStore() {
    kit.options
        .segmentBytes(16 << 10)
        .retentionAge(Duration.ofHours(1))
        .retentionInterval(Duration.ofDays(1))
        .checkpointInterval(Duration.ofDays(1));
    kit.listener =
        (deleteTopic, record) -> {
          String body = new String(record.body(), StandardCharsets.UTF_8);
          if (body.startsWith("delete ")) {
            deleteTopic.accept(body.substring(7));
          }
        };
    kit.open();
  }

  private void reopenOn(MemoryFiles found) {
    long now = kit.clock.nowMs();
    kit.close();
    files = found;
    kit = new StoreKit(DIRECTORY, files);
    kit.clock.advanceMs(now - kit.clock.nowMs());
    openStore();
  }

  private Queue queue(String topic, int queueId) {
    return model.computeIfAbsent(topic + "/" + queueId, name -> new Queue());
  }

  private ConsumeQueue queueOf(String topic, int queueId) {
    return kit.on(() -> kit.store.queue(topic, queueId));
  }

  private static String topic(int number) {
    return "topic" + number % TOPICS;
  }

  private static String key(int number) {
    return "key" + number % KEYS;
  }
}
