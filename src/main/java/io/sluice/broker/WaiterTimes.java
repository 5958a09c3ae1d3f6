package io.sluice.broker;

import java.util.Arrays;

/** The waiters by the end of their wait: a heap that any of them can leave. For one thread. */
final class WaiterTimes {

  private static final int ABSENT = -1;

  private Waiter[] heap = new Waiter[16];
  private int size;

  int size() {
    return size;
  }

  /** The earliest end, or Long.MAX_VALUE. */
  long earliestMs() {
    return size == 0 ? Long.MAX_VALUE : heap[0].deadlineMs;
  }

  /** The one whose wait ends first; there is one. */
  Waiter first() {
    return heap[0];
  }

  void add(Waiter waiter) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    put(size, waiter);
    up(size++);
  }

  void remove(Waiter waiter) {
    int place = waiter.place;
    waiter.place = ABSENT;
    Waiter last = heap[--size];
    heap[size] = null;
    if (place != size) {
      put(place, last);
      up(place);
      down(last.place);
    }
  }

  private void up(int from) {
    int place = from;
    Waiter waiter = heap[place];
    while (place > 0) {
      int parent = (place - 1) >>> 1;
      if (heap[parent].deadlineMs <= waiter.deadlineMs) {
        break;
      }
      put(place, heap[parent]);
      place = parent;
    }
    put(place, waiter);
  }

  private void down(int from) {
    int place = from;
    Waiter waiter = heap[place];
    while (true) {
      int child = 2 * place + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size && heap[child + 1].deadlineMs < heap[child].deadlineMs) {
        child++;
      }
      if (heap[child].deadlineMs >= waiter.deadlineMs) {
        break;
      }
      put(place, heap[child]);
      place = child;
    }
    put(place, waiter);
  }

  private void put(int place, Waiter waiter) {
    heap[place] = waiter;
    waiter.place = place;
  }
}
