package io.sluice.broker;

import java.util.Arrays;

/**
 * The offsets of one queue that a group was handed and has not settled: a table in columns, sorted
 * by offset, without an object per message.
 *
 * <p>New offsets are higher than all before, so they go to the end; a settled one leaves a hole
 * that is closed when the table is full and half of it is holes. Finding is a guess that is right
 * while offsets follow each other, else a binary search. Two heaps hold the indexes of entries:
 * {@code timed} those with a time to come, the earliest first; {@code ready} those whose retry is
 * due, the lowest offset first. So leasing, settling and expiring cost O(log n) at most, and O(1)
 * in the usual order.
 *
 * <p>An index is valid until the next {@link #append}. For one thread.
 */
final class Unsettled {

  /** Nothing there any more. */
  static final byte FREE = 0;

  /** Handed out; {@link #dueMs} is when the lease ends. */
  static final byte LEASED = 1;

  /** Waits for its retry; {@link #dueMs} is when that is due. */
  static final byte WAITING = 2;

  /** Its retry is due. */
  static final byte READY = 3;

  /** On its way to the dead letters. */
  static final byte DYING = 4;

  /** The last lease was an ordered one. */
  static final byte ORDERED = 1;

  /** The last lease ended by a NACK. */
  static final byte NACKED = 2;

  /** The last lease was a pop: when its time is over, the message may come again at once. */
  static final byte POPPED = 4;

  private static final int NONE = -1;
  private static final int FIRST_CAPACITY = 8;

  /** An empty table keeps room for so many entries: 12 KB. */
  private static final int KEPT_CAPACITY = 256;

  private static final long[] NO_LONGS = {};
  private static final int[] NO_INTS = {};
  private static final byte[] NO_BYTES = {};

  private long[] offsets = NO_LONGS;
  private long[] leases = NO_LONGS;
  private long[] dueMs = NO_LONGS;
  private int[] attempts = NO_INTS;
  private int[] holders = NO_INTS;
  private int[] heapPlaces = NO_INTS;
  private byte[] states = NO_BYTES;
  private byte[] flags = NO_BYTES;
  private int head;
  private int tail;
  private int live;
  private int leased;
  private int orderedLeased;
  private int dying;

  private final Heap timed =
      new Heap() {
        @Override
        boolean before(int a, int b) {
          return dueMs[a] < dueMs[b] || (dueMs[a] == dueMs[b] && a < b);
        }
      };
  private final Heap ready =
      new Heap() {
        @Override
        boolean before(int a, int b) {
          return a < b;
        }
      };

  /** How many offsets are not settled. */
  int count() {
    return live;
  }

  /** How many are leased. */
  int leasedCount() {
    return leased;
  }

  /** How many of those are leased in order. */
  int orderedLeasedCount() {
    return orderedLeased;
  }

  /** How many are on their way to the dead letters. */
  int dyingCount() {
    return dying;
  }

  /** How many wait for a retry or could have it now. */
  int retryingCount() {
    return live - leased - dying;
  }

  /** Index of the lowest offset, or -1 if there is none. */
  int first() {
    return live == 0 ? NONE : head;
  }

  /** Index of the next higher offset, or -1. */
  int next(int index) {
    int at = index + 1;
    while (at < tail && states[at] == FREE) {
      at++;
    }
    return at < tail ? at : NONE;
  }

  /** Index of this offset, or -1 if it is not in the table. */
  int find(long offset) {
    if (live == 0) {
      return NONE;
    }
    long guess = head + (offset - offsets[head]);
    if (guess >= head && guess < tail && offsets[(int) guess] == offset) {
      return states[(int) guess] == FREE ? NONE : (int) guess;
    }
    int at = Arrays.binarySearch(offsets, head, tail, offset);
    return at < 0 || states[at] == FREE ? NONE : at;
  }

  long offset(int index) {
    return offsets[index];
  }

  long lease(int index) {
    return leases[index];
  }

  long dueMs(int index) {
    return dueMs[index];
  }

