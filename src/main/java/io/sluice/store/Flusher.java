package io.sluice.store;

import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The thread that forces the log: one force at a time, each of everything written before it began,
 * so that one serves all who wait. After a failed force it never forces again: the kernel may have
 * dropped the pages it could not write, and a second force would lie.
 */
final class Flusher implements Runnable {

  /** The watermark itself goes to the disk at most so often. */
  private static final long CHECKPOINT_FORCE_NS = TimeUnit.SECONDS.toNanos(1);

  private final FileSpace log;
  private final Checkpoint checkpoint;
  private final LatencyRecorder latency;
  private final long intervalNs;
  private final Runnable forced;
  private final Consumer<StoreException> failed;
  private final Thread thread;

  private volatile boolean requested;
  private volatile boolean closed;
  private volatile boolean broken;
  private volatile long forcedTo;
  private long checkpointForcedNs;

  /**
   * A flusher; {@link #start} starts it.
   *
   * @param forced called on its thread after each force
   * @param failed called on its thread after the first failed one
   */
  Flusher(
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
    thread = new Thread(this, "sluice-store-flush");
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  long forcedTo() {
    return forcedTo;
  }

  /** Asks for a force of everything written so far. */
  void request() {
    if (!requested) {
      requested = true;
      LockSupport.unpark(thread);
    }
  }

  /** Waits until so much is forced. Not for the owner's thread. */
  synchronized void awaitForced(long physicalOffset) {
    while (forcedTo < physicalOffset) {
      if (broken || closed) {
        throw new StoreException(
            StoreException.Kind.CLOSED, "the log is not forced any more: it failed or was closed");
      }
      request();
      try {
        // Woken by each force; the time is for a wake-up that came before the wait.
        wait(100);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StoreException(StoreException.Kind.CLOSED, "interrupted while forcing", e);
      }
    }
  }

  private synchronized void wakeWaiting() {
    notifyAll();
  }

  /** Forces a last time and ends. */
  void close() {
    closed = true;
    LockSupport.unpark(thread);
    Threads.join(thread);
  }

  @Override
  public void run() {
    while (!broken) {
      boolean last = closed;
      if (!requested && !last) {
        LockSupport.parkNanos(this, intervalNs);
      }
      requested = false;
      try {
        forceOnce();
      } catch (IOException e) {
        fail(Failures.failed("forcing the log in", log.directory(), e));
      } catch (RuntimeException | Error e) {
        fail(new StoreException(StoreException.Kind.FAILED, "forcing the log failed: " + e, e));
      }
      if (last) {
        return;
      }
    }
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
    wakeWaiting();
    if (nowNs - checkpointForcedNs > CHECKPOINT_FORCE_NS) {
      checkpoint.force();
      checkpointForcedNs = nowNs;
    }
  }

  private void fail(StoreException failure) {
    broken = true;
    wakeWaiting();
    failed.accept(failure.kind() == StoreException.Kind.FAILED ? failure : asFailed(failure));
  }

  private static StoreException asFailed(StoreException failure) {
    return new StoreException(StoreException.Kind.FAILED, failure.getMessage(), failure.getCause());
  }
}
