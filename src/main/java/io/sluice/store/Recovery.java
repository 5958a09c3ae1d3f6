package io.sluice.store;

import io.sluice.message.KeyHash;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.message.RepeatKey;
import io.sluice.message.TagsCode;
import io.sluice.message.TimerRecord;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Brings a store up: finds the end of the log, and brings queues and index up to it.
 *
 * <p>Begins at the checkpoint and reads whole records by magic, lengths, place and CRC, over
 * segments and fillers, so it takes time with the data since the checkpoint and not with the store.
 * Queues and index that are missing or do not fit together are rebuilt from the whole log. What to
 * do where the records stop is for {@link RecoveryRules} to say.
 *
 * <p>Runs on one thread, before anybody else has the files.
 */
final class Recovery {

  private static final int WRITE_BYTES = 256 << 10;

  private final StoreOptions options;
  private final StoreFiles files;
  private final QueueTable queues;
  private final RecoveryListener listener;
  private final MessageView view = new MessageView();

  private Checkpoint.State checkpoint;
  private boolean rebuilt;
  private long scanFrom;
  private long scannedRecords;
  private long lastStoredAtMs;
  private long cutBytes;

  /** Where the marker of a group stands that is not whole, or -1. */
  private long brokenGroup = -1;

  Recovery(StoreOptions options, StoreFiles files, QueueTable queues, RecoveryListener listener) {
    this.options = options;
    this.files = files;
    this.queues = queues;
    this.listener = listener;
  }

  /** Queues and log do not fit together: found while records are read. */
  private static final class MisfitException extends Exception {

    private static final long serialVersionUID = 1L;

    MisfitException(String message) {
      super(message, null, false, false);
    }
  }

  /** Where the store stands after recovery. */
  record Result(
      RecoveryReport report, long end, long forcedTo, long scannedFrom, long lastStoredAtMs) {}

  Result run() throws IOException {
    long startNs = System.nanoTime();
    checkpoint = files.checkpoint.state();
    long first = checkSegments();
    long last = lastAddress(first);
    long from = checkpoint == null ? first : Math.max(checkpoint.derived().to(), first);
    boolean usable =
        checkpoint != null && checkpoint.derived().to() <= last && loadDerived(from, first);
    if (!usable) {
      from = first;
      startEmpty(first, last, "queues and index are missing or are not those of the checkpoint");
    }
    long end;
    try {
      end = scan(from);
    } catch (MisfitException e) {
      from = first;
      startEmpty(first, last, e.getMessage());
      end = rescan(from);
    }
    files.log.startAt(end);
    dropUnusedSegments(end);
    long forcedTo = checkpoint == null ? first : Math.min(end, checkpoint.forcedTo());
    writeAgain(Math.max(first, forcedTo), end);
    finish(from, end, Math.max(first, forcedTo));
    boolean clean = checkpoint != null && checkpoint.clean() && usable;
    RecoveryReport report =
        new RecoveryReport(
            clean,
            from,
            end - from,
            scannedRecords,
            cutBytes,
            (System.nanoTime() - startNs) / 1_000_000);
    return new Result(report, end, Math.max(first, forcedTo), from, lastStoredAtMs);
  }

  /**
   * Writes anew what was never forced. After a failed force the kernel takes pages for written that
   * are not, and no later force writes them; a process that is started again on the same machine
   * sees their bytes and can not tell. It takes no longer than reading them did.
   */
  private void writeAgain(long from, long to) throws IOException {
    byte[] part = new byte[WRITE_BYTES];
    for (long at = from; at < to; ) {
      SpaceFile file = files.log.find(at);
      int position = (int) (at - file.start);
      int count = (int) Math.min(part.length, Math.min(to, file.end()) - at);
      file.buffer().get(position, part, 0, count);
      file.file().write(ByteBuffer.wrap(part, 0, count), position);
      at += count;
    }
  }

