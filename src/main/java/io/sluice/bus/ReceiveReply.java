package io.sluice.bus;

import io.sluice.message.MessageBlock;

/**
 * Leased messages. The receiver closes the block. With the group, topic and broker of the request
 * and the queue and offset in each record, {@code leases} makes the {@link Receipt}.
 *
 * @param messages the messages; empty when the wait was over
 * @param leases for each message the number of its lease, unique in the Broker and rising
 * @param attempts for each message how often it has been handed out, this time included
 * @param dispatchedNs {@code Clock.nowNs} of the Broker's process at the answer
 * @param receivedNs the same at the send of the oldest message in it, or 0 where not known
 * @param drained true if nothing more was deliverable at that moment
 */
public record ReceiveReply(
    MessageBlock messages,
    long[] leases,
    int[] attempts,
    long dispatchedNs,
    long receivedNs,
    boolean drained)
    implements BusMessage {

  @Override
  public void drop() {
    messages.close();
  }
}
