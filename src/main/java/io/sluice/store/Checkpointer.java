package io.sluice.store;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Writes checkpoints, so that a start has little to scan. The owner notes what there is ({@link
 * #plan}); a worker forces the log, then queues and index, up to there; then the checkpoint says
 * so. Only then is what was deleted free for another use: until then a crash may need it.
 *
 * <p>Threads: {@link #maybeStart} from the preparer's beat, {@link #plan} and {@link #freeLater} on
 * the owner's thread, {@link #write} on a worker.
 */
final class Checkpointer {

  /**
   * Checkpoints that bytes ask for come no faster than this: each writes, and write-protects, every
   * page that entries of queues went to since the last one. With 10,000 queues and 7 checkpoints a
   * second that was most of what the many queues cost an append.
   */
  private static final long LEAST_NS = 1_000_000_000;

  /** Unless so many times their bytes are behind: a start scans them in less than a second. */
  private static final int MOST_BYTES_FACTOR = 3;

  private final StoreOptions options;
  private final StoreFiles files;
  private final StoreThreads threads;
  private final Executor owner;
  private final Workers workers;
  private final Flusher flusher;
  private final LogStore store;

  // Owner thread.
  private List<Integer> deletedSlots = new ArrayList<>();
  private List<Long> deletedChunks = new ArrayList<>();

  // Preparer's thread starts, worker ends.
  private volatile boolean running;
  private volatile long startedNs;
  private volatile long doneTo;

  Checkpointer(
      StoreOptions options,
      StoreFiles files,
      StoreThreads threads,
      Executor owner,
      Workers workers,
      Flusher flusher,
      LogStore store) {
    this.options = options;
    this.files = files;
    this.threads = threads;
    this.owner = owner;
    this.workers = workers;
    this.flusher = flusher;
    this.store = store;
    startedNs = threads.nowNs();
    doneTo = files.checkpoint.state().derived().to();
  }

  /** What a checkpoint is to say. */
  record Plan(
      long derivedTo,
      long queueFiles,
      int queueSlots,
      int queues,
      long indexNext,
      List<Integer> deletedSlots,
      List<Long> deletedChunks) {}

  /** Starts one if it is time. */
  void maybeStart() {
    long behind = files.log.usedTo() - doneTo;
    long sinceNs = threads.nowNs() - startedNs;
    boolean due =
        behind >= MOST_BYTES_FACTOR * options.checkpointBytes()
            || (behind >= options.checkpointBytes() && sinceNs >= LEAST_NS)
            || (behind > 0 && sinceNs >= options.checkpointInterval().toNanos());
    if (due && !running) {
      running = true;
      startedNs = threads.nowNs();
      owner.execute(
          () -> {
            if (store.isOpen()) {
              run();
            }
          });
    }
  }

  /** Writes one; completes when it is on the disk. Owner thread; none other may run. */
  CompletableFuture<Void> run() {
    running = true;
    Plan plan = plan();
    return workers
        .<Void>call(
            () -> {
              write(plan, false);
              return null;
            })
        .whenComplete((none, failure) -> done(plan, failure));
  }

  private void done(Plan plan, Throwable failure) {
    running = false;
    if (!store.isOpen()) {
      return;
    }
    if (failure == null) {
      plan.deletedSlots().forEach(files.names::reuse);
      plan.deletedChunks().forEach(files.chunks::release);
    } else if (failure instanceof StoreException e
        && (e.kind() == StoreException.Kind.DISK_FULL || e.kind() == StoreException.Kind.CLOSED)) {
      // Tried again at its time; what is to be freed waits for it.
      deletedSlots.addAll(plan.deletedSlots());
      deletedChunks.addAll(plan.deletedChunks());
    } else {
      store.fail(
          failure instanceof StoreException e
              ? e
              : new StoreException(
                  StoreException.Kind.FAILED, "a checkpoint failed: " + failure, failure));
    }
  }

  /** Notes what there is now. Owner thread. */
  Plan plan() {
    Plan plan =
        new Plan(
            files.log.usedTo(),
            files.chunks.space().files().length,
            files.names.slots(),
            files.names.inUse() - deletedSlots.size(),
            files.index.next(),
            deletedSlots,
            deletedChunks);
    deletedSlots = new ArrayList<>();
    deletedChunks = new ArrayList<>();
    return plan;
  }

  /** Frees the slot and the chunks of a deleted queue after the next checkpoint. Owner thread. */
  void freeLater(LogQueue queue) {
    deletedSlots.add(queue.slot);
    for (int i = 0; i < queue.chunkCount(); i++) {
      deletedChunks.add(queue.chunk(i));
    }
  }

  /** The last checkpoint, when all other threads have ended. */
  void finish(Plan plan) {
    write(plan, true);
  }

  /** Writes a checkpoint on the calling thread. */
  void write(Plan plan, boolean clean) {
    try {
      if (flusher.forcedTo() < plan.derivedTo()) {
        flusher.awaitForced(plan.derivedTo());
      }
      plan.deletedSlots().forEach(files.names::clear);
      long since = doneTo;
      forceChanged(files.chunks.space(), since);
      forceChanged(files.names.space(), since);
      forceChanged(files.index.space(), since);
      List<Path> expired = files.index.dropBefore(store.minPhysicalOffset());
      writeState(files, plan, flusher.forcedTo(), clean);
      doneTo = plan.derivedTo();
      for (Path path : expired) {
        files.access.delete(path);
      }
      if (!clean) {
        // At a close it can wait for the next process.
        files.index.sortBefore(plan.indexNext());
      }
    } catch (IOException e) {
      throw Failures.failed("writing a checkpoint in", files.directory, e);
    }
  }

  private static void writeState(StoreFiles files, Plan plan, long forcedTo, boolean clean)
      throws IOException {
    files.checkpoint.update(plan, forcedTo, clean, files.index.first(), files.access.bootId());
    files.checkpoint.force();
  }

  private static void forceChanged(FileSpace space, long since) throws IOException {
    for (SpaceFile file : space.files()) {
      if (file.changed || file.lastPhysicalOffset >= since) {
        file.changed = false;
        file.force(0, file.bytes);
      }
    }
  }
}
