package io.sluice.broker;

/**
 * When the latest messages came in, by physical offset: a ring of the last requests, so that the
 * answer that hands a fresh message out can say how long it was under way. For one thread.
 */
final class ArrivalTimes {

  /** Requests remembered: at one a microsecond 4 ms, far longer than a waiting consumer takes. */
  private static final int SIZE = 4_096;

  private final long[] offsets = new long[SIZE];
  private final long[] receivedNs = new long[SIZE];
  private final long[] appendedNs = new long[SIZE];
  private long next;

  /** Notes a request whose first message is at this offset; offsets rise. */
  void add(long physicalOffset, long receivedAtNs, long appendedAtNs) {
    int at = (int) (next++ & (SIZE - 1));
    offsets[at] = physicalOffset;
    receivedNs[at] = receivedAtNs;
    appendedNs[at] = appendedAtNs;
  }

  /** The request that a message came with, or -1 if it is too long ago. */
  long find(long physicalOffset) {
    long low = Math.max(0, next - SIZE);
    long high = next - 1;
    if (high < low || physicalOffset < offsets[(int) (low & (SIZE - 1))]) {
      return -1;
    }
    while (low < high) {
      long middle = (low + high + 1) >>> 1;
      if (offsets[(int) (middle & (SIZE - 1))] <= physicalOffset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** When the front had read a request that was found. */
  long receivedNs(long request) {
    return receivedNs[(int) (request & (SIZE - 1))];
  }

  /** When a request that was found was in the log. */
  long appendedNs(long request) {
    return appendedNs[(int) (request & (SIZE - 1))];
  }
}
