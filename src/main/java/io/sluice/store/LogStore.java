package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * The store over its files: the hub of its writer and its workers, and of who waits for them.
 *
 * <p>Owns the directory given in the options, see {@link StoreFiles}. Threads: the owner thread
 * appends by {@link LogWriter} and reads near the tail; {@link Preparer} makes room ahead; {@link
 * Flusher} forces; {@link Workers} do look-ups, cold reads, checkpoints and deletion.
 *
 * <p>A crash of the process leaves everything appended; a crash of the machine everything forced.
 * See {@link Recovery} for the rest.
 */
final class LogStore implements MessageStore {

  private final StoreOptions options;
  private final StoreFiles files;
  private final StoreThreads threads;
  private final Clock clock;
  private final Executor owner;
  private final FileSpace log;
  private final QueueTable queues;
  private final LogWriter writer;
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
  private final long touchedFrom;
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
    log = files.log;
    report = recovered.report();
    touchedFrom = recovered.scannedFrom();
    writer =
        new LogWriter(
            options, files, queues, clock, recovered.end(), recovered.lastStoredAtMs(), this::fail);
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
    raw = new RawAccess(this, writer, files, queues, workers, listener);
  }

  /** Starts the threads. */
  void start() {
    writer.enterSegment();
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
    return isOpen()
        ? writer.append(batch, from, to, targets, queueOffsets, physicalOffsets, system)
        : from;
  }

  @Override
  public boolean appendAtomic(
      MessageBatch batch,
      ConsumeQueue[] targets,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    return isOpen() && writer.appendAtomic(batch, targets, queueOffsets, physicalOffsets, system);
  }

  @Override
  public int maxAtomicBytes() {
    return writer.maxAtomicBytes();
  }

  @Override
  public int maxRecordBytes() {
    return writer.maxRecordBytes();
  }

  @Override
  public boolean hasRoom(long bytes, boolean system) {
    return isOpen() && writer.hasRoom(bytes, system);
  }

  @Override
  public void noteTime(long timeMs) {
    writer.noteTime(timeMs);
  }

  /** What is written behind it was written, or read, lately. */
  long inMemoryFrom() {
    return Math.max(writer.position() - options.warmBytes(), touchedFrom);
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
    if (writer.canWriteNow()) {
      return null;
    }
    StoreException diskFull = preparer.diskFull();
    if (writer.wasRefusedForQueues() && files.names.isFull()) {
      return new StoreException(
          StoreException.Kind.DISK_FULL,
          "there are "
              + options.maxQueues()
              + " queues with messages, the most that a store takes; delete topics that nobody needs"
              + " here, or make them at another Broker");
    }
    return diskFull != null
        ? diskFull
        : new StoreException(
            StoreException.Kind.BUSY,
            "the next part of a file in "
                + options.directory()
                + " is being prepared; try again shortly");
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
    if (writableCallbacks.isEmpty()
        || (closing == null && failure == null && !writer.canWriteNow())) {
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
    if (physicalOffset > writer.position()) {
      throw new IllegalArgumentException(
          "physical offset "
              + physicalOffset
              + " is not written yet; the log ends at "
              + writer.position());
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
    long floor = inMemoryFrom();
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
    return physicalOffset >= inMemoryFrom() && physicalOffset < writer.position();
  }

  @Override
  public CompletionStage<RepeatEntries> recentRepeats(long sinceMs, int mostOfTopic, int most) {
    return reader.recentRepeats(sinceMs, mostOfTopic, most);
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
  public BlockBuilder newBlock(int expectedMessages) {
    return new LogBlockBuilder(log, expectedMessages);
  }

  @Override
  public CompletionStage<Long> offsetAtTime(ConsumeQueue queue, long timeMs) {
    return reader.offsetAtTime(((LogQueue) queue).snapshot(), timeMs);
  }

  @Override
  public CompletionStage<Void> expireBefore(ConsumeQueue queue, long timeMs) {
    LogQueue asked = (LogQueue) queue;
    LogQueue.Snapshot snapshot = asked.snapshot();
    return reader
        .offsetAtTime(snapshot, timeMs)
        .thenAccept(offset -> retention.moveOn(asked, snapshot.generation(), offset));
  }

  @Override
  public CompletionStage<MessageBlock> findByKey(
      String topic, String key, int max, long fromMs, long toMs) {
    KeyQuery query = new KeyQuery(topic, snapshots(topic), key, max, fromMs, toMs);
    return reader.findByKey(query);
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
    return now.length == 0 ? writer.position() : now[0].start;
  }

  @Override
  public long maxPhysicalOffset() {
    return writer.position();
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
    writer.close();
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
