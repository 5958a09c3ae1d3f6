package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The heap of delayed messages against a sorted list. */
class TimerHeapTest {

  private record Entry(long dueMs, long offset) implements Comparable<Entry> {
    @Override
    public int compareTo(Entry other) {
      int byDue = Long.compare(dueMs, other.dueMs);
      return byDue != 0 ? byDue : Long.compare(offset, other.offset);
    }
  }

  @Test
  void shouldGiveThemByDueTimeAndThenByOffset() {
    for (long seed = 1; seed <= 50; seed++) {
      Random random = new Random(seed);
      TimerHeap heap = new TimerHeap();
      List<Entry> model = new ArrayList<>();
      for (int i = 0; i < 3_000; i++) {
        if (random.nextInt(3) > 0) {
          Entry entry = new Entry(random.nextInt(200), i);
          heap.push(entry.dueMs, entry.offset);
          model.add(entry);
        } else if (!heap.isEmpty()) {
          Entry first = model.stream().min(Entry::compareTo).orElseThrow();
          assertEquals(first, new Entry(heap.firstDueMs(), heap.firstOffset()), "seed " + seed);
          heap.pop();
          model.remove(first);
        }
        assertEquals(model.size(), heap.size());
      }
    }
  }

  @Test
  void shouldKeepTheFirstAndTellWhereTheRestBegins() {
    for (long seed = 1; seed <= 300; seed++) {
      Random random = new Random(seed);
      int size = 2 + random.nextInt(500);
      int keep = 1 + random.nextInt(size - 1);
      TimerHeap heap = new TimerHeap();
      List<Entry> model = new ArrayList<>();
      for (int i = 0; i < size; i++) {
        Entry entry = new Entry(random.nextInt(1 + random.nextInt(1_000)), i);
        heap.append(entry.dueMs, entry.offset);
        model.add(entry);
      }
      model.sort(null);
      long[] dropped = heap.keepFirst(keep);
      heap.order();
      assertEquals(keep, heap.size());
      for (int i = 0; i < keep; i++) {
        assertEquals(
            model.get(i), new Entry(heap.firstDueMs(), heap.firstOffset()), "seed " + seed);
        heap.pop();
      }
      // Everything kept is before this place, everything dropped at or behind it.
      Entry place = new Entry(dropped[0], dropped[1]);
      assertTrue(model.get(keep - 1).compareTo(place) < 0, "seed " + seed);
      assertTrue(model.get(keep).compareTo(place) >= 0, "seed " + seed);
    }
  }
}
