package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;

/**
 * The entries of all consume queues, in the files {@code queues/chunks/<address>}. Many queues
 * share a file, so a queue with one message takes 5 KiB and no mapping of its own.
 *
 * <pre>
 *   file:  n descriptors of 32 bytes, then n chunks of 5,120 bytes; n = file size / 5,152
 *   descriptor:
 *     0 check            4   CRC-32 of bytes 4 to 32, xor 0x534C5143; all zero for a free chunk
 *     4 slot             4   the queue's slot in the directory
 *     8 generation       8   the slot's generation
 *    16 chunk number     8   (queue offset + phase) / 256 of its entries
 *    24 first physical   8   physical offset of the first message in it
 *   chunk: 256 entries of 20 bytes, laid out as RocketMQ's (ConsumeQueue, 5.5.0)
 *     0 physical offset  8
 *     8 record size      4   0 where nothing was written
 *    12 tags code        8
 * </pre>
 *
 * <p>Derived from the log. Nothing of a record at or behind the checkpoint counts after a crash: it
 * is written again from the log. Entries of one chunk rise in physical offset; what a former user
 * of the chunk left in it is older than its first physical offset, so it is told apart.
 *
 * <p>Threads: the owner writes and reads; workers read by {@link LogQueue.Snapshot} and check
 * afterwards, by {@link #holds}, that the chunk did not change hands.
 */
final class QueueChunks {

  static final int CHUNK_SHIFT = 8;
  static final int CHUNK_ENTRIES = 1 << CHUNK_SHIFT;
  static final int CHUNK_MASK = CHUNK_ENTRIES - 1;
  static final int ENTRY_BYTES = 20;
  static final int ENTRY_SIZE = 8;
  static final int ENTRY_TAGS = 12;
  static final int CHUNK_BYTES = CHUNK_ENTRIES * ENTRY_BYTES;
  static final int DESCRIPTOR_BYTES = 32;
  private static final int CHECK = 0x534C5143;

  /** Chunks kept back for the broker's own state while the disk is full: 2,048 records of it. */
  static final int RESERVE_CHUNKS = 8;

  /** Prepared ahead at least: as many new queues may appear at once without a wait. */
  static final int WINDOW_CHUNKS = 400;

  private final FileSpace space;
  private final int fileBytes;
  private final int chunksPerFile;
  private final CRC32 crc = new CRC32();
  private final byte[] scratch = new byte[DESCRIPTOR_BYTES];

  // Owner thread.
  private long[] free = new long[64];
  private int freeCount;
  private long nextFresh;

  /** Records from this physical offset on are not shown to readers yet. */
  long visibleTo = Long.MAX_VALUE;

  /** Topics with records that were not shown. */
  Set<String> hidden = new HashSet<>();

  QueueChunks(FileSpace space) {
    this.space = space;
    fileBytes = space.fileBytes();
    chunksPerFile = fileBytes / (CHUNK_BYTES + DESCRIPTOR_BYTES);
    nextFresh = firstChunkOf(0);
  }

  /** A chunk as its descriptor tells. */
  record Found(long address, int slot, long generation, long number, long firstPhysical) {}

  ByteBuffer buffer(long address) {
    return space.files()[(int) (address / fileBytes)].buffer();
  }

  int position(long address) {
    return (int) (address % fileBytes);
  }

  FileSpace space() {
    return space;
  }

  /** How many chunks can be taken now. */
  long available(boolean system) {
    long fresh = Math.max(0, space.limit(true) - nextFresh) / CHUNK_BYTES;
    return freeCount + fresh - (system ? 0 : RESERVE_CHUNKS);
  }

  /**
   * Gives the queue a chunk for its next entry.
   *
   * @return false if none is prepared
   */
  boolean tryAddChunk(LogQueue queue, long physicalOffset, boolean system) {
    if (available(system) <= 0) {
      return false;
    }
    long address = take();
    if (address < 0) {
      return false;
    }
    long number = (queue.maxOffset + queue.phase) >> CHUNK_SHIFT;
    writeDescriptor(address, queue.slot, queue.generation, number, physicalOffset);
    if (queue.chunkCount() == 0) {
      queue.firstChunk = number;
      queue.minOffset = queue.maxOffset;
    }
    attach(queue, address, physicalOffset);
    return true;
  }

