package io.sluice.store;

import io.sluice.message.KeyHash;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Reads that may wait for the disk, on workers. Everything read here is checked: a cold page comes
 * from the disk, and a flipped bit must not become a wrong message.
 */
final class Reader {

  /** What is read of a record to find that it is not wanted: its head and a few properties. */
  private static final int UNWANTED_BYTES = 512;

  private final StoreFiles files;
  private final FileSpace log;
  private final Workers workers;

  Reader(StoreFiles files, Workers workers) {
    this.files = files;
    this.workers = workers;
    log = files.log;
  }

  /** One entry of a queue, copied out of its chunk. */
  record Entry(long physicalOffset, int recordBytes, long tagsCode) {}

  CompletableFuture<Integer> warm(
      LogQueue.Snapshot queue, long fromOffset, int count, long maxBytes, RecordFilter filter) {
    return workers.call(() -> warmNow(queue, fromOffset, count, maxBytes, filter));
  }

  CompletionStage<Void> warm(LogQueue.Snapshot queue, long[] offsets) {
    return workers.call(
        () -> {
          Held held = new Held();
          try {
            for (long offset : offsets) {
              Entry entry = offset < queue.minOffset() ? null : entry(queue, offset);
              if (entry != null && !check(held, queue, offset, entry)) {
                throw damaged(queue, offset, entry);
              }
            }
          } finally {
            held.release();
          }
          return null;
        });
  }

  CompletionStage<Long> scan(
      LogQueue.Snapshot queue, long fromOffset, long toOffset, EntryVisitor visitor) {
    return workers.call(
        () -> {
          long to = Math.min(toOffset, queue.maxOffset());
          long offset = Math.max(fromOffset, queue.minOffset());
          while (offset < to) {
            Entry entry = entry(queue, offset);
            if (entry != null && !visitor.visit(offset, entry.physicalOffset(), entry.tagsCode())) {
              break;
            }
            offset++;
          }
          return offset;
        });
  }

  CompletionStage<Long> offsetAtTime(LogQueue.Snapshot queue, long timeMs) {
    return workers.call(() -> offsetAtTimeNow(queue, timeMs));
  }

  CompletionStage<MessageBlock> findByKey(KeyQuery query) {
    return workers.call(() -> findByKeyNow(query));
  }

  CompletionStage<MessageBlock> findByPhysicalOffset(long physicalOffset) {
    return workers.call(
        () -> {
          BlockBuilder block = new LogBlockBuilder(log, 1);
          int bytes = wholeRecordBytes(physicalOffset);
          if (bytes > 0) {
            add(block, physicalOffset, bytes);
          }
          return block.build();
        });
  }

