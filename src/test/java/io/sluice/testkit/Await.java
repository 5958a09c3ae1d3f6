package io.sluice.testkit;

import io.vertx.core.Future;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waits for what a test expects, with a deadline and a message that says what was waited for. */
public final class Await {

  /** Far longer than anything takes, also on a machine with other work. */
  private static final long DEADLINE_SECONDS = 60;

  private static final long LOOK_AGAIN_NS = 5_000_000L;

  private Await() {}

  /** A condition that may fail with any exception, which then counts as not met yet. */
  public interface Condition {
    /** Whether it is met now. */
    boolean isMet() throws Exception;
  }

  /** Waits until the condition is met. */
  public static void until(String what, Condition condition) {
    until(() -> what, condition);
  }

  /**
   * Waits until the condition is met.
   *
   * @param what asked for when it was waited for in vain, so that it can tell how it stands
   */
  public static void until(Supplier<String> what, Condition condition) {
    until(DEADLINE_SECONDS, what, condition);
  }

  /** Waits longer, for the start of what others wrote. */
  static void until(long seconds, Supplier<String> what, Condition condition) {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    Exception last = null;
    while (System.nanoTime() < deadlineNs) {
      try {
        if (condition.isMet()) {
          return;
        }
        last = null;
      } catch (Exception e) {
        last = e;
      }
      LockSupport.parkNanos(LOOK_AGAIN_NS);
    }
    throw new AssertionError("waited " + seconds + " s in vain: " + what.get(), last);
  }

  /** Waits for a future and gives its result; a failure is thrown as it is. */
  public static <T> T result(String what, Future<T> future) {
    try {
      return future
          .toCompletionStage()
          .toCompletableFuture()
          .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new AssertionError(what, e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("waited " + DEADLINE_SECONDS + " s in vain: " + what);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while waiting: " + what);
    }
  }

  /** Waits for a future to fail and gives the failure. */
  public static Throwable failure(String what, Future<?> future) {
    Throwable[] failure = new Throwable[1];
    result(
        what,
        future.transform(
            done -> {
              failure[0] = done.cause();
              return Future.succeededFuture();
            }));
    if (failure[0] == null) {
      throw new AssertionError("did not fail: " + what);
    }
    return failure[0];
  }
}
