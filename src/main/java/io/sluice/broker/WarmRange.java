package io.sluice.broker;

/**
 * Queue offsets whose messages a worker has just brought into memory: they are read without asking
 * the system whether they are there. Immutable.
 *
 * @param from first offset
 * @param to end, exclusive
 */
record WarmRange(long from, long to) {

  static final WarmRange NONE = new WarmRange(0, 0);

  /**
   * What {@link Blocks#warm} has brought in. The first message counts as readable even if nothing
   * came: whoever asked must get on, and reads it from the disk then.
   */
  static WarmRange of(long from, int readable) {
    return new WarmRange(from, from + Math.max(1, readable));
  }

  boolean has(long offset) {
    return offset >= from && offset < to;
  }

  /** How many of {@code count} messages from one that is in the range are in it too. */
  int upTo(long offset, int count) {
    return (int) Math.min(count, to - offset);
  }
}
