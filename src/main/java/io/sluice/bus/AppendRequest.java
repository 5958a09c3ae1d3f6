package io.sluice.bus;

import io.sluice.message.MessageBatch;

/**
 * Asks a Broker to store messages. What a front collected in one turn of its event loop crosses as
 * one request. Answered by {@link AppendReply} once every message that was stored has reached the
 * ack level; a failure means that none was stored.
 *
 * @param batch the messages; they belong to the Broker from now on
 * @param ack what must have happened before the answer
 * @param atomic true to store all or none: if one message is refused, none is stored
 * @param receivedNs {@code Clock.nowNs} of this process when the oldest of them was read
 */
public record AppendRequest(MessageBatch batch, AckLevel ack, boolean atomic, long receivedNs)
    implements BusMessage {}