  /** First physical offset; the segments must follow each other. */
  private long checkSegments() throws IOException {
    SpaceFile[] segments = files.log.files();
    int count = segments.length;
    while (count > 0 && segments[count - 1].bytes < MessageLayout.MIN_RECORD_BYTES) {
      // Made, but not yet given its size when the process died.
      files.log.removeFrom(segments[count - 1].start).forEach(file -> file.retire(true));
      count--;
    }
    for (int i = 1; i < count; i++) {
      if (segments[i].start != segments[i - 1].end()) {
        throw new StoreException(
            StoreException.Kind.DAMAGED,
            "the commit log has a gap: "
                + segments[i - 1].path
                + " ends at physical offset "
                + segments[i - 1].end()
                + " and the next segment is "
                + segments[i].path
                + "; put the missing segment back, or move those before the gap elsewhere");
      }
    }
    return count > 0 ? segments[0].start : checkpoint == null ? 0 : checkpoint.derived().to();
  }

  private long lastAddress(long first) {
    SpaceFile[] segments = files.log.files();
    return segments.length == 0 ? first : segments[segments.length - 1].end();
  }

  /** Opens queues and index as they were at the checkpoint; false if they can not be used. */
  private boolean loadDerived(long from, long firstPhysical) throws IOException {
    Checkpoint.Derived derived = checkpoint.derived();
    if (derived.queueFileBytes() != options.queueFileBytes()
        || derived.indexFileEntries() != options.indexFileEntries()
        || files.chunks.space().files().length < derived.queueFiles()) {
      return false;
    }
    List<QueueDirectory.Found> names = new ArrayList<>();
    List<QueueChunks.Found> chunks = new ArrayList<>();
    boolean readable =
        files.names.load(derived.queueSlots(), from, derived.queues(), names)
            && files.chunks.load(from, chunks)
            && files.index.load(derived.indexFirst(), derived.indexNext());
    return readable && attach(names, chunks, from, firstPhysical);
  }

  private boolean attach(
      List<QueueDirectory.Found> names,
      List<QueueChunks.Found> chunks,
      long before,
      long firstPhysical) {
    Map<Integer, LogQueue> bySlot = new HashMap<>();
    for (QueueDirectory.Found name : names) {
      LogQueue queue = queues.queue(name.topic(), name.queueId());
      if (queue.slot >= 0) {
        return false;
      }
      queue.slot = name.slot();
      queue.generation = name.generation();
      bySlot.put(name.slot(), queue);
    }
    chunks.sort(
        Comparator.comparingInt(QueueChunks.Found::slot)
            .thenComparingLong(QueueChunks.Found::number));
    for (QueueChunks.Found chunk : chunks) {
      LogQueue queue = bySlot.get(chunk.slot());
      if (queue == null || queue.generation != chunk.generation()) {
        files.chunks.erase(chunk.address());
        files.chunks.free(chunk.address());
        continue;
      }
      if (queue.chunkCount() == 0) {
        queue.firstChunk = chunk.number();
      } else if (queue.firstChunk + queue.chunkCount() != chunk.number()) {
        return false;
      }
      files.chunks.attach(queue, chunk.address(), chunk.firstPhysical());
    }
    for (LogQueue queue : bySlot.values()) {
      if (queue.chunkCount() == 0 || !setBounds(queue, before, firstPhysical)) {
        return false;
      }
    }
    return true;
  }

