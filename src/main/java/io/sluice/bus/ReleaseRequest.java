package io.sluice.bus;

/**
 * The holder is gone: its waiting receives end and its leases are given back at once, each attempt
 * counted. Answered by {@link Done}.
 *
 * @param holder as in {@link ReceiveRequest}
 */
public record ReleaseRequest(String holder) implements BusMessage {}