  int attempt(int index) {
    return attempts[index];
  }

  int holder(int index) {
    return holders[index];
  }

  byte state(int index) {
    return states[index];
  }

  boolean has(int index, byte flag) {
    return (flags[index] & flag) != 0;
  }

  /**
   * Whether an entry differs from another only by standing {@code distance} places behind it: in
   * offset and lease number.
   */
  boolean follows(int first, int index, int distance) {
    return offsets[index] == offsets[first] + distance
        && leases[index] == leases[first] + distance
        && states[index] == states[first]
        && dueMs[index] == dueMs[first]
        && attempts[index] == attempts[first]
        && holders[index] == holders[first]
        && flags[index] == flags[first];
  }

  /** When something is next to happen by time, or Long.MAX_VALUE. */
  long earliestDueMs() {
    return timed.size == 0 ? Long.MAX_VALUE : dueMs[timed.root()];
  }

  /** Index of the entry that {@link #earliestDueMs} is about. */
  int earliest() {
    return timed.root();
  }

  /** Index of the lowest offset whose retry is due, or -1. */
  int firstReady() {
    return ready.size == 0 ? NONE : ready.root();
  }

  int readyCount() {
    return ready.size;
  }

  /**
   * Adds an offset that is higher than all others, leased.
   *
   * @return its index
   */
  int append(long offset, long lease, int attempt, long deadlineMs, int holder, byte leaseFlags) {
    if (tail == offsets.length) {
      makeRoom();
    }
    int index = tail++;
    offsets[index] = offset;
    live++;
    fillLease(index, lease, attempt, deadlineMs, holder, leaseFlags);
    return index;
  }

  /** Leases an entry again. */
  void lease(int index, long lease, int attempt, long deadlineMs, int holder, byte leaseFlags) {
    leave(index);
    fillLease(index, lease, attempt, deadlineMs, holder, leaseFlags);
  }

  /** Moves the end of a lease. */
  void extend(int index, long deadlineMs) {
    dueMs[index] = deadlineMs;
    timed.moved(heapPlaces[index]);
  }

  /** Ends a lease; the retry is due at this time. */
  void waitUntil(int index, long retryAtMs, int attempt, boolean nacked) {
    leave(index);
    states[index] = WAITING;
    dueMs[index] = retryAtMs;
    attempts[index] = attempt;
    if (nacked) {
      flags[index] |= NACKED;
    }
    timed.add(index);
  }

  /** The time of a waiting entry has come. */
  void makeReady(int index) {
    leave(index);
    states[index] = READY;
    ready.add(index);
  }

  /** The entry goes to the dead letters: neither time nor a settlement moves it any more. */
  void makeDying(int index) {
    leave(index);
    states[index] = DYING;
    dying++;
  }

  /** Settles an entry. */
  void remove(int index) {
    leave(index);
    states[index] = FREE;
    live--;
    if (live == 0) {
      head = 0;
      tail = 0;
      return;
    }
    while (states[head] == FREE) {
      head++;
    }
  }

  /** Gives memory back after a rush, when nothing is unsettled any more. */
  void trim() {
    if (live == 0 && offsets.length > KEPT_CAPACITY) {
      clear();
    }
  }

  /** Forgets everything and gives the memory back. */
  void clear() {
    offsets = NO_LONGS;
    leases = NO_LONGS;
    dueMs = NO_LONGS;
    attempts = NO_INTS;
    holders = NO_INTS;
    heapPlaces = NO_INTS;
    states = NO_BYTES;
    flags = NO_BYTES;
    head = 0;
    tail = 0;
    live = 0;
    leased = 0;
    orderedLeased = 0;
    dying = 0;
    timed.clear();
    ready.clear();
  }

  private void fillLease(
      int index, long lease, int attempt, long deadlineMs, int holder, byte leaseFlags) {
    leases[index] = lease;
    attempts[index] = attempt;
    dueMs[index] = deadlineMs;
    holders[index] = holder;
    flags[index] = leaseFlags;
    states[index] = LEASED;
    leased++;
    orderedLeased += leaseFlags & ORDERED;
    timed.add(index);
  }

