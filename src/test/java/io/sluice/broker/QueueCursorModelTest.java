package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.TopicConfig;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Goal: the consumption core does what a naive model does, whatever the order of leases,
 * settlements, deadlines, lost sockets, resets, snapshots and crashes. Method: random operations
 * from a seed (in the failure's message) against a sorted map; both are asked the same questions
 * after each step. A crash throws the cursor away and replays the recorded changes.
 */
class QueueCursorModelTest {

  private static final int STEPS = 300;

  @Property(tries = 400)
  void shouldDoWhatTheModelDoes(@ForAll long seed) {
    try {
      new Run(new Random(seed)).steps(STEPS);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
    }
  }

  /** A message as the model sees it. */
  private static final class Entry {
    private byte state;
    private long lease;
    private int attempt;
    private long dueMs;
    private int holder;
    private boolean ordered;
    private boolean nacked;
  }

  private record Given(long offset, long lease) {}

  private static final class Run implements QueueView {
    private static final int LIMIT = 40;
    private static final GroupConfig GROUP = new GroupConfig("g", 3, List.of(100L, 1_000L), 50);

    private final Random random;
    private final List<Integer> tags = new ArrayList<>();
    private final TreeMap<Long, Entry> model = new TreeMap<>();
    private final List<Given> given = new ArrayList<>();
    private final List<Long> dead = new ArrayList<>();
    private ByteWriter log = new ByteWriter(64);
    private ChangeBuffer changes = newBuffer();
    private BrokerState state = new BrokerState();
    private QueueCursor cursor;
    private long next;
    private long min;
    private long nowMs = 1_000;
    private int wantedTag = -1;
    private long lastLease;

    private Run(Random random) {
      this.random = random;
      StateCodec.writeVersion(log);
      for (StateChange change :
          List.of(
              new Started(1),
              new TopicPut(TopicConfig.of("t", 1), 1, new long[0]),
              new GroupPut(GROUP),
              new ConsumptionMade(1, "g", "t"))) {
        state.apply(change);
        changes.change(change);
      }
      cursor = state.consumption(1).cursor(0);
    }

    private ChangeBuffer newBuffer() {
      return new ChangeBuffer((where, offset, reason) -> dead.add(offset), 256);
    }

    void steps(int count) {
      for (int i = 0; i < count; i++) {
        step();
        compare();
      }
    }

    private void step() {
      switch (random.nextInt(20)) {
        case 0, 1, 2 -> append(random.nextInt(12));
        case 3, 4, 5, 6 -> lease(random.nextInt(3) == 0);
        case 7, 8, 9 -> settle(Kind.ACK);
        case 10, 11 -> settle(Kind.NACK);
        case 12 -> settle(Kind.EXTEND);
        case 13 -> settle(Kind.DEAD);
        case 14, 15 -> nowMs += random.nextInt(300);
        case 16 -> release(2 + random.nextInt(2));
        case 17 -> bury();
        case 18 -> rarely();
        default -> ackMany();
      }
    }

    private void rarely() {
      switch (random.nextInt(4)) {
        case 0 -> position();
        case 1 -> crash(false);
        case 2 -> crash(true);
        default -> min = Math.min(tags.size(), min + random.nextInt(4));
      }
    }

    private void append(int count) {
      for (int i = 0; i < count; i++) {
        tags.add(random.nextInt(3));
      }
    }

    private void lease(boolean ordered) {
      wantedTag = random.nextInt(4) == 0 ? random.nextInt(3) : -1;
      int max = 1 + random.nextInt(10);
      int holder = random.nextInt(4) == 0 ? 2 + random.nextInt(2) : Holders.NONE;
      while (holder >= 2 && state.holders.take() < 3) {
        // Makes sure that the numbers 2 and 3 are known.
      }
      long deadlineMs = nowMs + 1 + random.nextInt(500);
      LeaseBatch batch =
          new LeaseBatch().start(max, 1_000_000, nowMs, deadlineMs, holder, ordered, LIMIT);
      cursor.lease(batch, this, changes);

      List<Long> expected = modelLease(max, deadlineMs, holder, ordered);
      List<Long> found = new ArrayList<>();
      for (int i = 0; i < batch.count(); i++) {
        long offset = batch.offset(i);
        found.add(offset);
        long lease = batch.leases()[i];
        assertEquals(true, lease > lastLease, "leases rise");
        lastLease = lease;
        Entry entry = model.get(offset);
        if (entry != null) {
          assertEquals(entry.attempt, batch.attempts()[i], "attempt of " + offset);
          entry.lease = lease;
        }
        given.add(new Given(offset, lease));
      }
      assertEquals(expected, found, "leased");
      wantedTag = -1;
    }

    private List<Long> modelLease(int max, long deadlineMs, int holder, boolean ordered) {
      modelExpire();
      List<Long> out = new ArrayList<>();
      boolean leased = model.values().stream().anyMatch(e -> e.state == Unsettled.LEASED);
      boolean orderedLeased =
          model.values().stream().anyMatch(e -> e.state == Unsettled.LEASED && e.ordered);
      boolean dying = model.values().stream().anyMatch(e -> e.state == Unsettled.DYING);
      if (ordered ? leased || dying : orderedLeased) {
        return out;
      }
      Iterator<Map.Entry<Long, Entry>> entries = model.entrySet().iterator();
      while (entries.hasNext() && out.size() < max) {
        Map.Entry<Long, Entry> each = entries.next();
        Entry entry = each.getValue();
        boolean ready = entry.state == Unsettled.WAITING && entry.dueMs <= nowMs;
        if (!ready && ordered) {
          return out;
        }
        if (ready && (each.getKey() < min || !wants(each.getKey()))) {
          entries.remove();
        } else if (ready) {
          modelLeaseOne(entry, deadlineMs, holder, ordered);
          out.add(each.getKey());
        }
      }
      if (ordered && entries.hasNext()) {
        return out;
      }
      while (out.size() < max && model.size() < LIMIT && Math.max(next, min) < tags.size()) {
        next = Math.max(next, min);
        if (wants(next)) {
          Entry entry = new Entry();
          modelLeaseOne(entry, deadlineMs, holder, ordered);
          model.put(next, entry);
          out.add(next);
        }
        next++;
      }
      if (out.size() < max && model.size() < LIMIT) {
        next = Math.max(next, min);
      } else if (next < min) {
        next = min;
      }
      return out;
    }

    private void modelLeaseOne(Entry entry, long deadlineMs, int holder, boolean ordered) {
      entry.state = Unsettled.LEASED;
      entry.attempt++;
      entry.dueMs = deadlineMs;
      entry.holder = holder;
      entry.ordered = ordered;
      entry.nacked = false;
    }

    private void settle(Kind kind) {
      if (given.isEmpty()) {
        return;
      }
      Given one = given.get(Math.max(0, given.size() - 1 - random.nextInt(20)));
      long lease = random.nextInt(20) == 0 ? lastLease + 1_000 : one.lease();
      settle(kind, one.offset(), lease);
    }

    private void ackMany() {
      int from = Math.max(0, given.size() - 1 - random.nextInt(20));
      for (Given one : given.subList(from, given.size())) {
        settle(Kind.ACK, one.offset(), one.lease());
      }
    }

    private void settle(Kind kind, long offset, long lease) {
      long durationMs = kind == Kind.NACK ? random.nextInt(3) * 50 - 50 : random.nextInt(400);
      durationMs = kind == Kind.NACK && durationMs < 0 ? -1 : durationMs;
      Outcome found = cursor.settle(kind, offset, lease, durationMs, "reason", nowMs, changes);
      assertEquals(modelSettle(kind, offset, lease, durationMs), found, kind + " of " + offset);
    }

    private Outcome modelSettle(Kind kind, long offset, long lease, long durationMs) {
      if (lease > lastLease) {
        return Outcome.UNKNOWN;
      }
      modelExpire();
      Entry entry = model.get(offset);
      if (entry == null) {
        boolean ok = (kind == Kind.ACK || kind == Kind.DEAD) && offset < next;
        return ok ? Outcome.OK : Outcome.EXPIRED;
      }
      if (entry.lease != lease) {
        return Outcome.EXPIRED;
      }
      if (entry.state != Unsettled.LEASED) {
        boolean same =
            (kind == Kind.NACK && entry.nacked)
                || (kind == Kind.DEAD && entry.state == Unsettled.DYING);
        return same ? Outcome.OK : Outcome.EXPIRED;
      }
      switch (kind) {
        case ACK -> model.remove(offset);
        case NACK ->
            modelFail(offset, entry, nowMs + (durationMs < 0 ? delay(entry) : durationMs), true);
        case EXTEND -> entry.dueMs = nowMs + Math.max(1, durationMs);
        default -> {
          entry.state = Unsettled.DYING;
          if (entry.ordered) {
            modelTakeBackBehind(offset, nowMs);
          }
        }
      }
      return Outcome.OK;
    }

    private long delay(Entry entry) {
      return entry.ordered ? GROUP.orderedRetryDelayMs() : GROUP.retryDelayMs(entry.attempt);
    }

    private void modelFail(long offset, Entry entry, long retryAtMs, boolean nacked) {
      if (entry.attempt >= GROUP.maxAttempts()) {
        entry.state = Unsettled.DYING;
      } else {
        entry.state = Unsettled.WAITING;
        entry.dueMs = retryAtMs;
        entry.nacked = nacked;
      }
      if (entry.ordered) {
        modelTakeBackBehind(offset, retryAtMs);
      }
    }

    private void modelTakeBackBehind(long offset, long retryAtMs) {
      for (Entry behind : model.tailMap(offset, false).values()) {
        if (behind.state == Unsettled.LEASED && behind.ordered) {
          behind.state = Unsettled.WAITING;
          behind.dueMs = retryAtMs;
          behind.attempt--;
        }
      }
    }

    private void modelExpire() {
      while (true) {
        long earliest = -1;
        for (Map.Entry<Long, Entry> each : model.entrySet()) {
          Entry entry = each.getValue();
          if (entry.state == Unsettled.LEASED
              && entry.dueMs <= nowMs
              && (earliest < 0 || entry.dueMs < model.get(earliest).dueMs)) {
            earliest = each.getKey();
          }
        }
        if (earliest < 0) {
          return;
        }
        Entry entry = model.get(earliest);
        modelFail(earliest, entry, entry.dueMs + delay(entry), false);
      }
    }

    private void release(int holder) {
      cursor.release(holder, nowMs, changes);
      modelRelease(entry -> entry.holder == holder);
    }

    private void modelRelease(java.util.function.Predicate<Entry> which) {
      modelExpire();
      for (Map.Entry<Long, Entry> each : model.entrySet()) {
        Entry entry = each.getValue();
        if (entry.state == Unsettled.LEASED && which.test(entry)) {
          modelFail(each.getKey(), entry, nowMs, false);
        }
      }
    }

    private void bury() {
      for (long offset : List.copyOf(dead)) {
        Entry entry = model.get(offset);
        boolean dying = entry != null && entry.state == Unsettled.DYING;
        assertEquals(dying, cursor.buried(offset, changes), "buried " + offset);
        if (dying) {
          model.remove(offset);
        }
      }
      dead.clear();
    }

    private void position() {
      long to = random.nextInt(tags.size() + 1);
      cursor.position(to, changes);
      model.clear();
      next = to;
    }

    /** The process dies; the next one replays the log, from a snapshot or from the start. */
    private void crash(boolean fromSnapshot) {
      modelExpire();
      cursor.expire(nowMs, changes);
      flush();
      if (fromSnapshot) {
        // The records since an earlier time are applied once more behind it, as they are when the
        // state changed while its snapshot was written.
        ByteWriter again = log;
        log = new ByteWriter(64);
        StateCodec.writeVersion(log);
        for (BrokerState.Part part : state.snapshot(topic -> new long[1])) {
          part.write(change -> StateCodec.write(log, change));
        }
        append(again, log);
      }
      BrokerState replayed = new BrokerState();
      StateCodec.read(ByteBuffer.wrap(log.bytes()), 0, log.size(), replayed::apply);
      assertEquals(1, replayed.incarnation());
      assertEquals(true, replayed.takeLease() > lastLease, "lease numbers rise over a crash");
      state = replayed;
      cursor = state.consumption(1).cursor(0);
      dead.clear();
      List<Long> dying =
          model.keySet().stream().filter(o -> model.get(o).state == Unsettled.DYING).toList();
      cursor.release(Holders.LOST, nowMs, changes);
      modelRelease(entry -> entry.holder != Holders.NONE);
      dying.forEach(this::adopt);
    }

    /**
     * That a message was dying is not recorded, only that it is dead: after a crash it is as it was
     * before, leased or already overdue again. Whatever it is, it is not settled.
     */
    private void adopt(long offset) {
      int index = cursor.unsettled().find(offset);
      assertFalse(index < 0, "the dying " + offset + " is lost");
      Entry entry = model.get(offset);
      entry.state = cursor.unsettled().state(index);
      entry.state = entry.state == Unsettled.READY ? Unsettled.WAITING : entry.state;
      entry.attempt = cursor.unsettled().attempt(index);
      entry.dueMs = cursor.unsettled().dueMs(index);
      entry.nacked = false;
    }

    private void flush() {
      changes.advanced(cursor);
      for (ByteWriter drained : changes.drain()) {
        append(drained, log);
      }
      assertEquals(true, changes.isEmpty());
    }

    /** Every list begins with its version; within one it stands once. */
    private static void append(ByteWriter from, ByteWriter to) {
      for (int i = 1; i < from.size(); i++) {
        to.writeByte(from.bytes()[i]);
      }
    }

    private void compare() {
      modelExpire();
      cursor.expire(nowMs, changes);
      long committed = model.isEmpty() ? next : model.firstKey();
      assertEquals(next, cursor.nextOffset(), "next offset");
      assertEquals(committed, cursor.committedOffset(), "committed offset");
      Unsettled unsettled = cursor.unsettled();
      assertEquals(model.size(), unsettled.count(), "unsettled");
      int index = unsettled.first();
      for (Map.Entry<Long, Entry> each : model.entrySet()) {
        assertFalse(index < 0, "an entry is missing");
        assertEquals(each.getKey(), unsettled.offset(index));
        compare(each.getKey(), each.getValue(), unsettled, index);
        index = unsettled.next(index);
      }
      assertEquals(count(Unsettled.LEASED), unsettled.leasedCount(), "leased");
      assertEquals(count(Unsettled.DYING), unsettled.dyingCount(), "dying");
      assertEquals(
          true, state.due.earliestMs() <= unsettled.earliestDueMs(), "the due queue is never late");
    }

    private void compare(long offset, Entry entry, Unsettled unsettled, int index) {
      byte expected = entry.state;
      if (expected == Unsettled.WAITING && entry.dueMs <= nowMs) {
        expected = Unsettled.READY;
      }
      assertEquals(expected, unsettled.state(index), "state of " + offset);
      assertEquals(entry.lease, unsettled.lease(index), "lease of " + offset);
      assertEquals(entry.attempt, unsettled.attempt(index), "attempt of " + offset);
      if (expected != Unsettled.DYING) {
        assertEquals(entry.dueMs, unsettled.dueMs(index), "due of " + offset);
      }
    }

    private int count(byte state) {
      return (int) model.values().stream().filter(entry -> entry.state == state).count();
    }

    @Override
    public int scanLimit() {
      return 16_384;
    }

    @Override
    public long minOffset() {
      return min;
    }

    @Override
    public long maxOffset() {
      return tags.size();
    }

    @Override
    public boolean wants(long offset) {
      return wantedTag < 0 || tags.get((int) offset) == wantedTag;
    }

    @Override
    public int recordBytes(long offset) {
      return 100;
    }

    @Override
    public int readable(long fromOffset, int count) {
      return count;
    }
  }
}
