package io.sluice.bus;

/**
 * What processes tell each other about themselves. Not answered, and nothing rests on it: what is
 * missed, the timers of registration and expiry make good.
 */
public sealed interface ClusterNotice extends BusMessage {

  /**
   * A process joined the cluster or is gone from it. Said in each process by itself, to {@link
   * Addresses#membership}.
   *
   * @param nodeId as {@link ClusterNode} names it
   */
  record MemberChanged(String nodeId, boolean joined) implements ClusterNotice {}

  /** A NameServer has started and knows nobody yet. Goes to {@link Addresses#brokers}. */
  record NameServerStarted(String id) implements ClusterNotice {}
}
