package io.sluice.broker;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.ManualClock;
import io.vertx.core.eventbus.ReplyException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: all kinds of messages together, with consumers that succeed, fail and fall silent, do what
 * a few maps do. Method: random sends (plain, delayed, repeated, with a time to live), recalls,
 * begins, commits, rollbacks, receives, settlements, moves of the clock, restarts and crashes of a
 * Broker against the model; what is answered is compared at each step, and what can be seen after
 * many. The other models look closer at less: {@code KeptPromisesModelTest}, {@code
 * TransactionModelTest}, {@code QueueCursorModelTest}. {@code -Dwhole.seeds=2000} runs so many
 * seeds, {@code -Dwhole.seed=n} one of them; the seed is in every failure.
 */
@Timeout(3600)
class WholeBrokerModelTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final String TOPIC = "orders";
  private static final long WINDOW_MS = 600_000;
  private static final long INVISIBLE_MS = 30_000;
  private static final GroupConfig WORKERS =
      new GroupConfig("workers", 3, List.of(1_000L, 20_000L), 1_000);
  private static final long FIRST_CHECK_MS = 6_000;
  private static final long CHECK_INTERVAL_MS = 30_000;
  private static final int MAX_CHECKS = 2;
  private static final int STEPS = 80;

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private final Map<String, Message> messages = new LinkedHashMap<>();
  private final Map<String, Message> byKey = new TreeMap<>();
  private final List<Given> given = new ArrayList<>();
  private Random random;
  private TransactionKit shop;
  private int named;
  private int groups;
  private String where;

  /** What the model knows of a message, and of the way of the group "workers" with it. */
  private static final class Message {
    private final String id;
    private final long sentMs;
    private long dueMs;
    private long ttlMs;
    private boolean recalled;

    /** When it came into the topic, or -1. */
    private long storedMs = -1;

    /** Null where it is no transaction. */
    private State transaction;

    private int checks;
    private long nextCheckMs;

    private boolean leased;
    private boolean settled;
    private boolean dead;
    private boolean nacked;
    private int attempt;
    private long lease;

    /** End of the lease, or when it may be had again. */
    private long untilMs;

    private Message(String id, long sentMs) {
      this.id = id;
      this.sentMs = sentMs;
    }
  }

  /** A delivery that can be settled, or be settled again. */
  private record Given(Received delivery, Message message) {}

  static LongStream seeds() {
    long one = Long.getLong("whole.seed", -1);
    return one >= 0
        ? LongStream.of(one)
        : LongStream.iterate(Long.getLong("whole.from", 1), seed -> seed + 1)
            .limit(Long.getLong("whole.seeds", 4));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void shouldDoAsTheModelDoes(long seed) throws Exception {
    random = new Random(seed);
    where = "seed " + seed + ", start";
    shop = new TransactionKit(directory.resolve("start"), clock);
    shop.kit.options.getTransactions().setMaxChecks(MAX_CHECKS);
    shop.kit.options.setTimersInMemory(1 + random.nextInt(20));
    shop.kit.options.setSnapshotInterval(Duration.ofMillis(10 + random.nextInt(200)));
    shop.start();
    try {
      shop.kit.admin(new PutTopic(TopicConfig.of(TOPIC, 3)));
      shop.kit.admin(new PutGroup(WORKERS));
      for (int step = 0; step < STEPS; step++) {
        where = "seed " + seed + ", step " + step;
        step(step);
      }
      where = "seed " + seed + ", end";
      compare();
    } finally {
      shop.close();
    }
  }

  private void step(int step) throws Exception {
    switch (random.nextInt(20)) {
      case 0, 1, 2, 3 -> send();
      case 4, 5 -> begin();
      case 6, 7 -> end();
      case 8 -> recall();
      case 9, 10, 11 -> receiveSome();
      case 12, 13, 14 -> settleSome();
      case 15, 16 -> moveClock(random.nextInt(random.nextInt(6) == 0 ? 200_000 : 12_000));
      case 17 -> compare();
      case 18 -> shop.kit.restart();
      default -> shop.crash(directory.resolve("crash-" + step));
    }
  }

  private void send() throws Exception {
    MessageBatch batch = shop.kit.batch();
    List<Message> sent = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    for (int i = random.nextInt(6); i >= 0; i--) {
      Message message = new Message("m" + named++, clock.nowMs());
      message.dueMs = random.nextInt(3) == 0 ? clock.nowMs() + 1 + random.nextInt(60_000) : 0;
      message.ttlMs = random.nextInt(4) == 0 ? 1 + random.nextInt(60_000) : 0;
      String key = random.nextInt(3) == 0 ? "k" + random.nextInt(20) : null;
      add(batch, message, key);
      sent.add(message);
      keys.add(key);
    }
    AckLevel ack = random.nextBoolean() ? AckLevel.DISK : AckLevel.MEMORY;
    AppendReply reply = shop.kit.append(batch, ack, random.nextInt(3) == 0).await(10, SECONDS);
    for (int i = 0; i < sent.size(); i++) {
      assertEquals(null, reply.error(i), where);
      Message first = keys.get(i) == null ? null : byKey.get(keys.get(i));
      boolean repeats = first != null && clock.nowMs() - first.sentMs < WINDOW_MS;
      assertEquals(repeats, reply.isDuplicate(i), where + ", " + keys.get(i));
      if (repeats) {
        assertEquals(first.id, reply.messageId(i, "own"), where);
        continue;
      }
      Message stored = sent.get(i);
      stored.storedMs = stored.dueMs == 0 ? clock.nowMs() : -1;
      messages.put(stored.id, stored);
      if (keys.get(i) != null) {
        byKey.put(keys.get(i), stored);
      }
    }
  }

  private static void add(MessageBatch batch, Message message, String key) {
    PropertiesWriter properties =
        new PropertiesWriter()
            .recognise(false)
            .put(PropertyNames.UNIQUE_KEY, message.id)
            .put(PropertyNames.IDEMPOTENCY_KEY, key);
    if (message.ttlMs > 0) {
      properties.put(PropertyNames.TTL_MS, Long.toString(message.ttlMs));
    }
    ByteBuffer body = ByteBuffer.wrap(message.id.getBytes(StandardCharsets.UTF_8));
    if (message.dueMs > 0) {
      batch.addDelayed(TOPIC, QueueSelector.ANY, message.dueMs, 0, 0, 1, HOST, 0, body, properties);
    } else {
      batch.add(TOPIC, QueueSelector.ANY, 0, 0, 1, HOST, 0, 0, body, properties);
    }
  }

  private void begin() throws Exception {
    Message message = new Message("t" + named++, clock.nowMs());
    message.transaction = State.OPEN;
    message.nextCheckMs = clock.nowMs() + FIRST_CHECK_MS;
    shop.begin(message.id, TOPIC, "shop", QueueSelector.ANY, 0, message.id);
    messages.put(message.id, message);
  }

  private void end() throws Exception {
    Message message = any(each -> each.transaction != null);
    if (message == null) {
      return;
    }
    boolean commit = random.nextInt(3) > 0;
    State wanted = commit ? State.COMMITTED : State.ROLLED_BACK;
    if (message.transaction == State.OPEN) {
      assertEquals(wanted, shop.end(message.id, commit), where);
      message.transaction = wanted;
      message.storedMs = commit ? clock.nowMs() : -1;
    } else if (message.transaction == wanted) {
      assertEquals(wanted, shop.end(message.id, commit), where);
    } else if (message.transaction != State.EXPIRED) {
      assertEquals(ErrorCode.CONFLICT, shop.refusal(message.id, commit), where);
    }
  }

  private void recall() throws Exception {
    Message message = any(each -> each.dueMs > 0 && !each.recalled);
    if (message == null) {
      return;
    }
    boolean recalled = true;
    try {
      shop.kit.admin(new Recall(TOPIC, message.id));
    } catch (ReplyException e) {
      assertEquals(ErrorCode.CONFLICT, SluiceException.of(e).code(), where);
      recalled = false;
    }
    assertEquals(message.storedMs < 0, recalled, where + ", " + message.id);
    message.recalled = recalled;
  }

  private void receiveSome() throws Exception {
    TreeSet<String> expected = available();
    int max = 1 + random.nextInt(8);
    for (Received delivery : shop.kit.receive(WORKERS.name(), TOPIC, max)) {
      assertTrue(expected.remove(delivery.body()), where + ": not to be had: " + delivery);
      taken(delivery);
    }
  }

  private void taken(Received delivery) {
    Message message = messages.get(delivery.body());
    message.leased = true;
    message.nacked = false;
    message.attempt++;
    message.lease = delivery.lease();
    message.untilMs = clock.nowMs() + INVISIBLE_MS;
    assertEquals(message.attempt, delivery.attempt(), where + ", " + message.id);
    given.add(new Given(delivery, message));
  }

  /** What "workers" can have now. */
  private TreeSet<String> available() {
    endLeases();
    TreeSet<String> found = new TreeSet<>();
    for (Message message : messages.values()) {
      if (message.storedMs >= 0
          && !message.leased
          && !message.settled
          && !message.dead
          && message.untilMs <= clock.nowMs()
          && !isExpired(message)) {
        found.add(message.id);
      }
    }
    return found;
  }

  private void endLeases() {
    for (Message message : messages.values()) {
      if (message.leased && message.untilMs <= clock.nowMs()) {
        fail(message, message.untilMs + WORKERS.retryDelayMs(message.attempt), false);
      }
    }
  }

  private static void fail(Message message, long againMs, boolean nacked) {
    message.leased = false;
    message.nacked = nacked;
    message.dead = message.attempt >= WORKERS.maxAttempts();
    message.untilMs = againMs;
  }

  private void settleSome() throws Exception {
    endLeases();
    for (int i = random.nextInt(6); i >= 0 && !given.isEmpty(); i--) {
      // Mostly the last ones; older receipts are settled already, or for an earlier delivery.
      int back = random.nextInt(4) == 0 ? random.nextInt(given.size()) : random.nextInt(5);
      Given one = given.get(Math.max(0, given.size() - 1 - back));
      Kind kind = Kind.values()[Math.max(0, random.nextInt(7) - 3)];
      long durationMs =
          kind == Kind.NACK
              ? (random.nextBoolean() ? SettleRequest.DELAY_OF_GROUP : random.nextInt(10_000))
              : 1 + random.nextInt(60_000);
      Outcome expected = settled(one, kind, durationMs);
      List<Outcome> found = shop.kit.settle(kind, WORKERS.name(), one.delivery(), durationMs);
      if (expected != null) {
        assertEquals(List.of(expected), found, where + ": " + kind + " of " + one);
      }
    }
  }

  /** What is answered; null where that depends on what the Broker has come to. */
  private Outcome settled(Given one, Kind kind, long durationMs) {
    Message message = one.message();
    if (message.settled) {
      return kind == Kind.ACK || kind == Kind.DEAD ? Outcome.OK : Outcome.EXPIRED;
    }
    if (message.dead || (isExpired(message) && !message.leased)) {
      // Where it is buried or was passed over it counts as settled, and a moment before it does
      // not.
      return null;
    }
    if (message.lease != one.delivery().lease()) {
      return Outcome.EXPIRED;
    }
    if (!message.leased) {
      return kind == Kind.NACK && message.nacked ? Outcome.OK : Outcome.EXPIRED;
    }
    switch (kind) {
      case ACK -> {
        message.leased = false;
        message.settled = true;
      }
      case NACK -> {
        boolean ofGroup = durationMs == SettleRequest.DELAY_OF_GROUP;
        long delayMs = ofGroup ? WORKERS.retryDelayMs(message.attempt) : durationMs;
        fail(message, clock.nowMs() + delayMs, true);
      }
      case EXTEND -> message.untilMs = clock.nowMs() + durationMs;
      default -> {
        message.leased = false;
        message.dead = true;
      }
    }
    return Outcome.OK;
  }

  /** Moves the clock, and waits until what is due then has happened: it counts from that time. */
  private void moveClock(long ms) throws Exception {
    clock.advanceMs(ms);
    for (Message message : messages.values()) {
      if (message.dueMs > 0
          && message.dueMs <= clock.nowMs()
          && message.storedMs < 0
          && !message.recalled) {
        message.storedMs = clock.nowMs();
      }
      if (message.transaction == State.OPEN && message.nextCheckMs <= clock.nowMs()) {
        if (message.checks == MAX_CHECKS) {
          message.transaction = State.EXPIRED;
        } else {
          message.checks++;
          message.nextCheckMs = clock.nowMs() + CHECK_INTERVAL_MS;
        }
      }
    }
    awaitDelivered();
    awaitTransactions();
  }

  private void awaitDelivered() throws Exception {
    long expected = messages.values().stream().filter(each -> each.storedMs >= 0).count();
    BrokerKit.awaitEquals(
        expected,
        () -> LongStream.of(shop.kit.<Topic>admin(new GetTopic(TOPIC)).maxOffsets()).sum());
  }

  private void awaitTransactions() throws Exception {
    Map<String, Integer> expected = new TreeMap<>();
    for (Message message : messages.values()) {
      if (message.transaction == State.OPEN) {
        expected.put(message.id, message.checks);
      }
    }
    BrokerKit.awaitEquals(
        expected,
        () -> {
          Map<String, Integer> found = new TreeMap<>();
          for (Transaction each : shop.browse(null, State.OPEN)) {
            found.put(each.transactionId(), each.checks());
          }
          return found;
        });
  }

  private void compare() throws Exception {
    TreeSet<String> alive = new TreeSet<>();
    TreeSet<String> dead = new TreeSet<>();
    assertGets(
        "what is left for the workers",
        available(),
        () -> {
          List<Received> got = shop.kit.receive(WORKERS.name(), TOPIC, 1_000);
          got.forEach(this::taken);
          return got;
        });
    for (Message message : messages.values()) {
      if (message.storedMs >= 0 && !isExpired(message)) {
        alive.add(message.id);
      }
      if (message.dead) {
        dead.add(message.id);
      }
    }
    String fresh = "fresh" + groups++;
    assertGets("all", alive, () -> shop.kit.receive(fresh, TOPIC, 1_000));
    if (!dead.isEmpty()) {
      assertGets("dead letters", dead, () -> shop.kit.receive(fresh, "%DLQ%workers", 1_000));
    }
    awaitTransactions();
    Message ended = any(each -> each.transaction != null && each.transaction != State.OPEN);
    if (ended != null) {
      assertEquals(ended.transaction, shop.find(ended.id).state(), where + ", " + ended.id);
    }
  }

  /** Where messages come from. */
  private interface Source {
    List<Received> take() throws Exception;
  }

  /** Takes until it has all of them, each once, and then sees that there is nothing else. */
  private void assertGets(String what, TreeSet<String> expected, Source source) throws Exception {
    TreeSet<String> got = new TreeSet<>();
    BrokerKit.awaitEquals(
        expected,
        () -> {
          for (Received each : source.take()) {
            assertTrue(got.add(each.body()), where + ", " + what + ": twice " + each);
          }
          assertTrue(
              expected.containsAll(got),
              () -> where + ", " + what + ": too much in " + got + ", expected " + expected);
          return got;
        });
    assertEquals(List.of(), source.take(), where + ", " + what);
  }

  private boolean isExpired(Message message) {
    return message.ttlMs > 0 && clock.nowMs() - message.storedMs >= message.ttlMs;
  }

  private Message any(java.util.function.Predicate<Message> which) {
    List<Message> found = messages.values().stream().filter(which).toList();
    return found.isEmpty() ? null : found.get(random.nextInt(found.size()));
  }
}
