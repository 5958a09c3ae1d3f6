package io.sluice.store;

import io.sluice.message.RepeatKey;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongPredicate;

/**
 * Entries of the key index by which repeated sends are recognised: a hash of 46 bits and the place
 * of the record. As two words, in an index file and here:
 *
 * <pre>
 *   low    4   bit 31 set, then the lower 31 bits of the {@link RepeatKey#hash}
 *   place  8   the upper 15 bits of the hash, then 48 bits of physical offset (of it plus 1 in a file)
 * </pre>
 *
 * <p>So the second word begins with the bits of the topic, by which the entries of topics are told
 * apart.
 *
 * <p>Collected from the newest to the oldest, read from the oldest to the newest. Filled by a
 * worker and then handed over.
 */
public final class RepeatEntries {

  private static final int LOW_BITS = 31;
  private static final int OFFSET_BITS = 48;
  private static final long OFFSET_MASK = (1L << OFFSET_BITS) - 1;

  /** Every so many entries it is asked whether their record is old enough to stop. */
  private static final int STRIDE = 1_024;

  /** How many entries are looked at for each that is wanted. */
  private static final int LOOKS = 2;

  private final int mostOfTopic;
  private final int most;
  private final LongPredicate tooOld;
  private final int[] ofTopic = new int[1 << RepeatKey.TOPIC_BITS];
  private int[] lows = new int[STRIDE];
  private long[] places = new long[STRIDE];
  private int count;
  private long seen;
  private boolean reachedOld;

  /**
   * None yet.
   *
   * @param mostOfTopic so many of a topic are kept
   * @param most it is full with so many, or when it was given twice as many
   * @param tooOld whether the record at a physical offset is of no interest, nor those before it
   */
  RepeatEntries(int mostOfTopic, int most, LongPredicate tooOld) {
    this.mostOfTopic = mostOfTopic;
    this.most = most;
    this.tooOld = tooOld;
  }

  /** The first word of an entry. */
  public static int low(long hash) {
    return (int) hash | Integer.MIN_VALUE;
  }

  /** The second word of an entry. */
  public static long place(long hash, long physicalOffset) {
    return hash >>> LOW_BITS << OFFSET_BITS | physicalOffset;
  }

  /** The physical offset in the second word of an entry; the bits of the hash are left out. */
  public static long physicalOffset(long place) {
    return place & OFFSET_MASK;
  }

  /** The bits of the topic in the second word of an entry. */
  public static int topicNumber(long place) {
    return (int) (place >>> Long.SIZE - 1 - RepeatKey.TOPIC_BITS);
  }

  /** Whether both words are of entries with the same hash. */
  public static boolean sameHash(int low, long place, int otherLow, long otherPlace) {
    return low == otherLow && (place ^ otherPlace) >>> OFFSET_BITS == 0;
  }

  /** How many there are. */
  public int count() {
    return count;
  }

  /** The first word of an entry; 0 is the oldest. */
  public int low(int index) {
    return lows[count - 1 - index];
  }

  /** The second word of an entry; 0 is the oldest. */
  public long place(int index) {
    return places[count - 1 - index];
  }

  boolean isFull() {
    return reachedOld || count >= most || seen >= (long) LOOKS * most;
  }

  /** Adds one that is older than those before. */
  void add(int low, long place) {
    if (isFull()) {
      return;
    }
    if (seen++ % STRIDE == 0 && tooOld.test(physicalOffset(place))) {
      reachedOld = true;
      return;
    }
    if (ofTopic[topicNumber(place)] >= mostOfTopic) {
      return;
    }
    ofTopic[topicNumber(place)]++;
    if (count == lows.length) {
      lows = Arrays.copyOf(lows, count * 2);
      places = Arrays.copyOf(places, count * 2);
    }
    lows[count] = low;
    places[count] = place;
    count++;
  }

  /**
   * Adds those of a file in which they are by hash.
   *
   * @param first no physical offset in it is lower
   */
  void addSorted(byte[] file, int entries, long first) {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    // A file has at most a million entries, and its records span less than 8 TiB.
    long[] byAge = new long[entries];
    for (int i = 0; i < entries; i++) {
      long place = bytes.getLong(i * KeyIndex.ENTRY_BYTES + 4) - 1;
      byAge[i] = (physicalOffset(place) - first) << 20 | i;
    }
    Arrays.sort(byAge);
    for (int i = entries - 1; i >= 0 && !isFull(); i--) {
      int at = (int) (byAge[i] & (1 << 20) - 1) * KeyIndex.ENTRY_BYTES;
      add(bytes.getInt(at), bytes.getLong(at + 4) - 1);
    }
  }
}
