package io.sluice.broker;

import java.util.HashMap;
import java.util.Map;

/** What a pop asks of a receive beyond its request, and what it is told. For one receive. */
final class Popping {

  /** The queue, or -1 for any. */
  final int queueId;

  /** Whether it only wants to know that there is something. */
  final boolean looksOnly;

  /** For each queue how far a look has found nothing that it wants; null before the first one. */
  private Map<Integer, Long> lookedTo;

  /** When the messages were leased; set by the {@link Dispatcher} before it answers. */
  long leasedAtMs;

  Popping(int queueId, boolean looksOnly) {
    this.queueId = queueId;
    this.looksOnly = looksOnly;
  }

  /** New messages of the queue before this offset are known not to be wanted. */
  long lookedTo(int queue) {
    return lookedTo == null ? 0 : lookedTo.getOrDefault(queue, 0L);
  }

  void lookedTo(int queue, long offset) {
    if (lookedTo == null) {
      lookedTo = new HashMap<>();
    }
    lookedTo.put(queue, offset);
  }

  /** Whether it can not stand in one line with receives from any queue. */
  boolean waitsApart() {
    return queueId >= 0 || looksOnly;
  }

  /**
   * Those with the same key stand in one line: what the first one lacks, the others lack, unless
   * they only look through a filter.
   */
  int key() {
    return 2 * queueId + (looksOnly ? 1 : 0);
  }
}
