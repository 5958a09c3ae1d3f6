package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/**
 * Finds messages by the hash of a key. Derived from the log.
 *
 * <p>Appending writes 12 bytes one after the other: a hash table would touch two cold cache lines
 * for each key. When a file is full and the checkpoint has passed it, a worker sorts it by hash. A
 * look-up goes through the files not yet sorted by chains that the look-ups make ({@link KeyTail}),
 * and then through the sorted ones ({@link SortedKeys}), the newest first.
 *
 * <pre>
 *   index/&lt;address&gt;          entries in order of arrival, mapped; a FileSpace
 *   index/&lt;address&gt;.sorted   24 bytes: magic 0x534C5349, entries (4), first and last physical
 *                            offset (8 each); then the entries by hash, then by physical offset
 *   entry: hash 4 (31 bits), physical offset plus 1: 8
 * </pre>
 *
 * <p>An entry whose hash is negative is no key to look up: it is there for repeated sends, and
 * {@link RepeatEntries} says what it means.
 *
 * <p>Threads: the owner adds; the checkpoint's worker sorts and drops; workers look up. Results are
 * places to look at: the reader compares the record itself.
 */
final class KeyIndex {

  static final int ENTRY_BYTES = 12;
  private static final String SORTED = ".sorted";

  /** The chains of a file go after so long without a look-up. */
  private static final long TAIL_UNUSED_NS = TimeUnit.SECONDS.toNanos(60);

  private final FileAccess access;
  private final FileSpace space;
  private volatile SortedKeys[] sorted = new SortedKeys[0];

  /** Of the files not sorted yet, by their start. */
  private final Map<Long, KeyTail> tails = new ConcurrentHashMap<>();

  // Owner thread.
  private long next;
  private ByteBuffer buffer;
  private long bufferStart;
  private long bufferEnd;
  private SpaceFile file;

  KeyIndex(FileAccess access, FileSpace space) {
    this.access = access;
    this.space = space;
  }

  FileSpace space() {
    return space;
  }

  /** Address of the next entry. */
  long next() {
    return next;
  }

  /** Whether so many entries can be added now. */
  boolean hasRoom(int entries, boolean system) {
    return next + (long) entries * ENTRY_BYTES <= space.limit(system);
  }

  /** Adds an entry; there is room for it. Not seen by look-ups before {@link #publish}. */
  void add(int hash, long physicalOffset) {
    if (next >= bufferEnd) {
      file = space.find(next);
      buffer = file.buffer();
      bufferStart = file.start;
      bufferEnd = file.end();
    }
    int at = (int) (next - bufferStart);
    buffer.putInt(at, hash);
    buffer.putLong(at + 4, physicalOffset + 1);
    next += ENTRY_BYTES;
    file.lastPhysicalOffset = physicalOffset;
  }

  /** Adds an entry for the repeats of a message, see {@link RepeatEntries}; there is room. */
  void addRepeat(long hash, long physicalOffset) {
    add(RepeatEntries.low(hash), RepeatEntries.place(hash, physicalOffset));
    file.lastPhysicalOffset = physicalOffset;
  }

  void publish() {
    space.use(next);
  }

  /** Address of the first entry kept. */
  long first() {
    SortedKeys[] done = sorted;
    if (done.length > 0) {
      return done[0].start();
    }
    SpaceFile[] files = space.files();
    return files.length > 0 ? files[0].start : next;
  }

  /**
   * Hands over the places of records that may have this key, the newest first.
   *
   * @param visitor returns whether to go on
   */
  void find(int hash, LongPredicate visitor) throws IOException {
    long end = space.usedTo();
    SpaceFile[] raw = space.files();
    SortedKeys[] done = sorted;
    for (int i = raw.length - 1; i >= 0; i--) {
      if (raw[i].start < end && !findRaw(raw[i], end, hash, visitor)) {
        return;
      }
    }
    for (int i = done.length - 1; i >= 0; i--) {
      if (!done[i].find(hash, visitor)) {
        return;
      }
    }
  }

