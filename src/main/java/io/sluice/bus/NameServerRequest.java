package io.sluice.bus;

import java.util.List;

/** What is asked of or told to a NameServer. */
public sealed interface NameServerRequest extends BusMessage {

  /** How often NameServers and gateways tell that they live. */
  long ALIVE_MS = 5_000;

  /**
   * A Broker tells that it lives and what it has. Said at the start, on each change and every 30
   * seconds. Answer: {@link Done}; CONFLICT to a master whose place one of a newer epoch has taken.
   *
   * @param cluster name of the cluster
   * @param brokerName master and slaves share it
   * @param brokerId 0 for the master
   * @param address {@code host:port} that RocketMQ clients dial
   * @param dataVersion counts the changes of the topics
   * @param topics all topics of the Broker
   * @param epoch of its log, 0 if it is not replicated: of two masters the newer is the master
   * @param inSync broker ids of the slaves in sync, as a master knows them
   * @param foreign whether RocketMQ's protocol is all that it is reached by: nobody on this event
   *     bus can ask it anything
   */
  record Register(
      String cluster,
      String brokerName,
      long brokerId,
      String address,
      long dataVersion,
      List<TopicConfig> topics,
      long epoch,
      List<Long> inSync,
      boolean foreign)
      implements NameServerRequest {

    /** What an older Broker does not say is as if it were not replicated. */
    public Register {
      inSync = inSync == null ? List.of() : inSync;
    }

    /** A Broker on this event bus. */
    public Register(
        String cluster,
        String brokerName,
        long brokerId,
        String address,
        long dataVersion,
        List<TopicConfig> topics,
        long epoch,
        List<Long> inSync) {
      this(cluster, brokerName, brokerId, address, dataVersion, topics, epoch, inSync, false);
    }

    /** A Broker on this event bus. */
    public Register(
        String cluster,
        String brokerName,
        long brokerId,
        String address,
        long dataVersion,
        List<TopicConfig> topics) {
      this(cluster, brokerName, brokerId, address, dataVersion, topics, 0, List.of(), false);
    }
  }

  /**
   * A Broker leaves. Answer: {@link Done}.
   *
   * @param foreign see {@link Register}; then one that is on this event bus stays
   */
  record Unregister(
      String cluster, String brokerName, long brokerId, String address, boolean foreign)
      implements NameServerRequest {

    /** A Broker on this event bus. */
    public Unregister(String cluster, String brokerName, long brokerId, String address) {
      this(cluster, brokerName, brokerId, address, false);
    }
  }

  /**
   * Another NameServer tells that it lives: in a cluster, at the start and every {@link #ALIVE_MS}.
   * Answer: {@link Done}.
   */
  record NameServerAlive(String id) implements NameServerRequest {}

  /**
   * As {@link NameServerAlive}, a gateway.
   *
   * @param id of this start of it
   * @param address {@code host:port} that its clients dial
   * @param sockets WebSockets open
   * @param waiting long polls and event streams open
   */
  record GatewayAlive(String id, String address, int sockets, int waiting)
      implements NameServerRequest {}

  /** Who serves a topic. Answer: {@link Route}, empty if nobody does. */
  record GetRoute(String topic) implements NameServerRequest {}

  /** Everything known. Answer: {@link Cluster}. */
  record GetCluster() implements NameServerRequest {}

  /** How many topics a Broker has. Answer: {@link TopicCount}, 0 if it is not known. */
  record CountTopics(String brokerName) implements NameServerRequest {}

  /** So many topics. */
  record TopicCount(int count) implements BusMessage {}

  /** One Broker: its addresses by id. See {@link Register}. */
  record BrokerNode(
      String cluster,
      String brokerName,
      long brokerId,
      String address,
      long lastSeenMs,
      long epoch,
      List<Long> inSync,
      boolean foreign)
      implements BusMessage {

    /** As an older NameServer knows it. */
    public BrokerNode {
      inSync = inSync == null ? List.of() : inSync;
    }

    /** A Broker that is not replicated. */
    public BrokerNode(
        String cluster, String brokerName, long brokerId, String address, long lastSeenMs) {
      this(cluster, brokerName, brokerId, address, lastSeenMs, 0, List.of(), false);
    }
  }

  /** A topic at one Broker. */
  record TopicRoute(String brokerName, TopicConfig config) implements BusMessage {}

  /** Who serves a topic, and where they are. */
  record Route(List<TopicRoute> topics, List<BrokerNode> brokers) implements BusMessage {}

  /** A NameServer that another has heard of. */
  record NameServerNode(String id, long lastSeenMs) implements BusMessage {}

  /** A gateway with what it said last. See {@link GatewayAlive}. */
  record GatewayNode(String id, String address, int sockets, int waiting, long lastSeenMs)
      implements BusMessage {}

  /**
   * All Brokers and the names of all topics.
   *
   * @param nameServerId who says it
   * @param nameServers the others, as it has heard of them
   * @param gateways as it has heard of them; none outside of a cluster
   */
  record Cluster(
      String nameServerId,
      List<BrokerNode> brokers,
      List<String> topics,
      List<NameServerNode> nameServers,
      List<GatewayNode> gateways)
      implements BusMessage {

    /** An older NameServer does not know who else there is. */
    public Cluster {
      nameServers = nameServers == null ? List.of() : nameServers;
      gateways = gateways == null ? List.of() : gateways;
    }

    /** Brokers and topics only. */
    public Cluster(String nameServerId, List<BrokerNode> brokers, List<String> topics) {
      this(nameServerId, brokers, topics, List.of(), List.of());
    }
  }
}