  /** Finds a queue's first and next offset from its first and last chunk. */
  private boolean setBounds(LogQueue queue, long before, long firstPhysical) {
    while (queue.chunkCount() > 1 && queue.firstPhysical(1) <= firstPhysical) {
      long address = queue.removeFirstChunk();
      files.chunks.erase(address);
      files.chunks.free(address);
    }
    int last = queue.chunkCount() - 1;
    long lastBase = ((queue.firstChunk + last) << QueueChunks.CHUNK_SHIFT) - queue.phase;
    int begin = firstEntry(queue.tailBuffer, queue.tailPosition, queue.firstPhysical(last));
    if (begin < 0 || (last > 0 && begin > 0) || !isFirst(queue, last, begin)) {
      return false;
    }
    int end = endOfEntries(queue.tailBuffer, queue.tailPosition, begin, before);
    queue.maxOffset = lastBase + end;
    queue.lastPhysical =
        queue.tailBuffer.getLong(queue.tailPosition + (end - 1) * QueueChunks.ENTRY_BYTES);
    if (hasEntryBehind(queue, end, before)) {
      return false;
    }
    ByteBuffer buffer = files.chunks.buffer(queue.chunk(0));
    int position = files.chunks.position(queue.chunk(0));
    if (!isFirst(queue, 0, firstEntry(buffer, position, queue.firstPhysical(0)))) {
      return false;
    }
    int first = firstEntry(buffer, position, Math.max(queue.firstPhysical(0), firstPhysical));
    long firstBase = (queue.firstChunk << QueueChunks.CHUNK_SHIFT) - queue.phase;
    queue.minOffset = first < 0 ? firstBase + QueueChunks.CHUNK_ENTRIES : firstBase + first;
    queue.minOffset = Math.min(queue.minOffset, queue.maxOffset);
    files.chunks.eraseBehind(queue);
    return true;
  }

  /** Whether an entry of a chunk is that of its first message: none before it is missing. */
  private boolean isFirst(LogQueue queue, int chunk, int entry) {
    long address = queue.chunk(chunk);
    int at = files.chunks.position(address) + entry * QueueChunks.ENTRY_BYTES;
    return entry >= 0 && files.chunks.buffer(address).getLong(at) == queue.firstPhysical(chunk);
  }

  /** Index of the first entry at or behind a physical offset, -1 if there is none. */
  private static int firstEntry(ByteBuffer buffer, int position, long physical) {
    for (int i = 0; i < QueueChunks.CHUNK_ENTRIES; i++) {
      int at = position + i * QueueChunks.ENTRY_BYTES;
      if (buffer.getInt(at + QueueChunks.ENTRY_SIZE) > 0 && buffer.getLong(at) >= physical) {
        return i;
      }
    }
    return -1;
  }

  private static int endOfEntries(ByteBuffer buffer, int position, int begin, long before) {
    long last = -1;
    int i = begin;
    for (; i < QueueChunks.CHUNK_ENTRIES; i++) {
      int at = position + i * QueueChunks.ENTRY_BYTES;
      long physical = buffer.getLong(at);
      if (buffer.getInt(at + QueueChunks.ENTRY_SIZE) <= 0
          || physical <= last
          || physical >= before) {
        break;
      }
      last = physical;
    }
    return i;
  }

  /** Whether an entry of the queue's stands behind a place where none is. */
  private static boolean hasEntryBehind(LogQueue queue, int end, long before) {
    for (int i = end + 1; i < QueueChunks.CHUNK_ENTRIES; i++) {
      int at = queue.tailPosition + i * QueueChunks.ENTRY_BYTES;
      long physical = queue.tailBuffer.getLong(at);
      if (queue.tailBuffer.getInt(at + QueueChunks.ENTRY_SIZE) > 0
          && physical > queue.lastPhysical
          && physical < before) {
        return true;
      }
    }
    return false;
  }

  /** Throws queues and index away. */
  private void startEmpty(long first, long last, String reason) throws IOException {
    rebuilt = true;
    if (last > first) {
      log(
          checkpoint == null || checkpoint.derived().to() == 0 ? Level.INFO : Level.WARNING,
          "{0}: {1}; rebuilding them from physical offset {2}",
          files.directory,
          reason,
          Long.toString(first));
    }
    if (checkpoint != null) {
      // Said before they go: what a crash leaves of them must not be taken for the whole.
      files.checkpoint.write(checkpoint.withNothingDerived(first));
      files.checkpoint.force();
    }
    queues.forEach(LogQueue::reset);
    for (FileSpace space : new FileSpace[] {files.chunks.space(), files.names.space()}) {
      space.removeFrom(0).forEach(file -> file.retire(true));
    }
    files.chunks.startEmpty();
    files.names.startEmpty();
    files.index.startEmpty(0);
  }

