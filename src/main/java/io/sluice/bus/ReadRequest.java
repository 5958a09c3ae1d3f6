package io.sluice.bus;

/**
 * Reads a topic by offsets that the client keeps: no group, no lease. Readers, broadcast
 * subscriptions, event streams, browsing and RocketMQ's pulls are all this request. A long poll as
 * {@link ReceiveRequest}. Answered by {@link ReadReply}.
 *
 * @param topic the topic
 * @param queueIds the queues to read; null for all of them
 * @param queueOffsets for each of {@code queueIds} the offset to read next; null to start at {@code
 *     from}
 * @param from where to start if {@code queueOffsets} is null
 * @param max at most so many messages; 0 only resolves {@code from} into offsets
 * @param maxBytes at most so many bytes of records, but always at least one message
 * @param waitMs how long to wait for the first message, 0 to not wait
 * @param filter which messages; the others are passed over
 * @param holder as in {@link ReceiveRequest}; null if nobody cancels
 */
public record ReadRequest(
    String topic,
    int[] queueIds,
    long[] queueOffsets,
    StartPosition from,
    int max,
    int maxBytes,
    long waitMs,
    Filter filter,
    String holder)
    implements BusMessage {}
