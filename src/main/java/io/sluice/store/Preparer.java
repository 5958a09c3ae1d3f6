package io.sluice.store;

import java.io.IOException;
import java.util.function.Consumer;

/**
 * The thread that prepares the files ahead of the writer, and tries again about each second while
 * the disk is full. It also gives the beat for what is done from time to time.
 */
final class Preparer {

  private static final long RETRY_NS = 1_000_000_000L;
  private static final long BEAT_NS = 250_000_000L;

  private final FileSpace[] spaces;
  private final Runnable progressed;
  private final Runnable beat;
  private final Consumer<StoreException> failed;
  private final StoreThreads threads;
  private final StoreThreads.Loop loop;
  private volatile boolean closed;
  private volatile StoreException diskFull;
  private long lastBeatNs;
  private volatile long retryAtNs;

  /**
   * A preparer; {@link #start} starts it.
   *
   * @param threads where it runs
   * @param progressed called on its thread when there is more room
   * @param beat called on its thread about four times a second
   * @param failed called when a file fails for another reason than room
   */
  Preparer(
      StoreThreads threads,
      FileSpace[] spaces,
      Runnable progressed,
      Runnable beat,
      Consumer<StoreException> failed) {
    this.threads = threads;
    this.spaces = spaces;
    this.progressed = progressed;
    this.beat = beat;
    this.failed = failed;
    lastBeatNs = threads.nowNs();
    loop = threads.loop("sluice-store-prepare", this::round);
  }

  void start() {
    for (FileSpace space : spaces) {
      space.onShortage(this::signal);
    }
    loop.start();
  }

  /** Why nothing can be prepared, or null. */
  StoreException diskFull() {
    return diskFull;
  }

  void signal() {
    loop.wake();
  }

  /** Tries again before its time. */
  void retryNow() {
    retryAtNs = threads.nowNs();
    signal();
  }

  void close() {
    closed = true;
    loop.join();
  }

  private long round() {
    if (closed) {
      return StoreThreads.END;
    }
    try {
      boolean busy = (diskFull == null || threads.nowNs() - retryAtNs >= 0) && prepare();
      if (threads.nowNs() - lastBeatNs >= BEAT_NS) {
        lastBeatNs = threads.nowNs();
        beat.run();
      }
      return busy ? 0 : BEAT_NS;
    } catch (StoreException e) {
      failed.accept(e);
    } catch (RuntimeException | Error e) {
      failed.accept(
          new StoreException(
              StoreException.Kind.FAILED, "preparing the store's files failed: " + e, e));
    }
    return StoreThreads.END;
  }

  /** One step in each space; whether any of them wants more. */
  private boolean prepare() {
    boolean any = false;
    for (FileSpace space : spaces) {
      try {
        any |= space.prepareStep() || space.placeStep();
      } catch (DiskFullException e) {
        diskFull = Failures.failed("preparing a file in", space.directory(), e);
        retryAtNs = threads.nowNs() + RETRY_NS;
        progressed.run();
        return false;
      } catch (IOException e) {
        throw Failures.failed("preparing a file in", space.directory(), e);
      }
    }
    if (any || diskFull != null) {
      diskFull = null;
      progressed.run();
    }
    return any;
  }
}
