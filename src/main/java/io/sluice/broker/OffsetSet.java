package io.sluice.broker;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;

/**
 * Offsets of a queue that are done with: all before a floor, and bits behind it, 65,536 to a block
 * of 8 KiB. The floor rises over what is done with, and blocks below it go. For one thread.
 */
final class OffsetSet {

  /** Takes offsets that follow each other. */
  interface RangeConsumer {
    void accept(long firstOffset, long count);
  }

  private static final int BLOCK_BITS = 16;
  private static final int BLOCK_WORDS = 1 << (BLOCK_BITS - 6);

  private final TreeMap<Long, long[]> blocks = new TreeMap<>();
  private long floor;
  private long beyondFloor;

  /** Everything before it is done with. */
  long floor() {
    return floor;
  }

  boolean contains(long offset) {
    if (offset < floor) {
      return true;
    }
    long[] block = blocks.get(offset >>> BLOCK_BITS);
    return block != null && (block[word(offset)] & 1L << offset) != 0;
  }

  /** How many of the offsets from {@code from} to {@code to}, exclusive, are not in here. */
  long missing(long from, long to) {
    long first = Math.max(from, floor);
    if (first >= to) {
      return 0;
    }
    if (first > floor) {
      addFloor(first);
    }
    return to - floor - beyondFloor;
  }

  /** The first offset from this one on that is not in here. */
  long firstMissing(long from) {
    long offset = Math.max(from, floor);
    while (true) {
      long[] block = blocks.get(offset >>> BLOCK_BITS);
      if (block == null) {
        return offset;
      }
      long base = offset >>> BLOCK_BITS << BLOCK_BITS;
      int clear = BitSet.valueOf(block).nextClearBit((int) (offset - base));
      if (clear < 1 << BLOCK_BITS) {
        return base + clear;
      }
      offset = base + (1L << BLOCK_BITS);
    }
  }

  /** Adds offsets that follow each other; those in here already change nothing. */
  void add(long firstOffset, long count) {
    long end = firstOffset + count;
    if (firstOffset <= floor) {
      addFloor(end);
      return;
    }
    for (long offset = firstOffset; offset < end; offset++) {
      long[] block = blocks.computeIfAbsent(offset >>> BLOCK_BITS, made -> new long[BLOCK_WORDS]);
      long bit = 1L << offset;
      if ((block[word(offset)] & bit) == 0) {
        block[word(offset)] |= bit;
        beyondFloor++;
      }
    }
  }

  /** The numbers of the blocks there are now, for {@link #forEachRange}. */
  List<Long> blockNumbers() {
    return List.copyOf(blocks.keySet());
  }

  /** Hands over what is in one block; nothing if it has gone meanwhile. */
  void forEachRange(long blockNumber, RangeConsumer out) {
    long[] block = blocks.get(blockNumber);
    if (block == null) {
      return;
    }
    long base = blockNumber << BLOCK_BITS;
    BitSet bits = BitSet.valueOf(block);
    int from = bits.nextSetBit(0);
    while (from >= 0) {
      int to = bits.nextClearBit(from);
      out.accept(base + from, to - from);
      from = bits.nextSetBit(to);
    }
  }

  private void addFloor(long end) {
    if (end <= floor) {
      return;
    }
    floor = end;
    while (!blocks.isEmpty() && blocks.firstKey() < floor >>> BLOCK_BITS) {
      beyondFloor -= BitSet.valueOf(blocks.pollFirstEntry().getValue()).cardinality();
    }
    while (!blocks.isEmpty() && blocks.firstKey() == floor >>> BLOCK_BITS) {
      long base = floor >>> BLOCK_BITS << BLOCK_BITS;
      BitSet bits = BitSet.valueOf(blocks.pollFirstEntry().getValue());
      int next = bits.nextClearBit((int) (floor - base));
      beyondFloor -= bits.get(0, next).cardinality();
      floor = base + next;
      if (next < 1 << BLOCK_BITS) {
        bits.clear(0, next);
        if (!bits.isEmpty()) {
          blocks.put(base >>> BLOCK_BITS, Arrays.copyOf(bits.toLongArray(), BLOCK_WORDS));
        }
        return;
      }
    }
  }

  private static int word(long offset) {
    return (int) (offset >>> 6) & (BLOCK_WORDS - 1);
  }
}
