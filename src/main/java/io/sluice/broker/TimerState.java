package io.sluice.broker;

import io.sluice.broker.StateChange.TimersFired;
import io.sluice.broker.StateChange.TimersRecalled;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What is known of delayed messages beside their records: how far they were delivered, in the order
 * of delivery, and which were recalled. A record of the timer topic waits if it is behind that
 * place and was not recalled. Recalled offsets are bits, 65,536 to a block of 8 KiB; a block goes
 * when nothing in or before it waits. Owned by the Broker's event loop.
 */
final class TimerState {

  private static final int BLOCK_BITS = 16;
  private static final int BLOCK_WORDS = 1 << (BLOCK_BITS - 6);

  private final Map<Long, long[]> recalled = new HashMap<>();
  private long firedDueMs = Long.MIN_VALUE;
  private long firedOffset = -1;
  private long firstWaiting;
  private long lastOffset = -1;

  /** Everything due before this was delivered or recalled. */
  long firedDueMs() {
    return firedDueMs;
  }

  /** Of what is due at {@link #firedDueMs}, everything up to this offset. */
  long firedOffset() {
    return firedOffset;
  }

  /** Whether a message is behind what was delivered. */
  boolean isAhead(long dueMs, long offset) {
    return TimerHeap.isBefore(firedDueMs, firedOffset, dueMs, offset);
  }

  /** The highest offset of the timer queue that a change was of, -1 before the first. */
  long lastOffset() {
    return lastOffset;
  }

  void fired(long dueMs, long offset) {
    lastOffset = Math.max(lastOffset, offset);
    if (isAhead(dueMs, offset)) {
      firedDueMs = dueMs;
      firedOffset = offset;
    }
  }

  boolean isRecalled(long offset) {
    long[] block = recalled.get(offset >>> BLOCK_BITS);
    return block != null && (block[word(offset)] & 1L << offset) != 0;
  }

  void recall(long offset) {
    lastOffset = Math.max(lastOffset, offset);
    if (offset >= firstWaiting) {
      recalled
              .computeIfAbsent(offset >>> BLOCK_BITS, made -> new long[BLOCK_WORDS])[
              word(offset)] |=
          1L << offset;
    }
  }

  /** Nothing before this offset waits any more. */
  void forgetBefore(long offset) {
    firstWaiting = Math.max(firstWaiting, offset);
    recalled.keySet().removeIf(block -> block < firstWaiting >>> BLOCK_BITS);
  }

  void apply(TimersFired change) {
    fired(change.dueMs(), change.offset());
  }

  void apply(TimersRecalled change) {
    for (long offset = change.firstOffset();
        offset < change.firstOffset() + change.count();
        offset++) {
      recall(offset);
    }
  }

  /** Adds what rebuilds this: applied again to what is ahead of it, it changes nothing. */
  void addParts(List<BrokerState.Part> parts) {
    if (firedOffset >= 0) {
      parts.add(out -> out.accept(new TimersFired(firedDueMs, firedOffset)));
    }
    recalled.forEach((block, words) -> parts.add(out -> snapshot(block << BLOCK_BITS, words, out)));
  }

  private void snapshot(long base, long[] words, Consumer<StateChange> out) {
    BitSet bits = BitSet.valueOf(words);
    int from = bits.nextSetBit(0);
    while (from >= 0) {
      int to = bits.nextClearBit(from);
      out.accept(new TimersRecalled(base + from, to - from));
      from = bits.nextSetBit(to);
    }
  }

  private static int word(long offset) {
    return (int) (offset >>> 6) & (BLOCK_WORDS - 1);
  }
}
