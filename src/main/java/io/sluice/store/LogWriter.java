package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.Names;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The single writer of the commit log: appends into what {@link Preparer} has made ready, fills
 * queues and index by the way, and remembers what it lacked when there was no room.
 *
 * <p>Owner thread only. What it wrote is published by one release of the log's end, after the
 * record, its queue entry and its keys are written.
 */
final class LogWriter {

  /** A smaller batch than this is never kept waiting for queue chunks, when there are some. */
  private static final int SPARE_CHUNKS = 64;

  /** Prepared ahead of a log that is copied and ran out of room: 10 ms of loopback. */
  private static final long RAW_WINDOW_BYTES = 16L << 20;

  private final StoreOptions options;
  private final StoreFiles files;
  private final FileSpace log;
  private final QueueChunks chunks;
  private final QueueTable queues;
  private final Clock clock;
  private final byte[] storeHost;
  private final Consumer<StoreException> failed;

  private long position;
  private SpaceFile segment;
  private ByteBuffer segmentBuffer;
  private long lastStoredAtMs;
  private long refusedBytes;
  private boolean refusedSystem;
  private boolean refusedForQueues;
  private long touched;

  /**
   * A writer.
   *
   * @param position where the log ends
   * @param lastStoredAtMs when its last message was stored
   * @param failed told when nothing may be written any more
   */
  LogWriter(
      StoreOptions options,
      StoreFiles files,
      QueueTable queues,
      Clock clock,
      long position,
      long lastStoredAtMs,
      Consumer<StoreException> failed) {
    this.options = options;
    this.files = files;
    this.queues = queues;
    this.clock = clock;
    this.position = position;
    this.lastStoredAtMs = lastStoredAtMs;
    this.failed = failed;
    log = files.log;
    chunks = files.chunks;
    storeHost = options.storeHost();
  }

  /** Where the log ends. */
  long position() {
    return position;
  }

  /** Lets go of the segment: nothing is appended any more. */
  void close() {
    segment = null;
    segmentBuffer = null;
  }

  /** Whether the last refusal was for queues or index, and not for the log alone. */
  boolean wasRefusedForQueues() {
    return refusedForQueues;
  }

  /** As {@link MessageStore#append}, on an open store. */
  int append(
      MessageBatch batch,
      int from,
      int to,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    checkSizes(batch, from, to);
    lastStoredAtMs = Math.max(lastStoredAtMs, clock.nowMs());
    touched += fetch(targets, from, to);
    int next = from;
    while (next < to) {
      int end = appendRun(batch, next, to, targets, queueOffsets, physicalOffsets, system);
      if (end == next) {
        break;
      }
      next = end;
    }
    if (next > from) {
      files.index.publish();
      log.use(position);
    }
    return next;
  }

  private void checkSizes(MessageBatch batch, int from, int to) {
    if (batch.size() <= maxRecordBytes()) {
      return;
    }
    for (int i = from; i < to; i++) {
      if (batch.recordBytes(i) > maxRecordBytes()) {
        throw tooLarge(batch.recordBytes(i));
      }
    }
  }

  private IllegalArgumentException tooLarge(int recordBytes) {
    return new IllegalArgumentException(
        "a record takes "
            + recordBytes
            + " bytes; allowed are "
            + maxRecordBytes()
            + ", what fits into a segment of the commit log");
  }

  /**
   * Reads what the append will write to in the queues. With many queues each is a miss in the
   * caches and in the table of pages: in these short loops the processor waits for many of them at
   * once, in the long one of the append for one after the other (measured with 10,000 queues: a
   * third).
   *
   * @return a number that means nothing, so that the reads are not left out
   */
  private static long fetch(ConsumeQueue[] targets, int from, int to) {
    if (targets[from] == targets[to - 1]) {
      return 0;
    }
    long sum = 0;
    for (int i = from; i < to; i++) {
      LogQueue queue = (LogQueue) targets[i];
      sum += queue.maxOffset + queue.tailPosition;
    }
    for (int i = from; i < to; i++) {
      LogQueue queue = (LogQueue) targets[i];
      ByteBuffer buffer = queue.tailBuffer;
      if (buffer != null) {
        sum += buffer.get(QueueChunks.entryPosition(queue));
      }
    }
    return sum;
  }