  private boolean findRaw(SpaceFile file, long end, int hash, LongPredicate visitor)
      throws IOException {
    Mapping mapping = file.retain();
    if (mapping == null) {
      return true;
    }
    try {
      KeyTail tail =
          tails.computeIfAbsent(file.start, start -> new KeyTail(file.bytes / ENTRY_BYTES));
      int entries = (int) (Math.min(end, file.end()) - file.start) / ENTRY_BYTES;
      return tail.find(mapping.buffer, entries, hash, visitor);
    } finally {
      mapping.release();
    }
  }

  /** Collects the entries for repeated sends, from the newest on, until it has enough. */
  void collectRepeats(RepeatEntries entries) throws IOException {
    long end = space.usedTo();
    SpaceFile[] raw = space.files();
    SortedKeys[] done = sorted;
    for (int i = raw.length - 1; i >= 0 && !entries.isFull(); i--) {
      if (raw[i].start < end) {
        collectRaw(raw[i], end, entries);
      }
    }
    for (int i = done.length - 1; i >= 0 && !entries.isFull(); i--) {
      done[i].collectRepeats(entries);
    }
  }

  private static void collectRaw(SpaceFile file, long end, RepeatEntries entries)
      throws IOException {
    Mapping mapping = file.retain();
    if (mapping == null) {
      return;
    }
    try {
      ByteBuffer bytes = mapping.buffer;
      int at = (int) (Math.min(end, file.end()) - file.start) - ENTRY_BYTES;
      for (; at >= 0 && !entries.isFull(); at -= ENTRY_BYTES) {
        if (bytes.getInt(at) < 0) {
          entries.add(bytes.getInt(at), bytes.getLong(at + 4) - 1);
        }
      }
    } finally {
      mapping.release();
    }
  }

  // Checkpoint's worker.

  /**
   * Sorts the files that are full, and whose entries are all before the checkpoint. Without room on
   * the disk they stay as they are until the next time.
   */
  void sortBefore(long indexNext) throws IOException {
    dropUnused();
    for (SpaceFile raw : space.files()) {
      if (raw.end() > indexNext) {
        return;
      }
      Path beside = space.directory().resolve(FileSpace.name(raw.start) + ".sorting");
      SortedKeys done;
      try {
        done = sort(raw, beside);
      } catch (DiskFullException e) {
        access.delete(beside);
        return;
      }
      SortedKeys[] more = Arrays.copyOf(sorted, sorted.length + 1);
      more[sorted.length] = done;
      sorted = more;
      for (SpaceFile removed : space.removeBefore(raw.end())) {
        removed.retire(true);
        tails.remove(removed.start);
      }
    }
  }

  /** Lets go of what look-ups made and no look-up has used for a while. */
  void dropUnused() {
    long nowNs = System.nanoTime();
    long first = first();
    tails
        .entrySet()
        .removeIf(
            each -> each.getKey() < first || nowNs - each.getValue().lastUsedNs() > TAIL_UNUSED_NS);
  }

  /** Forgets the sorted files whose messages have all expired; the caller deletes them. */
  List<Path> dropBefore(long minPhysical) {
    SortedKeys[] now = sorted;
    List<Path> dropped = new ArrayList<>();
    int first = 0;
    while (first < now.length && now[first].lastPhysical() < minPhysical) {
      dropped.add(now[first++].path());
    }
    sorted = Arrays.copyOfRange(now, first, now.length);
    return dropped;
  }

