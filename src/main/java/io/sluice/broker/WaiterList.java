package io.sluice.broker;

/** Those who wait for the same, in the order they came; any can leave at once. For one thread. */
final class WaiterList {

  private Waiter first;
  private Waiter last;
  private int count;

  Waiter first() {
    return first;
  }

  boolean isEmpty() {
    return first == null;
  }

  int count() {
    return count;
  }

  void add(Waiter waiter) {
    count++;
    waiter.list = this;
    waiter.previous = last;
    waiter.next = null;
    if (last == null) {
      first = waiter;
    } else {
      last.next = waiter;
    }
    last = waiter;
  }

  void remove(Waiter waiter) {
    if (waiter.list != this) {
      throw new IllegalStateException("the waiter is not in this list");
    }
    count--;
    if (waiter.previous == null) {
      first = waiter.next;
    } else {
      waiter.previous.next = waiter.next;
    }
    if (waiter.next == null) {
      last = waiter.previous;
    } else {
      waiter.next.previous = waiter.previous;
    }
    waiter.list = null;
    waiter.previous = null;
    waiter.next = null;
  }
}
