package io.sluice.app;

import java.util.HashMap;
import java.util.Map;

/** Positions of groups as masters told them: none may go back. Safe for any thread. */
final class GroupPositions {

  private final Map<Queue, Long> kept = new HashMap<>();
  private long keptEpoch;

  /** A queue of the topic as a group sees it. */
  record Queue(String group, int queueId) {}

  /**
   * A master says where groups are.
   *
   * @param epoch its own; what one of an older epoch says after a later one does not count
   * @param offsets each group's committed offset of each queue
   */
  synchronized void told(long epoch, Map<Queue, Long> offsets) {
    if (epoch < keptEpoch) {
      return;
    }
    kept.forEach(
        (queue, before) -> {
          Long now = offsets.get(queue);
          if (now == null || now < before) {
            throw new AssertionError(
                queue
                    + " went back from "
                    + before
                    + ", told in epoch "
                    + keptEpoch
                    + ", to "
                    + now
                    + " in epoch "
                    + epoch);
          }
        });
  }

  /** What was told has to stay from now on: something behind it was acked as replicated. */
  synchronized void keep(long epoch, Map<Queue, Long> offsets) {
    if (epoch >= keptEpoch) {
      keptEpoch = epoch;
      kept.putAll(offsets);
    }
  }

  /** All offsets that a group may not fall behind, added up. */
  synchronized long sum(String group) {
    return kept.entrySet().stream()
        .filter(each -> each.getKey().group().equals(group))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }
}
