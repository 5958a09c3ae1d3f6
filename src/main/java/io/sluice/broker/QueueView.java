package io.sluice.broker;

/** What a {@link QueueCursor} needs to know of the messages in its queue, through one filter. */
interface QueueView {

  /** First queue offset whose message is still stored. */
  long minOffset();

  /** Next queue offset to be written. */
  long maxOffset();

  /** Whether the filter wants this message. The entry is readable. */
  boolean wants(long offset);

  /** Whether this message, which the filter wants, has waited too long. The entry is readable. */
  default boolean isExpired(long offset) {
    return false;
  }

  /** Whether messages that have waited too long go to the dead letters. */
  default boolean buriesExpired() {
    return false;
  }

  /** How often a message was handed out before it came into this queue. The entry is readable. */
  default int earlierAttempts(long offset) {
    return 0;
  }

  /** How many messages may be looked at in one go for those the filter wants. */
  int scanLimit();

  /** Size of the message's record. The entry is readable. */
  int recordBytes(long offset);

  /**
   * How many messages from there on can be read without waiting for the disk, up to {@code count}.
   * At 0 the view remembers that they are to be brought into memory.
   */
  int readable(long fromOffset, int count);
}
