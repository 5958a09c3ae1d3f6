package io.sluice.broker;

import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.RecoveryListener;
import io.sluice.store.StoreException;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * Rebuilds the state at the start: the snapshot, then the state records in the log from where it
 * ends. Owned by the Broker's event loop; reading the log goes through the store's workers.
 */
final class StateRecovery {

  private static final System.Logger LOG = System.getLogger(StateRecovery.class.getName());

  /** State records read at once. */
  private static final int CHUNK_RECORDS = 1_024;

  /** Records applied in one turn. */
  private static final int FOLLOW_RECORDS = 256;

  /** Bytes of them, at most. */
  private static final long CHUNK_BYTES = 4L << 20;

  private final MessageStore store;
  private final BrokerState state;
  private final boolean follows;
  private final ConsumeQueue queue;
  private final Map<String, long[]> nextOffsets = new HashMap<>();
  private final MessageView view = new MessageView();
  private long next;
  private long records;

  StateRecovery(MessageStore store, BrokerState state, boolean follows) {
    this.store = store;
    this.state = state;
    this.follows = follows;
    queue = store.queue(Names.STATE_TOPIC, 0);
  }

  /** Hears of deleted topics while the store is brought up, before their queues are rebuilt. */
  static RecoveryListener listener() {
    return (deleteTopic, record) ->
        StateCodec.read(
            record.buffer(),
            record.bodyPosition(),
            record.bodyPosition() + record.bodyBytes(),
            change -> {
              if (change instanceof TopicDeleted deleted) {
                deleteTopic.accept(deleted.topic());
              }
            });
  }

  /**
   * Rebuilds the state.
   *
   * @param snapshot or null if there is none
   * @return completes with the number of records replayed; fails if some are missing
   */
  Future<Long> recover(SnapshotFile.Content snapshot) {
    if (snapshot != null) {
      next = snapshot.covered();
      store.ensureOffset(queue, next);
      ByteBuffer changes = snapshot.changes();
      StateCodec.read(changes, 0, changes.limit(), this::apply);
    }
    if (next < queue.minOffset()) {
      return Future.failedFuture(
          new StoreException(
              StoreException.Kind.DAMAGED,
              "the state is known up to record "
                  + next
                  + " of "
                  + Names.STATE_TOPIC
                  + ", but the log begins with record "
                  + queue.minOffset()
                  + "; restore "
                  + SnapshotFile.NAME
                  + " from a copy"));
    }
    return replay().map(done -> finish());
  }

  private Future<Void> replay() {
    long left = queue.maxOffset() - next;
    if (left <= 0) {
      return Future.succeededFuture();
    }
    int count = (int) Math.min(left, CHUNK_RECORDS);
    return Future.fromCompletionStage(store.warm(queue, next, count, CHUNK_BYTES, true))
        .compose(
            warm -> {
              replay(Math.max(1, warm));
              return replay();
            });
  }

  private void replay(int count) {
    BlockBuilder builder = store.newBlock(count);
    for (int i = 0; i < count; i++) {
      builder.add(queue.physicalOffset(next + i), queue.recordBytes(next + i));
    }
    try (MessageBlock block = builder.build()) {
      for (int i = 0; i < count; i++) {
        block.view(i, view);
        int start = view.bodyPosition();
        StateCodec.read(view.buffer(), start, start + view.bodyBytes(), this::apply);
      }
    }
    next += count;
    records += count;
  }

  private void apply(StateChange change) {
    state.apply(change);
    if (change instanceof TopicPut put && put.nextOffsets().length > 0) {
      nextOffsets.put(put.config().name(), put.nextOffsets());
    } else if (change instanceof TopicDeleted deleted) {
      nextOffsets.remove(deleted.topic());
    }
  }

  /**
   * Applies some of what a follower's log has got since; just written, so it is in memory.
   *
   * @return whether there is more
   */
  boolean follow() {
    // A log that begins in the middle reaches what the snapshot covers only by and by.
    long left = queue.maxOffset() - next;
    if (left <= 0) {
      return false;
    }
    if (next < queue.minOffset()) {
      throw new StoreException(
          StoreException.Kind.DAMAGED,
          "the state is known up to record "
              + next
              + " of "
              + Names.STATE_TOPIC
              + ", but the log that was copied begins with record "
              + queue.minOffset());
    }
    replay((int) Math.min(left, FOLLOW_RECORDS));
    return next < queue.maxOffset();
  }

  /** Whether the state is that of the end of the log, and not of a later or an earlier place. */
  boolean isAtEnd() {
    return next == queue.maxOffset();
  }

  private long finish() {
    nextOffsets.forEach(
        (topic, offsets) -> {
          for (int queueId = 0; queueId < offsets.length; queueId++) {
            if (offsets[queueId] > 0) {
              store.ensureOffset(store.queue(topic, queueId), offsets[queueId]);
            }
          }
        });
    if (follows) {
      // The log may still come up to where the positions are.
      return records;
    }
    for (Consumption consumption : state.consumptions()) {
      for (int queueId = 0; queueId < consumption.queues(); queueId++) {
        checkPosition(consumption, queueId);
      }
      QueueCursor redriven = consumption.redriven();
      if (redriven != null) {
        // What it was handed was there: those offsets do not come again.
        store.ensureOffset(
            store.queue(consumption.redriveTopic(), redriven.queueId), redriven.nextOffset());
      }
    }
    return records;
  }

  /** A position beyond the end of its queue would let new messages pass unseen. */
  private void checkPosition(Consumption consumption, int queueId) {
    QueueCursor cursor = consumption.cursorIfAny(queueId);
    ConsumeQueue end = store.queue(consumption.topic.name(), queueId);
    if (cursor != null && cursor.nextOffset() > end.maxOffset()) {
      LOG.log(
          Level.WARNING,
          "group {0} was at offset {1} of {2} queue {3}, which ends at {4}: messages were lost; it"
              + " goes on at the end",
          consumption.group.name(),
          cursor.nextOffset(),
          consumption.topic.name(),
          queueId,
          end.maxOffset());
      cursor.applyPosition(end.maxOffset());
    }
  }

  /** The change that begins a new incarnation. */
  Started newIncarnation() {
    return new Started(state.incarnation() + 1);
  }
}