  /** Reads records and fillers from here on; returns the end of the log. */
  private long scan(long from) throws IOException, MisfitException {
    scanFrom = from;
    long at = from;
    while (true) {
      SpaceFile segment = files.log.find(at);
      if (segment == null) {
        return at;
      }
      long stopped = scanSegment(segment, at);
      if (stopped < segment.end()) {
        return settle(segment, stopped);
      }
      at = stopped;
      if (files.log.find(at) != null) {
        segment.unmap();
      }
    }
  }

  /** Reads all of the log once more, for queues and index that were begun anew. */
  private long rescan(long from) throws IOException {
    scannedRecords = 0;
    brokenGroup = -1;
    try {
      return scan(from);
    } catch (MisfitException e) {
      throw new IllegalStateException("from its beginning the log says where queues begin", e);
    }
  }

  private long scanSegment(SpaceFile segment, long from) throws IOException, MisfitException {
    ByteBuffer buffer = segment.buffer();
    int at = (int) (from - segment.start);
    while (at < segment.bytes) {
      int size = MessageView.wholeRecordBytes(buffer, at, segment.bytes, segment.start + at);
      if (size > 0 && AtomicGroups.isMarker(view.wrap(buffer, at))) {
        int groupEnd = endOfGroup(segment, buffer, at, size);
        if (brokenGroup >= 0) {
          return segment.start + groupEnd;
        }
        boolean ofBroker = AtomicGroups.isOfBroker(buffer, at, groupEnd);
        while (at < groupEnd) {
          dispatch(segment, view.wrap(buffer, at), !ofBroker);
          at += buffer.getInt(at);
        }
      } else if (size > 0) {
        dispatch(segment, view, true);
        at += size;
      } else if (isFiller(buffer, at, segment.bytes)) {
        return segment.end();
      } else {
        break;
      }
    }
    return segment.start + at;
  }

  /**
   * Looks at all records of a group before any of them is taken.
   *
   * @return where the group ends; or where it breaks off, then its marker is noted
   */
  private int endOfGroup(SpaceFile segment, ByteBuffer buffer, int marker, int markerBytes) {
    int count = AtomicGroups.count(view);
    int end = marker + markerBytes + AtomicGroups.bytes(view);
    int at = marker + markerBytes;
    for (int i = 0; i < count; i++) {
      int size = MessageView.wholeRecordBytes(buffer, at, segment.bytes, segment.start + at);
      if (size == 0 || at + size > end) {
        brokenGroup = segment.start + marker;
        return at;
      }
      at += size;
    }
    return at;
  }

  private static boolean isFiller(ByteBuffer buffer, int at, int limit) {
    return limit - at >= MessageLayout.FILLER_BYTES
        && buffer.getInt(at) == limit - at
        && buffer.getInt(at + 4) == MessageLayout.MAGIC_FILLER;
  }

  // Queues and index.

  private void dispatch(SpaceFile segment, MessageView record, boolean ofClient)
      throws IOException, MisfitException {
    scannedRecords++;
    String topic = record.topic();
    long physical = record.physicalOffset();
    lastStoredAtMs = Math.max(lastStoredAtMs, record.storedAtMs());
    segment.lastPhysicalOffset = physical;
    if (topic.equals(Names.STATE_TOPIC)) {
      listener.onStateRecord(this::deleteTopic, record);
    }
    LogQueue queue = queues.queue(topic, record.queueId());
    if (queue.maxOffset != record.queueOffset()) {
      follow(queue, record);
    }
    if (QueueChunks.needsChunk(queue)) {
      addChunk(queue, physical);
    }
    QueueChunks.append(queue, physical, record.size(), code(topic, record));
    index(topic, record.property(PropertyNames.UNIQUE_KEY), physical);
    String keys = record.property(PropertyNames.KEYS);
    if (keys != null) {
      for (String key : keys.split(" ")) {
        index(topic, key.isEmpty() ? null : key, physical);
      }
    }
    long repeatHash = ofClient ? RepeatKey.hash(record) : 0;
    if (repeatHash != 0) {
      makeRoomInIndex();
      files.index.addRepeat(repeatHash, physical);
    }
  }

