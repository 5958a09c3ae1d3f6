package io.sluice.gateway;

/**
 * Numbers of leases, each once: what a subscription was given and has not settled. One array with
 * open addressing, as a subscriber may hold a million. Owned by an event loop.
 */
final class LeaseSet {

  private static final int FEWEST_SLOTS = 16;

  /** The numbers plus one; 0 is a free slot. */
  private long[] slots = new long[FEWEST_SLOTS];

  private int size;

  int size() {
    return size;
  }

  void add(long lease) {
    if (size * 2 >= slots.length) {
      resize(slots.length * 2);
    }
    int slot = slotOf(lease + 1);
    if (slots[slot] == 0) {
      slots[slot] = lease + 1;
      size++;
    }
  }

  /** Takes a number out; false if it was not in. */
  boolean remove(long lease) {
    int free = slotOf(lease + 1);
    if (slots[free] == 0) {
      return false;
    }
    size--;
    // What stands behind the gap moves up, unless its own place is behind the gap as well.
    int mask = slots.length - 1;
    for (int i = free + 1 & mask; slots[i] != 0; i = i + 1 & mask) {
      int wanted = first(slots[i]);
      if ((i - wanted & mask) >= (i - free & mask)) {
        slots[free] = slots[i];
        free = i;
      }
    }
    slots[free] = 0;
    if (size * 8 < slots.length && slots.length > FEWEST_SLOTS) {
      resize(slots.length / 2);
    }
    return true;
  }

  private int slotOf(long value) {
    int mask = slots.length - 1;
    int slot = first(value);
    while (slots[slot] != 0 && slots[slot] != value) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private int first(long value) {
    long mixed = value * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 32) & slots.length - 1;
  }

  private void resize(int count) {
    long[] old = slots;
    slots = new long[count];
    for (long value : old) {
      if (value != 0) {
        slots[slotOf(value)] = value;
      }
    }
  }
}
