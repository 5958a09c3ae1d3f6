package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * What a start may rely on, in the file {@code checkpoint} (4 KiB): two slots that are written in
 * turn, the valid one with the higher generation counts. All integers are big-endian.
 *
 * <pre>
 *   0 magic               4   0x534C4350
 *   4 crc                 4   CRC-32 of bytes 8 to 128
 *   8 generation          8
 *  16 derived to          8   queues and index are on the disk for all before this offset
 *  24 forced to           8   the log is on the disk up to here
 *  32 prepared to         8   nothing has been written at or behind this offset
 *  40 flags               4   1: closed cleanly; 2: the number of queues is given
 *  44 queue file bytes    4
 *  48 queue files         8   how many there are at least
 *  56 queue slots         8   slots of the directory in use
 *  64 index first         8   first entry of the index still kept
 *  72 index next          8   next entry of the index at the derived offset
 *  80 index file entries  4
 *  84 boot id            36   of the machine, zero bytes where it is not known
 * 120 queues              4   how many have a slot in the directory; counts with flag 2
 * </pre>
 *
 * <p>Written through a mapping: it survives the process at once, and the machine after {@link
 * #force}. Any thread may write; the lock is held for a few memory writes only.
 */
final class Checkpoint {

  static final int FILE_BYTES = 4096;
  private static final int SLOT_BYTES = 128;
  private static final int SECOND_SLOT = 2048;
  private static final int MAGIC = 0x534C4350;
  private static final int BOOT_ID_BYTES = 36;
  private static final int CLEAN = 1;
  private static final int COUNTED = 2;

  /** The number of queues is not known: written by an earlier version. */
  static final int NOT_COUNTED = -1;

  /** What one slot says. */
  record State(long forcedTo, long preparedTo, boolean clean, String bootId, Derived derived) {

    State withForcedTo(long value) {
      return new State(value, preparedTo, clean, bootId, derived);
    }

    State withPreparedTo(long value) {
      return new State(forcedTo, value, clean, bootId, derived);
    }

    /** Says that the log was cut at a place, in this run of the machine. */
    State cutAt(long place, String nowBootId) {
      return new State(Math.min(place, forcedTo), preparedTo, false, nowBootId, derived);
    }

    /** Says that queues and index are not to be used. */
    State withNothingDerived(long firstPhysical) {
      return new State(forcedTo, preparedTo, false, bootId, Derived.nothing(firstPhysical));
    }
  }

  /**
   * What there is of queues and index for the log before an offset.
   *
   * @param to that offset
   * @param queues how many have a slot, or {@link #NOT_COUNTED}
   */
  record Derived(
      long to,
      int queueFileBytes,
      long queueFiles,
      long queueSlots,
      int queues,
      long indexFirst,
      long indexNext,
      int indexFileEntries) {

    Derived withTo(long offset) {
      return new Derived(
          offset,
          queueFileBytes,
          queueFiles,
          queueSlots,
          queues,
          indexFirst,
          indexNext,
          indexFileEntries);
    }

    /** No store has files of size 0, so a start sees that they do not fit, and rebuilds. */
    static Derived nothing(long from) {
      return new Derived(from, 0, 0, 0, 0, 0, 0, 0);
    }
  }

  private final SpaceFile file;
  private final ByteBuffer page;
  private long generation;
  private State state;

  private Checkpoint(SpaceFile file) {
    this.file = file;
    page = file.buffer();
  }

  /** Opens the file, making it if it is not there. */
  static Checkpoint open(FileAccess access, Path path) throws IOException {
    SpaceFile file = new SpaceFile(access, path, 0, FILE_BYTES);
    if (file.file().size() < FILE_BYTES) {
      FileSpace.zero(file, 0, FILE_BYTES);
    }
    Checkpoint checkpoint = new Checkpoint(file);
    checkpoint.load();
    return checkpoint;
  }

  /** What the file says, or null if it says nothing valid. */
  synchronized State state() {
    return state;
  }

  synchronized void write(State next) {
    generation++;
    int at = (generation & 1) == 0 ? 0 : SECOND_SLOT;
    page.putInt(at, MAGIC);
    page.putLong(at + 8, generation);
    Derived derived = next.derived();
    page.putLong(at + 16, derived.to());
    page.putLong(at + 24, next.forcedTo());
    page.putLong(at + 32, next.preparedTo());
    page.putInt(
        at + 40, (next.clean() ? CLEAN : 0) | (derived.queues() == NOT_COUNTED ? 0 : COUNTED));
    page.putInt(at + 44, derived.queueFileBytes());
    page.putLong(at + 48, derived.queueFiles());
    page.putLong(at + 56, derived.queueSlots());
    page.putLong(at + 64, derived.indexFirst());
    page.putLong(at + 72, derived.indexNext());
    page.putInt(at + 80, derived.indexFileEntries());
    byte[] boot = Arrays.copyOf(next.bootId().getBytes(StandardCharsets.US_ASCII), BOOT_ID_BYTES);
    page.put(at + 84, boot);
    page.putInt(at + 120, Math.max(0, derived.queues()));
    page.putInt(at + 4, crc(at));
    state = next;
  }

  synchronized void forcedTo(long offset) {
    write(state.withForcedTo(offset));
  }

  synchronized void preparedTo(long offset) {
    if (offset > state.preparedTo()) {
      write(state.withPreparedTo(offset));
    }
  }

  /** Takes over a checkpoint; what the other threads wrote meanwhile stays. */
  synchronized void update(
      Checkpointer.Plan plan, long forcedTo, boolean clean, long indexFirst, String bootId) {
    write(
        new State(
            Math.max(forcedTo, state.forcedTo()),
            clean ? plan.derivedTo() : state.preparedTo(),
            clean,
            bootId,
            new Derived(
                plan.derivedTo(),
                state.derived().queueFileBytes(),
                plan.queueFiles(),
                plan.queueSlots(),
                plan.queues(),
                indexFirst,
                plan.indexNext(),
                state.derived().indexFileEntries())));
  }

  void force() throws IOException {
    file.force(0, FILE_BYTES);
  }

  void close() {
    file.retire(false);
  }

  private void load() {
    State first = read(0);
    State second = read(SECOND_SLOT);
    long firstGeneration = first == null ? -1 : page.getLong(8);
    long secondGeneration = second == null ? -1 : page.getLong(SECOND_SLOT + 8);
    state = firstGeneration > secondGeneration ? first : second;
    generation = Math.max(0, Math.max(firstGeneration, secondGeneration));
  }

  private State read(int at) {
    if (page.getInt(at) != MAGIC || page.getInt(at + 4) != crc(at)) {
      return null;
    }
    byte[] boot = new byte[BOOT_ID_BYTES];
    page.get(at + 84, boot);
    int flags = page.getInt(at + 40);
    return new State(
        page.getLong(at + 24),
        page.getLong(at + 32),
        (flags & CLEAN) != 0,
        new String(boot, StandardCharsets.US_ASCII).trim().replace("\0", ""),
        new Derived(
            page.getLong(at + 16),
            page.getInt(at + 44),
            page.getLong(at + 48),
            page.getLong(at + 56),
            (flags & COUNTED) != 0 ? page.getInt(at + 120) : NOT_COUNTED,
            page.getLong(at + 64),
            page.getLong(at + 72),
            page.getInt(at + 80)));
  }

  private int crc(int at) {
    CRC32 crc = new CRC32();
    crc.update(page.duplicate().limit(at + SLOT_BYTES).position(at + 8));
    return (int) crc.getValue();
  }
}
