package io.sluice.broker;

import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.Replication;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.WorkerExecutor;
import java.lang.System.Logger.Level;
import java.util.Iterator;
import java.util.function.LongSupplier;

/**
 * Writes the state to its file now and then, and lets the log go up to what the file covers.
 *
 * <p>The state is encoded on the event loop (about 60 ns per unsettled range), a millisecond in
 * each turn, while it goes on changing: the file covers the log up to where the encoding began, and
 * what came since is replayed over it. The log is forced up to the end of the encoding, so that the
 * file is never ahead of it, and the file written by a worker. Owned by the Broker's event loop.
 */
final class Snapshots {

  private static final System.Logger LOG = System.getLogger(Snapshots.class.getName());

  /** One turn encodes for so long: about 16,000 unsettled ranges. */
  private static final long SLICE_NS = 1_000_000;

  private final Context context;
  private final Clock clock;
  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final SnapshotFile file;
  private final WorkerExecutor worker;
  private Future<Void> running = Future.succeededFuture();
  private final LongSupplier needed;
  private long coveredPhysicalOffset = -1;
  private long floor = -1;
  private Replication replication = Replication.NONE;

  Snapshots(
      Context context,
      Clock clock,
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      SnapshotFile file,
      WorkerExecutor worker,
      LongSupplier needed) {
    this.needed = needed;
    this.context = context;
    this.clock = clock;
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.file = file;
    this.worker = worker;
  }

  /** Gives what knows of slaves. */
  void connect(Replication replication) {
    this.replication = replication;
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
    boolean flushed = replication.follows() || log.flushAll();
    if (!flushed || store.maxPhysicalOffset() == coveredPhysicalOffset) {
      return Future.succeededFuture();
    }
    long covered = log.queue().maxOffset();
    long physicalOffset = store.maxPhysicalOffset();
    ByteWriter out = new ByteWriter(64 << 10);
    StateCodec.writeVersion(out);
    Promise<Void> encoded = Promise.promise();
    encode(state.snapshot(this::nextOffsets).iterator(), out, encoded);
    running =
        encoded
            .future()
            .compose(done -> forced())
            .compose(forced -> write(covered, out))
            .onSuccess(
                written -> {
                  coveredPhysicalOffset = physicalOffset;
                  floor = physicalOffset;
                  setRetentionFloor();
                })
            .onFailure(failure -> LOG.log(Level.WARNING, "could not write the snapshot", failure));
    return running;
  }

  /** Encodes part after part, a little in each turn, so that the event loop is never held up. */
  private void encode(Iterator<BrokerState.Part> parts, ByteWriter out, Promise<Void> done) {
    long startNs = clock.nowNs();
    while (parts.hasNext()) {
      parts.next().write(change -> StateCodec.write(out, change));
      if (clock.nowNs() - startNs > SLICE_NS) {
        context.runOnContext(nothing -> encode(parts, out, done));
        return;
      }
    }
    done.complete();
  }

  private Future<Void> write(long covered, ByteWriter out) {
    return worker.executeBlocking(
        () -> {
          file.write(covered, out.bytes(), out.size());
          return null;
        });
  }

  /** Keeps what a snapshot read at the start does not cover. */
  void keepFrom(long covered) {
    ConsumeQueue queue = log.queue();
    boolean known = covered >= queue.minOffset() && covered < queue.maxOffset();
    floor = known ? queue.physicalOffset(covered) : store.maxPhysicalOffset();
    setRetentionFloor();
  }

  /** Lets the log go up to what neither the state nor a message that waits needs. */
  void setRetentionFloor() {
    store.setRetentionFloor(Math.min(floor, needed.getAsLong()));
  }

  /** What is encoded is in the log, and that on the disk: the file is never ahead of it. */
  private Future<Void> forced() {
    // A slave writes nothing: what it has was recorded by its master.
    if (!replication.follows() && !log.flushAll()) {
      return Future.failedFuture("the state could not be written to the log yet");
    }
    Promise<Void> promise = Promise.promise();
    store.whenForced(
        store.maxPhysicalOffset(),
        failure -> {
          if (failure == null) {
            promise.complete();
          } else {
            promise.fail(failure);
          }
        });
    // What a failover may take back must not be in the file either.
    long written = store.maxPhysicalOffset();
    return promise
        .future()
        .compose(forced -> Future.fromCompletionStage(replication.whenConfirmed(written)));
  }

  private long[] nextOffsets(TopicState topic) {
    long[] offsets = new long[topic.queuesEver];
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      offsets[queueId] = catalog.queue(topic, queueId).maxOffset();
    }
    return offsets;
  }
}
