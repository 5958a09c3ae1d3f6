package io.sluice.store;

import io.sluice.message.KeyHash;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.message.RepeatKey;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Reads and writes the log as bytes. Written bytes go straight into the prepared segment; there the
 * records are checked and taken, as {@link Recovery} does. Between the store's end and {@link
 * #receivedTo} lie bytes of records that are not whole yet: nobody else looks there, and a start
 * takes them for a torn tail.
 *
 * <p>Owner thread; cold reads by workers.
 */
final class RawAccess implements RawLog {

  private static final int PAGE_BYTES = 4096;

  /** Asked for beyond what is needed, when room lacks. */
  private static final int MORE_BYTES = 256 << 10;

  private final LogStore store;
  private final LogWriter writer;
  private final StoreFiles files;
  private final FileSpace log;
  private final QueueTable queues;
  private final Workers workers;
  private final RecoveryListener listener;
  private final MessageView view = new MessageView();
  private final List<String> keys = new ArrayList<>();
  private long confirmedTo = Long.MAX_VALUE;

  /** Records before it are in queues and index. */
  private long takenTo;

  private long receivedTo;

  /** End of the group that is being taken. */
  private long groupEnd;

  private boolean groupOfBroker;

  private long touched;

  RawAccess(
      LogStore store,
      LogWriter writer,
      StoreFiles files,
      QueueTable queues,
      Workers workers,
      RecoveryListener listener) {
    this.store = store;
    this.writer = writer;
    this.files = files;
    this.queues = queues;
    this.workers = workers;
    this.listener = listener;
    log = files.log;
    takenTo = log.usedTo();
    receivedTo = takenTo;
  }

  // Reading.

  @Override
  public RawSlice tryRead(long from, int maxBytes) {
    return from < store.inMemoryFrom() ? null : slice(from, maxBytes, false);
  }

  @Override
  public CompletionStage<RawSlice> read(long from, int maxBytes) {
    RawSlice now = tryRead(from, maxBytes);
    return now != null
        ? CompletableFuture.completedFuture(now)
        : workers.call(() -> slice(from, maxBytes, true));
  }

  private RawSlice slice(long from, int maxBytes, boolean touch) {
    SpaceFile file = log.find(from);
    long end = file == null ? from : Math.min(file.end(), log.usedTo());
    if (from >= end) {
      return null;
    }
    try {
      Mapping mapping = file.retain();
      if (mapping == null) {
        return null;
      }
      file.used = true;
      int position = (int) (from - file.start);
      int count = (int) Math.min(maxBytes, end - from);
      if (touch) {
        touch(mapping.buffer, position, count);
      }
      return new RawSlice(from, mapping.buffer.slice(position, count), mapping::release);
    } catch (IOException e) {
      throw Failures.failed("mapping", file.path, e);
    }
  }

  private void touch(ByteBuffer buffer, int position, int count) {
    long sum = 0;
    for (int at = position; at < position + count; at += PAGE_BYTES) {
      sum += buffer.get(at);
    }
    // Means nothing, but keeps the reads.
    touched = sum;
  }

  // Writing.

  @Override
  public boolean append(ByteBuffer bytes) {
    if (!store.isOpen()) {
      return false;
    }
    boolean going = true;
    try {
      do {
        going = copy(bytes) && take();
      } while (going && bytes.hasRemaining());
    } finally {
      files.index.publish();
      writer.movedRaw(takenTo < groupEnd ? store.maxPhysicalOffset() : takenTo);
    }
    return going;
  }

  /** Copies what fits into one segment and is prepared; false if room lacks. */
  private boolean copy(ByteBuffer bytes) {
    if (!bytes.hasRemaining()) {
      return true;
    }
    SpaceFile file = log.find(receivedTo);
    long end = file == null ? receivedTo : Math.min(file.end(), log.limit(true));
    if (receivedTo >= end) {
      writer.refuseRaw(receivedTo - store.maxPhysicalOffset() + MORE_BYTES);
      return false;
    }
    int count = (int) Math.min(bytes.remaining(), end - receivedTo);
    file.buffer().put((int) (receivedTo - file.start), bytes, bytes.position(), count);
    bytes.position(bytes.position() + count);
    receivedTo += count;
    return true;
  }