  CompletionStage<RepeatEntries> recentRepeats(long sinceMs, int mostOfTopic, int most) {
    return workers.call(
        () -> {
          RepeatEntries entries =
              new RepeatEntries(
                  mostOfTopic,
                  most,
                  physicalOffset -> {
                    try {
                      return storedAtMs(physicalOffset) < sinceMs;
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  });
          files.index.collectRepeats(entries);
          return entries;
        });
  }

  private int warmNow(
      LogQueue.Snapshot queue, long fromOffset, int count, long maxBytes, RecordFilter filter)
      throws IOException {
    long to = Math.min(queue.maxOffset(), fromOffset + count);
    long bytes = 0;
    int warmed = 0;
    Held held = new Held();
    try {
      for (long offset = Math.max(fromOffset, queue.minOffset()); offset < to; offset++) {
        Entry entry = entry(queue, offset);
        if (entry == null || (warmed > 0 && bytes + entry.recordBytes() > maxBytes)) {
          break;
        }
        if (filter != null && isUnwanted(entry, filter)) {
          // The head and the properties of a record lie on two pages at most, as a rule.
          bytes += filter.readsRecords() ? Math.min(entry.recordBytes(), UNWANTED_BYTES) : 0;
          warmed++;
          continue;
        }
        if (filter != null && !check(held, queue, offset, entry)) {
          // Expired while it was read, or damaged: what came before is good.
          if (warmed == 0 && entry.physicalOffset() >= minPhysicalOffset()) {
            throw damaged(queue, offset, entry);
          }
          break;
        }
        bytes += entry.recordBytes();
        warmed++;
      }
    } finally {
      held.release();
    }
    return warmed;
  }

  /** Whether the filter passes over this record: seen from its entry, or from its properties. */
  private boolean isUnwanted(Entry entry, RecordFilter filter) throws IOException {
    if (!filter.mayWant(entry.tagsCode())) {
      return true;
    }
    SpaceFile file = filter.readsRecords() ? log.find(entry.physicalOffset()) : null;
    Mapping mapping = file == null ? null : file.retain();
    if (mapping == null) {
      return false;
    }
    try {
      file.used = true;
      int position = (int) (entry.physicalOffset() - file.start);
      return !filter.wants(new MessageView().wrap(mapping.buffer, position));
    } catch (IndexOutOfBoundsException e) {
      // Damaged: the check of the whole record says so.
      return false;
    } finally {
      mapping.release();
    }
  }

  /** Reads an entry; null if it has expired meanwhile. */
  Entry entry(LogQueue.Snapshot queue, long offset) {
    long chunk = queue.chunkOf(offset);
    if (chunk < 0) {
      return null;
    }
    long shifted = offset + queue.queue().phase;
    ByteBuffer buffer = files.chunks.buffer(chunk);
    int at =
        files.chunks.position(chunk)
            + (int) (shifted & QueueChunks.CHUNK_MASK) * QueueChunks.ENTRY_BYTES;
    Entry entry =
        new Entry(
            buffer.getLong(at),
            buffer.getInt(at + QueueChunks.ENTRY_SIZE),
            buffer.getLong(at + QueueChunks.ENTRY_TAGS));
    VarHandle.acquireFence();
    boolean same =
        files.chunks.holds(
            chunk, queue.slot(), queue.generation(), shifted >> QueueChunks.CHUNK_SHIFT);
    return same ? entry : null;
  }

  /** The segment that is being read, so that not every record retains it anew. */
  private final class Held {

    private SpaceFile file;
    private Mapping mapping;

    /** The segment's bytes, or null if it has expired. */
    private ByteBuffer enter(long physicalOffset) throws IOException {
      if (file == null || physicalOffset < file.start || physicalOffset >= file.end()) {
        release();
        SpaceFile next = log.find(physicalOffset);
        mapping = next == null ? null : next.retain();
        if (mapping == null) {
          return null;
        }
        file = next;
        file.used = true;
      }
      return mapping.buffer;
    }

    private void release() {
      if (mapping != null) {
        mapping.release();
        mapping = null;
      }
      file = null;
    }
  }

  /** Whether the record is whole and is the one that the entry is for. */
  private static boolean check(Held held, LogQueue.Snapshot queue, long offset, Entry entry)
      throws IOException {
    ByteBuffer segment = held.enter(entry.physicalOffset());
    if (segment == null) {
      return false;
    }
    int position = (int) (entry.physicalOffset() - held.file.start);
    int bytes =
        MessageView.wholeRecordBytes(segment, position, held.file.bytes, entry.physicalOffset());
    if (bytes == 0 || bytes != entry.recordBytes()) {
      return false;
    }
    MessageView view = new MessageView().wrap(segment, position);
    return view.queueOffset() == offset
        && view.queueId() == queue.queue().queueId()
        && view.isOfTopic(queue.queue().topic());
  }

  private long offsetAtTimeNow(LogQueue.Snapshot queue, long timeMs) throws IOException {
    long low = queue.minOffset();
    long high = queue.maxOffset();
    // Whoever asks for what has expired finds mostly that nothing has.
    if (low < high && storedAtMs(queue, low) >= timeMs) {
      return low;
    }
    while (low < high) {
      long middle = (low + high) >>> 1;
      // What has expired meanwhile was stored before everything that is left.
      if (storedAtMs(queue, middle) < timeMs) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** When the message there was stored; -1 if it has expired. */
  private long storedAtMs(LogQueue.Snapshot queue, long offset) throws IOException {
    Entry entry = entry(queue, offset);
    return entry == null ? -1 : storedAtMs(entry.physicalOffset());
  }

  /** When the record there was stored; -1 if it has expired. */
  private long storedAtMs(long physicalOffset) throws IOException {
    SpaceFile file = log.find(physicalOffset);
    Mapping mapping = file == null ? null : file.retain();
    if (mapping == null) {
      return -1;
    }
    try {
      return new MessageView()
          .wrap(mapping.buffer, (int) (physicalOffset - file.start))
          .storedAtMs();
    } finally {
      mapping.release();
    }
  }

  private MessageBlock findByKeyNow(KeyQuery query) throws IOException {
    LogBlockBuilder block = new LogBlockBuilder(log, Math.min(query.max(), 64));
    long[] last = {Long.MAX_VALUE};
    boolean[] isOver = new boolean[1];
    try {
      files.index.find(
          KeyHash.of(query.topic(), query.key()),
          physicalOffset -> {
            // A message may have the same key twice.
            if (physicalOffset < last[0]) {
              last[0] = physicalOffset;
              isOver[0] = addIfWanted(block, physicalOffset, query);
            }
            return !isOver[0] && block.count() < query.max();
          });
    } catch (IOException | RuntimeException e) {
      block.build().close();
      throw e;
    }
    return block.build();
  }

  /**
   * Adds a record that the query asks for.
   *
   * @return whether it was stored before the time that is asked for, and so are all that follow:
   *     store times do not go back in the log
   */
  private boolean addIfWanted(LogBlockBuilder block, long physicalOffset, KeyQuery query) {
    int bytes = wholeRecordBytes(physicalOffset);
    SpaceFile file = log.find(physicalOffset);
    if (bytes == 0 || file == null) {
      return false;
    }
    int before = block.count();
    add(block, physicalOffset, bytes);
    if (block.count() == before) {
      return false;
    }
    MessageView view = new MessageView();
    boolean isWanted =
        block.last(
            view,
            v ->
                query.isInTime(v.storedAtMs())
                    && hasKey(v, query.topic(), query.key())
                    && isQueued(v, query.queues()));
    boolean isOver = view.storedAtMs() < query.fromMs();
    if (!isWanted) {
      block.removeLast();
    }
    return isOver;
  }

  private static boolean hasKey(MessageView view, String topic, String key) {
    if (!view.topic().equals(topic)) {
      return false;
    }
    if (key.equals(view.property(PropertyNames.UNIQUE_KEY))) {
      return true;
    }
    String keys = view.property(PropertyNames.KEYS);
    if (keys == null) {
      return false;
    }
    for (String word : keys.split(" ")) {
      if (word.equals(key)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the record is still in its queue: not if its topic was deleted meanwhile. */
  private boolean isQueued(MessageView view, LogQueue.Snapshot[] queues) {
    LogQueue.Snapshot queue = view.queueId() < queues.length ? queues[view.queueId()] : null;
    if (queue == null
        || view.queueOffset() < queue.minOffset()
        || view.queueOffset() >= queue.maxOffset()) {
      return false;
    }
    Entry entry = entry(queue, view.queueOffset());
    return entry != null && entry.physicalOffset() == view.physicalOffset();
  }

  private static void add(BlockBuilder block, long physicalOffset, int bytes) {
    try {
      block.add(physicalOffset, bytes);
    } catch (IndexOutOfBoundsException e) {
      // Expired between the check and here: as if it had not been found.
    }
  }

  /** The size of the whole, correct record at this offset, or 0. */
  private int wholeRecordBytes(long physicalOffset) {
    if (physicalOffset < 0 || physicalOffset >= log.usedTo()) {
      return 0;
    }
    SpaceFile file = log.find(physicalOffset);
    try {
      Mapping mapping = file == null ? null : file.retain();
      if (mapping == null) {
        return 0;
      }
      try {
        file.used = true;
        int position = (int) (physicalOffset - file.start);
        int limit = (int) Math.min(file.bytes, log.usedTo() - file.start);
        return MessageView.wholeRecordBytes(mapping.buffer, position, limit, physicalOffset);
      } finally {
        mapping.release();
      }
    } catch (IOException e) {
      throw Failures.failed("mapping", file.path, e);
    }
  }

  private long minPhysicalOffset() {
    SpaceFile[] now = log.files();
    return now.length == 0 ? 0 : now[0].start;
  }

  private StoreException damaged(LogQueue.Snapshot queue, long offset, Entry entry) {
    if (entry.recordBytes() <= 0) {
      return new StoreException(
          StoreException.Kind.DAMAGED,
          "the entry for message "
              + offset
              + " of topic '"
              + queue.queue().topic()
              + "' queue "
              + queue.queue().queueId()
              + " is empty: the files of the queues are damaged; stop, delete the directory "
              + files.chunks.space().directory()
              + " and start: the queues are rebuilt from the log");
    }
    SpaceFile file = log.find(entry.physicalOffset());
    return new StoreException(
        StoreException.Kind.DAMAGED,
        "message "
            + offset
            + " of topic '"
            + queue.queue().topic()
            + "' queue "
            + queue.queue().queueId()
            + " is damaged: no whole record of "
            + entry.recordBytes()
            + " bytes at physical offset "
            + entry.physicalOffset()
            + (file == null
                ? ", which no segment holds"
                : " (" + file.path + ", position " + (entry.physicalOffset() - file.start) + ")")
            + "; skip it by setting the group's position to "
            + (offset + 1)
            + ", or restore the file from a copy");
  }
}
