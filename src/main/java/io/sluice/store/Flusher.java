package io.sluice.store;

import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The thread that forces the log: one force at a time, each of everything written before it began,
 * so that one serves all who wait. After a failed force it never forces again: the kernel may have
 * dropped the pages it could not write, and a second force would lie.
 */
final class Flusher {

  /** The watermark itself goes to the disk at most so often. */
  private static final long CHECKPOINT_FORCE_NS = TimeUnit.SECONDS.toNanos(1);

  private final FileSpace log;
  private final Checkpoint checkpoint;
  private final LatencyRecorder latency;
  private final long intervalNs;
  private final Runnable forced;
  private final Consumer<StoreException> failed;
  private final StoreThreads.Loop loop;

  private volatile boolean requested;
  private volatile boolean closed;
  private volatile boolean broken;
  private volatile long forcedTo;
  private long checkpointForcedNs;

  /**
   * A flusher; {@link #start} starts it.
   *
   * @param threads where it runs
   * @param forced called on its thread after each force
   * @param failed called on its thread after the first failed one
   */
  Flusher(
      StoreThreads threads,
      FileSpace log,
      Checkpoint checkpoint,
      LatencyRecorder latency,
      long intervalNs,
      long forcedTo,
      Runnable forced,
      Consumer<StoreException> failed) {
    this.log = log;
    this.checkpoint = checkpoint;
    this.latency = latency;
    this.intervalNs = intervalNs;
    this.forcedTo = forcedTo;
    this.forced = forced;
    this.failed = failed;
    loop = threads.loop("sluice-store-flush", this::round);
  }

  void start() {
    loop.start();
  }

  long forcedTo() {
    return forcedTo;
  }

  /** Asks for a force of everything written so far. */
  void request() {
    if (!requested) {
      requested = true;
      loop.wake();
    }
  }

  /** Waits until so much is forced. Not for the owner's thread. */
  void awaitForced(long physicalOffset) {
    while (forcedTo < physicalOffset) {
      if (broken || closed) {
        throw new StoreException(
            StoreException.Kind.CLOSED, "the log is not forced any more: it failed or was closed");
      }
      requested = true;
      try {
        loop.awaitRound();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StoreException(StoreException.Kind.CLOSED, "interrupted while forcing", e);
      }
    }
  }

  /** Forces a last time and ends. */
  void close() {
    closed = true;
    loop.join();
  }

  private long round() {
    boolean last = closed;
    requested = false;
    try {
      forceOnce();
    } catch (IOException e) {
      fail(Failures.failed("forcing the log in", log.directory(), e));
    } catch (RuntimeException | Error e) {
      fail(new StoreException(StoreException.Kind.FAILED, "forcing the log failed: " + e, e));
    }
    if (last || broken) {
      return StoreThreads.END;
    }
    return requested ? 0 : intervalNs;
  }

  private void forceOnce() throws IOException {
    long from = forcedTo;
    long to = log.usedTo();
    if (to <= from) {
      return;
    }
    long startNs = System.nanoTime();
    for (long at = from; at < to; ) {
      SpaceFile file = log.find(at);
      if (file == null) {
        // Expired before it was forced.
        at = Math.max(at + 1, log.files()[0].start);
        continue;
      }
      int position = (int) (at - file.start);
      int count = (int) (Math.min(to, file.end()) - at);
      file.force(position, count);
      at += count;
    }
    forcedTo = to;
    long nowNs = System.nanoTime();
    latency.record(Stage.FORCE, nowNs - startNs);
    checkpoint.forcedTo(to);
    forced.run();
    if (nowNs - checkpointForcedNs > CHECKPOINT_FORCE_NS) {
      checkpoint.force();
      checkpointForcedNs = nowNs;
    }
  }

  private void fail(StoreException failure) {
    broken = true;
    failed.accept(failure.kind() == StoreException.Kind.FAILED ? failure : asFailed(failure));
  }

  private static StoreException asFailed(StoreException failure) {
    return new StoreException(StoreException.Kind.FAILED, failure.getMessage(), failure.getCause());
  }
}
