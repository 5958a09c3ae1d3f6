package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.controller.Command.Barrier;
import io.sluice.controller.Command.Change;
import io.sluice.controller.Command.Elect;
import io.sluice.controller.Command.Join;
import io.sluice.util.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/**
 * Goal: never two masters that may ack, at most one for each epoch, and nothing confirmed is
 * missing at a master that was elected. Method: three controllers and three Brokers in one thread
 * on a clock that is moved by hand. Messages are lost and delayed, processes stand still and die,
 * the leader of the controllers changes while the old one does not know it yet, and each machine's
 * clock has an offset and runs up to a twentieth too fast or too slow. The consensus itself is a
 * list: only the leader of the present term appends to it, which is what the engine promises.
 */
final class FailoverModelTest {

  private static final String NAME = "broker-a";
  private static final int CONTROLLERS = 3;
  private static final int BROKERS = 3;
  private static final long LEASE_MS = 2_000;
  private static final long END_MS = 60_000;

  private Random random;
  private long nowMs;
  private long order;
  private final PriorityQueue<Event> events = new PriorityQueue<>();

  // The consensus.
  private final ControllerState state = new ControllerState();
  private int term;
  private int leader;

  private final List<Controller> controllers = new ArrayList<>();
  private final List<Broker> brokers = new ArrayList<>();
  private final Map<Long, Long> masterOfEpoch = new HashMap<>();
  private long confirmed;
  private int elections;
  private int acks;

