package io.sluice.bus;

import io.sluice.message.MessageBlock;

/**
 * Messages read by offset, in the order they were stored (within a queue by queue offset). The
 * receiver closes the block.
 *
 * @param messages the messages; empty when the wait was over
 * @param queueIds the queues read
 * @param nextOffsets for each queue the offset to go on with; passes over what the filter did not
 *     want and, where the asked offset was already deleted, starts at the minimum
 * @param minOffsets for each queue the first offset still stored
 * @param maxOffsets for each queue the next offset to be written
 * @param dispatchedNs as in {@link ReceiveReply}
 * @param receivedNs as in {@link ReceiveReply}
 */
public record ReadReply(
    MessageBlock messages,
    int[] queueIds,
    long[] nextOffsets,
    long[] minOffsets,
    long[] maxOffsets,
    long dispatchedNs,
    long receivedNs)
    implements BusMessage {

  @Override
  public void drop() {
    messages.close();
  }
}
