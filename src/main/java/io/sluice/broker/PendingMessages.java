package io.sluice.broker;

import java.util.Arrays;

/** Delayed messages that were not delivered yet: where each is in the log, and when it is due. */
final class PendingMessages {

  private long[] physicalOffsets = new long[1_024];
  private long[] dueMs = new long[1_024];
  private int count;

  /** Adds one and says its index. */
  int add(long physicalOffset, long due) {
    if (count == dueMs.length) {
      physicalOffsets = Arrays.copyOf(physicalOffsets, 2 * count);
      dueMs = Arrays.copyOf(dueMs, 2 * count);
    }
    physicalOffsets[count] = physicalOffset;
    dueMs[count] = due;
    return count++;
  }

  /** Takes one out: it was recalled, or is there a second time. */
  void remove(int index) {
    dueMs[index] = -1;
  }

  boolean isRemoved(int index) {
    return dueMs[index] < 0;
  }

  int count() {
    return count;
  }

  long physicalOffset(int index) {
    return physicalOffsets[index];
  }

  long dueMs(int index) {
    return dueMs[index];
  }
}