  /**
   * The record says another queue offset than follows: the queue begins there. That only the whole
   * log can say; behind a checkpoint it means that the queue's files are not whole.
   */
  private void follow(LogQueue queue, MessageView record) throws MisfitException {
    if (!rebuilt && scanFrom > files.log.files()[0].start) {
      throw new MisfitException(
          "the record at physical offset "
              + record.physicalOffset()
              + " is number "
              + record.queueOffset()
              + " of its queue, but by its files the queue is "
              + queue);
    }
    if (queue.slot >= 0) {
      log(
          Level.WARNING,
          "{0}: the record at physical offset {1} has queue offset {2}; the queue begins there",
          queue,
          record.physicalOffset(),
          record.queueOffset());
      free(queue);
    }
    queue.minOffset = record.queueOffset();
    queue.maxOffset = record.queueOffset();
  }

  private void addChunk(LogQueue queue, long physical) throws IOException {
    if (queue.slot < 0) {
      while (!files.names.tryAssign(queue, physical, true)) {
        if (files.names.isFull()) {
          throw new StoreException(
              StoreException.Kind.DAMAGED,
              "the log has messages of more queues than a store takes, "
                  + options.maxQueues()
                  + "; it was written with another bound (StoreOptions.maxQueues)");
        }
        files.names.space().prepareFor(64L * QueueDirectory.SLOT_BYTES);
      }
    }
    while (!files.chunks.tryAddChunk(queue, physical, true)) {
      files.chunks.space().prepareFor(64L * QueueChunks.CHUNK_BYTES);
    }
  }

  static long code(String topic, MessageView record) {
    if (topic.equals(Names.TIMER_TOPIC)) {
      return TimerRecord.dueAtMs(record);
    }
    String tag = record.property(PropertyNames.TAGS);
    boolean expires = record.property(PropertyNames.TTL_MS) != null;
    return TagsCode.of(tag == null ? 0 : tag.hashCode(), expires);
  }

  private void index(String topic, String key, long physical) throws IOException {
    if (key == null) {
      return;
    }
    makeRoomInIndex();
    files.index.add(KeyHash.of(topic, key), physical);
  }

  private void makeRoomInIndex() throws IOException {
    while (!files.index.hasRoom(1, true)) {
      files.index.publish();
      files.index.space().prepareFor(64L << 10);
    }
  }

  private void deleteTopic(String topic) {
    LogQueue[] ofTopic = queues.ofTopic(topic);
    if (ofTopic == null) {
      return;
    }
    for (LogQueue queue : ofTopic) {
      if (queue != null && queue.slot >= 0) {
        free(queue);
      }
    }
  }

  private void free(LogQueue queue) {
    for (int i = 0; i < queue.chunkCount(); i++) {
      files.chunks.erase(queue.chunk(i));
      files.chunks.free(queue.chunk(i));
    }
    files.names.clear(queue.slot);
    files.names.reuse(queue.slot);
    queue.reset();
  }

  // The end of the log.

