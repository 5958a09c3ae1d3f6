package io.sluice.store;

import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The thread that prepares the files ahead of the writer, and tries again about each second while
 * the disk is full. It also gives the beat for what is done from time to time.
 */
final class Preparer implements Runnable {

  private static final long RETRY_NS = 1_000_000_000L;
  private static final long BEAT_NS = 250_000_000L;

  private final FileSpace[] spaces;
  private final Runnable progressed;
  private final Runnable beat;
  private final Consumer<StoreException> failed;
  private final Thread thread;
  private volatile boolean closed;
  private volatile StoreException diskFull;
  private long lastBeatNs = System.nanoTime();
  private volatile long retryAtNs;

  /**
   * A preparer; {@link #start} starts it.
   *
   * @param progressed called on its thread when there is more room
   * @param beat called on its thread about four times a second
   * @param failed called when a file fails for another reason than room
   */
  Preparer(
      FileSpace[] spaces, Runnable progressed, Runnable beat, Consumer<StoreException> failed) {
    this.spaces = spaces;
    this.progressed = progressed;
    this.beat = beat;
    this.failed = failed;
    thread = new Thread(this, "sluice-store-prepare");
    thread.setDaemon(true);
  }

  void start() {
    for (FileSpace space : spaces) {
      space.onShortage(this::signal);
    }
    thread.start();
  }

  /** Why nothing can be prepared, or null. */
  StoreException diskFull() {
    return diskFull;
  }

  void signal() {
    LockSupport.unpark(thread);
  }

  /** Tries again before its time. */
  void retryNow() {
    retryAtNs = System.nanoTime();
    signal();
  }

  void close() {
    closed = true;
    signal();
    Threads.join(thread);
  }

  @Override
  public void run() {
    try {
      while (!closed) {
        boolean busy = diskFull != null && System.nanoTime() - retryAtNs < 0 ? false : prepare();
        if (System.nanoTime() - lastBeatNs >= BEAT_NS) {
          lastBeatNs = System.nanoTime();
          beat.run();
        }
        if (!busy) {
          LockSupport.parkNanos(this, BEAT_NS);
        }
      }
    } catch (StoreException e) {
      failed.accept(e);
    } catch (RuntimeException | Error e) {
      failed.accept(
          new StoreException(
              StoreException.Kind.FAILED, "preparing the store's files failed: " + e, e));
    }
  }

  /** One step in each space; whether any of them wants more. */
  private boolean prepare() {
    boolean any = false;
    for (FileSpace space : spaces) {
      try {
        any |= space.prepareStep() || space.placeStep();
      } catch (DiskFullException e) {
        diskFull = Failures.failed("preparing a file in", space.directory(), e);
        retryAtNs = System.nanoTime() + RETRY_NS;
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