  /** Takes an entry out of what its state puts it into. */
  private void leave(int index) {
    switch (states[index]) {
      case LEASED -> {
        leased--;
        orderedLeased -= flags[index] & ORDERED;
        timed.remove(heapPlaces[index]);
      }
      case WAITING -> timed.remove(heapPlaces[index]);
      case READY -> ready.remove(heapPlaces[index]);
      case DYING -> dying--;
      default -> throw new IllegalStateException("no entry at index " + index);
    }
  }

  private void makeRoom() {
    int capacity = offsets.length;
    if (live <= capacity / 2 && capacity > 0) {
      closeHoles();
    } else {
      grow(Math.max(FIRST_CAPACITY, capacity * 2));
    }
  }

  private void closeHoles() {
    int to = 0;
    for (int from = head; from < tail; from++) {
      if (states[from] == FREE) {
        continue;
      }
      if (from != to) {
        move(from, to);
      }
      to++;
    }
    Arrays.fill(states, to, tail, FREE);
    head = 0;
    tail = to;
  }

  private void move(int from, int to) {
    offsets[to] = offsets[from];
    leases[to] = leases[from];
    dueMs[to] = dueMs[from];
    attempts[to] = attempts[from];
    holders[to] = holders[from];
    flags[to] = flags[from];
    states[to] = states[from];
    heapPlaces[to] = heapPlaces[from];
    switch (states[to]) {
      case LEASED, WAITING -> timed.entries[heapPlaces[to]] = to;
      case READY -> ready.entries[heapPlaces[to]] = to;
      default -> {
        // A dying entry is in no heap.
      }
    }
  }

  private void grow(int capacity) {
    offsets = Arrays.copyOf(offsets, capacity);
    leases = Arrays.copyOf(leases, capacity);
    dueMs = Arrays.copyOf(dueMs, capacity);
    attempts = Arrays.copyOf(attempts, capacity);
    holders = Arrays.copyOf(holders, capacity);
    heapPlaces = Arrays.copyOf(heapPlaces, capacity);
    states = Arrays.copyOf(states, capacity);
    flags = Arrays.copyOf(flags, capacity);
  }

  /** A binary heap of indexes that knows where each of them is, so that any can be taken out. */
  private abstract class Heap {
    private int[] entries = NO_INTS;
    private int size;

    abstract boolean before(int a, int b);

    int root() {
      return entries[0];
    }

    void add(int index) {
      if (size == entries.length) {
        entries = Arrays.copyOf(entries, Math.max(FIRST_CAPACITY, size * 2));
      }
      entries[size] = index;
      heapPlaces[index] = size;
      up(size++);
    }

    void remove(int place) {
      int last = entries[--size];
      if (place == size) {
        return;
      }
      entries[place] = last;
      heapPlaces[last] = place;
      moved(place);
    }

    void moved(int place) {
      if (up(place) == place) {
        down(place);
      }
    }

    void clear() {
      entries = NO_INTS;
      size = 0;
    }

    private int up(int from) {
      int place = from;
      int index = entries[place];
      while (place > 0) {
        int parent = (place - 1) >>> 1;
        if (!before(index, entries[parent])) {
          break;
        }
        put(place, entries[parent]);
        place = parent;
      }
      put(place, index);
      return place;
    }

    private void down(int from) {
      int place = from;
      int index = entries[place];
      while (true) {
        int child = 2 * place + 1;
        if (child >= size) {
          break;
        }
        if (child + 1 < size && before(entries[child + 1], entries[child])) {
          child++;
        }
        if (!before(entries[child], index)) {
          break;
        }
        put(place, entries[child]);
        place = child;
      }
      put(place, index);
    }

    private void put(int place, int index) {
      entries[place] = index;
      heapPlaces[index] = place;
    }
  }
}
