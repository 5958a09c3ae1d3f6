package io.sluice.app;

import java.time.Duration;

/**
 * How the Broker's log is replicated; see docs/configuration.md.
 *
 * @param brokerId 0 for the master
 * @param port at which slaves come; -1 if none may, 0 for any free
 * @param from {@code host:port} of the master to follow; empty for a master
 * @param fromRocketMq {@code host:port} of the RocketMQ Broker to follow; empty for none
 * @param minInSync slaves in sync that ack level replicated needs
 * @param inSyncTimeout after which a slave that is behind is not in sync
 * @param ackTimeout for which a send waits for slaves
 */
public record ReplicationConfig(
    long brokerId,
    int port,
    String from,
    String fromRocketMq,
    int minInSync,
    Duration inSyncTimeout,
    Duration ackTimeout) {

  /** A slave has an id other than 0. */
  public ReplicationConfig {
    if (brokerId == 0 && !(from.isEmpty() && fromRocketMq.isEmpty())) {
      brokerId = 1;
    }
  }

  /** Checks the values that belong together. */
  void check() {
    checkAddress(
        ConfigTable.REPLICATION_FROM, from, "the address at which the master takes slaves");
    checkAddress(
        ConfigTable.REPLICATION_FROM_ROCKETMQ,
        fromRocketMq,
        "the address at which clients reach the master, port 10911 by custom");
    if (!from.isEmpty() && !fromRocketMq.isEmpty()) {
      throw new IllegalArgumentException(
          ConfigTable.REPLICATION_FROM.name()
              + " is '"
              + from
              + "' and "
              + ConfigTable.REPLICATION_FROM_ROCKETMQ.name()
              + " is '"
              + fromRocketMq
              + "'; a slave has one master");
    }
    if (!follows() && brokerId != 0) {
      throw new IllegalArgumentException(
          ConfigTable.BROKER_ID.name()
              + " is "
              + brokerId
              + ", which is a slave's, but "
              + ConfigTable.REPLICATION_FROM.name()
              + " does not say whom it follows");
    }
  }

  private static void checkAddress(ConfigKey key, String address, String what) {
    if (!address.isEmpty() && !address.matches(".+:[0-9]{1,5}")) {
      throw new IllegalArgumentException(
          key.name() + " is '" + address + "'; allowed is host:port, " + what);
    }
  }

  ReplicationConfig(Configuration from) {
    this(
        from.integer(ConfigTable.BROKER_ID),
        from.integer(ConfigTable.REPLICATION_PORT),
        from.text(ConfigTable.REPLICATION_FROM),
        from.text(ConfigTable.REPLICATION_FROM_ROCKETMQ),
        from.integer(ConfigTable.REPLICATION_MIN_IN_SYNC),
        from.duration(ConfigTable.REPLICATION_IN_SYNC_TIMEOUT),
        from.duration(ConfigTable.REPLICATION_ACK_TIMEOUT));
  }

  /** Whether this Broker starts as a slave. */
  boolean follows() {
    return !from.isEmpty() || followsRocketMq();
  }

  /** Whether this Broker starts as a slave of a RocketMQ Broker. */
  boolean followsRocketMq() {
    return !fromRocketMq.isEmpty();
  }

  private String master() {
    return from.isEmpty() ? fromRocketMq : from;
  }

  String masterHost() {
    return master().substring(0, master().lastIndexOf(':'));
  }

  int masterPort() {
    return Integer.parseInt(master().substring(master().lastIndexOf(':') + 1));
  }

  /** The same, but a master that takes slaves at this port. */
  public ReplicationConfig withPort(int port) {
    return new ReplicationConfig(
        brokerId, port, from, fromRocketMq, minInSync, inSyncTimeout, ackTimeout);
  }

  /** The same, but a slave of this master. */
  public ReplicationConfig following(String from) {
    return new ReplicationConfig(1, port, from, "", minInSync, inSyncTimeout, ackTimeout);
  }

  /** The same, but a slave of this RocketMQ Broker. */
  public ReplicationConfig followingRocketMq(String broker) {
    return new ReplicationConfig(1, port, "", broker, minInSync, inSyncTimeout, ackTimeout);
  }

  /** The same with other times. */
  public ReplicationConfig withTimeouts(Duration inSyncTimeout, Duration ackTimeout) {
    return new ReplicationConfig(
        brokerId, port, from, fromRocketMq, minInSync, inSyncTimeout, ackTimeout);
  }
}
