package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageLayout;
import io.sluice.message.Names;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * The store over its files: the single writer, and the hub of the workers.
 *
 * <p>Owns the directory given in the options, see {@link StoreFiles}. Threads: the owner thread
 * appends and reads near the tail; {@link Preparer} makes room ahead; {@link Flusher} forces;
 * {@link Workers} do look-ups, cold reads, checkpoints and deletion. What the owner shares with
 * them is published by one release of the log's end, after the record, its queue entry and its keys
 * are written.
 *
 * <p>A crash of the process leaves everything appended; a crash of the machine everything forced.
 * See {@link Recovery} for the rest.
 */
final class LogStore implements MessageStore {

  /** A smaller batch than this is never kept waiting for queue chunks, when there are some. */
  private static final int SPARE_CHUNKS = 64;

  /** Prepared ahead of a log that is copied and ran out of room: 10 ms of loopback. */
  private static final long RAW_WINDOW_BYTES = 16L << 20;

  private final StoreOptions options;
  private final StoreFiles files;
  private final StoreThreads threads;
  private final Clock clock;
  private final Executor owner;
  private final byte[] storeHost;
  private final FileSpace log;
  private final QueueChunks chunks;
  private final QueueTable queues;
  private final RecoveryReport report;
  private final Workers workers;
  private final Preparer preparer;
  private final Flusher flusher;
  private final Checkpointer checkpointer;
  private final Reader reader;
  private final Retention retention;
  private final RawAccess raw;
  private final long warmTimeNs;

  // Any thread.
  private volatile StoreException failure;
  private volatile boolean wantsWritable;
  private volatile boolean wantsForced;
  private volatile long retentionFloor = Long.MAX_VALUE;

  // Owner thread.
  private long position;
  private SpaceFile segment;
  private ByteBuffer segmentBuffer;
  private long lastStoredAtMs;
  private long refusedBytes;
  private boolean refusedSystem;
  private boolean refusedForQueues;
  private final long touchedFrom;
  private long touched;
  private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();
  private List<Runnable> writableCallbacks = new ArrayList<>();
  private CompletableFuture<Void> closing;

  /** Who waits for a force. */
  private record Waiter(long physicalOffset, Consumer<StoreException> done) {}

  LogStore(
      StoreOptions options,
      StoreFiles files,
      StoreThreads threads,
      Clock clock,
      Executor owner,
      LatencyRecorder latency,
      QueueTable queues,
      Recovery.Result recovered,
      RecoveryListener listener) {
    this.options = options;
    this.files = files;
    this.threads = threads;
    this.clock = clock;
    this.owner = owner;
    this.queues = queues;
    storeHost = options.storeHost();
    log = files.log;
    chunks = files.chunks;
    report = recovered.report();
    position = recovered.end();
    touchedFrom = recovered.scannedFrom();
    lastStoredAtMs = recovered.lastStoredAtMs();
    warmTimeNs = options.warmTime().toNanos();
    workers = new Workers(threads, owner);
    preparer = new Preparer(threads, files.spaces(), this::roomGrew, this::beat, this::fail);
    flusher =
        new Flusher(
            threads,
            log,
            files.checkpoint,
            latency,
            options.flushInterval().toNanos(),
            recovered.forcedTo(),
            this::forceDone,
            this::fail);
    checkpointer = new Checkpointer(options, files, threads, owner, workers, flusher, this);
    reader = new Reader(files, workers);
    retention = new Retention(options, files, threads, clock, workers, this);
    raw = new RawAccess(this, files, queues, workers, listener);
  }

  /** Starts the threads. */
  void start() {
    enterSegment();
    preparer.start();
    flusher.start();
  }

