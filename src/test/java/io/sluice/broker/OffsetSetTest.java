package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compared with a plain set of bits. */
class OffsetSetTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void shouldDoAsTheModelDoes(long seed) {
    Random random = new Random(seed);
    OffsetSet set = new OffsetSet();
    BitSet model = new BitSet();
    int end = 200_000;
    for (int step = 0; step < 500; step++) {
      int first = random.nextInt(4) == 0 ? model.nextClearBit(0) : random.nextInt(end);
      int count = 1 + random.nextInt(random.nextInt(5) == 0 ? 70_000 : 500);
      set.add(first, count);
      model.set(first, first + count);
      String where = "seed " + seed + ", step " + step;
      int from = random.nextInt(end);
      assertEquals(model.nextClearBit(from), set.firstMissing(from), where);
      assertEquals(model.get(from), set.contains(from), where);
      assertEquals(end - model.get(0, end).cardinality(), missing(set, end), where);
      if (step % 100 == 99) {
        set = copy(set);
      }
    }
  }

  /** The set counts what is beyond the end as well, so that it is added here. */
  private static long missing(OffsetSet set, int end) {
    long far = 1_000_000;
    return set.missing(0, far) - (far - Math.max(end, 0)) + beyond(set, end, far);
  }

  private static long beyond(OffsetSet set, long from, long to) {
    long found = 0;
    for (long offset = from; offset < to; offset++) {
      found += set.contains(offset) ? 1 : 0;
    }
    return found;
  }

  private static OffsetSet copy(OffsetSet set) {
    OffsetSet copy = new OffsetSet();
    copy.add(0, set.floor());
    set.blockNumbers().forEach(block -> set.forEachRange(block, copy::add));
    return copy;
  }
}
