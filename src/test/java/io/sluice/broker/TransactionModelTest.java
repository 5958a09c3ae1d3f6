package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageBatch;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
 * Goal: transactions do what a simple model does, whatever comes in whichever order. Method: random
 * operations (begin, commit, roll back, both at once, let time pass, restart, crash) against the
 * model; after each the messages that can be seen, the open transactions with their checks, and how
 * the others ended are compared. {@code -Dtransactions.seeds=1000} runs more seeds, {@code
 * -Dtransactions.seed=N} a single one; the seed is in the name and in every failure.
 */
@Timeout(600)
class TransactionModelTest {

  private static final long INTERVAL_MS = 30_000;
  private static final long FIRST_MS = 6_000;
  private static final int MAX_CHECKS = 3;

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);

  /** What the model knows of a transaction. */
  private static final class Expected {
    private State state = State.OPEN;
    private int checks;
    private long nextCheckMs;
  }

  private final Map<String, Expected> all = new TreeMap<>();
  private final TreeSet<String> unseen = new TreeSet<>();
  private TransactionKit shop;
  private String where;

  static LongStream seeds() {
    Long one = Long.getLong("transactions.seed");
    return one != null
        ? LongStream.of(one)
        : LongStream.iterate(Long.getLong("transactions.from", 1), seed -> seed + 1)
            .limit(Integer.getInteger("transactions.seeds", 1));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void shouldDoAsTheModelDoes(long seed) throws Exception {
    Random random = new Random(seed);
    shop = new TransactionKit(directory.resolve("start"), clock);
    shop.kit.options.getTransactions().setMaxChecks(MAX_CHECKS).setMaxOpen(60);
    shop.kit.options.setDefaultAck(random.nextBoolean() ? AckLevel.MEMORY : AckLevel.DISK);
    shop.kit.options.setSnapshotInterval(Duration.ofMillis(10 + random.nextInt(200)));
    Files.createDirectories(shop.kit.options.getDirectory());
    shop.start();
    try {
      for (int step = 0; step < 120; step++) {
        where = "seed " + seed + ", step " + step;
        step(random, step);
        compare(random);
      }
    } finally {
      shop.close();
    }
  }

  private void step(Random random, int step) throws Exception {
    switch (random.nextInt(12)) {
      case 0, 1, 2 -> begin(random);
      case 3, 4, 5 -> endSome(random);
      case 6 -> endBothWays(random);
      case 7 -> endAgain(random);
      case 8 -> {
        if (random.nextBoolean()) {
          shop.kit.restart();
        } else {
          shop.crash(directory.resolve("crash-" + step));
        }
      }
      default -> {
        clock.advanceMs(random.nextBoolean() ? random.nextInt(8_000) : random.nextInt(40_000));
        timePassed();
      }
    }
  }

  private void begin(Random random) throws Exception {
    int count = 1 + random.nextInt(12);
    int open = open().size();
    MessageBatch batch = shop.kit.batch();
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String id = "t" + (1_000_000 + all.size() + i);
      ids.add(id);
      String group = random.nextBoolean() ? "shop" : "bank";
      TransactionKit.addHalf(batch, id, "orders", group, QueueSelector.ANY, 0, id);
    }
    AppendReply reply = shop.kit.append(batch, AckLevel.MEMORY, false).await(10, SECONDS);
    for (int i = 0; i < count; i++) {
      if (open + i >= 60) {
        assertEquals(ErrorCode.BUSY, reply.error(i).code(), where);
        continue;
      }
      assertNull(reply.error(i), where);
      Expected begun = new Expected();
      begun.nextCheckMs = clock.nowMs() + FIRST_MS;
      all.put(ids.get(i), begun);
    }
  }

  private void endSome(Random random) throws Exception {
    List<Future<Transaction>> asked = new ArrayList<>();
    for (String id : pick(random, open(), 10)) {
      boolean commit = random.nextInt(3) > 0;
      asked.add(shop.endLater(id, commit));
      ended(id, commit);
    }
    Future.all(asked).await(10, SECONDS);
  }

  /** Both ends are asked for at the same time: the first one counts. */
  private void endBothWays(Random random) throws Exception {
    for (String id : pick(random, open(), 3)) {
      boolean commit = random.nextBoolean();
      Future<Transaction> first = shop.endLater(id, commit);
      Future<Transaction> second = shop.endLater(id, !commit);
      Future.join(first, second).transform(done -> Future.succeededFuture()).await(10, SECONDS);
      assertTrue(first.succeeded(), where);
      assertEquals(ErrorCode.CONFLICT, SluiceException.of(second.cause()).code(), where);
      ended(id, commit);
    }
  }

  private void endAgain(Random random) throws Exception {
    List<String> over = new ArrayList<>(all.keySet());
    over.removeAll(open());
    for (String id : pick(random, over, 4)) {
      boolean committed = all.get(id).state == State.COMMITTED;
      assertEquals(all.get(id).state, shop.end(id, committed), where);
      assertEquals(ErrorCode.CONFLICT, shop.refusal(id, !committed), where);
    }
    assertEquals(ErrorCode.TRANSACTION_NOT_FOUND, shop.refusal("nobody", true), where);
  }

  private void ended(String id, boolean commit) {
    all.get(id).state = commit ? State.COMMITTED : State.ROLLED_BACK;
    if (commit) {
      unseen.add(id);
    }
  }

  private void timePassed() {
    for (Expected each : all.values()) {
      if (each.state == State.OPEN && each.nextCheckMs <= clock.nowMs()) {
        if (each.checks == MAX_CHECKS) {
          each.state = State.EXPIRED;
        } else {
          each.checks++;
          each.nextCheckMs = clock.nowMs() + INTERVAL_MS;
        }
      }
    }
  }

  private void compare(Random random) throws Exception {
    Map<String, String> expected = new TreeMap<>();
    all.forEach(
        (id, each) -> {
          if (each.state == State.OPEN) {
            expected.put(id, each.checks + " checks, next at " + each.nextCheckMs);
          }
        });
    awaitEquals(
        expected,
        () -> {
          Map<String, String> found = new TreeMap<>();
          for (Transaction open : shop.browse(null, State.OPEN)) {
            String before =
                found.put(
                    open.transactionId(),
                    open.checks() + " checks, next at " + open.nextCheckAtMs());
            assertNull(before, where);
          }
          return found;
        });
    TreeSet<String> seen = new TreeSet<>();
    List<String> got = shop.receive("orders");
    while (!got.isEmpty()) {
      for (String id : got) {
        assertTrue(seen.add(id), () -> where + ": " + id + " came twice");
      }
      got = shop.receive("orders");
    }
    assertEquals(unseen, seen, where);
    unseen.clear();
    for (String id : pick(random, new ArrayList<>(all.keySet()), 3)) {
      assertEquals(all.get(id).state, shop.find(id).state(), where + ": " + id);
    }
    assertFalse(all.size() > 100_000, where);
  }

  private List<String> open() {
    List<String> open = new ArrayList<>();
    all.forEach(
        (id, each) -> {
          if (each.state == State.OPEN) {
            open.add(id);
          }
        });
    return open;
  }

  private static List<String> pick(Random random, List<String> from, int most) {
    List<String> left = new ArrayList<>(from);
    List<String> picked = new ArrayList<>();
    for (int i = random.nextInt(most + 1); i > 0 && !left.isEmpty(); i--) {
      picked.add(left.remove(random.nextInt(left.size())));
    }
    return picked;
  }
}