  @Override
  public int append(
      MessageBatch batch,
      int from,
      int to,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    if (failure != null || closing != null) {
      return from;
    }
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
        throw new IllegalArgumentException(
            "a record takes "
                + batch.recordBytes(i)
                + " bytes; allowed are "
                + maxRecordBytes()
                + ", what fits into a segment of the commit log");
      }
    }
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

  @Override
  public boolean appendAtomic(
      MessageBatch batch,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    int count = batch.count();
    if (count < 2) {
      return append(batch, 0, count, targets, queueOffsets, physicalOffsets, system) == count;
    }
    if (failure != null || closing != null) {
      return false;
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
    ConsumeQueue[] markerQueue = {queue(Names.ATOMIC_TOPIC, 0)};
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
      fail(
          new StoreException(
              StoreException.Kind.FAILED,
              "only " + done + " of " + count + " records that belong together were appended"));
      return false;
    }
    files.index.publish();
    log.use(position);
    return true;
  }

  @Override
  public int maxAtomicBytes() {
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
      throw new IllegalArgumentException(
          "a record takes "
              + recordBytes
              + " bytes; allowed are "
              + maxRecordBytes()
              + ", what fits into a segment of the commit log");
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

  private void enterSegment() {
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

  /** What is written behind it was written, or read, lately. */
  long inMemoryFrom() {
    return Math.max(position - options.warmBytes(), touchedFrom);
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

  @Override
  public int maxRecordBytes() {
    return options.segmentBytes() - MessageLayout.FILLER_BYTES;
  }

  @Override
  public boolean hasRoom(long bytes, boolean system) {
    if (failure != null || closing != null) {
      return false;
    }
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

  @Override
  public StoreException refusal() {
    if (closing != null) {
      return new StoreException(
          StoreException.Kind.CLOSED, "the store in " + options.directory() + " is closed");
    }
    if (failure != null) {
      return failure;
    }
    if (canWriteNow()) {
      return null;
    }
    StoreException diskFull = preparer.diskFull();
    if (refusedForQueues && files.names.isFull()) {
      return new StoreException(
          StoreException.Kind.DISK_FULL,
          "there are "
              + options.maxQueues()
              + " queues with messages, as many as maxQueues allows; delete topics, or raise it");
    }
    return diskFull != null
        ? diskFull
        : new StoreException(
            StoreException.Kind.BUSY,
            "the next part of a file in "
                + options.directory()
                + " is being prepared; try again shortly");
  }

  private boolean canWriteNow() {
    boolean room = logHasRoom(Math.max(refusedBytes, 1), refusedSystem);
    return room && (!refusedForQueues || queuesHaveRoom(refusedBytes, refusedSystem));
  }

  @Override
  public void whenWritable(Runnable callback) {
    writableCallbacks.add(callback);
    wantsWritable = true;
    // What became free between the refusal and the flag is found by looking once more.
    owner.execute(this::callWritable);
  }

  private void roomGrew() {
    if (wantsWritable) {
      owner.execute(this::callWritable);
    }
  }

  private void callWritable() {
    if (writableCallbacks.isEmpty() || (closing == null && failure == null && !canWriteNow())) {
      return;
    }
    List<Runnable> callbacks = writableCallbacks;
    writableCallbacks = new ArrayList<>();
    wantsWritable = false;
    callbacks.forEach(Runnable::run);
  }

  @Override
  public void whenForced(long physicalOffset, Consumer<StoreException> done) {
    if (physicalOffset <= flusher.forcedTo()) {
      done.accept(null);
      return;
    }
    if (physicalOffset > position) {
      throw new IllegalArgumentException(
          "physical offset " + physicalOffset + " is not written yet; the log ends at " + position);
    }
    if (failure != null) {
      done.accept(failure);
      return;
    }
    waiters.add(new Waiter(physicalOffset, done));
    wantsForced = true;
    log.placeAhead();
    flusher.request();
    if (physicalOffset <= flusher.forcedTo()) {
      // A force that ended since it was asked above did not see the flag, and nothing may follow.
      owner.execute(this::callForced);
    }
  }

  /** A force ended, or failed: any thread. */
  private void forceDone() {
    if (wantsForced) {
      owner.execute(this::callForced);
    }
  }

  private void callForced() {
    long forced = flusher.forcedTo();
    Waiter first;
    while ((first = waiters.peek()) != null) {
      if (first.physicalOffset() <= forced) {
        waiters.poll();
        first.done().accept(null);
      } else if (failure != null) {
        waiters.poll();
        first.done().accept(failure);
      } else {
        break;
      }
    }
    if (waiters.isEmpty()) {
      wantsForced = false;
    }
  }

  /** Ends all writing; the first cause stays. Any thread. */
  void fail(StoreException cause) {
    synchronized (this) {
      if (failure != null) {
        return;
      }
      failure = cause;
    }
    System.getLogger(LogStore.class.getName())
        .log(System.Logger.Level.ERROR, cause.getMessage(), cause);
    owner.execute(
        () -> {
          callForced();
          callWritable();
        });
  }

  /** Whether it takes writes. Owner thread. */
  boolean isOpen() {
    return failure == null && closing == null;
  }

  @Override
  public ConsumeQueue queue(String topic, int queueId) {
    return queues.queue(topic, queueId);
  }

  @Override
  public boolean isWarm(ConsumeQueue queue, long fromOffset, int count) {
    LogQueue asked = (LogQueue) queue;
    if (fromOffset >= asked.maxOffset || count <= 0) {
      return true;
    }
    long floor = Math.max(position - options.warmBytes(), touchedFrom);
    if (asked.lastPhysical >= floor) {
      long from = Math.max(fromOffset, asked.minOffset);
      int chunk = asked.chunkIndexOf(from);
      if (asked.firstPhysical(chunk) >= floor) {
        return true;
      }
      // The chunk was written to lately if the one behind it was begun lately: it can be read.
      boolean readable = chunk + 1 == asked.chunkCount() || asked.firstPhysical(chunk + 1) >= floor;
      if (readable && asked.physicalOffset(from) >= floor) {
        return true;
      }
    }
    long to = Math.min(fromOffset + count, asked.maxOffset);
    return asked.isWarm(fromOffset, to, clock.nowNs());
  }

  @Override
  public boolean isWarm(long physicalOffset) {
    return physicalOffset >= Math.max(position - options.warmBytes(), touchedFrom)
        && physicalOffset < position;
  }

  @Override
  public CompletionStage<RepeatEntries> recentRepeats(long sinceMs, int max) {
    return reader.recentRepeats(sinceMs, max);
  }

  @Override
  public CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, boolean withRecords) {
    LogQueue asked = (LogQueue) queue;
    LogQueue.Snapshot snapshot = asked.snapshot();
    return reader
        .warm(snapshot, fromOffset, count, maxBytes, withRecords ? RecordFilter.ALL : null)
        .thenApply(
            warmed -> {
              if (warmed > 0 && asked.generation == snapshot.generation()) {
                asked.addWarm(fromOffset, fromOffset + warmed, clock.nowNs() + warmTimeNs);
              }
              return warmed;
            });
  }

  @Override
  public CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, RecordFilter filter) {
    return reader.warm(((LogQueue) queue).snapshot(), fromOffset, count, maxBytes, filter);
  }

  @Override
  public CompletionStage<Void> warm(ConsumeQueue queue, long[] offsets) {
    return reader.warm(((LogQueue) queue).snapshot(), offsets);
  }

  @Override
  public CompletionStage<Long> scan(
      ConsumeQueue queue, long fromOffset, long toOffset, EntryVisitor visitor) {
    return reader.scan(((LogQueue) queue).snapshot(), fromOffset, toOffset, visitor);
  }

  @Override
  public void noteTime(long timeMs) {
    lastStoredAtMs = Math.max(lastStoredAtMs, timeMs);
  }

  @Override
  public BlockBuilder newBlock(int expectedMessages) {
    return new LogBlockBuilder(log, expectedMessages);
  }

  @Override
  public CompletionStage<Long> offsetAtTime(ConsumeQueue queue, long timeMs) {
    return reader.offsetAtTime(((LogQueue) queue).snapshot(), timeMs);
  }

  @Override
  public CompletionStage<MessageBlock> findByKey(String topic, String key, int max) {
    return reader.findByKey(topic, snapshots(topic), key, max);
  }

  private LogQueue.Snapshot[] snapshots(String topic) {
    LogQueue[] ofTopic = queues.ofTopic(topic);
    LogQueue.Snapshot[] snapshots = new LogQueue.Snapshot[ofTopic == null ? 0 : ofTopic.length];
    for (int i = 0; i < snapshots.length; i++) {
      snapshots[i] = ofTopic[i] == null ? null : ofTopic[i].snapshot();
    }
    return snapshots;
  }

  @Override
  public CompletionStage<MessageBlock> findByPhysicalOffset(long physicalOffset) {
    return reader.findByPhysicalOffset(physicalOffset);
  }

  @Override
  public void deleteTopic(String topic) {
    LogQueue[] ofTopic = queues.ofTopic(topic);
    if (ofTopic == null) {
      return;
    }
    for (LogQueue queue : ofTopic) {
      if (queue != null && queue.slot >= 0) {
        checkpointer.freeLater(queue);
      }
      if (queue != null) {
        queue.reset();
      }
    }
  }

  @Override
  public void ensureOffset(ConsumeQueue queue, long nextOffset) {
    LogQueue asked = (LogQueue) queue;
    if (asked.slot < 0 && asked.maxOffset < nextOffset) {
      asked.minOffset = nextOffset;
      asked.maxOffset = nextOffset;
    }
  }

  @Override
  public void setRetentionFloor(long physicalOffset) {
    retentionFloor = physicalOffset;
  }

  long retentionFloor() {
    return retentionFloor;
  }

  @Override
  public long minPhysicalOffset() {
    SpaceFile[] now = log.files();
    return now.length == 0 ? position : now[0].start;
  }

  @Override
  public long maxPhysicalOffset() {
    return position;
  }

  @Override
  public long forcedPhysicalOffset() {
    return flusher.forcedTo();
  }

  @Override
  public RawLog raw() {
    return raw;
  }

  @Override
  public RecoveryReport recovery() {
    return report;
  }

  QueueTable queues() {
    return queues;
  }

  Checkpointer checkpointer() {
    return checkpointer;
  }

  Retention retention() {
    return retention;
  }

  /** Segments were deleted: a full disk may have room now. Any thread. */
  void roomWasMade() {
    preparer.retryNow();
  }

  boolean isDiskFull() {
    return preparer.diskFull() != null;
  }

  /** A beat of the preparer's thread. */
  private void beat() {
    checkpointer.maybeStart();
    retention.maybeStart();
  }

  @Override
  public CompletionStage<Void> close() {
    if (closing != null) {
      return closing;
    }
    closing = new CompletableFuture<>();
    CompletableFuture<Void> result = closing;
    Checkpointer.Plan plan = checkpointer.plan();
    // The bytes are unmapped soon: whoever still asks a queue gets an exception, not a crash.
    queues.forEach(LogQueue::reset);
    segmentBuffer = null;
    callWritable();
    threads.start("sluice-store-close", () -> closeFiles(plan, result));
    return result;
  }

  private void closeFiles(Checkpointer.Plan plan, CompletableFuture<Void> result) {
    StoreException problem = null;
    try {
      preparer.close();
      workers.close();
      flusher.close();
      if (failure == null) {
        checkpointer.finish(plan);
      }
    } catch (StoreException e) {
      problem = e;
    } finally {
      files.close();
    }
    StoreException cause = problem;
    owner.execute(
        () -> {
          callForced();
          failWaiters();
          if (cause == null) {
            result.complete(null);
          } else {
            result.completeExceptionally(cause);
          }
        });
  }

  private void failWaiters() {
    Waiter waiter;
    while ((waiter = waiters.poll()) != null) {
      waiter.done().accept(refusal());
    }
  }
}
