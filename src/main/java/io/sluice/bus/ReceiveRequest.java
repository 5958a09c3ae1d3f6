package io.sluice.bus;

/**
 * Asks for messages of a topic on behalf of a group, each with a lease. A long poll: answered by
 * {@link ReceiveReply} as soon as there is at least one message, or empty when the wait is over.
 * WebSocket pushes, HTTP receives and RocketMQ pops are all this request; a push keeps one of them
 * waiting at the Broker.
 *
 * @param group the group; made on first use
 * @param topic the topic
 * @param max at most so many messages, 1 or more
 * @param maxBytes at most so many bytes of records, but always at least one message
 * @param waitMs how long to wait for the first message, 0 to not wait
 * @param invisibleMs how long the lease lasts, 1 or more
 * @param filter which messages; the others are settled for the group as not wanted
 * @param ordered true to take a queue only when nothing of it is in flight in the group
 * @param from where a group without a position starts
 * @param holder who holds the leases: a socket's id, so that {@link ReleaseRequest} can give them
 *     back; null if only time ends them
 */
public record ReceiveRequest(
    String group,
    String topic,
    int max,
    int maxBytes,
    long waitMs,
    long invisibleMs,
    Filter filter,
    boolean ordered,
    StartPosition from,
    String holder)
    implements BusMessage {}
