package io.sluice.client;

import io.sluice.bus.AckLevel;

/**
 * Where a message was stored.
 *
 * @param messageId its unique id
 * @param queueId its queue, -1 for a message that is delivered later or waits for a commit
 * @param queueOffset its place in the queue, -1 for such a message
 * @param ack what has happened to it before this was answered
 * @param deliverAtMs when it is delivered, in ms since 1970; 0 for at once
 * @param duplicate whether it was not stored as it repeats an earlier send with the same
 *     idempotency key; then all else is as it was answered to that one
 */
public record SendReceipt(
    String messageId,
    String topic,
    String brokerName,
    int queueId,
    long queueOffset,
    AckLevel ack,
    long deliverAtMs,
    boolean duplicate) {}