  /** Appends what fits into the segment as one copy; returns the first message not appended. */
  private int appendRun(
      MessageBatch batch,
      int from,
      int to,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    if (!makeRoom(batch.recordBytes(from), system)) {
      return from;
    }
    long start = position;
    long end = Math.min(log.limit(system), segment.end() - MessageLayout.FILLER_BYTES);
    long at = start;
    int next = from;
    while (next < to) {
      int bytes = batch.recordBytes(next);
      LogQueue queue = (LogQueue) targets[next];
      if (at + bytes > end || !makeRoomInQueues(batch, next, queue, at, system)) {
        break;
      }
      queueOffsets[next] = queue.maxOffset;
      physicalOffsets[next] = at;
      long dueAtMs = batch.dueAtMs(next);
      // The timer topic's entries say when their message is due, as Recovery writes them too.
      long code = dueAtMs == 0 ? batch.tagsCode(next) : Math.max(dueAtMs, lastStoredAtMs);
      QueueChunks.append(queue, at, bytes, code);
      for (int k = batch.keyStart(next); k < batch.keyEnd(next); k++) {
        files.index.add(batch.keyHash(k), at);
      }
      if (batch.repeatHash(next) != 0) {
        files.index.addRepeat(batch.repeatHash(next), at);
      }
      at += bytes;
      next++;
    }
    if (next == from) {
      return from;
    }
    for (int i = from; i < next; i++) {
      batch.seal(
          i, targets[i].queueId(), queueOffsets[i], physicalOffsets[i], lastStoredAtMs, storeHost);
    }
    int bytes = (int) (at - start);
    segmentBuffer.put((int) (start - segment.start), batch.bytes(), batch.position(from), bytes);
    position = at;
    return next;
  }

  /** As {@link MessageStore#appendAtomic}, on an open store. */
  boolean appendAtomic(
      MessageBatch batch,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    int count = batch.count();
    if (count < 2) {
      return append(batch, 0, count, targets, queueOffsets, physicalOffsets, system) == count;
    }
    if (batch.size() > maxAtomicBytes()) {
      throw new IllegalArgumentException(
          "records that belong together take "
              + batch.size()
              + " bytes; allowed are "
              + maxAtomicBytes()
              + ", what fits into a segment of the commit log");
    }
    lastStoredAtMs = Math.max(lastStoredAtMs, clock.nowMs());
    ConsumeQueue[] markerQueue = {queues.queue(Names.ATOMIC_TOPIC, 0)};
    int bytes = AtomicGroups.markerBytes() + batch.size();
    if (!hasRoomInQueues(batch, targets, (LogQueue) markerQueue[0], bytes, system)
        || !makeRoom(bytes, system)) {
      return false;
    }
    touched += fetch(targets, 0, count);
    MessageBatch marker = AtomicGroups.marker(count, batch.size(), lastStoredAtMs);
    // Two: the marker's own queue offset is written from the first.
    int done = appendRun(marker, 0, 1, markerQueue, new long[1], new long[1], system);
    if (done == 1) {
      done = appendRun(batch, 0, count, targets, queueOffsets, physicalOffsets, system);
    }
    if (done < count) {
      // There was room for all of them, so this is our own fault. What follows must not be taken
      // for the rest of the group, so nothing may follow; the next start cuts the part.
      failed.accept(
          new StoreException(
              StoreException.Kind.FAILED,
              "only " + done + " of " + count + " records that belong together were appended"));
      return false;
    }
    files.index.publish();
    log.use(position);
    return true;
  }

  /** As {@link MessageStore#maxAtomicBytes}. */
  int maxAtomicBytes() {
    return maxRecordBytes() - AtomicGroups.markerBytes();
  }

  /** Whether queues and index take all of a batch. */
  private boolean hasRoomInQueues(
      MessageBatch batch, ConsumeQueue[] targets, LogQueue markers, int bytes, boolean system) {
    int count = batch.count();
    long wantedChunks = QueueChunks.chunksFor(markers, 1);
    int newQueues = markers.slot < 0 ? 1 : 0;
    for (Map.Entry<LogQueue, Integer> each : countByQueue(targets, count).entrySet()) {
      wantedChunks += QueueChunks.chunksFor(each.getKey(), each.getValue());
      newQueues += each.getKey().slot < 0 ? 1 : 0;
    }
    boolean room = true;
    if (chunks.available(system) < wantedChunks) {
      chunks.space().want((wantedChunks + SPARE_CHUNKS) * QueueChunks.CHUNK_BYTES);
      room = false;
    }
    if (files.names.available(system) < newQueues) {
      files.names.space().want((long) (newQueues + SPARE_CHUNKS) * QueueDirectory.SLOT_BYTES);
      room = false;
    }
    int keys = 0;
    for (int i = 0; i < count; i++) {
      keys += batch.indexEntries(i);
    }
    if (!files.index.hasRoom(keys, system)) {
      files.index.space().want((long) keys * 2 * KeyIndex.ENTRY_BYTES);
      room = false;
    }
    if (!room) {
      refusedBytes = bytes;
      refusedSystem = system;
      refusedForQueues = true;
    }
    return room;
  }

  private static Map<LogQueue, Integer> countByQueue(ConsumeQueue[] targets, int count) {
    Map<LogQueue, Integer> counts = new IdentityHashMap<>();
    int from = 0;
    while (from < count) {
      int to = from + 1;
      while (to < count && targets[to] == targets[from]) {
        to++;
      }
      counts.merge((LogQueue) targets[from], to - from, Integer::sum);
      from = to;
    }
    return counts;
  }

