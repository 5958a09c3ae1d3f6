package io.sluice.store;

import java.util.concurrent.Executor;

/**
 * Where a store does its own work: what forces, what prepares, what reads from the disk. A server
 * has a thread for each, {@link #system}; a simulation does all of it in one thread, in an order
 * that its seed decides. Any thread may call.
 */
public interface StoreThreads {

  /** What a {@link Step} gives back when it is not to be run again. */
  long END = -1;

  /** One round of a loop. */
  @FunctionalInterface
  interface Step {

    /**
     * Does what there is to do.
     *
     * @return ns until the next round, unless it is woken before; 0 for at once; {@link #END}
     */
    long run();
  }

  /** A step that is run again and again, never twice at a time. */
  interface Loop {

    /** Begins; what was asked for before counts. */
    void start();

    /** Lets the next round begin at once, or, if one runs, follow it. */
    void wake();

    /**
     * Wakes it and waits until a round has ended, or for a short time. Not for the owner's thread.
     */
    void awaitRound() throws InterruptedException;

    /** Wakes it and waits until a step gave back {@link #END}. */
    void join();
  }

  /** A few threads with a bounded queue; refuses as an executor does. */
  interface Pool extends Executor {

    /** Takes no more tasks, and waits for those that it has. */
    void close();
  }

  /**
   * Steady time in ns with an arbitrary origin, by which the store's own work is timed. Not the
   * store's clock, which says when messages were stored and may stand still in a test.
   */
  long nowNs();

  /** Runs a task once, on a thread of its own. */
  void start(String name, Runnable task);

  /** A loop, on a thread of its own; not started. */
  Loop loop(String name, Step step);

  /**
   * A pool.
   *
   * @param maxWaiting tasks that wait at most
   */
  Pool pool(String name, int threads, int maxWaiting);

  /** Real threads. */
  static StoreThreads system() {
    return Threads.INSTANCE;
  }
}
