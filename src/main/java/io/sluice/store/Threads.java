package io.sluice.store;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** Real threads, which do not keep the process alive. */
final class Threads implements StoreThreads {

  static final Threads INSTANCE = new Threads();

  private Threads() {}

  @Override
  public long nowNs() {
    return System.nanoTime();
  }

  @Override
  public void start(String name, Runnable task) {
    daemon(name, task).start();
  }

  @Override
  public Loop loop(String name, Step step) {
    return new ThreadLoop(name, step);
  }

  @Override
  public Pool pool(String name, int threads, int maxWaiting) {
    return new ThreadPool(name, threads, maxWaiting);
  }

  private static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  /** One thread that parks between its rounds. */
  private static final class ThreadLoop implements Loop, Runnable {

    /** Each round wakes who waits; the time is for a round that ended before the wait. */
    private static final long AWAIT_MS = 100;

    private final Step step;
    private final Thread thread;

    ThreadLoop(String name, Step step) {
      this.step = step;
      thread = daemon(name, this);
    }

    @Override
    public void start() {
      thread.start();
    }

    @Override
    public void run() {
      long waitNs;
      while ((waitNs = step.run()) != END) {
        wakeWaiting();
        if (waitNs > 0) {
          LockSupport.parkNanos(this, waitNs);
        }
      }
      wakeWaiting();
    }

    private synchronized void wakeWaiting() {
      notifyAll();
    }

    @Override
    public void wake() {
      LockSupport.unpark(thread);
    }

    @Override
    public synchronized void awaitRound() throws InterruptedException {
      wake();
      wait(AWAIT_MS);
    }

    /** An interrupt is kept for the caller and does not end the wait. */
    @Override
    public void join() {
      wake();
      boolean interrupted = false;
      while (true) {
        try {
          thread.join();
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Threads that end when there is nothing to do. */
  private static final class ThreadPool implements Pool {

    private final ThreadPoolExecutor pool;

    ThreadPool(String name, int threads, int maxWaiting) {
      AtomicInteger number = new AtomicInteger();
      pool =
          new ThreadPoolExecutor(
              threads,
              threads,
              10,
              TimeUnit.SECONDS,
              new ArrayBlockingQueue<>(maxWaiting),
              task -> daemon(name + "-" + number.incrementAndGet(), task));
      pool.allowCoreThreadTimeOut(true);
    }

    @Override
    public void execute(Runnable task) {
      pool.execute(task);
    }

    @Override
    public void close() {
      pool.shutdown();
      boolean interrupted = false;
      while (true) {
        try {
          if (pool.awaitTermination(1, TimeUnit.MINUTES)) {
            break;
          }
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
