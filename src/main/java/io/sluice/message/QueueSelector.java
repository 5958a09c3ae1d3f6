package io.sluice.message;

/**
 * Which queue of its topic a message goes to, packed into a long so that a batch keeps them in one
 * array.
 */
public final class QueueSelector {

  /** The broker picks: its queues in turn. */
  public static final long ANY = -1;

  private static final long BY_KEY = 1L << 32;

  private QueueSelector() {}

  /** A queue by its number, 0 or more. */
  public static long queue(int queueId) {
    return queueId;
  }

  /** The queue that this ordering key always goes to, for a given number of queues. */
  public static long orderingKey(String key) {
    int hash = key.hashCode();
    // Spread, so that keys that differ in the last sign do not all meet in neighbouring queues.
    hash *= 0x9E3779B9;
    return BY_KEY | ((hash >>> 1) & 0x7fffffffL);
  }

  /** Whether the selector names a queue by number. */
  public static boolean isQueue(long selector) {
    return selector >= 0 && selector < BY_KEY;
  }

  /** Whether the selector stands for an ordering key. */
  public static boolean isOrderingKey(long selector) {
    return selector >= BY_KEY;
  }

  /** The queue number of a selector made by {@link #orderingKey}, for this number of queues. */
  public static int queueOfKey(long selector, int queues) {
    return (int) ((selector & 0x7fffffffL) % queues);
  }
}
