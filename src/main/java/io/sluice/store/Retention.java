package io.sluice.store;

import io.sluice.message.MessageView;
import io.sluice.util.Clock;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Deletes the oldest segments, in steps: what has expired by age goes one segment at a look, so
 * that a start after a long pause does not stall the disk; more at once when room gets scarce; and
 * whatever its age when the log is over its quota or the disk is nearly full. Never the segment
 * being written, never what the checkpoint has not passed, never anything at or behind the
 * retention floor.
 *
 * <p>A look runs on a worker. The queues' first offsets move on the owner's thread before a segment
 * goes; a segment is unlinked then, and unmapped when the last block on it is closed. They go in
 * order, none before an older one has gone: a start refuses a log with a gap. It also unmaps what
 * nobody has read for a while.
 */
final class Retention {

  /** Expired segments at one look when there is room enough. */
  private static final int FEW = 1;

  /** Segments at one look when there is not: 1 GiB at the default size. */
  private static final int MANY = 8;

  /** From this share of the quota on, room counts as scarce. */
  private static final double SCARCE = 0.9;

  /** Between two looks while room is short. */
  private static final long HURRY_NS = TimeUnit.SECONDS.toNanos(1);

  /**
   * A cold segment that nobody read for so long is unmapped, but for the one that was read last:
   * that one stays as long as what a worker touched counts as warm. A reader that goes through the
   * log so keeps one or two segments of it in this process's memory, not all that it has read.
   */
  private static final long UNMAP_AFTER_NS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StoreOptions options;
  private final StoreFiles files;
  private final StoreThreads threads;
  private final Clock clock;
  private final Workers workers;
  private final LogStore store;

  // Preparer's thread starts, owner ends.
  private volatile boolean unmapping;
  private volatile boolean running;
  private long startedNs;

  /** Out of use, but not deleted yet; the oldest first. Guarded by itself. */
  private final Deque<SpaceFile> leaving = new ArrayDeque<>();

  Retention(
      StoreOptions options,
      StoreFiles files,
      StoreThreads threads,
      Clock clock,
      Workers workers,
      LogStore store) {
    this.options = options;
    this.files = files;
    this.threads = threads;
    this.clock = clock;
    this.workers = workers;
    this.store = store;
    startedNs = threads.nowNs();
  }

  /** Where a queue begins after a deletion. */
  private record NewMin(LogQueue queue, long generation, long offset) {}

  /** Starts what it is time for. */
  void maybeStart() {
    if (!unmapping && hasCold()) {
      unmapping = true;
      workers
          .call(
              () -> {
                unmapCold();
                return null;
              })
          .whenComplete((done, failure) -> unmapping = false);
    }
    maybeLook();
  }

  private void maybeLook() {
    long elapsedNs = threads.nowNs() - startedNs;
    boolean hurry = store.isDiskFull() || logBytes() > options.quotaBytes();
    long waitNs =
        hurry
            ? Math.min(HURRY_NS, options.retentionInterval().toNanos())
            : options.retentionInterval().toNanos();
    if (!running && elapsedNs >= waitNs) {
      running = true;
      startedNs = threads.nowNs();
      look().whenComplete((deleted, failure) -> running = false);
    }
  }

  /** Looks once; completes on the owner's thread with the number of segments deleted. */
  CompletableFuture<Integer> look() {
    return workers
        .call(
            () -> {
              unlink(List.of());
              return expiredTo();
            })
        .thenCompose(
            newMin ->
                newMin < 0 || !store.isOpen()
                    ? CompletableFuture.completedFuture(0)
                    : deleteBefore(newMin));
  }

  private long logBytes() {
    long bytes = 0;
    for (SpaceFile segment : files.log.files()) {
      bytes += segment.bytes;
    }
    return bytes;
  }

  /** The end of the last segment that is to go, or -1. Worker. */
  private long expiredTo() throws IOException {
    SpaceFile[] segments = files.log.files();
    long usedTo = files.log.usedTo();
    long keepFrom =
        Math.min(
            Math.min(store.retentionFloor(), files.checkpoint.state().derived().to()), usedTo - 1);
    long bytes = logBytes();
    long usable = files.access.usableBytes(files.directory);
    boolean diskLow = usable < options.minFreeBytes() || store.isDiskFull();
    boolean scarce =
        diskLow || bytes > options.quotaBytes() * SCARCE || usable / 2 < options.minFreeBytes();
    int most = scarce ? MANY : FEW;
    long end = -1;
    for (int i = 0; i < most && i + 1 < segments.length; i++) {
      SpaceFile segment = segments[i];
      boolean must =
          bytes > options.quotaBytes()
              || usable < options.minFreeBytes()
              || (i == 0 && store.isDiskFull());
      if (segment.end() > keepFrom || !(must || hasExpired(segments[i + 1], usedTo))) {
        break;
      }
      end = segment.end();
      bytes -= segment.bytes;
      usable += segment.bytes;
    }
    return end;
  }

