package io.sluice.store;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A consume queue: where its chunks are, and its first and next offset. The entries themselves are
 * in the chunks, see {@link QueueChunks}. Owner thread only; a worker gets a {@link Snapshot}.
 *
 * <p>The chunk of an offset is {@code (offset + phase) / 256}. The phase comes from the queue's
 * name, so that queues that fill at the same pace do not all need a new chunk at the same moment.
 */
final class LogQueue implements ConsumeQueue {

  /** How many ranges read lately by different groups are remembered as warm. */
  private static final int WARM_RANGES = 4;

  private static final long[] NONE = new long[0];

  private final QueueChunks owner;
  private final String topic;
  private final int queueId;
  final int phase;

  /** Slot in the directory, -1 before the first message. */
  int slot = -1;

  /** Tells this queue from an earlier one of the same slot. */
  long generation;

  long minOffset;
  long maxOffset;

  /** Number of the first chunk that is kept. */
  long firstChunk;

  // Elements are written once: a worker may read the arrays it was given at any time.
  private long[] chunks = NONE;
  private long[] firstPhysicals = NONE;
  private int head;
  private int count;

  /** Where the next entries go; null before the first chunk. */
  ByteBuffer tailBuffer;

  /** Position in that buffer of entry 0 of the last chunk. */
  int tailPosition;

  /** The file of the last chunk. */
  SpaceFile tailFile;

  /** Physical offset of the last message, -1 before the first. */
  long lastPhysical = -1;

  // From, to, and until when, for each range.
  private long[] warm = NONE;
  private int nextWarm;

  LogQueue(QueueChunks owner, String topic, int queueId) {
    this.owner = owner;
    this.topic = topic;
    this.queueId = queueId;
    int hash = (topic.hashCode() * 31 + queueId) * 0x9E3779B9;
    phase = hash >>> 24;
  }

  /**
   * What a worker may look at: these chunks stay as they are, or are seen to have another owner.
   */
  record Snapshot(
      LogQueue queue,
      int slot,
      long generation,
      long[] chunks,
      long[] firstPhysicals,
      int head,
      int count,
      long firstChunk,
      long minOffset,
      long maxOffset) {

    /** Address of the chunk with this offset, or -1 if there is none any more. */
    long chunkOf(long offset) {
      long index = ((offset + queue.phase) >> QueueChunks.CHUNK_SHIFT) - firstChunk;
      return index < 0 || index >= count ? -1 : chunks[head + (int) index];
    }
  }

  Snapshot snapshot() {
    return new Snapshot(
        this,
        slot,
        generation,
        chunks,
        firstPhysicals,
        head,
        count,
        firstChunk,
        minOffset,
        maxOffset);
  }

  @Override
  public String topic() {
    return topic;
  }

  @Override
  public int queueId() {
    return queueId;
  }

  @Override
  public long minOffset() {
    return minOffset;
  }

  @Override
  public long maxOffset() {
    return maxOffset;
  }

  @Override
  public long confirmedOffset() {
    long visibleTo = owner.visibleTo;
    if (lastPhysical < visibleTo) {
      return maxOffset;
    }
    owner.hidden.add(topic);
    // What is not confirmed is a little at the tail: look from there in growing steps.
    long high = maxOffset;
    long step = 1;
    while (high - step >= minOffset && physicalOffset(high - step) >= visibleTo) {
      high -= step;
      step *= 2;
    }
    long low = Math.max(minOffset, high - step + 1);
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (physicalOffset(middle) >= visibleTo) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return high;
  }

  @Override
  public long physicalOffset(long queueOffset) {
    long address = entryAddress(queueOffset);
    return owner.buffer(address).getLong(owner.position(address));
  }

  @Override
  public int recordBytes(long queueOffset) {
    long address = entryAddress(queueOffset);
    return owner.buffer(address).getInt(owner.position(address) + QueueChunks.ENTRY_SIZE);
  }

  @Override
  public long tagsCode(long queueOffset) {
    long address = entryAddress(queueOffset);
    return owner.buffer(address).getLong(owner.position(address) + QueueChunks.ENTRY_TAGS);
  }

  @Override
  public String toString() {
    return topic + "/" + queueId + " [" + minOffset + ", " + maxOffset + ")";
  }

  int chunkCount() {
    return count;
  }

  long chunk(int index) {
    return chunks[head + index];
  }

  long firstPhysical(int index) {
    return firstPhysicals[head + index];
  }

  /** Index among the kept chunks of the one with this offset. */
  int chunkIndexOf(long offset) {
    return (int) (((offset + phase) >> QueueChunks.CHUNK_SHIFT) - firstChunk);
  }

  void addChunk(long address, long firstPhysical) {
    if (head + count == chunks.length) {
      int length = Math.max(4, count * 2);
      long[] moreChunks = new long[length];
      long[] moreFirst = new long[length];
      System.arraycopy(chunks, head, moreChunks, 0, count);
      System.arraycopy(firstPhysicals, head, moreFirst, 0, count);
      chunks = moreChunks;
      firstPhysicals = moreFirst;
      head = 0;
    }
    chunks[head + count] = address;
    firstPhysicals[head + count] = firstPhysical;
    count++;
  }

  long removeFirstChunk() {
    long address = chunks[head];
    head++;
    count--;
    firstChunk++;
    return address;
  }

  /** As if it were new. */
  void reset() {
    slot = -1;
    generation = 0;
    minOffset = 0;
    maxOffset = 0;
    firstChunk = 0;
    chunks = NONE;
    firstPhysicals = NONE;
    head = 0;
    count = 0;
    tailBuffer = null;
    tailFile = null;
    lastPhysical = -1;
    warm = NONE;
  }

  void addWarm(long from, long to, long untilNs) {
    if (warm.length == 0) {
      warm = new long[3 * WARM_RANGES];
      Arrays.fill(warm, -1);
    }
    int at = 3 * nextWarm;
    warm[at] = from;
    warm[at + 1] = to;
    warm[at + 2] = untilNs;
    nextWarm = (nextWarm + 1) % WARM_RANGES;
  }

  boolean isWarm(long from, long to, long nowNs) {
    for (int i = 0; i < warm.length; i += 3) {
      if (from >= warm[i] && to <= warm[i + 1] && nowNs - warm[i + 2] < 0) {
        return true;
      }
    }
    return false;
  }

  private long entryAddress(long offset) {
    if (offset < minOffset || offset >= maxOffset) {
      throw new IndexOutOfBoundsException(
          "queue " + this + " has no offset " + offset + "; ask for its bounds first");
    }
    long shifted = offset + phase;
    long chunk = chunks[head + (int) ((shifted >> QueueChunks.CHUNK_SHIFT) - firstChunk)];
    return chunk + (shifted & QueueChunks.CHUNK_MASK) * QueueChunks.ENTRY_BYTES;
  }
}