  private SortedKeys sort(SpaceFile raw, Path beside) throws IOException {
    int entries = raw.bytes / ENTRY_BYTES;
    int bits = 32 - Integer.numberOfLeadingZeros(entries - 1);
    ByteBuffer from = raw.buffer();
    long[] keys = new long[entries];
    for (int i = 0; i < entries; i++) {
      keys[i] = (long) from.getInt(i * ENTRY_BYTES) << bits | i;
    }
    Arrays.sort(keys);
    long first = RepeatEntries.physicalOffset(from.getLong(4) - 1);
    long last = RepeatEntries.physicalOffset(from.getLong((entries - 1) * ENTRY_BYTES + 4) - 1);
    Path path = space.directory().resolve(FileSpace.name(raw.start) + SORTED);
    access.delete(beside);
    try (StoreFile out = access.open(beside)) {
      ByteBuffer chunk = ByteBuffer.allocate(64 << 10);
      chunk.putInt(SortedKeys.MAGIC).putInt(entries).putLong(first).putLong(last);
      long position = 0;
      for (long key : keys) {
        if (chunk.remaining() < ENTRY_BYTES) {
          position = drain(out, chunk, position);
        }
        int at = (int) (key & ((1L << bits) - 1)) * ENTRY_BYTES;
        chunk.putInt(from.getInt(at)).putLong(from.getLong(at + 4));
      }
      drain(out, chunk, position);
      out.force();
    }
    access.move(beside, path);
    space.forceDirectory();
    return new SortedKeys(access, path, raw.start, entries, first, last);
  }

  private static long drain(StoreFile out, ByteBuffer chunk, long position) throws IOException {
    chunk.flip();
    int bytes = chunk.remaining();
    out.write(chunk, position);
    chunk.clear();
    return position + bytes;
  }

  // Recovery.

  /**
   * Opens what is there.
   *
   * @param firstEntry address of the first entry kept, by the checkpoint
   * @param nextEntry address behind the last entry that counts
   * @return false if something is missing in between
   */
  boolean load(long firstEntry, long nextEntry) throws IOException {
    List<SortedKeys> done = new ArrayList<>();
    for (Path path : access.list(space.directory())) {
      String name = path.getFileName().toString();
      if (name.endsWith(SORTED)) {
        SortedKeys one = readHeader(path, name);
        if (one == null) {
          return false;
        }
        done.add(one);
      }
    }
    long reached = firstEntry;
    List<SortedKeys> kept = new ArrayList<>();
    for (SortedKeys one : done) {
      if (one.start() < firstEntry) {
        access.delete(one.path());
      } else if (one.start() == reached) {
        kept.add(one);
        reached += space.fileBytes();
      } else {
        return false;
      }
    }
    for (SpaceFile raw : space.removeBefore(reached)) {
      raw.retire(true);
    }
    for (SpaceFile raw : space.files()) {
      if (raw.start != reached || raw.bytes != space.fileBytes()) {
        return false;
      }
      reached = raw.end();
    }
    if (reached < nextEntry) {
      return false;
    }
    sorted = kept.toArray(SortedKeys[]::new);
    startAt(nextEntry);
    return true;
  }

  /** Deletes everything; the next entry has this address. */
  void startEmpty(long address) throws IOException {
    sorted = new SortedKeys[0];
    tails.clear();
    for (SpaceFile raw : space.removeFrom(0)) {
      raw.retire(true);
    }
    for (Path path : access.list(space.directory())) {
      access.delete(path);
    }
    startAt(address);
  }

  private void startAt(long address) {
    next = address;
    buffer = null;
    bufferStart = 0;
    bufferEnd = 0;
    space.startAt(address);
  }

  private SortedKeys readHeader(Path path, String name) throws IOException {
    long start = FileSpace.addressOf(path.resolveSibling(name.substring(0, name.length() - 7)));
    try (StoreFile file = access.open(path)) {
      ByteBuffer header = ByteBuffer.allocate(SortedKeys.HEADER_BYTES);
      if (start < 0
          || file.read(header, 0) != SortedKeys.HEADER_BYTES
          || header.getInt(0) != SortedKeys.MAGIC) {
        return null;
      }
      int entries = header.getInt(4);
      if (entries != space.fileBytes() / ENTRY_BYTES
          || file.size() != SortedKeys.HEADER_BYTES + (long) entries * ENTRY_BYTES) {
        return null;
      }
      return new SortedKeys(access, path, start, entries, header.getLong(8), header.getLong(16));
    }
  }
}
