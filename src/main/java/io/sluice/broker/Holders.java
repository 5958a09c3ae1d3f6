package io.sluice.broker;

import java.util.ArrayDeque;
import java.util.Arrays;

/**
 * Numbers for those who hold leases, so that a lease keeps four bytes instead of a name, and how
 * many leases each has. A number is given out again when its holder is gone. For one thread.
 */
final class Holders {

  /** Held by nobody: only time ends the lease. */
  static final int NONE = 0;

  /** Held by a socket of an earlier process; such leases are given back at the start. */
  static final int LOST = 1;

  private static final int FIRST_FREE = 2;

  private int[] leaseCounts = new int[16];
  private final ArrayDeque<Integer> free = new ArrayDeque<>();
  private int next = FIRST_FREE;

  /** A number for a new holder. */
  int take() {
    Integer again = free.poll();
    if (again != null) {
      return again;
    }
    if (next == leaseCounts.length) {
      leaseCounts = Arrays.copyOf(leaseCounts, next * 2);
    }
    return next++;
  }

  /** Gives a number back; it must have no leases any more. */
  void giveBack(int holder) {
    free.add(holder);
  }

  void leased(int holder) {
    leaseCounts[holder]++;
  }

  void ended(int holder) {
    leaseCounts[holder]--;
  }

  int leaseCount(int holder) {
    return leaseCounts[holder];
  }
}
