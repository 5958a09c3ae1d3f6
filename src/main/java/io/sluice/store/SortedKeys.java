package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.function.LongPredicate;

/**
 * A sorted file of the key index; its layout is drawn at {@link KeyIndex}. Hashes are spread
 * evenly, so a look-up reads once where the hash should be, and only if it is not there goes on by
 * halves. Immutable; for any worker.
 */
final class SortedKeys {

  static final int HEADER_BYTES = 24;
  static final int MAGIC = 0x534C5349;

  /**
   * Entries read at once: 18 KiB. Half a million hashes are where they should be within 350 as a
   * rule, and within 768 in 97 of 100 cases.
   */
  private static final int WINDOW = 1_536;

  private static final int UNKNOWN = -1;

  private final FileAccess access;
  private final Path path;
  private final long start;
  private final int entries;
  private final long firstPhysical;
  private final long lastPhysical;

  /** How many entries at the beginning are for repeats; worked out by the first who asks. */
  private volatile int repeats = UNKNOWN;

  SortedKeys(
      FileAccess access,
      Path path,
      long start,
      int entries,
      long firstPhysical,
      long lastPhysical) {
    this.access = access;
    this.path = path;
    this.start = start;
    this.entries = entries;
    this.firstPhysical = firstPhysical;
    this.lastPhysical = lastPhysical;
  }

  Path path() {
    return path;
  }

  /** Address of its first entry. */
  long start() {
    return start;
  }

  /** No record in it is at a higher physical offset. */
  long lastPhysical() {
    return lastPhysical;
  }

  /**
   * Hands over the places in the entries with a hash, the newest first.
   *
   * @param visitor returns whether to go on
   * @return false if the visitor ended it
   */
  boolean find(int hash, LongPredicate visitor) throws IOException {
    try (StoreFile file = access.open(path)) {
      Window window = new Window(file);
      int at = window.firstAbove(hash, repeats(window)) - 1;
      while (at >= 0 && window.hash(at) == hash) {
        if (!visitor.test(window.place(at))) {
          return false;
        }
        at--;
      }
      return true;
    }
  }

  /** Collects the entries for repeats, which stand first, in order of age. */
  void collectRepeats(RepeatEntries into) throws IOException {
    try (StoreFile file = access.open(path)) {
      int count = repeats(new Window(file));
      ByteBuffer all = ByteBuffer.allocate(count * KeyIndex.ENTRY_BYTES);
      file.read(all, HEADER_BYTES);
      into.addSorted(all.array(), count, firstPhysical);
    }
  }

  private int repeats(Window window) throws IOException {
    if (repeats == UNKNOWN) {
      repeats = window.halve(-1, 0, entries);
    }
    return repeats;
  }

  /** A part of the file in memory. */
  private final class Window {

    private final StoreFile file;
    private final ByteBuffer bytes = ByteBuffer.allocate(WINDOW * KeyIndex.ENTRY_BYTES);
    private int from;
    private int to;

    private Window(StoreFile file) {
      this.file = file;
    }

    /** The first of the entries from {@code low} on with a greater hash. */
    private int firstAbove(int hash, int low) throws IOException {
      int span = entries - low;
      if (span == 0) {
        return low;
      }
      int guess = low + (int) ((long) hash * span >>> 31);
      int begin = Math.max(low, Math.min(guess - WINDOW / 2, entries - WINDOW));
      read(begin);
      if (hash(from) > hash && from > low) {
        return halve(hash, low, from);
      }
      return hash(to - 1) <= hash ? halve(hash, to, entries) : halve(hash, from, to - 1);
    }

    /** The first entry in a range with a greater hash, or the end of the range. */
    private int halve(int hash, int from, int to) throws IOException {
      int low = from;
      int high = to;
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (hash(middle) > hash) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      return low;
    }

    private int hash(int entry) throws IOException {
      return bytes.getInt(position(entry));
    }

    private long place(int entry) throws IOException {
      return bytes.getLong(position(entry) + 4) - 1;
    }

    private int position(int entry) throws IOException {
      if (entry < from || entry >= to) {
        read(Math.max(0, Math.min(entry - WINDOW / 2, entries - WINDOW)));
      }
      return (entry - from) * KeyIndex.ENTRY_BYTES;
    }

    private void read(int begin) throws IOException {
      from = begin;
      to = Math.min(entries, begin + WINDOW);
      bytes.clear().limit((to - from) * KeyIndex.ENTRY_BYTES);
      file.read(bytes, HEADER_BYTES + (long) from * KeyIndex.ENTRY_BYTES);
    }
  }
}
