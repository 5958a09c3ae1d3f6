package io.sluice.broker;

/** What a pop asks of a receive beyond its request, and what it is told. For one receive. */
final class Popping {

  /** The queue, or -1 for any. */
  final int queueId;

  /** Whether it only wants to know that there is something. */
  final boolean looksOnly;

  /** When the messages were leased; set by the {@link Dispatcher} before it answers. */
  long leasedAtMs;

  Popping(int queueId, boolean looksOnly) {
    this.queueId = queueId;
    this.looksOnly = looksOnly;
  }

  /** Whether it can not stand in one line with receives from any queue. */
  boolean waitsApart() {
    return queueId >= 0 || looksOnly;
  }

  /** Those with the same key can stand in one line: what the first one lacks, the others lack. */
  int key() {
    return 2 * queueId + (looksOnly ? 1 : 0);
  }
}