  /** Decides what to do where the records stop, does it, and returns the end of the log. */
  private long settle(SpaceFile segment, long place) throws IOException {
    boolean rebooted =
        checkpoint == null
            || checkpoint.bootId().isEmpty()
            || !checkpoint.bootId().equals(files.access.bootId());
    // Within one run of the machine nothing was written behind what was prepared.
    boolean known = checkpoint != null && (!rebooted || checkpoint.clean());
    long searchTo = known ? Math.max(place, checkpoint.preparedTo()) : Long.MAX_VALUE;
    LogSearch search = new LogSearch(files.log);
    long valid = search.firstValidBehind(place, searchTo);
    boolean zeros = valid < 0 && brokenGroup < 0 && search.lastNonZero(place, searchTo) < 0;
    boolean belowForced = checkpoint == null ? valid >= 0 : place < checkpoint.forcedTo();
    RecoveryRules.Verdict verdict =
        RecoveryRules.decide(zeros, valid >= 0, belowForced, rebooted, options.cutAtDamage());
    switch (verdict) {
      case END -> {
        return place;
      }
      case DAMAGE -> throw damage(segment, place, valid);
      case TORN_TAIL ->
          log(
              Level.INFO,
              "the last record, at {0} position {1}, was not written to its end: cut off",
              segment.path,
              place - segment.start);
      case TORN_BELOW_FORCED ->
          log(
              Level.ERROR,
              "the log ends at {0} position {1} (physical offset {2}), but was forced up to {3}:"
                  + " the disk lost {4} bytes that it had confirmed",
              segment.path,
              Long.toString(place - segment.start),
              Long.toString(place),
              Long.toString(checkpoint.forcedTo()),
              Long.toString(checkpoint.forcedTo() - place));
      case UNFORCED_HOLE, DAMAGE_CUT ->
          log(
              Level.WARNING,
              "the log is broken at {0} position {1}, with a valid record behind it at physical"
                  + " offset {2}: cut there ({3}); what was cut is kept in {4}",
              segment.path,
              Long.toString(place - segment.start),
              Long.toString(valid),
              verdict == RecoveryRules.Verdict.UNFORCED_HOLE
                  ? "the machine stopped before it was forced"
                  : "as asked for",
              files.lostDirectory());
    }
    // The records of a group stand or fall together.
    long cutFrom = brokenGroup >= 0 ? brokenGroup : place;
    cutBytes = search.cut(files, cutFrom, valid >= 0);
    return cutFrom;
  }

  /** Finds its logger only when there is something to say: that takes longer than a clean start. */
  private static void log(Level level, String format, Object... values) {
    System.getLogger(Recovery.class.getName()).log(level, format, values);
  }

  private static StoreException damage(SpaceFile segment, long place, long valid) {
    return new StoreException(
        StoreException.Kind.DAMAGED,
        "the commit log is damaged in "
            + segment.path
            + " at position "
            + (place - segment.start)
            + " (physical offset "
            + place
            + "): no whole record there, but a valid one behind it at physical offset "
            + valid
            + ". Restore the file from a copy, or start with --store-cut-at-damage true to cut the"
            + " log there; what is cut is kept in the directory 'lost'.");
  }

  /** Segments that were prepared and not begun are prepared again when they are needed. */
  private void dropUnusedSegments(long end) {
    files.log.removeFrom(end).forEach(file -> file.retire(true));
  }

  /** From here on the checkpoint speaks of this process. */
  private void finish(long from, long end, long forcedTo) throws IOException {
    files.index.publish();
    boolean first = checkpoint == null || rebuilt;
    if (first) {
      force(files.chunks.space());
      force(files.names.space());
      force(files.index.space());
    }
    long derivedTo = Math.min(end, forcedTo);
    Checkpoint.Derived derived =
        first
            ? new Checkpoint.Derived(
                derivedTo,
                options.queueFileBytes(),
                files.chunks.space().files().length,
                files.names.slots(),
                countBefore(derivedTo),
                files.index.first(),
                files.index.next(),
                options.indexFileEntries())
            : checkpoint.derived().withTo(from);
    Checkpoint.State next =
        new Checkpoint.State(
            forcedTo,
            Math.max(end, checkpoint == null ? 0 : checkpoint.preparedTo()),
            false,
            files.access.bootId(),
            derived);
    files.checkpoint.write(next);
    files.checkpoint.force();
  }

  /** How many queues have a message before a physical offset. */
  private int countBefore(long physical) {
    return (int) queues.all().stream().filter(q -> q.slot >= 0 && q.generation <= physical).count();
  }

  private static void force(FileSpace space) throws IOException {
    for (SpaceFile file : space.files()) {
      file.force(0, file.bytes);
    }
  }
}
