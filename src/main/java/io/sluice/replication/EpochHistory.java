package io.sluice.replication;

import java.util.ArrayList;
import java.util.List;

/**
 * The epochs of a log, the oldest first. Immutable, and a pure function decides where two logs
 * part.
 */
record EpochHistory(List<Epoch> epochs) {

  static final EpochHistory NONE = new EpochHistory(List.of());

  /** More than these are not kept: the oldest go. Each start of a master is one. */
  static final int MOST = 1_000;

  /** What two logs have in common. */
  static final long NOTHING = -1;

  EpochHistory {
    epochs = List.copyOf(epochs);
  }

  /** The present epoch, or null if there is none. */
  Epoch last() {
    return epochs.isEmpty() ? null : epochs.get(epochs.size() - 1);
  }

  /** Number of the present epoch, 0 if there is none. */
  long lastNumber() {
    return epochs.isEmpty() ? 0 : last().number();
  }

  /**
   * Begins an epoch at the end of the log. Epochs in which nothing was written are forgotten, and
   * those of which nothing is stored any more.
   *
   * @param minPhysicalOffset first byte still stored
   */
  EpochHistory begin(long end, long minPhysicalOffset, long id) {
    return begin(lastNumber() + 1, end, minPhysicalOffset, id);
  }

  /** As the other, with a number that was given: larger than all there are. */
  EpochHistory begin(long number, long end, long minPhysicalOffset, long id) {
    List<Epoch> next = new ArrayList<>();
    for (int i = 0; i < epochs.size(); i++) {
      long epochEnd = i + 1 < epochs.size() ? epochs.get(i + 1).start() : end;
      if (epochEnd > epochs.get(i).start() && epochEnd > minPhysicalOffset) {
        next.add(epochs.get(i));
      }
    }
    next.add(new Epoch(number, end, id));
    return new EpochHistory(next.subList(Math.max(0, next.size() - MOST), next.size()));
  }

  /** The epochs that start at this offset or before it. */
  EpochHistory upTo(long end) {
    return new EpochHistory(epochs.stream().filter(epoch -> epoch.start() <= end).toList());
  }

  /** The epoch that a byte belongs to, or null if it is older than all that are known. */
  Epoch at(long physicalOffset) {
    Epoch found = null;
    for (Epoch epoch : epochs) {
      if (epoch.start() <= physicalOffset) {
        found = epoch;
      }
    }
    return found;
  }

  /** Where the epoch ends that a byte belongs to: where the next one starts. */
  long endOf(long physicalOffset) {
    for (Epoch epoch : epochs) {
      if (epoch.start() > physicalOffset) {
        return epoch.start();
      }
    }
    return Long.MAX_VALUE;
  }

  /**
   * The offset up to which two logs are the same: the end, in the shorter one, of the last epoch
   * that both have.
   *
   * @return {@link #NOTHING} if they have none in common
   */
  static long partingPoint(EpochHistory one, long oneEnd, EpochHistory other, long otherEnd) {
    for (int i = one.epochs.size() - 1; i >= 0; i--) {
      int j = other.indexOf(one.epochs.get(i));
      if (j >= 0) {
        return Math.min(one.endOfIndex(i, oneEnd), other.endOfIndex(j, otherEnd));
      }
    }
    return NOTHING;
  }

  private int indexOf(Epoch wanted) {
    for (int i = epochs.size() - 1; i >= 0; i--) {
      if (epochs.get(i).equals(wanted)) {
        return i;
      }
    }
    return -1;
  }

  private long endOfIndex(int index, long logEnd) {
    return index + 1 < epochs.size() ? epochs.get(index + 1).start() : logEnd;
  }
}
