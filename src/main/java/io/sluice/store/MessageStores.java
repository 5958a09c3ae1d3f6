package io.sluice.store;

import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** Opens stores. */
public final class MessageStores {

  private MessageStores() {}

  /** Opens a store on the machine's own files; as the other. */
  public static CompletionStage<MessageStore> open(
      StoreOptions options,
      Clock clock,
      Executor owner,
      LatencyRecorder latency,
      RecoveryListener listener) {
    return open(options, FileAccess.system(), clock, owner, latency, listener);
  }

  /** Opens a store on other files, with threads of its own; as the other. */
  public static CompletionStage<MessageStore> open(
      StoreOptions options,
      FileAccess access,
      Clock clock,
      Executor owner,
      LatencyRecorder latency,
      RecoveryListener listener) {
    return open(options, access, StoreThreads.system(), clock, owner, latency, listener);
  }

  /**
   * Opens a store, making it if it is not there, on a thread of its own.
   *
   * @param threads where it does its own work
   * @param owner runs tasks on the owner thread, one at a time and in order
   * @param latency takes the time of each force
   * @param listener hears of state records behind the checkpoint, on the opening thread
   * @return completes on the owner thread; with a {@link StoreException} of kind LOCKED,
   *     NOT_WRITABLE, NEWER_VERSION, DAMAGED or DISK_FULL if it can not be opened
   * @throws IllegalArgumentException if the options do not fit each other
   */
  public static CompletionStage<MessageStore> open(
      StoreOptions options,
      FileAccess access,
      StoreThreads threads,
      Clock clock,
      Executor owner,
      LatencyRecorder latency,
      RecoveryListener listener) {
    StoreOptions own = new StoreOptions(options).conclude();
    CompletableFuture<MessageStore> future = new CompletableFuture<>();
    threads.start(
        "sluice-store-open",
        () -> {
          try {
            LogStore store = openNow(own, access, threads, clock, owner, latency, listener);
            owner.execute(() -> future.complete(store));
          } catch (RuntimeException | Error e) {
            owner.execute(() -> future.completeExceptionally(e));
          }
        });
    return future;
  }

  static LogStore openNow(
      StoreOptions options,
      FileAccess access,
      StoreThreads threads,
      Clock clock,
      Executor owner,
      LatencyRecorder latency,
      RecoveryListener listener) {
    StoreFiles files = new StoreFiles(options, access, threads);
    files.lock();
    try {
      files.open();
      QueueTable queues = new QueueTable(files.chunks);
      Recovery.Result recovered = new Recovery(options, files, queues, listener).run();
      prepareFirst(files);
      LogStore store =
          new LogStore(options, files, threads, clock, owner, latency, queues, recovered, listener);
      store.start();
      return store;
    } catch (IOException e) {
      files.close();
      throw Failures.failed("opening the store in", options.directory(), e);
    } catch (RuntimeException | Error e) {
      files.close();
      throw e;
    }
  }

  /** Enough for the first appends; the preparer goes on from there. */
  private static void prepareFirst(StoreFiles files) throws IOException {
    try {
      for (FileSpace space : files.spaces()) {
        while (space.limit(false) <= space.usedTo() && space.prepareStep()) {
          // One step more.
        }
      }
    } catch (DiskFullException e) {
      // Opens for reading; the preparer says so and tries again.
      System.getLogger(MessageStores.class.getName())
          .log(System.Logger.Level.WARNING, "opened for reading only: " + e.getMessage());
    }
  }
}