  /** Makes a chunk the last one of its queue. */
  void attach(LogQueue queue, long address, long firstPhysical) {
    queue.addChunk(address, firstPhysical);
    queue.tailFile = space.files()[(int) (address / fileBytes)];
    queue.tailBuffer = queue.tailFile.buffer();
    queue.tailPosition = position(address);
  }

  /** Writes the queue's next entry; its chunk is there. */
  static void append(LogQueue queue, long physicalOffset, int recordBytes, long tagsCode) {
    int at = entryPosition(queue);
    ByteBuffer buffer = queue.tailBuffer;
    buffer.putLong(at, physicalOffset);
    buffer.putInt(at + ENTRY_SIZE, recordBytes);
    buffer.putLong(at + ENTRY_TAGS, tagsCode);
    queue.maxOffset++;
    queue.lastPhysical = physicalOffset;
    queue.tailFile.lastPhysicalOffset = physicalOffset;
  }

  /** Position in the tail buffer of the queue's next entry, unless that needs a new chunk. */
  static int entryPosition(LogQueue queue) {
    return queue.tailPosition + (int) ((queue.maxOffset + queue.phase) & CHUNK_MASK) * ENTRY_BYTES;
  }

  /** Whether the next entry of the queue needs a new chunk. */
  static boolean needsChunk(LogQueue queue) {
    return ((queue.maxOffset + queue.phase) & CHUNK_MASK) == 0 || queue.tailBuffer == null;
  }

  /** How many chunks the queue needs for so many entries more. */
  static long chunksFor(LogQueue queue, int entries) {
    long begin = queue.maxOffset + queue.phase;
    long chunks = ((begin + entries - 1) >> CHUNK_SHIFT) - (begin >> CHUNK_SHIFT);
    return needsChunk(queue) ? chunks + 1 : chunks;
  }

  /** Where the message of an entry is; for workers, on a queue that has entries there. */
  long physicalOffset(LogQueue.Snapshot queue, long offset) {
    long address =
        queue.chunkOf(offset) + ((offset + queue.queue().phase) & CHUNK_MASK) * ENTRY_BYTES;
    return buffer(address).getLong(position(address));
  }

  /** Ends a chunk's use: it belongs to nobody, and may be taken again. */
  void release(long address) {
    eraseDescriptor(address);
    free(address);
  }

  /** Makes a chunk that belongs to nobody ready to be taken. */
  void free(long address) {
    if (freeCount == free.length) {
      free = Arrays.copyOf(free, freeCount * 2);
    }
    free[freeCount++] = address;
  }

  /** Whether a chunk is still this queue's; asked by workers after they have read from it. */
  boolean holds(long address, int slot, long generation, long number) {
    ByteBuffer buffer = buffer(address);
    int at = descriptorPosition(address);
    return buffer.getInt(at + 4) == slot
        && buffer.getLong(at + 8) == generation
        && buffer.getLong(at + 16) == number;
  }

  // Recovery.

  /**
   * Reads all descriptors.
   *
   * @param before chunks that begin at this physical offset or later are freed
   * @param found the others
   * @return false if the files are not as they should be
   */
  boolean load(long before, List<Found> found) throws IOException {
    List<Long> freed = new ArrayList<>();
    long end = firstChunkOf(0);
    SpaceFile[] files = space.files();
    for (int i = 0; i < files.length; i++) {
      if (files[i].start != (long) i * fileBytes || files[i].bytes != fileBytes) {
        return false;
      }
      ByteBuffer buffer = files[i].buffer();
      for (int c = 0; c < chunksPerFile; c++) {
        int at = c * DESCRIPTOR_BYTES;
        long address = firstChunkOf(i) + (long) c * CHUNK_BYTES;
        if (isZero(buffer, at)) {
          freed.add(address);
          continue;
        }
        if (buffer.getInt(at) != check(buffer, at)) {
          return false;
        }
        end = address + CHUNK_BYTES;
        Found one =
            new Found(
                address,
                buffer.getInt(at + 4),
                buffer.getLong(at + 8),
                buffer.getLong(at + 16),
                buffer.getLong(at + 24));
        if (one.firstPhysical() >= before) {
          erase(one.address());
          freed.add(one.address());
        } else {
          found.add(one);
        }
      }
    }
    nextFresh = normal(end);
    start();
    for (long address : freed) {
      if (address < nextFresh) {
        free(address);
      }
    }
    return true;
  }

