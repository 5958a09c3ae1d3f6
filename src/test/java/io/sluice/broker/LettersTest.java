package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.DeleteGroup;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.LetterRequest.Browse;
import io.sluice.bus.LetterRequest.Cancel;
import io.sluice.bus.LetterRequest.GetStatus;
import io.sluice.bus.LetterRequest.Kind;
import io.sluice.bus.LetterRequest.Letters;
import io.sluice.bus.LetterRequest.Start;
import io.sluice.bus.LetterRequest.State;
import io.sluice.bus.LetterRequest.Status;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.ManualClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dead letters are read, redriven and purged, under a clock that is moved by hand. */
@Timeout(120)
class LettersTest {

  @TempDir Path directory;
  @TempDir Path copies;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private BrokerKit kit;

  @BeforeEach
  void open() throws Exception {
    kit = kit(directory);
    kit.start();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldShowDeadLettersWithWhatMadeThemSo() throws Exception {
    kit.admin(new PutGroup(new GroupConfig("g", 2, List.of(0L), 0)));
    send("tag", "tried");
    settle(SettleRequest.Kind.NACK, receive());
    settle(SettleRequest.Kind.NACK, receive());
    die("given-up");
    List<Received> letters = browse(0, 10, Filter.ALL);
    assertEquals(List.of("tried", "given-up"), BrokerKit.bodies(letters));
    Map<String, String> properties = letters.get(0).message().properties();
    assertEquals("attempts", properties.get(PropertyNames.DEAD_CAUSE));
    assertEquals("because", properties.get(PropertyNames.DEAD_REASON));
    assertEquals("orders", properties.get(PropertyNames.DLQ_ORIGIN_TOPIC));
    assertEquals("rejected", letters.get(1).message().properties().get(PropertyNames.DEAD_CAUSE));
    assertEquals(2, status().waiting());
    assertNull(status().job());
    assertEquals(List.of("given-up"), BrokerKit.bodies(browse(1, 10, Filter.ALL)));
    assertEquals(List.of("tried"), BrokerKit.bodies(browse(0, 10, Filter.tags("tag"))));
  }

  @Test
  void shouldRedriveToThisGroupAloneAndOnce() throws Exception {
    kit.receive("other", "orders", 1);
    die("a", "b", "c");
    kit.ack("other", kit.receive("other", "orders", 10));
    Status status = start(Kind.REDRIVE, Filter.ALL, 0, 0);
    assertEquals(1, status.job().id());
    awaitState(State.DONE);
    assertEquals(3, status().job().moved());
    assertEquals(0, status().waiting());
    assertEquals(List.of(), browse(0, 10, Filter.ALL));
    assertEquals(3, lag());

    List<Received> again = receive();
    assertEquals(List.of("a", "b", "c"), BrokerKit.bodies(again));
    assertTrue(again.stream().allMatch(m -> m.attempt() == 1), "all attempts begin anew");
    assertTrue(again.stream().allMatch(m -> m.queueId() == Names.REDRIVE_QUEUE_ID));
    Map<String, String> properties = again.get(0).message().properties();
    assertEquals("1", properties.get(PropertyNames.REDRIVEN));
    assertEquals("because", properties.get(PropertyNames.DEAD_REASON));
    assertEquals(List.of(), kit.receive("other", "orders", 10));
    settle(SettleRequest.Kind.ACK, again);
    assertEquals(List.of(), receive());
    assertEquals(0, lag());
    start(Kind.REDRIVE, Filter.ALL, 0, 0);
    awaitState(State.DONE);
    assertEquals(0, status().job().moved());
    assertEquals(2, status().job().id());
    assertEquals(List.of(), receive());
  }

  @Test
  void shouldKeepWhereALetterCameFromWhenItDiesAgain() throws Exception {
    die("a");
    String offset =
        browse(0, 1, Filter.ALL).get(0).message().properties().get(PropertyNames.DEAD_QUEUE_ID);
    for (int time = 1; time <= 2; time++) {
      start(Kind.REDRIVE, Filter.ALL, 0, 0);
      awaitState(State.DONE);
      settle(SettleRequest.Kind.DEAD, receive());
      Map<String, String> properties = browse(0, 1, Filter.ALL).get(0).message().properties();
      assertEquals(offset, properties.get(PropertyNames.DEAD_QUEUE_ID));
      assertEquals("orders", properties.get(PropertyNames.DLQ_ORIGIN_TOPIC));
      assertEquals(Integer.toString(time), properties.get(PropertyNames.REDRIVEN));
    }
  }

  @Test
  void shouldTakeOnlyWhatTheFilterWantsAndSoMany() throws Exception {
    for (int i = 0; i < 20; i++) {
      send(i % 2 == 0 ? "even" : "odd", "m" + i);
      settle(SettleRequest.Kind.DEAD, receive());
    }
    start(Kind.REDRIVE, Filter.tags("even"), 3, 0);
    awaitState(State.DONE);
    assertEquals(List.of("m0", "m2", "m4"), BrokerKit.bodies(receive()));
    assertEquals(17, status().waiting());
    assertEquals(2, status().job().passed());
    start(Kind.PURGE, new Filter(Filter.Kind.SQL, "TAGS = 'odd'"), 0, 0);
    awaitState(State.DONE);
    assertEquals(10, status().job().moved());
    assertEquals(7, status().waiting());
    assertEquals(
        List.of("m6", "m8"), BrokerKit.bodies(browse(0, 2, Filter.ALL)), "done with are skipped");
    start(Kind.PURGE, Filter.ALL, 0, 0);
    awaitState(State.DONE);
    assertEquals(7, status().job().moved());
    assertEquals(0, status().waiting());
    assertEquals(List.of(), browse(0, 10, Filter.ALL));
    kit.restart();
    assertEquals(0, status().waiting());
    die("new");
    assertEquals(List.of("new"), BrokerKit.bodies(browse(0, 10, Filter.ALL)));
  }

  @Test
  void shouldKeepTheRateAndBeCancelled() throws Exception {
    for (int i = 0; i < 30; i++) {
      die("m" + i);
    }
    start(Kind.REDRIVE, Filter.ALL, 0, 10);
    awaitEquals(1L, () -> status().job().moved());
    assertEquals(ErrorCode.CONFLICT, refusal(new Start("g", Kind.PURGE, Filter.ALL, 0, 0)));
    clock.advanceMs(99);
    assertEquals(1L, status().job().moved());
    clock.advanceMs(1);
    awaitEquals(2L, () -> status().job().moved());
    for (int moved = 3; moved <= 12; moved++) {
      clock.advanceMs(100);
      long expected = moved;
      awaitEquals(expected, () -> status().job().moved());
    }
    Status cancelled = ask(new Cancel("g"));
    assertEquals(State.CANCELLED, cancelled.job().state());
    clock.advanceMs(10_000);
    assertEquals(12L, status().job().moved());
    assertEquals(18, status().waiting());
    assertEquals(12, receive().size());
    assertEquals(ErrorCode.CONFLICT, refusal(new Cancel("g")));
  }

  @Test
  void shouldRefuseWhatMakesNoSense() throws Exception {
    assertEquals(ErrorCode.GROUP_NOT_FOUND, refusal(new GetStatus("nobody")));
    die("a");
    assertEquals(
        ErrorCode.INVALID_FILTER,
        refusal(new Start("g", Kind.PURGE, new Filter(Filter.Kind.SQL, "a >"), 0, 0)));
    assertEquals(
        ErrorCode.INVALID_ARGUMENT, refusal(new Start("g", Kind.PURGE, Filter.ALL, -1, 0)));
  }

  @Test
  void shouldLeaveLettersWhoseTopicIsGone() throws Exception {
    die("a");
    kit.admin(new DeleteTopic("orders"));
    start(Kind.REDRIVE, Filter.ALL, 0, 0);
    awaitState(State.DONE);
    assertEquals(1, status().job().stuck());
    assertEquals(1, status().waiting());
    send(null, "b");
    start(Kind.REDRIVE, Filter.ALL, 0, 0);
    awaitState(State.DONE);
    assertEquals(1, status().job().moved());
    assertEquals(List.of("a", "b"), BrokerKit.sortedBodies(receive()));
  }

  @Test
  void shouldForgetWhatWasRedrivenWithItsGroup() throws Exception {
    die("a");
    start(Kind.REDRIVE, Filter.ALL, 0, 0);
    awaitState(State.DONE);
    kit.admin(new DeleteGroup("g"));
    kit.restart();
    send(null, "b");
    assertEquals(List.of("a", "b"), BrokerKit.sortedBodies(receive()), "the topic's own");
    settle(SettleRequest.Kind.DEAD, receive(1));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void shouldLoseNoneAndDoubleNoneOverCrashes(long seed) throws Exception {
    Random random = new Random(seed);
    TreeSet<String> dead = new TreeSet<>();
    TreeSet<String> alive = new TreeSet<>();
    int next = 0;
    for (int step = 0; step < 120; step++) {
      String where = "seed " + seed + ", step " + step;
      switch (random.nextInt(8)) {
        case 0, 1 -> {
          for (int i = 1 + random.nextInt(30); i > 0; i--) {
            String body = "m" + next++;
            send(random.nextBoolean() ? "a" : "b", body);
            alive.add(body);
          }
        }
        case 2, 3 -> {
          List<Received> got = receive(1 + random.nextInt(40));
          got.forEach(m -> assertTrue(alive.remove(m.body()), where + ": " + m.body()));
          boolean die = random.nextInt(4) > 0;
          settle(die ? SettleRequest.Kind.DEAD : SettleRequest.Kind.ACK, got);
          if (die) {
            got.forEach(m -> dead.add(m.body()));
          }
        }
        case 4 -> {
          if (known() && state() != State.RUNNING) {
            boolean redrive = random.nextInt(3) > 0;
            long rate = random.nextInt(3) == 0 ? 1 + random.nextInt(100) : 0;
            TreeSet<String> before = bodiesOf(browse(0, 1_000, Filter.ALL));
            assertEquals(dead, before, where);
            start(
                redrive ? Kind.REDRIVE : Kind.PURGE,
                Filter.tags(random.nextBoolean() ? "a" : "*"),
                random.nextInt(3) == 0 ? 5 : 0,
                rate);
          }
        }
        case 5 -> crash(step);
        case 6 -> kit.restart();
        default -> clock.advanceMs(random.nextInt(300));
      }
      if (known() && state() == State.RUNNING && random.nextBoolean()) {
        // It may be done meanwhile.
        ErrorCode refused = refusal(new Cancel("g"));
        assertTrue(refused == null || state() != State.RUNNING, where + ": " + refused);
      }
      // What the job took out of the dead letters is alive again, or purged.
      while (known() && state() == State.RUNNING) {
        clock.advanceMs(1_000);
      }
      if (known() && status().job() != null) {
        TreeSet<String> left = bodiesOf(browse(0, 1_000, Filter.ALL));
        assertTrue(dead.containsAll(left), where);
        TreeSet<String> taken = new TreeSet<>(dead);
        taken.removeAll(left);
        if (status().job().kind() == Kind.REDRIVE) {
          alive.addAll(taken);
        }
        dead.retainAll(left);
        assertEquals(left.size(), status().waiting(), where);
      }
    }
    TreeSet<String> rest = new TreeSet<>();
    List<Received> got = receive(1_000);
    while (!got.isEmpty()) {
      got.forEach(m -> assertTrue(rest.add(m.body()), "twice: " + m.body()));
      settle(SettleRequest.Kind.ACK, got);
      got = receive(1_000);
    }
    assertEquals(alive, rest, "seed " + seed);
  }

  private boolean known() throws Exception {
    return refusal(new GetStatus("g")) == null;
  }

  private State state() throws Exception {
    Status status = status();
    return status.job() == null ? State.DONE : status.job().state();
  }

  private static TreeSet<String> bodiesOf(List<Received> messages) {
    TreeSet<String> bodies = new TreeSet<>();
    messages.forEach(m -> assertTrue(bodies.add(m.body()), m.body()));
    return bodies;
  }

  private void send(String tag, String body) throws Exception {
    MessageBatch batch = kit.batch();
    BrokerKit.add(batch, "orders", QueueSelector.ANY, tag, body);
    assertNull(kit.send(batch).error(0));
  }

  /** Sends messages and lets a consumer give each up. */
  private void die(String... bodies) throws Exception {
    for (String body : bodies) {
      send(null, body);
    }
    List<Received> got = receive();
    assertEquals(List.of(bodies), BrokerKit.sortedBodies(got));
    got.sort((a, b) -> a.body().compareTo(b.body()));
    settle(SettleRequest.Kind.DEAD, got);
  }

  private List<Received> receive() throws Exception {
    return receive(100);
  }

  private List<Received> receive(int max) throws Exception {
    return kit.receive("g", "orders", max);
  }

  private void settle(SettleRequest.Kind kind, List<Received> messages) throws Exception {
    SettleRequest request = new SettleRequest("g");
    for (Received m : messages) {
      request.add(kind, "orders", m.queueId(), m.queueOffset(), m.lease(), 0, "because");
    }
    if (!messages.isEmpty()) {
      kit.settle(request).forEach(outcome -> assertEquals(Outcome.OK, outcome));
    }
  }

  private List<Received> browse(long from, int max, Filter filter) throws Exception {
    List<Received> all = new ArrayList<>();
    Letters letters;
    long next = from;
    do {
      letters = ask(new Browse("g", next, max - all.size(), 1 << 20, filter));
      next = letters.nextOffset();
      all.addAll(BrokerKit.copy(letters.messages()));
    } while (letters.more() && all.size() < max);
    return all;
  }

  private Status start(Kind kind, Filter filter, long max, long perSecond) throws Exception {
    Status status = ask(new Start("g", kind, filter, max, perSecond));
    assertNotNull(status.job());
    return status;
  }

  private Status status() throws Exception {
    return ask(new GetStatus("g"));
  }

  private void awaitState(State state) throws Exception {
    awaitEquals(state, () -> status().job().state());
  }

  private long lag() throws Exception {
    Lag lag = kit.admin(new GetLag("g"));
    return lag.queues().stream().mapToLong(queue -> queue.waiting()).sum();
  }

  private ErrorCode refusal(LetterRequest request) throws Exception {
    try {
      ask(request);
      return null;
    } catch (RuntimeException e) {
      return SluiceException.of(e).code();
    }
  }

  private <T extends io.sluice.bus.BusMessage> T ask(LetterRequest request) throws Exception {
    return kit.<T>request(Addresses.letters(BrokerKit.BROKER), request).await(10, SECONDS);
  }

  private BrokerKit kit(Path where) {
    BrokerKit made = new BrokerKit(where);
    made.clock = clock;
    made.options.getStore().segmentBytes(512 << 10).queueFileBytes(64 << 10);
    return made;
  }

  /** The process dies: another one goes on with what stands in the files now. */
  private void crash(int step) throws Exception {
    Path copy = copies.resolve("step-" + step);
    try (Stream<Path> files = Files.walk(kit.options.getDirectory())) {
      for (Path file : (Iterable<Path>) files::iterator) {
        copyInto(copy, file);
      }
    }
    assertFalse(kit.options.getDirectory().equals(copy));
    kit.close();
    kit = kit(copy);
    kit.start();
  }

  private void copyInto(Path copy, Path file) throws IOException {
    Path target = copy.resolve(kit.options.getDirectory().relativize(file).toString());
    if (Files.isDirectory(file)) {
      Files.createDirectories(target);
    } else if (Files.exists(file)) {
      Files.copy(file, target);
    }
  }
}
