package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.store.RepeatEntries;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random operations against a queue that is looked through from its newest end. */
class RepeatTableTest {

  private record Entry(long hash, long physicalOffset, long timeMs) {}

  private final RepeatTable table = new RepeatTable();
  private final Deque<Entry> model = new ArrayDeque<>();

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void shouldFindWhatTheModelFinds(long seed) {
    Random random = new Random(seed);
    int hashes = seed % 2 == 0 ? 500 : 200_000;
    int most = seed % 4 < 2 ? 3_000 : 60_000;
    long physicalOffset = 0;
    long nowMs = 0;
    for (int step = 0; step < 3_000; step++) {
      String where = "seed " + seed + ", step " + step;
      long first = table.next();
      int added = random.nextInt(60);
      for (int i = 0; i < added; i++) {
        long hash = hash(random.nextInt(hashes));
        physicalOffset += 100;
        table.add(RepeatEntries.low(hash), RepeatEntries.place(hash, physicalOffset));
        model.addLast(new Entry(hash, physicalOffset, nowMs));
      }
      if (random.nextInt(4) == 0) {
        int back = random.nextInt(added + 1);
        table.takeBack(first + added - back);
        for (int i = 0; i < back; i++) {
          model.removeLast();
        }
      }
      table.keepNewest(most);
      while (model.size() > most) {
        model.removeFirst();
      }
      if (random.nextInt(50) == 0) {
        nowMs += random.nextInt(1_000);
        table.mark(nowMs);
        nowMs++;
      }
      if (random.nextInt(200) == 0) {
        dropOld(nowMs - random.nextInt(20_000));
      }
      assertEquals(model.size(), table.size(), where);
      for (int i = 0; i < 5; i++) {
        long hash = hash(random.nextInt(hashes));
        assertEquals(expected(hash), found(hash), where);
      }
    }
    assertTrue(table.bytes() <= 24L * Math.max(most, 8_192) * 2 + (1 << 20), "" + table.bytes());
  }

  @Test
  void shouldGiveBackItsMemoryWhenAllIsTooOld() {
    for (int i = 0; i < 1_000_000; i++) {
      long hash = hash(i);
      table.add(RepeatEntries.low(hash), RepeatEntries.place(hash, i));
    }
    assertTrue(table.bytes() < 32L << 20, table.bytes() + " bytes");
    table.mark(5);
    table.dropBefore(4);
    assertEquals(1_000_000, table.size());
    table.dropBefore(5);
    assertEquals(0, table.size());
    assertTrue(table.bytes() < 1 << 20, table.bytes() + " bytes");
    assertEquals(List.of(), found(hash(3)));
  }

  /** Everything that was added before a mark that is old enough goes, and nothing else. */
  private void dropOld(long timeMs) {
    table.dropBefore(timeMs);
    while (model.size() > table.size()) {
      assertTrue(model.removeFirst().timeMs <= timeMs);
    }
  }

  private List<Long> found(long hash) {
    List<Long> places = new ArrayList<>();
    table.find(
        hash,
        place -> {
          places.add(RepeatEntries.physicalOffset(place));
          return false;
        });
    return places;
  }

  private List<Long> expected(long hash) {
    List<Long> places = new ArrayList<>();
    for (Iterator<Entry> each = model.descendingIterator(); each.hasNext(); ) {
      Entry entry = each.next();
      if (entry.hash == hash) {
        places.add(entry.physicalOffset);
      }
    }
    return places;
  }

  /** Some share their lower bits, some their slot. */
  private static long hash(int number) {
    return (number & 3) == 0
        ? (long) (number & 0x7fff) << 31 | 77
        : number * 0x9E3779B97F4A7C15L >>> (Long.SIZE - 46);
  }
}