  /** Takes what is whole; false if room lacks. */
  private boolean take() {
    while (takenTo < receivedTo) {
      SpaceFile file = log.find(takenTo);
      ByteBuffer buffer = file.buffer();
      int at = (int) (takenTo - file.start);
      int limit = (int) Math.min(file.bytes, receivedTo - file.start);
      if (limit - at < MessageLayout.FILLER_BYTES) {
        return true;
      }
      int size = buffer.getInt(at);
      if (buffer.getInt(at + 4) == MessageLayout.MAGIC_FILLER && size == file.bytes - at) {
        if (receivedTo < file.end()) {
          return true;
        }
        takenTo = file.end();
        continue;
      }
      checkHead(file, buffer, at, size);
      if (size > limit - at) {
        return true;
      }
      if (MessageView.wholeRecordBytes(buffer, at, limit, takenTo) == 0) {
        throw damaged(file, at);
      }
      view.wrap(buffer, at);
      if (AtomicGroups.isMarker(view)) {
        long end = takenTo + size + AtomicGroups.bytes(view);
        if (end > file.end()) {
          throw damaged(file, at);
        }
        if (end > receivedTo) {
          return true;
        }
        groupEnd = end;
        groupOfBroker = AtomicGroups.isOfBroker(buffer, at, (int) (end - file.start));
      }
      if (!dispatch(file)) {
        return false;
      }
      takenTo += size;
    }
    return true;
  }

  private void checkHead(SpaceFile file, ByteBuffer buffer, int at, int size) {
    if (!MessageLayout.isMessageMagic(buffer.getInt(at + MessageLayout.MAGIC))
        || size < MessageLayout.MIN_RECORD_BYTES) {
      throw damaged(file, at);
    }
    if (size > file.bytes - at) {
      throw new StoreException(
          StoreException.Kind.DAMAGED,
          "the record at physical offset "
              + takenTo
              + " is longer than its segment here: the two logs have segments of other sizes; begin"
              + " with an empty directory and the other's size of segments");
    }
  }

  private StoreException damaged(SpaceFile file, int at) {
    return new StoreException(
        StoreException.Kind.DAMAGED,
        "what was received for physical offset "
            + takenTo
            + " ("
            + file.path
            + ", position "
            + at
            + ") is not a whole record");
  }

  /** Puts the record into its queue and the index; false if room lacks. */
  private boolean dispatch(SpaceFile file) {
    String topic = view.topic();
    collectKeys();
    if (!files.index.hasRoom(keys.size() + 1, true)) {
      files.index.space().want((long) (keys.size() + 1) * KeyIndex.ENTRY_BYTES);
      return writer.refuseForQueues(true);
    }
    LogQueue queue = queues.queue(topic, view.queueId());
    if (queue.maxOffset != view.queueOffset()) {
      follow(queue);
    }
    if (QueueChunks.needsChunk(queue) && !writer.addChunk(queue, takenTo, true)) {
      return false;
    }
    if (topic.equals(Names.STATE_TOPIC)) {
      listener.onStateRecord(store::deleteTopic, view);
    }
    QueueChunks.append(queue, takenTo, view.size(), Recovery.code(topic, view));
    for (String key : keys) {
      files.index.add(KeyHash.of(topic, key), takenTo);
    }
    long repeatHash = takenTo < groupEnd && groupOfBroker ? 0 : RepeatKey.hash(view);
    if (repeatHash != 0) {
      files.index.addRepeat(repeatHash, takenTo);
    }
    file.lastPhysicalOffset = takenTo;
    writer.noteTime(view.storedAtMs());
    return true;
  }

  private void collectKeys() {
    keys.clear();
    String unique = view.property(PropertyNames.UNIQUE_KEY);
    if (unique != null) {
      keys.add(unique);
    }
    String words = view.property(PropertyNames.KEYS);
    if (words != null) {
      for (String word : words.split(" ")) {
        if (!word.isEmpty()) {
          keys.add(word);
        }
      }
    }
  }

  /** The record says another queue offset than follows: the queue begins there. */
  private void follow(LogQueue queue) {
    if (queue.slot >= 0) {
      System.getLogger(RawAccess.class.getName())
          .log(
              Level.WARNING,
              "{0}: the record at physical offset {1} has queue offset {2}; the queue begins there",
              queue,
              takenTo,
              view.queueOffset());
      store.checkpointer().freeLater(queue);
      queue.reset();
    }
    queue.minOffset = view.queueOffset();
    queue.maxOffset = view.queueOffset();
  }

  @Override
  public long receivedTo() {
    return receivedTo;
  }

  @Override
  public void dropTail() {
    receivedTo = Math.max(takenTo, groupEnd);
  }

  @Override
  public void confirm(long physicalOffset) {
    confirmedTo = physicalOffset;
    files.chunks.visibleTo = physicalOffset;
  }

  @Override
  public Set<String> takeHidden() {
    Set<String> hidden = files.chunks.hidden;
    if (hidden.isEmpty()) {
      return Set.of();
    }
    files.chunks.hidden = new HashSet<>();
    return hidden;
  }

  @Override
  public long confirmedTo() {
    return confirmedTo;
  }
}