  /** Whether everything before this segment has expired: its first message has come of age. */
  private boolean hasExpired(SpaceFile next, long usedTo) throws IOException {
    if (next.start >= usedTo) {
      return false;
    }
    Mapping mapping = next.retain();
    if (mapping == null) {
      return false;
    }
    try {
      long storedAtMs = new MessageView().wrap(mapping.buffer, 0).storedAtMs();
      return storedAtMs <= clock.nowMs() - options.retentionAge().toMillis();
    } finally {
      mapping.release();
    }
  }

  private boolean hasCold() {
    for (SpaceFile segment : files.log.files()) {
      if (isCold(segment)) {
        return true;
      }
    }
    return false;
  }

  /** Whether it is mapped though it is neither written nor near the end of the log. */
  private boolean isCold(SpaceFile segment) {
    return segment.mapping() != null
        && segment.end() < files.log.usedTo() - options.warmBytes()
        && segment.end() <= store.forcedPhysicalOffset();
  }

  /** Worker. */
  private void unmapCold() {
    long nowNs = threads.nowNs();
    SpaceFile last = null;
    for (SpaceFile segment : files.log.files()) {
      if (!isCold(segment)) {
        continue;
      }
      if (segment.used) {
        segment.used = false;
        segment.usedNs = nowNs;
      }
      if (last == null || segment.usedNs - last.usedNs >= 0) {
        last = segment;
      }
    }
    for (SpaceFile segment : files.log.files()) {
      long afterNs = segment == last ? options.warmTime().toNanos() : UNMAP_AFTER_NS;
      if (isCold(segment) && !segment.used && nowNs - segment.usedNs >= afterNs) {
        segment.unmap();
      }
    }
  }

  /** Moves the queues on, then deletes. Owner thread. */
  private CompletableFuture<Integer> deleteBefore(long newMin) {
    List<LogQueue.Snapshot> touched = new ArrayList<>();
    store
        .queues()
        .forEach(
            queue -> {
              if (queue.chunkCount() > 0 && queue.firstPhysical(0) < newMin) {
                touched.add(queue.snapshot());
              }
            });
    return workers
        .call(() -> newMins(touched, newMin))
        .thenApply(mins -> store.isOpen() ? drop(mins, newMin) : List.<SpaceFile>of())
        .thenCompose(
            dropped ->
                workers
                    .call(() -> unlink(dropped))
                    .whenComplete((count, failure) -> dropped.forEach(file -> file.retire(false))));
  }

  private List<NewMin> newMins(List<LogQueue.Snapshot> queues, long newMin) {
    List<NewMin> mins = new ArrayList<>(queues.size());
    for (LogQueue.Snapshot queue : queues) {
      mins.add(new NewMin(queue.queue(), queue.generation(), firstBehind(queue, newMin)));
    }
    return mins;
  }

  /** The queue's first offset whose message is at or behind a physical offset. */
  private long firstBehind(LogQueue.Snapshot queue, long physical) {
    // The last chunk that begins at or before it.
    int chunk = 0;
    int behind = queue.count();
    while (chunk + 1 < behind) {
      int middle = (chunk + behind) >>> 1;
      if (queue.firstPhysicals()[queue.head() + middle] <= physical) {
        chunk = middle;
      } else {
        behind = middle;
      }
    }
    long base = ((queue.firstChunk() + chunk) << QueueChunks.CHUNK_SHIFT) - queue.queue().phase;
    long low = Math.max(base, queue.minOffset());
    long high = Math.min(base + QueueChunks.CHUNK_ENTRIES, queue.maxOffset());
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (files.chunks.physicalOffset(queue, middle) < physical) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private List<SpaceFile> drop(List<NewMin> mins, long newMin) {
    for (NewMin min : mins) {
      moveOn(min.queue(), min.generation(), min.offset());
    }
    return files.log.removeBefore(newMin);
  }

  /**
   * Moves a queue's first offset, if it is still the one of that generation. What a start would
   * read again, as no checkpoint has passed it, keeps its chunks. Owner thread.
   */
  void moveOn(LogQueue queue, long generation, long offset) {
    if (!store.isOpen() || queue.generation != generation || offset <= queue.minOffset) {
      return;
    }
    queue.minOffset = offset;
    long passedTo = files.checkpoint.state().derived().to();
    // The last chunk stays, also when all in it has expired: it keeps the next offset.
    while (queue.chunkCount() > 1
        && queue.chunkIndexOf(queue.minOffset) > 0
        && queue.firstPhysical(1) <= passedTo) {
      files.chunks.release(queue.removeFirstChunk());
    }
  }

  /** Deletes these, after those that could not be deleted before. Worker. */
  private int unlink(List<SpaceFile> dropped) throws IOException {
    int count = 0;
    synchronized (leaving) {
      leaving.addAll(dropped);
      while (!leaving.isEmpty() && isDeleted(leaving.peek())) {
        leaving.remove();
        count++;
      }
    }
    if (count > 0) {
      files.log.forceDirectory();
      store.roomWasMade();
    }
    return count;
  }

  private static boolean isDeleted(SpaceFile segment) {
    try {
      segment.delete();
      return true;
    } catch (IOException e) {
      System.getLogger(Retention.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "could not delete " + segment.path + "; it is tried again at the next look",
              e);
      return false;
    }
  }
}
