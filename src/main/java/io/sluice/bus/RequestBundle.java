package io.sluice.bus;

import java.util.List;

/**
 * Several requests that a front makes of one Broker in one turn of its event loop: {@link
 * ReceiveRequest}, {@link ReadRequest}, {@link SettleRequest} and {@link ReleaseRequest}, taken in
 * this order. {@link Done} says that the Broker has them; each is answered later, when it would
 * have been by itself, in a {@link ReplyBundle} sent to {@code repliesTo}.
 *
 * @param repliesTo the address of the front's event loop
 * @param numbers for each request the number that its answer bears
 * @param requests the requests
 */
public record RequestBundle(String repliesTo, long[] numbers, List<BusMessage> requests)
    implements BusMessage {}
