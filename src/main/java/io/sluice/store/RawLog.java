package io.sluice.store;

import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/**
 * The log as bytes, for replication: a master reads slices of it, a follower writes them at the
 * same offsets. Owner thread only, as the store it belongs to.
 */
public interface RawLog {

  /**
   * A slice of what is written, if that is in memory.
   *
   * @param from first byte
   * @param maxBytes at most so many; a slice never leaves its segment
   * @return null if it is not in memory, as far as is known, not written yet, or expired
   */
  RawSlice tryRead(long from, int maxBytes);

  /**
   * As {@link #tryRead}, but brought into memory by a worker.
   *
   * @return completes on the owner thread; with null if nothing is there
   */
  CompletionStage<RawSlice> read(long from, int maxBytes);

  /**
   * Writes the next bytes of another store's log. They may end anywhere: records are taken into
   * queues and index, and published, when they are whole, and those that stand or fall together
   * when all of them are there. The bytes behind them wait in their segment and are gone after a
   * crash. Not to be mixed with other appends.
   *
   * @param bytes taken from its position on; what is left is to be given again
   * @return whether all was taken; if not, {@link MessageStore#whenWritable} tells when to call
   *     again, with what is left
   * @throws StoreException of kind DAMAGED if they are no records; what came before is good
   */
  boolean append(ByteBuffer bytes);

  /** End of what was written by {@link #append}, whole records or not. */
  long receivedTo();

  /** Forgets the bytes behind the last whole record: they are going to come again. */
  void dropTail();

  /** Queues show to their readers what lies before this offset; {@code Long.MAX_VALUE} for all. */
  void confirm(long physicalOffset);

  /**
   * The topics of queues whose {@link ConsumeQueue#confirmedOffset} was asked for since the last
   * call and was not their end: whoever asked may find more now.
   */
  Set<String> takeHidden();

  /** What {@link #confirm} was told last. */
  long confirmedTo();
}
