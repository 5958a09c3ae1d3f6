package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * The commit log with its consume queues and key index.
 *
 * <p>Threads: one owner thread (the Broker's event loop) calls every method; futures and callbacks
 * complete on it. Forcing, preparing and deleting segments, recovery, look-ups and cold reads run
 * on workers inside. No method blocks or reads the disk on the owner thread, provided that what is
 * read through a queue is {@link #isWarm warm}.
 *
 * <p>Durability: after {@link #append} a record survives the death of the process; after {@link
 * #whenForced} has called back it survives the death of the machine. Queues and index are derived
 * and brought up from the log.
 */
public interface MessageStore {

  /**
   * Appends messages in order, each to its queue. The batch is sealed in place and copied.
   *
   * @param batch the messages
   * @param from first message to append
   * @param to end, exclusive
   * @param queues for each message of the batch its queue
   * @param queueOffsets filled in for each message appended
   * @param physicalOffsets filled in for each message appended
   * @param system true for the broker's own state: may use the room that is kept back when the disk
   *     is full
   * @throws IllegalArgumentException if a record is larger than {@link #maxRecordBytes}; those
   *     before it may have been appended
   * @return the first message not appended; {@code to} if all were. If it is less, {@link #refusal}
   *     says why.
   */
  int append(
      MessageBatch batch,
      int from,
      int to,
      ConsumeQueue[] queues,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system);

  /**
   * Appends messages whole or not at all: also after a crash the log has all of them or none. They
   * follow each other in one segment, behind a marker record; a single message needs none.
   *
   * @param batch the messages; all of them are appended
   * @param queues for each message its queue
   * @param queueOffsets filled in for each message appended
   * @param physicalOffsets filled in for each message appended
   * @param system as for {@link #append}
   * @throws IllegalArgumentException if they take more than {@link #maxAtomicBytes}; nothing was
   *     appended
   * @return whether they were appended; if not, {@link #refusal} says why
   */
  boolean appendAtomic(
      MessageBatch batch,
      ConsumeQueue[] queues,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system);

  /** Most bytes of records that can be appended atomically: what fits into a segment. */
  int maxAtomicBytes();

  /**
   * Whether so many bytes of records can be appended now without being refused half-way: for
   * batches that go in whole or not at all.
   */
  boolean hasRoom(long bytes, boolean system);

  /** Largest record that can be appended, in bytes: what fits into a segment. */
  int maxRecordBytes();

  /** Why appends are refused now, or null if they are not. */
  StoreException refusal();

  /** Calls back once when appends may be taken again after a refusal of kind BUSY or DISK_FULL. */
  void whenWritable(Runnable callback);

  /**
   * Group commit: one force serves all who wait for bytes before its start.
   *
   * @param physicalOffset end of the bytes that must be on the disk, exclusive
   * @param done called with null when they are, or with the failure; at once if they are already
   */
  void whenForced(long physicalOffset, Consumer<StoreException> done);

  /** A queue, made if it is new. Queues cost nothing on the disk until something is in them. */
  ConsumeQueue queue(String topic, int queueId);

  /**
   * Whether entries and records can be read without waiting for the disk, as far as is known: near
   * the tail, or made warm lately.
   *
   * @param count how many entries from there on
   */
  boolean isWarm(ConsumeQueue queue, long fromOffset, int count);

  /**
   * Brings entries and their records into memory by a worker.
   *
   * @param count at most so many entries
   * @param maxBytes and at most so many bytes of records
   * @param withRecords false to warm the entries only
   * @return completes on the owner thread with the number of entries that are warm now
   */
  CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, boolean withRecords);

  /**
   * Brings entries into memory by a worker, and of their records those that the filter wants: the
   * rest is passed over without its bodies. What is warm for one filter is not for others, so
   * {@link #isWarm} does not know of it.
   *
   * @param count at most so many entries
   * @param maxBytes and at most so many bytes of records
   * @return completes on the owner thread with the number of entries that can be read now through
   *     this filter
   */
  CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, RecordFilter filter);

  /**
   * Brings single records into memory by a worker.
   *
   * @return completes on the owner thread when they can be read; fails if one is damaged
   */
  CompletionStage<Void> warm(ConsumeQueue queue, long[] offsets);

  /**
   * Reads the entries of a queue by a worker, without their records.
   *
   * @param fromOffset first one; those that have expired are left out
   * @param toOffset end, exclusive
   * @param visitor called on the worker; what it wrote can be seen when the future completes
   * @return completes on the owner thread with the first offset not visited
   */
  CompletionStage<Long> scan(
      ConsumeQueue queue, long fromOffset, long toOffset, EntryVisitor visitor);

  /** Nothing is stored with an earlier time from now on, whatever the clock says. */
  void noteTime(long timeMs);

  /** Collects records for a reader; see {@link BlockBuilder}. */
  BlockBuilder newBlock(int expectedMessages);

  /**
   * First offset of a queue whose message was stored at this time or later; its maximum if none.
   */
  CompletionStage<Long> offsetAtTime(ConsumeQueue queue, long timeMs);

  /**
   * Moves a queue's first offset behind all messages that were stored before this time. Their bytes
   * go with their segments; a start may give them back until this is called again.
   *
   * @return completes on the owner thread
   */
  CompletionStage<Void> expireBefore(ConsumeQueue queue, long timeMs);

  /**
   * Messages of a topic with this key or unique id, the newest first; verified, not only by hash.
   *
   * @param fromMs stored at this time or later
   * @param toMs stored at this time or before
   */
  CompletionStage<MessageBlock> findByKey(
      String topic, String key, int max, long fromMs, long toMs);

  /** As the other, stored at whatever time. */
  default CompletionStage<MessageBlock> findByKey(String topic, String key, int max) {
    return findByKey(topic, key, max, 0, Long.MAX_VALUE);
  }

  /**
   * The newest entries by which repeated sends are recognised, by a worker.
   *
   * @param sinceMs those of records stored before may be left out
   * @param mostOfTopic at most so many of a topic
   * @param most at most so many, of at most twice as many that are looked at
   */
  CompletionStage<RepeatEntries> recentRepeats(long sinceMs, int mostOfTopic, int most);

  /** Whether the record at a physical offset can be read without waiting for the disk. */
  boolean isWarm(long physicalOffset);

  /** The message whose record starts at this physical offset; an empty block if none does. */
  CompletionStage<MessageBlock> findByPhysicalOffset(long physicalOffset);

  /**
   * Forgets the queues of a topic: their offsets start at 0 again, their messages can not be read.
   * To be called in the same turn as the state record that says so is appended: a checkpoint
   * between the two would bring the queues back after a crash.
   */
  void deleteTopic(String topic);

  /**
   * Sets the queue's next offset, for a queue whose messages have all expired and whose files were
   * lost. Does nothing if the queue is there already or further on.
   */
  void ensureOffset(ConsumeQueue queue, long nextOffset);

  /** Retention keeps everything from this physical offset on, whatever its age. */
  void setRetentionFloor(long physicalOffset);

  /** First byte of the log still stored. */
  long minPhysicalOffset();

  /** Next byte to be written. */
  long maxPhysicalOffset();

  /** Everything before it is on the disk. */
  long forcedPhysicalOffset();

  /** The log as bytes, for replication. */
  RawLog raw();

  /** What the start found and did. */
  RecoveryReport recovery();

  /** Forces, writes a checkpoint, unmaps, unlocks. Completes when the files are closed. */
  CompletionStage<Void> close();
}
