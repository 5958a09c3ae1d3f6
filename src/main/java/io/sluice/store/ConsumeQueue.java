package io.sluice.store;

import io.sluice.message.TagsCode;

/**
 * One MessageQueue: for each queue offset where its message is in the log. Owner thread only; the
 * entries asked for must be {@link MessageStore#isWarm warm} and between {@link #minOffset} and
 * {@link #maxOffset}.
 */
public interface ConsumeQueue {

  String topic();

  int queueId();

  /** First queue offset whose message is still stored. */
  long minOffset();

  /** Next queue offset to be written. */
  long maxOffset();

  /**
   * End of what consumers may see: the next offset to be written, or, while that is not confirmed
   * by the slaves, the first one that is not.
   */
  long confirmedOffset();

  /** Where the message is in the log. */
  long physicalOffset(long queueOffset);

  /** Size of the message's record in bytes. */
  int recordBytes(long queueOffset);

  /** What the entry says of the message's tag and time to live, see {@link TagsCode}. */
  long tagsCode(long queueOffset);
}
