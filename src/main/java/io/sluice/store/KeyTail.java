package io.sluice.store;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongPredicate;

/**
 * Finds the entries with a hash in an index file that has them in order of arrival. Its chains are
 * made by the look-ups, each for what was appended since the one before: an append pays nothing,
 * and where nobody looks there is nothing here.
 *
 * <p>Bounded by the file: 8 to 12 bytes an entry, 6 MB for one of half a million. For any worker.
 */
final class KeyTail {

  private static final int FIRST_ENTRIES = 1 << 12;

  /** How many entries that a look-up found are handed over at first. */
  private static final int FEW = 16;

  private final int fileEntries;

  // Numbers of entries, from 1 on; 0 for none.
  private int[] newest = new int[FIRST_ENTRIES];
  private int[] older = new int[FIRST_ENTRIES];
  private int known;
  private volatile long lastUsedNs;

  /** For a file of so many entries. */
  KeyTail(int fileEntries) {
    this.fileEntries = fileEntries;
  }

  /** When it was used last, by {@link System#nanoTime}. */
  long lastUsedNs() {
    return lastUsedNs;
  }

  /**
   * Hands over the places in the entries with a hash, the newest first.
   *
   * @param bytes the file
   * @param entries how many are in it now; those before never change
   * @param visitor returns whether to go on
   * @return false if the visitor ended it
   */
  boolean find(ByteBuffer bytes, int entries, int hash, LongPredicate visitor) {
    lastUsedNs = System.nanoTime();
    for (long place : places(bytes, entries, hash)) {
      if (!visitor.test(place)) {
        return false;
      }
    }
    return true;
  }

  /** The records are looked at outside of the lock: that may wait for the disk. */
  private synchronized long[] places(ByteBuffer bytes, int entries, int hash) {
    learn(bytes, entries);
    long[] places = new long[FEW];
    int count = 0;
    for (int entry = newest[slot(hash)]; entry != 0; entry = older[entry - 1]) {
      int at = (entry - 1) * KeyIndex.ENTRY_BYTES;
      // Those that came since the caller looked at the end do not count.
      if (entry <= entries && bytes.getInt(at) == hash) {
        if (count == places.length) {
          places = Arrays.copyOf(places, count * 2);
        }
        places[count++] = bytes.getLong(at + 4) - 1;
      }
    }
    return Arrays.copyOf(places, count);
  }

  private void learn(ByteBuffer bytes, int entries) {
    if (entries > older.length) {
      int length = older.length;
      while (length < entries) {
        length *= 4;
      }
      older = new int[Math.min(length, fileEntries)];
      newest = new int[length];
      known = 0;
    }
    while (known < entries) {
      int hash = bytes.getInt(known * KeyIndex.ENTRY_BYTES);
      int entry = known++;
      if (hash >= 0) {
        int slot = slot(hash);
        older[entry] = newest[slot];
        newest[slot] = known;
      }
    }
  }

  private int slot(int hash) {
    return (hash ^ hash >>> 15) & newest.length - 1;
  }
}
