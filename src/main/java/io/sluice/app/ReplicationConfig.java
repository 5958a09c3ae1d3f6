package io.sluice.app;

import java.time.Duration;

/**
 * How the Broker's log is replicated; see docs/configuration.md.
 *
 * @param brokerId 0 for the master
 * @param port at which slaves come; -1 if none may, 0 for any free
 * @param from {@code host:port} of the master to follow; empty for a master
 * @param minInSync slaves in sync that ack level replicated needs
 * @param inSyncTimeout after which a slave that is behind is not in sync
 * @param ackTimeout for which a send waits for slaves
 */
public record ReplicationConfig(
    long brokerId,
    int port,
    String from,
    int minInSync,
    Duration inSyncTimeout,
    Duration ackTimeout) {

  /** A slave has an id other than 0. */
  public ReplicationConfig {
    if (!from.isEmpty() && brokerId == 0) {
      brokerId = 1;
    }
  }

  /** Checks the values that belong together. */
  void check() {
    if (!from.isEmpty() && !from.matches(".+:[0-9]{1,5}")) {
      throw new IllegalArgumentException(
          ConfigTable.REPLICATION_FROM.name()
              + " is '"
              + from
              + "'; allowed is host:port, the address at which the master takes slaves");
    }
    if (from.isEmpty() && brokerId != 0) {
      throw new IllegalArgumentException(
          ConfigTable.BROKER_ID.name()
              + " is "
              + brokerId
              + ", which is a slave's, but "
              + ConfigTable.REPLICATION_FROM.name()
              + " does not say whom it follows");
    }
  }

  ReplicationConfig(Configuration from) {
    this(
        from.integer(ConfigTable.BROKER_ID),
        from.integer(ConfigTable.REPLICATION_PORT),
        from.text(ConfigTable.REPLICATION_FROM),
        from.integer(ConfigTable.REPLICATION_MIN_IN_SYNC),
        from.duration(ConfigTable.REPLICATION_IN_SYNC_TIMEOUT),
        from.duration(ConfigTable.REPLICATION_ACK_TIMEOUT));
  }

  /** Whether this Broker starts as a slave. */
  boolean follows() {
    return !from.isEmpty();
  }

  String masterHost() {
    return from.substring(0, from.lastIndexOf(':'));
  }

  int masterPort() {
    return Integer.parseInt(from.substring(from.lastIndexOf(':') + 1));
  }

  /** The same, but a master that takes slaves at this port. */
  public ReplicationConfig withPort(int port) {
    return new ReplicationConfig(brokerId, port, from, minInSync, inSyncTimeout, ackTimeout);
  }

  /** The same, but a slave of this master. */
  public ReplicationConfig following(String from) {
    return new ReplicationConfig(1, port, from, minInSync, inSyncTimeout, ackTimeout);
  }

  /** The same with other times. */
  public ReplicationConfig withTimeouts(Duration inSyncTimeout, Duration ackTimeout) {
    return new ReplicationConfig(brokerId, port, from, minInSync, inSyncTimeout, ackTimeout);
  }
}
