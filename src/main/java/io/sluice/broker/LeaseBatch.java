package io.sluice.broker;

import java.util.Arrays;

/**
 * One receive's request and what it got, in columns. Reusable by {@link #start}; the columns are
 * replaced, not cleared, once {@link #leases} and {@link #attempts} have been given away. For one
 * thread.
 */
final class LeaseBatch {

  private static final int FIRST_CAPACITY = 32;

  private int max;
  private long maxBytes;
  private long nowMs;
  private long deadlineMs;
  private int holder;
  private boolean ordered;
  private boolean popped;
  private int unsettledLimit;
  private int count;
  private long bytes;
  private boolean full;
  private long[] offsets = new long[FIRST_CAPACITY];
  private long[] leases = new long[FIRST_CAPACITY];
  private int[] attempts = new int[FIRST_CAPACITY];

  /**
   * Begins a receive.
   *
   * @param max at most so many messages
   * @param maxBytes at most so many bytes of records, but at least one message
   * @param deadlineMs when the leases end
   * @param holder as in {@link Holders}
   * @param unsettledLimit a queue with so many unsettled offsets hands out nothing new
   */
  LeaseBatch start(
      int max,
      long maxBytes,
      long nowMs,
      long deadlineMs,
      int holder,
      boolean ordered,
      int unsettledLimit) {
    this.max = max;
    this.maxBytes = maxBytes;
    this.nowMs = nowMs;
    this.deadlineMs = deadlineMs;
    this.holder = holder;
    this.ordered = ordered;
    popped = false;
    this.unsettledLimit = unsettledLimit;
    count = 0;
    bytes = 0;
    full = false;
    return this;
  }

  long nowMs() {
    return nowMs;
  }

  long deadlineMs() {
    return deadlineMs;
  }

  int holder() {
    return holder;
  }

  boolean ordered() {
    return ordered;
  }

  /** Makes the leases those of a pop. */
  void pop() {
    popped = true;
  }

  boolean popped() {
    return popped;
  }

  int unsettledLimit() {
    return unsettledLimit;
  }

  int count() {
    return count;
  }

  /** How many more messages are asked for. */
  int room() {
    return full ? 0 : max - count;
  }

  /** Whether nothing more fits: by number, or by bytes. */
  boolean isFull() {
    return full || count >= max;
  }

  /** Whether a record of this size still fits; if not, the batch is full. */
  boolean fits(int recordBytes) {
    if (count > 0 && bytes + recordBytes > maxBytes) {
      full = true;
    }
    return !full;
  }

  void add(long offset, int recordBytes, long lease, int attempt) {
    if (count == offsets.length) {
      int capacity = count * 2;
      offsets = Arrays.copyOf(offsets, capacity);
      leases = Arrays.copyOf(leases, capacity);
      attempts = Arrays.copyOf(attempts, capacity);
    }
    offsets[count] = offset;
    leases[count] = lease;
    attempts[count] = attempt;
    bytes += recordBytes;
    count++;
  }

  long offset(int index) {
    return offsets[index];
  }

  /** The lease numbers, a copy of its own. */
  long[] leases() {
    return Arrays.copyOf(leases, count);
  }

  /** The attempts, a copy of its own. */
  int[] attempts() {
    return Arrays.copyOf(attempts, count);
  }
}
