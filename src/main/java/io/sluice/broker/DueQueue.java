package io.sluice.broker;

import java.util.Arrays;

/**
 * The cursors by the time something is next to happen in them: a lease ends or a retry is due. A
 * cursor's time here is never later than the true one, but may be earlier: settling a message does
 * not touch this queue, looking at the cursor when its time comes puts it right. For one thread.
 */
final class DueQueue {

  private static final int ABSENT = -1;

  private QueueCursor[] heap = new QueueCursor[16];
  private int size;

  /** The earliest time, or Long.MAX_VALUE. */
  long earliestMs() {
    return size == 0 ? Long.MAX_VALUE : heap[0].wakeAtMs;
  }

  /** Notes that something happens in the cursor at this time, if nothing does before. */
  void lower(QueueCursor cursor, long atMs) {
    if (atMs == Long.MAX_VALUE) {
      return;
    }
    if (cursor.wakePlace == ABSENT) {
      if (size == heap.length) {
        heap = Arrays.copyOf(heap, size * 2);
      }
      cursor.wakeAtMs = atMs;
      heap[size] = cursor;
      up(size++);
    } else if (atMs < cursor.wakeAtMs) {
      cursor.wakeAtMs = atMs;
      up(cursor.wakePlace);
    }
  }

  /** Takes a cursor whose time has come, or null. The caller looks at it and lowers it again. */
  QueueCursor poll(long nowMs) {
    if (size == 0 || heap[0].wakeAtMs > nowMs) {
      return null;
    }
    QueueCursor due = heap[0];
    remove(due);
    return due;
  }

  /** Forgets a cursor. */
  void remove(QueueCursor cursor) {
    int place = cursor.wakePlace;
    if (place == ABSENT) {
      return;
    }
    cursor.wakePlace = ABSENT;
    QueueCursor last = heap[--size];
    heap[size] = null;
    if (place == size) {
      return;
    }
    heap[place] = last;
    last.wakePlace = place;
    up(place);
    down(last.wakePlace);
  }

  private void up(int from) {
    int place = from;
    QueueCursor cursor = heap[place];
    while (place > 0) {
      int parent = (place - 1) >>> 1;
      if (heap[parent].wakeAtMs <= cursor.wakeAtMs) {
        break;
      }
      put(place, heap[parent]);
      place = parent;
    }
    put(place, cursor);
  }

  private void down(int from) {
    int place = from;
    QueueCursor cursor = heap[place];
    while (true) {
      int child = 2 * place + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size && heap[child + 1].wakeAtMs < heap[child].wakeAtMs) {
        child++;
      }
      if (heap[child].wakeAtMs >= cursor.wakeAtMs) {
        break;
      }
      put(place, heap[child]);
      place = child;
    }
    put(place, cursor);
  }

  private void put(int place, QueueCursor cursor) {
    heap[place] = cursor;
    cursor.wakePlace = place;
  }
}
