package io.sluice.store;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** The few threads for what may wait for the disk. Results come back on the owner's thread. */
final class Workers {

  /** Two, so that one long look-up does not hold up all cold readers. */
  private static final int THREADS = 2;

  /** More waiting tasks than this mean that the disk does not keep up. */
  private static final int MAX_WAITING = 4096;

  private final Executor owner;
  private final StoreThreads.Pool pool;
  private volatile boolean closed;

  Workers(StoreThreads threads, Executor owner) {
    this.owner = owner;
    pool = threads.pool("sluice-store-worker", THREADS, MAX_WAITING);
  }

  /** Runs a task; its result or failure completes the future on the owner's thread. */
  <T> CompletableFuture<T> call(Callable<T> task) {
    CompletableFuture<T> future = new CompletableFuture<>();
    try {
      pool.execute(() -> run(task, future));
    } catch (RejectedExecutionException e) {
      StoreException.Kind kind = closed ? StoreException.Kind.CLOSED : StoreException.Kind.BUSY;
      future.completeExceptionally(
          new StoreException(
              kind,
              kind == StoreException.Kind.CLOSED
                  ? "the store is closed"
                  : MAX_WAITING + " reads from the disk are waiting already; try again shortly"));
    }
    return future;
  }

  /** Takes no more tasks and waits for those that run. */
  void close() {
    closed = true;
    pool.close();
  }

  private <T> void run(Callable<T> task, CompletableFuture<T> future) {
    try {
      T result = task.call();
      owner.execute(() -> future.complete(result));
    } catch (Exception | Error e) {
      owner.execute(() -> future.completeExceptionally(e));
    }
  }
}
