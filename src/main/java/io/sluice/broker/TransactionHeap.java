package io.sluice.broker;

import java.util.Arrays;

/**
 * Open transactions by when they are to be asked for next: a heap whose entries know their place,
 * so that one that ends is taken out in log n. Owned by the Broker's event loop.
 */
final class TransactionHeap {

  private OpenTransaction[] entries = new OpenTransaction[64];
  private int size;

  int size() {
    return size;
  }

  /** When the first one is due, or {@code Long.MAX_VALUE}. */
  long firstMs() {
    return size == 0 ? Long.MAX_VALUE : entries[0].nextCheckMs;
  }

  /** The one that is due first. */
  OpenTransaction first() {
    return entries[0];
  }

  void add(OpenTransaction transaction) {
    if (size == entries.length) {
      entries = Arrays.copyOf(entries, size * 2);
    }
    rise(size++, transaction);
  }

  /** Takes one out, if it is in. */
  void remove(OpenTransaction transaction) {
    int at = transaction.heapIndex;
    if (at < 0) {
      return;
    }
    transaction.heapIndex = -1;
    OpenTransaction last = entries[--size];
    entries[size] = null;
    if (at < size) {
      sink(at, last);
      rise(last.heapIndex, last);
    }
    if (entries.length > 1_024 && size < entries.length / 8) {
      entries = Arrays.copyOf(entries, entries.length / 4);
    }
  }

  private void rise(int from, OpenTransaction transaction) {
    int at = from;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (entries[parent].nextCheckMs <= transaction.nextCheckMs) {
        break;
      }
      set(at, entries[parent]);
      at = parent;
    }
    set(at, transaction);
  }

  private void sink(int from, OpenTransaction transaction) {
    int at = from;
    int child = 2 * at + 1;
    while (child < size) {
      if (child + 1 < size && entries[child + 1].nextCheckMs < entries[child].nextCheckMs) {
        child++;
      }
      if (entries[child].nextCheckMs >= transaction.nextCheckMs) {
        break;
      }
      set(at, entries[child]);
      at = child;
      child = 2 * at + 1;
    }
    set(at, transaction);
  }

  private void set(int at, OpenTransaction transaction) {
    entries[at] = transaction;
    transaction.heapIndex = at;
  }
}
