package io.sluice.client;

import io.sluice.bus.AckLevel;

/**
 * Where a message was stored.
 *
 * @param messageId its unique id
 * @param ack what has happened to it before this was answered
 */
public record SendReceipt(
    String messageId,
    String topic,
    String brokerName,
    int queueId,
    long queueOffset,
    AckLevel ack) {}