  private record Event(long atMs, long order, Runnable what) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      return atMs == other.atMs ? Long.compare(order, other.order) : Long.compare(atMs, other.atMs);
    }
  }

  /** A machine's clock: with an offset, and not at the right pace. */
  private final class Skewed implements Clock {
    private final long offsetMs = random.nextInt(1_000_000);
    private final double pace = 0.95 + random.nextDouble() / 10;

    @Override
    public long nowMs() {
      return offsetMs + (long) (nowMs * pace);
    }

    @Override
    public long nowNs() {
      return nowMs() * 1_000_000;
    }
  }

  private class Machine {
    final Skewed clock = new Skewed();
    long stoppedUntilMs;

    /** What comes while it stands still is done afterwards. */
    void at(long afterMs, Runnable what) {
      schedule(
          afterMs,
          () -> {
            if (nowMs < stoppedUntilMs) {
              schedule(stoppedUntilMs - nowMs, what);
            } else {
              what.run();
            }
          });
    }
  }

  private final class Controller extends Machine {
    private final int number;
    private int knownTerm;
    private Elections elections;

    private Controller(int number) {
      this.number = number;
    }

    private boolean believesToLead() {
      return elections.isLeader();
    }

    private void tick() {
      for (Elect elect : elections.tick(state)) {
        commit(elect, () -> {});
      }
      at(100, this::tick);
    }

    /** Done only if it still leads when the majority hears of it. */
    private void commit(Command command, Runnable done) {
      int ofTerm = knownTerm;
      schedule(
          1 + random.nextInt(20),
          () -> {
            if (term == ofTerm && leader == number) {
              boolean did = state.apply(command);
              if (did && command instanceof Elect elect) {
                FailoverModelTest.this.elections++;
                elected(elect);
              }
              at(1 + random.nextInt(20), done);
            }
          });
    }
  }

  private final class Broker extends Machine {
    private final int number;
    private String incarnation;
    private Lease lease;
    private long epoch;
    private long end;
    private long version;
    private SortedSet<Long> agreed = new TreeSet<>();
    private int asked;
    private final SortedSet<Long> mayBe = new TreeSet<>();

    private Broker(int number) {
      this.number = number;
      begin();
    }

    private void begin() {
      incarnation = number + "-" + order++;
      lease = new Lease(clock);
      epoch = 0;
    }

    private boolean mayAck() {
      return epoch > 0 && lease.holds(epoch);
    }

    private void heartbeat() {
      Controller to = controllers.get(random.nextInt(CONTROLLERS));
      Lease.Sent sent = lease.now();
      String process = incarnation;
      asked++;
      send(
          to,
          () -> {
            if (!to.believesToLead()) {
              return;
            }
            BrokerGroup group = state.group(NAME);
            if (group.numberOf(identity()) == 0) {
              to.commit(
                  new Join(NAME, new BrokerGroup.Node(identity(), "boot", "at", "at")), () -> {});
              return;
            }
            // Any of the set may be chosen, not always the same.
            to.elections.heard(group, number, process, 0, random.nextInt(3));
            to.commit(
                new Barrier(),
                () -> {
                  BrokerGroup now = state.group(NAME);
                  send(this, () -> take(now, sent, process));
                });
          });
      at(200 + random.nextInt(100), this::heartbeat);
    }

    private void take(BrokerGroup group, Lease.Sent sent, String process) {
      if (!process.equals(incarnation) || group.epoch() < epoch) {
        return;
      }
      boolean elected = group.master() == number && group.incarnation().equals(incarnation);
      if (!elected) {
        lease.drop();
        epoch = 0;
        return;
      }
      if (epoch != group.epoch()) {
        epoch = group.epoch();
        version = -1;
        mayBe.clear();
        assertTrue(
            end >= confirmed,
            () -> "node " + number + " ends at " + end + ", confirmed is " + confirmed);
      }
      lease.granted(epoch, sent, LEASE_MS);
      if (group.version() > version) {
        version = group.version();
        agreed = new TreeSet<>(group.inSync());
        mayBe.clear();
      }
    }

    /** Appends, copies to whom it reaches, asks for another set, and acks what is confirmed. */
    private void work() {
      if (mayAck()) {
        end++;
        long upTo = end;
        TreeSet<Long> reached = new TreeSet<>();
        reached.add((long) number);
        for (Broker other : brokers) {
          boolean reaches =
              other != this && nowMs >= other.stoppedUntilMs && random.nextInt(20) > 0;
          if (reaches && other.epoch == 0) {
            other.end = upTo;
            reached.add((long) other.number);
          }
        }
        TreeSet<Long> needed = new TreeSet<>(agreed);
        needed.addAll(mayBe);
        if (reached.containsAll(needed) && mayAck()) {
          confirmed = Math.max(confirmed, upTo);
          acks++;
        }
        if (!reached.equals(agreed) && random.nextInt(3) == 0) {
          ask(reached);
        }
      }
      at(20 + random.nextInt(30), this::work);
    }

    private void ask(TreeSet<Long> set) {
      Change change = new Change(NAME, epoch, version, set);
      mayBe.addAll(set);
      Controller to = controllers.get(random.nextInt(CONTROLLERS));
      send(
          to,
          () -> {
            if (to.believesToLead()) {
              to.commit(change, () -> {});
            }
          });
    }

    private String identity() {
      return "node-" + number;
    }
  }

  private void schedule(long afterMs, Runnable what) {
    events.add(new Event(nowMs + Math.max(1, afterMs), order++, what));
  }

  /** One message in ten is lost, one in ten is late. */
  private void send(Machine to, Runnable what) {
    int luck = random.nextInt(10);
    if (luck > 0) {
      to.at(luck == 1 ? random.nextInt(3_000) : random.nextInt(30), what);
    }
  }

  private void elected(Elect elect) {
    Long before = masterOfEpoch.put(elect.epoch(), elect.node());
    assertEquals(null, before, () -> "epoch " + elect.epoch() + " has two masters");
  }

  private void newLeader() {
    term++;
    leader = random.nextInt(CONTROLLERS);
    Controller next = controllers.get(leader);
    int ofTerm = term;
    // It knows, and the old one learns later.
    next.at(
        1,
        () -> {
          next.knownTerm = ofTerm;
          next.elections.lead(true);
        });
    for (Controller other : controllers) {
      if (other != next) {
        other.at(
            random.nextInt(6_000),
            () -> {
              if (other.knownTerm < ofTerm) {
                other.knownTerm = ofTerm;
                other.elections.lead(false);
              }
            });
      }
    }
    schedule(2_000 + random.nextInt(15_000), this::newLeader);
  }

  private void trouble() {
    Machine victim =
        random.nextInt(3) == 0
            ? controllers.get(random.nextInt(CONTROLLERS))
            : brokers.get(random.nextInt(BROKERS));
    if (victim instanceof Broker broker && random.nextBoolean()) {
      broker.begin();
      broker.stoppedUntilMs = nowMs + random.nextInt(5_000);
    } else {
      victim.stoppedUntilMs = nowMs + random.nextInt(6_000);
    }
    schedule(500 + random.nextInt(5_000), this::trouble);
  }

  private void run(long seed, boolean troubled) {
    random = new Random(seed);
    for (int i = 0; i < CONTROLLERS; i++) {
      Controller controller = new Controller(i);
      controller.elections = new Elections(controller.clock, Duration.ofMillis(LEASE_MS));
      controllers.add(controller);
    }
    for (int i = 1; i <= BROKERS; i++) {
      // They join in this order, so that the numbers are theirs.
      state.apply(new Join(NAME, new BrokerGroup.Node("node-" + i, "boot", "at", "at")));
      brokers.add(new Broker(i));
    }
    newLeader();
    if (troubled) {
      schedule(4_000, this::trouble);
    }
    controllers.forEach(controller -> controller.at(random.nextInt(100), controller::tick));
    brokers.forEach(
        broker -> {
          broker.at(random.nextInt(200), broker::heartbeat);
          broker.at(random.nextInt(200), broker::work);
        });
    while (!events.isEmpty() && events.peek().atMs() < END_MS) {
      Event event = events.poll();
      nowMs = event.atMs();
      event.what().run();
      long acking = brokers.stream().filter(Broker::mayAck).count();
      assertTrue(
          acking <= 1,
          () -> "seed " + seed + ": " + acking + " masters may ack at " + nowMs + " ms");
    }
  }

  @Property(tries = 300)
  void shouldNeverHaveTwoMastersThatMayAck(@ForAll long seed) {
    run(seed, true);
  }

  @Test
  void shouldElectAndAckAtAll() {
    run(1, true);
    assertTrue(elections > 2, elections + " elections");
    assertTrue(acks > 100, acks + " acks");
  }
}
