package io.sluice.broker;

import java.util.Arrays;

/**
 * Delayed messages by when they are due, then by their offset in the timer queue: a heap in two
 * arrays, 16 bytes each. As long as {@link #append} is used it is only a list; {@link #order} makes
 * it a heap. For one thread at a time.
 */
final class TimerHeap {

  private long[] dueTimesMs = new long[64];
  private long[] offsets = new long[64];
  private int size;

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** When the first one is due, or {@code Long.MAX_VALUE}. */
  long firstDueMs() {
    return size == 0 ? Long.MAX_VALUE : dueTimesMs[0];
  }

  long firstOffset() {
    return offsets[0];
  }

  long dueMs(int index) {
    return dueTimesMs[index];
  }

  long offset(int index) {
    return offsets[index];
  }

  void clear() {
    size = 0;
  }

  /** Adds one, in log n. */
  void push(long dueMs, long offset) {
    append(dueMs, offset);
    int at = size - 1;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (!isBefore(dueMs, offset, dueTimesMs[parent], offsets[parent])) {
        break;
      }
      set(at, dueTimesMs[parent], offsets[parent]);
      at = parent;
    }
    set(at, dueMs, offset);
  }

  /** Takes the first one out, in log n. */
  void pop() {
    size--;
    sink(0, dueTimesMs[size], offsets[size]);
    if (size < dueTimesMs.length / 8 && dueTimesMs.length > 1_024) {
      dueTimesMs = Arrays.copyOf(dueTimesMs, dueTimesMs.length / 4);
      offsets = Arrays.copyOf(offsets, offsets.length / 4);
    }
  }

  /** Adds one without order. */
  void append(long dueMs, long offset) {
    if (size == dueTimesMs.length) {
      dueTimesMs = Arrays.copyOf(dueTimesMs, size * 2);
      offsets = Arrays.copyOf(offsets, size * 2);
    }
    set(size++, dueMs, offset);
  }

  /** Makes a heap of what there is, in n. */
  void order() {
    for (int at = size / 2 - 1; at >= 0; at--) {
      sink(at, dueTimesMs[at], offsets[at]);
    }
  }

  /**
   * Keeps the first ones and drops the rest, in n; leaves a list without order.
   *
   * @param count how many to keep, fewer than there are
   * @return when the first one dropped is due, and its offset
   */
  long[] keepFirst(int count) {
    int low = 0;
    int high = size - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      long pivotMs = dueTimesMs[middle];
      long pivot = offsets[middle];
      int i = low;
      int j = high;
      while (i <= j) {
        while (isBefore(dueTimesMs[i], offsets[i], pivotMs, pivot)) {
          i++;
        }
        while (isBefore(pivotMs, pivot, dueTimesMs[j], offsets[j])) {
          j--;
        }
        if (i <= j) {
          swap(i++, j--);
        }
      }
      if (count <= j) {
        high = j;
      } else if (count >= i) {
        low = i;
      } else {
        break;
      }
    }
    long[] dropped = {dueTimesMs[count], offsets[count]};
    size = count;
    return dropped;
  }

  /** The order of delivery. */
  static boolean isBefore(long dueMs, long offset, long otherDueMs, long otherOffset) {
    return dueMs < otherDueMs || dueMs == otherDueMs && offset < otherOffset;
  }

  private void sink(int from, long dueMs, long offset) {
    int at = from;
    int child = 2 * at + 1;
    while (child < size) {
      if (child + 1 < size
          && isBefore(
              dueTimesMs[child + 1], offsets[child + 1], dueTimesMs[child], offsets[child])) {
        child++;
      }
      if (!isBefore(dueTimesMs[child], offsets[child], dueMs, offset)) {
        break;
      }
      set(at, dueTimesMs[child], offsets[child]);
      at = child;
      child = 2 * at + 1;
    }
    set(at, dueMs, offset);
  }

  private void swap(int i, int j) {
    long dueMs = dueTimesMs[i];
    long offset = offsets[i];
    set(i, dueTimesMs[j], offsets[j]);
    set(j, dueMs, offset);
  }

  private void set(int at, long dueMs, long offset) {
    dueTimesMs[at] = dueMs;
    offsets[at] = offset;
  }
}
