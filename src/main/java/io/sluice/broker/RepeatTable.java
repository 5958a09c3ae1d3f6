package io.sluice.broker;

import io.sluice.store.RepeatEntries;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The entries of one window in which repeated sends are recognised, by hash and by age, in
 * primitive arrays. Only the oldest go, so nothing is ever unlinked: an entry is named by a number
 * that counts up, a chain of one slot leads from the newest to ever older ones, and ends where an
 * entry is older than the oldest that is kept.
 *
 * <p>A slot has a bit for each entry of its chain, by other bits of the hash. So a new key mostly
 * costs one look into the slots and none at the entries: each would be a miss in the caches.
 *
 * <p>An entry takes 16 bytes, in chunks that come and go with the entries, and its slot 8 bytes.
 * When there are more entries than slots, there come to be four times as many slots. Few entries
 * are moved to them at once. If they are many the larger slots are begun for what is added from
 * then on, and the older ones are still looked at until what they lead to is gone, so that no
 * moment has to move everything. Owned by the Broker's event loop.
 */
final class RepeatTable {

  private static final int CHUNK_SHIFT = 7;
  private static final int CHUNK_ENTRIES = 1 << CHUNK_SHIFT;
  private static final int FIRST_SLOTS = 1 << 6;

  /** So many entries are moved to larger slots at once. */
  private static final int FEW = 1 << 12;

  private static final int GROWTH = 4;
  private static final int MOST_SLOTS = 1 << 24;

  private static final long ENTRY_MASK = 0xffffffffL;
  private static final long BITS_MASK = ~ENTRY_MASK;

  /** Asked about entries with the hash that is looked for. */
  interface Question {

    /**
     * Whether to stop here.
     *
     * @param place its second word
     */
    boolean isIt(long place);
  }

  /** A part of the columns: the two words of an entry and the older one of its chain. */
  private static final class Chunk {
    private final int[] lows = new int[CHUNK_ENTRIES];
    private final long[] places = new long[CHUNK_ENTRIES];
    private final int[] links = new int[CHUNK_ENTRIES];
  }

  /**
   * Where chains begin: the bits of their entries, then the lower 32 bits of the newest's number.
   */
  private record Slots(long[] newest, long from) {}

  /** Entries before this number were stored before this time. */
  private record Mark(long entry, long timeMs) {}

  private final List<Slots> slots = new ArrayList<>();
  private final Deque<Mark> marks = new ArrayDeque<>();
  private long[] newest;
  private Chunk[] chunks = new Chunk[4];
  private long head = 1;
  private long tail = 1;

  RepeatTable() {
    begin(FIRST_SLOTS);
  }

  /** How many entries there are. */
  int size() {
    return (int) (head - tail);
  }

  /** Bytes of the arrays. */
  long bytes() {
    long bytes = 0;
    for (Slots each : slots) {
      bytes += 8L * each.newest.length;
    }
    for (Chunk chunk : chunks) {
      bytes += chunk == null ? 0 : 16L * CHUNK_ENTRIES;
    }
    return bytes;
  }

  /** The number of the next entry. */
  long next() {
    return head;
  }

  /**
   * Reads where a chain begins, so that the processor fetches it while it goes on.
   *
   * @return a number that means nothing
   */
  long fetch(long hash) {
    int low = RepeatEntries.low(hash);
    long sum = 0;
    for (int i = slots.size() - 1; i >= 0; i--) {
      long[] words = slots.get(i).newest;
      sum += words[low & words.length - 1];
    }
    return sum;
  }

  /**
   * Asks about the entries with a hash, from the newest on.
   *
   * @return whether one was it
   */
  boolean find(long hash, Question question) {
    int low = RepeatEntries.low(hash);
    long place = RepeatEntries.place(hash, 0);
    for (int i = slots.size() - 1; i >= 0; i--) {
      Slots each = slots.get(i);
      long word = each.newest[low & each.newest.length - 1];
      if ((word & bit(low)) == 0) {
        continue;
      }
      long limit = head;
      int link = (int) word;
      while (true) {
        // How much older than the next entry; as a number of 32 bits it may be any if it is stale.
        long age = (int) head - link & ENTRY_MASK;
        long entry = head - age;
        if (age == 0 || entry < tail || entry >= limit || entry < each.from) {
          break;
        }
        Chunk chunk = chunk(entry);
        int at = (int) entry & CHUNK_ENTRIES - 1;
        if (RepeatEntries.sameHash(chunk.lows[at], chunk.places[at], low, place)
            && question.isIt(chunk.places[at])) {
          return true;
        }
        limit = entry;
        link = chunk.links[at];
      }
    }
    return false;
  }