  /** Whether a record fits at the position, after a roll if need be. */
  private boolean makeRoom(int recordBytes, boolean system) {
    if (recordBytes > maxRecordBytes()) {
      throw tooLarge(recordBytes);
    }
    if (segment != null && position + recordBytes + MessageLayout.FILLER_BYTES <= segment.end()) {
      if (position + recordBytes <= log.limit(system)) {
        return true;
      }
      return refuse(recordBytes, system);
    }
    long nextStart = segment == null ? position : segment.end();
    if (nextStart + recordBytes > log.limit(system)) {
      return refuse(nextStart - position + recordBytes, system);
    }
    if (segment != null && position < nextStart) {
      int at = (int) (position - segment.start);
      segmentBuffer.putInt(at, (int) (nextStart - position));
      segmentBuffer.putInt(at + 4, MessageLayout.MAGIC_FILLER);
      position = nextStart;
    }
    enterSegment();
    return true;
  }

  /**
   * Looks up the segment at the position; before the first append and when the log was moved on.
   */
  void enterSegment() {
    segment = log.find(position);
    segmentBuffer = segment == null ? null : segment.buffer();
  }

  private boolean refuse(long bytes, boolean system) {
    refusedBytes = bytes;
    refusedSystem = system;
    refusedForQueues = false;
    // Twice: what is left of the segment may be lost to a roll.
    log.want(2 * bytes);
    return false;
  }

  /** Room lacks for so many bytes behind the end, received ones included. */
  void refuseRaw(long bytes) {
    refuse(bytes, true);
    // Who catches up has more: small steps would stop it again and again.
    log.want(Math.min(log.fileBytes(), Math.max(2 * bytes, RAW_WINDOW_BYTES)));
  }

  /** Bytes of another log's were written up to here. */
  void movedRaw(long end) {
    position = end;
    if (segment == null || end >= segment.end()) {
      enterSegment();
    }
    log.use(end);
  }

  private boolean makeRoomInQueues(
      MessageBatch batch, int index, LogQueue queue, long physicalOffset, boolean system) {
    int keys = batch.indexEntries(index);
    if (keys > 0 && !files.index.hasRoom(keys, system)) {
      files.index.space().want((long) keys * KeyIndex.ENTRY_BYTES);
      return refuseForQueues(system);
    }
    return !QueueChunks.needsChunk(queue) || addChunk(queue, physicalOffset, system);
  }

  /** Gives the queue a chunk for its next entry; false if none is prepared. */
  boolean addChunk(LogQueue queue, long physicalOffset, boolean system) {
    if (chunks.available(system) <= 0) {
      chunks.space().want((long) SPARE_CHUNKS * QueueChunks.CHUNK_BYTES);
      return refuseForQueues(system);
    }
    if (queue.slot < 0 && !files.names.tryAssign(queue, physicalOffset, system)) {
      files.names.space().want((long) SPARE_CHUNKS * QueueDirectory.SLOT_BYTES);
      return refuseForQueues(system);
    }
    return chunks.tryAddChunk(queue, physicalOffset, system) || refuseForQueues(system);
  }

  /** Notes what was lacking; returns false. */
  boolean refuseForQueues(boolean system) {
    refusedBytes = 0;
    refusedSystem = system;
    refusedForQueues = true;
    return false;
  }

  /** As {@link MessageStore#maxRecordBytes}. */
  int maxRecordBytes() {
    return options.segmentBytes() - MessageLayout.FILLER_BYTES;
  }

  /** As {@link MessageStore#hasRoom}, on an open store. */
  boolean hasRoom(long bytes, boolean system) {
    if (logHasRoom(bytes, system) && queuesHaveRoom(bytes, system)) {
      return true;
    }
    refuse(bytes, system);
    refusedForQueues = true;
    return false;
  }

  private boolean logHasRoom(long bytes, boolean system) {
    long limit = log.limit(system);
    if (segment != null && position + bytes + MessageLayout.FILLER_BYTES <= segment.end()) {
      return position + bytes <= limit;
    }
    long nextStart = segment == null ? position : segment.end();
    return nextStart + bytes <= limit;
  }

  private boolean queuesHaveRoom(long bytes, boolean system) {
    long messages = bytes / MessageLayout.MIN_RECORD_BYTES + 1;
    long wanted = Math.min(SPARE_CHUNKS, messages) + messages / QueueChunks.CHUNK_ENTRIES;
    int keys = (int) Math.min(messages * 2, 1 << 16);
    if (chunks.available(system) < wanted) {
      chunks.space().want(wanted * 2 * QueueChunks.CHUNK_BYTES);
      return false;
    }
    if (!files.index.hasRoom(keys, system)) {
      files.index.space().want((long) keys * 2 * KeyIndex.ENTRY_BYTES);
      return false;
    }
    return files.names.hasRoom(system);
  }

  /** Whether what was refused last would be taken now. */
  boolean canWriteNow() {
    boolean room = logHasRoom(Math.max(refusedBytes, 1), refusedSystem);
    return room && (!refusedForQueues || queuesHaveRoom(refusedBytes, refusedSystem));
  }

  /** As {@link MessageStore#noteTime}. */
  void noteTime(long timeMs) {
    lastStoredAtMs = Math.max(lastStoredAtMs, timeMs);
  }
}
