package io.sluice.broker;

import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.broker.StateChange.TransactionsOver;
import io.sluice.bus.TransactionRequest.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * How transactions ended, by the place of their half message: two bits each, 65,536 to a block of
 * 16 KiB. A half message in the queue without an end here is open. The newest {@link #MAX_BLOCKS}
 * blocks are kept, some 4 million transactions in 1 MiB, and whatever follows the first open one.
 *
 * <p>How often open ones were asked for is with {@link Transactions} while the Broker runs; here
 * only from the replay until they are rebuilt. Owned by the Broker's event loop.
 */
final class TransactionState {

  static final int MAX_BLOCKS = 64;

  private static final int BLOCK_BITS = 16;
  private static final int BLOCK_SIZE = 1 << BLOCK_BITS;
  private static final int WORD_BITS = 5;

  private static final int BLOCK_WORDS = BLOCK_SIZE >> WORD_BITS;
  private static final State[] STATES = State.values();

  private final TreeMap<Long, long[]> blocks = new TreeMap<>();

  /** Everything before it has ended. */
  private long firstOpen;

  private long lastOffset = -1;
  private Map<Long, TransactionChecked> replayedChecks = new HashMap<>();

  /** How the transaction at an offset ended: OPEN if it did not, null if that is not known. */
  State outcome(long offset) {
    long[] block = blocks.get(offset >>> BLOCK_BITS);
    State state = block == null ? State.OPEN : STATES[bits(block, offset)];
    return state == State.OPEN && offset < firstOpen ? null : state;
  }

  /** The highest offset of the half queue that a change was of, -1 before the first. */
  long lastOffset() {
    return lastOffset;
  }

  /** Everything before this offset has ended. */
  long firstOpen() {
    return firstOpen;
  }

  /** The first open one at this offset or behind it, {@code end} if there is none before. */
  long nextOpen(long from, long end) {
    long offset = Math.max(from, firstOpen);
    while (offset < end) {
      long[] block = blocks.get(offset >>> BLOCK_BITS);
      if (block == null) {
        return offset;
      }
      long blockEnd = Math.min(end, ((offset >>> BLOCK_BITS) + 1) << BLOCK_BITS);
      while (offset < blockEnd && bits(block, offset) != 0) {
        offset++;
      }
      if (offset < blockEnd) {
        return offset;
      }
    }
    return end;
  }

  /** Notes an end, unless another one is known. */
  void ended(long offset, State outcome) {
    lastOffset = Math.max(lastOffset, offset);
    if (offset < firstOpen) {
      return;
    }
    long[] block = blocks.computeIfAbsent(offset >>> BLOCK_BITS, made -> new long[BLOCK_WORDS]);
    if (bits(block, offset) == 0) {
      block[word(offset)] |= (long) outcome.ordinal() << shift(offset);
    }
    replayedChecks.remove(offset);
  }

  /** Moves over what has ended; what lies far behind is forgotten. */
  void moveOn(long end) {
    firstOpen = nextOpen(firstOpen, end);
    while (blocks.size() > MAX_BLOCKS && blocks.firstKey() < firstOpen >>> BLOCK_BITS) {
      blocks.pollFirstEntry();
    }
  }

  void apply(TransactionsEnded change) {
    for (int i = 0; i < change.count(); i++) {
      ended(change.firstOffset() + i, change.outcome());
    }
  }

  void apply(TransactionChecked change) {
    if (outcome(change.offset()) == State.OPEN) {
      replayedChecks.put(change.offset(), change);
    }
  }

  void apply(TransactionsOver change) {
    lastOffset = Math.max(lastOffset, change.beforeOffset() - 1);
    firstOpen = Math.max(firstOpen, change.beforeOffset());
  }

  /** The last change about asking for an open one that was replayed, or null; forgets it. */
  TransactionChecked takeChecks(long offset) {
    return replayedChecks.remove(offset);
  }

  /** The replay is over, and what it found was taken. */
  void rebuilt() {
    replayedChecks = new HashMap<>();
  }

  /**
   * Adds what rebuilds this. The blocks come before the mark of what is over, as what is before
   * that mark is not taken any more.
   */
  void addParts(List<BrokerState.Part> parts) {
    // Whatever is before an end was stored before it, so this holds on a slave too.
    moveOn(lastOffset + 1);
    for (Map.Entry<Long, long[]> block : new ArrayList<>(blocks.entrySet())) {
      parts.add(out -> snapshot(block.getKey() << BLOCK_BITS, block.getValue(), out));
    }
    // As it is now: the ends that come while the snapshot is written are replayed over it.
    long over = firstOpen;
    // Only on a slave: a master knows them with its open ones.
    List<TransactionChecked> checks = List.copyOf(replayedChecks.values());
    parts.add(out -> checks.forEach(out::accept));
    if (over > 0) {
      parts.add(out -> out.accept(new TransactionsOver(over)));
    }
  }

  private static void snapshot(long base, long[] block, Consumer<StateChange> out) {
    int from = 0;
    while (from < BLOCK_SIZE) {
      int bits = bits(block, from);
      int to = from + 1;
      while (to < BLOCK_SIZE && bits(block, to) == bits) {
        to++;
      }
      if (bits != 0) {
        out.accept(new TransactionsEnded(base + from, to - from, STATES[bits]));
      }
      from = to;
    }
  }

  private static int bits(long[] block, long offset) {
    return (int) (block[word(offset)] >>> shift(offset)) & 3;
  }

  private static int word(long offset) {
    return (int) (offset >>> WORD_BITS) & (BLOCK_WORDS - 1);
  }

  private static int shift(long offset) {
    return (int) (offset & (1 << WORD_BITS) - 1) << 1;
  }
}