  /** Adds an entry, the newest. */
  void add(int low, long place) {
    if (size() > newest.length && newest.length < MOST_SLOTS) {
      grow();
    }
    int at = (int) head & CHUNK_ENTRIES - 1;
    Chunk chunk = at == 0 || head == tail ? makeChunk() : chunk(head);
    chunk.lows[at] = low;
    chunk.places[at] = place;
    link(chunk, at);
  }

  /** Links the next entry into its chain. */
  private void link(Chunk chunk, int at) {
    int low = chunk.lows[at];
    int slot = low & newest.length - 1;
    long word = newest[slot];
    chunk.links[at] = (int) word;
    // The bits of a chain whose newest entry is gone are those of entries that are gone.
    long bits = isKept((int) word) ? word & BITS_MASK : 0;
    newest[slot] = bits | bit(low) | head & ENTRY_MASK;
    head++;
  }

  private void grow() {
    int length = newest.length * GROWTH;
    if (size() > FEW) {
      begin(length);
      return;
    }
    long to = head;
    head = tail;
    slots.clear();
    begin(length);
    while (head < to) {
      link(chunk(head), (int) head & CHUNK_ENTRIES - 1);
    }
  }

  private boolean isKept(int link) {
    long age = (int) head - link & ENTRY_MASK;
    return age > 0 && age <= head - tail;
  }

  /** Of bits that do not choose the slot. */
  private static long bit(int low) {
    return 1L << 32 + (low >>> 26 & 31);
  }

  /** Changes where the record of an entry is. */
  void setPlace(long entry, long place) {
    chunk(entry).places[(int) entry & CHUNK_ENTRIES - 1] = place;
  }

  /** Takes back the newest entries down to a number. */
  void takeBack(long to) {
    while (head > to) {
      head--;
      if (slots.get(slots.size() - 1).from > head) {
        slots.remove(slots.size() - 1);
        newest = slots.get(slots.size() - 1).newest;
      }
      Chunk chunk = chunk(head);
      int at = (int) head & CHUNK_ENTRIES - 1;
      int slot = chunk.lows[at] & newest.length - 1;
      newest[slot] = newest[slot] & BITS_MASK | chunk.links[at] & ENTRY_MASK;
    }
  }

  /** Notes that what is added from now on was stored at this time or later. */
  void mark(long timeMs) {
    Mark last = marks.peekLast();
    if (last == null || last.entry < head) {
      marks.addLast(new Mark(head, timeMs));
    }
  }

  /** Drops the entries that were stored before a time, as far as is known. */
  void dropBefore(long timeMs) {
    while (!marks.isEmpty() && marks.peekFirst().timeMs <= timeMs) {
      dropTo(Math.min(head, marks.pollFirst().entry));
    }
  }

  /** Keeps so many of the newest entries. */
  void keepNewest(int most) {
    if (size() > most) {
      dropTo(head - most);
      while (!marks.isEmpty() && marks.peekFirst().entry <= tail) {
        marks.pollFirst();
      }
    }
  }

  private void dropTo(long entry) {
    if (entry <= tail) {
      return;
    }
    for (long chunk = tail >> CHUNK_SHIFT; chunk < entry >> CHUNK_SHIFT; chunk++) {
      chunks[(int) chunk & chunks.length - 1] = null;
    }
    tail = entry;
    while (slots.size() > 1 && slots.get(1).from <= tail) {
      slots.remove(0);
    }
    shrinkIfEmpty();
  }

  private void shrinkIfEmpty() {
    if (head == tail && newest.length > FIRST_SLOTS) {
      slots.clear();
      begin(FIRST_SLOTS);
    }
  }

  private void begin(int length) {
    newest = new long[length];
    slots.add(new Slots(newest, head));
  }

  private Chunk chunk(long entry) {
    return chunks[(int) (entry >> CHUNK_SHIFT) & chunks.length - 1];
  }

  private Chunk makeChunk() {
    long number = head >> CHUNK_SHIFT;
    if (number - (tail >> CHUNK_SHIFT) >= chunks.length) {
      Chunk[] more = new Chunk[chunks.length * 2];
      for (long each = tail >> CHUNK_SHIFT; each < number; each++) {
        more[(int) each & more.length - 1] = chunks[(int) each & chunks.length - 1];
      }
      chunks = more;
    }
    int at = (int) number & chunks.length - 1;
    if (chunks[at] == null) {
      chunks[at] = new Chunk();
    }
    return chunks[at];
  }
}
