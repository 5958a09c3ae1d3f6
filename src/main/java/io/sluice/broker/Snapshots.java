package io.sluice.broker;

import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.WorkerExecutor;
import java.lang.System.Logger.Level;

/**
 * Writes the state to its file now and then, and lets the log go up to what the file covers.
 *
 * <p>The state is encoded on the event loop (about 30 ns per unsettled range), the log forced up to
 * it, so that the file is never ahead of the log, and the file written by a worker. Owned by the
 * Broker's event loop.
 */
final class Snapshots {

  private static final System.Logger LOG = System.getLogger(Snapshots.class.getName());

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final SnapshotFile file;
  private final WorkerExecutor worker;
  private Future<Void> running = Future.succeededFuture();
  private long coveredPhysicalOffset = -1;

  Snapshots(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      SnapshotFile file,
      WorkerExecutor worker) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.file = file;
    this.worker = worker;
  }

  /**
   * Writes a snapshot if the log has grown since the last one. One at a time.
   *
   * @return completes when the file is there; fails if it could not be written: the old one stays
   */
  Future<Void> write() {
    if (!running.isComplete()) {
      return running;
    }
    if (!log.flushAll() || store.maxPhysicalOffset() == coveredPhysicalOffset) {
      return Future.succeededFuture();
    }
    long covered = log.queue().maxOffset();
    long physicalOffset = store.maxPhysicalOffset();
    ByteWriter out = new ByteWriter(64 << 10);
    StateCodec.writeVersion(out);
    state.snapshot(this::nextOffsets, change -> StateCodec.write(out, change));
    running =
        forced(physicalOffset)
            .compose(
                forced ->
                    worker.executeBlocking(
                        () -> {
                          file.write(covered, out.bytes(), out.size());
                          return (Void) null;
                        }))
            .onSuccess(
                written -> {
                  coveredPhysicalOffset = physicalOffset;
                  store.setRetentionFloor(physicalOffset);
                })
            .onFailure(failure -> LOG.log(Level.WARNING, "could not write the snapshot", failure));
    return running;
  }

  /** Keeps what a snapshot read at the start does not cover. */
  void keepFrom(long covered) {
    ConsumeQueue queue = log.queue();
    boolean known = covered >= queue.minOffset() && covered < queue.maxOffset();
    store.setRetentionFloor(known ? queue.physicalOffset(covered) : store.maxPhysicalOffset());
  }

  private Future<Void> forced(long physicalOffset) {
    Promise<Void> promise = Promise.promise();
    store.whenForced(
        physicalOffset,
        failure -> {
          if (failure == null) {
            promise.complete();
          } else {
            promise.fail(failure);
          }
        });
    return promise.future();
  }

  private long[] nextOffsets(TopicState topic) {
    long[] offsets = new long[topic.queuesEver];
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      offsets[queueId] = catalog.queue(topic, queueId).maxOffset();
    }
    return offsets;
  }
}