  /** Starts with nothing. */
  void startEmpty() {
    freeCount = 0;
    nextFresh = firstChunkOf(0);
    start();
  }

  private void start() {
    // A file that is not begun yet is prepared from its start, with its descriptors.
    long file = nextFresh / fileBytes;
    space.startAt(nextFresh, nextFresh == firstChunkOf(file) ? file * fileBytes : nextFresh);
  }

  /** Zeroes a chunk and its descriptor: nothing in it may be taken for an entry of what follows. */
  void erase(long address) {
    ByteBuffer buffer = buffer(address);
    int at = position(address);
    for (int i = 0; i < CHUNK_BYTES; i += 8) {
      buffer.putLong(at + i, 0);
    }
    eraseDescriptor(address);
  }

  private void eraseDescriptor(long address) {
    ByteBuffer buffer = buffer(address);
    int descriptor = descriptorPosition(address);
    for (int i = 0; i < DESCRIPTOR_BYTES; i += 8) {
      buffer.putLong(descriptor + i, 0);
    }
    space.files()[(int) (address / fileBytes)].changed = true;
  }

  /** Zeroes the entries of a queue's last chunk behind its end. */
  void eraseBehind(LogQueue queue) {
    int used = (int) ((queue.maxOffset + queue.phase) & CHUNK_MASK);
    if (queue.tailBuffer == null || used == 0) {
      return;
    }
    for (int i = used * ENTRY_BYTES; i < CHUNK_BYTES; i += 4) {
      if (queue.tailBuffer.getInt(queue.tailPosition + i) != 0) {
        queue.tailBuffer.putInt(queue.tailPosition + i, 0);
        queue.tailFile.changed = true;
      }
    }
  }

  private long take() {
    if (freeCount > 0) {
      return free[--freeCount];
    }
    long address = nextFresh;
    if (address + CHUNK_BYTES > space.preparedTo()) {
      return -1;
    }
    nextFresh = normal(address + CHUNK_BYTES);
    space.use(nextFresh);
    return address;
  }

  /** The address of the next chunk at or behind the end of another. */
  private long normal(long address) {
    long file = address / fileBytes;
    long last = firstChunkOf(file) + (long) (chunksPerFile - 1) * CHUNK_BYTES;
    if (address < firstChunkOf(file)) {
      return firstChunkOf(file);
    }
    return address > last ? firstChunkOf(file + 1) : address;
  }

  private long firstChunkOf(long file) {
    return file * fileBytes + (long) chunksPerFile * DESCRIPTOR_BYTES;
  }

  private int descriptorPosition(long address) {
    long file = address / fileBytes;
    return (int) ((address - firstChunkOf(file)) / CHUNK_BYTES) * DESCRIPTOR_BYTES;
  }

  private void writeDescriptor(
      long address, int slot, long generation, long number, long firstPhysical) {
    ByteBuffer buffer = buffer(address);
    int at = descriptorPosition(address);
    buffer.putInt(at + 4, slot);
    buffer.putLong(at + 8, generation);
    buffer.putLong(at + 16, number);
    buffer.putLong(at + 24, firstPhysical);
    buffer.putInt(at, check(buffer, at));
    space.files()[(int) (address / fileBytes)].lastPhysicalOffset = firstPhysical;
  }

  private int check(ByteBuffer buffer, int at) {
    buffer.get(at, scratch);
    crc.reset();
    crc.update(scratch, 4, DESCRIPTOR_BYTES - 4);
    int value = (int) crc.getValue() ^ CHECK;
    // Zero stands for a free chunk.
    return value == 0 ? CHECK : value;
  }

  private static boolean isZero(ByteBuffer buffer, int at) {
    for (int i = 0; i < DESCRIPTOR_BYTES; i += 8) {
      if (buffer.getLong(at + i) != 0) {
        return false;
      }
    }
    return true;
  }
}
