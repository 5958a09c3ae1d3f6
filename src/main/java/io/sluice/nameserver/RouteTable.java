package io.sluice.nameserver;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which Brokers live and which topics they have: a state machine without I/O and without a clock of
 * its own. Nothing is kept on the disk; Brokers tell again within 30 seconds.
 *
 * <p>A master and its slaves share a Broker name and differ in their id; the master has id 0. Only
 * the master publishes topics. A topic stays routed while any Broker of the name lives, so that a
 * slave can be read when its master is gone. Of two masters of a name the one of the newer epoch
 * counts: the other was replaced, and does not know it yet.
 *
 * <p>For one thread.
 */
public final class RouteTable {

  private final String nameServerId;
  private final Map<String, BrokerSet> brokers = new TreeMap<>();
  private final Map<String, TreeSet<String>> brokerNamesByTopic = new HashMap<>();

  /** A table that knows nobody yet. */
  public RouteTable(String nameServerId) {
    this.nameServerId = nameServerId;
  }

  /**
   * Notes that a Broker lives, and what a master has. The same Broker name and id at another
   * address replaces the old one. An older dataVersion of the topics than the one known is ignored,
   * unless the address changed: then it is another process that counts from the beginning.
   *
   * @return whether anything but the time it was seen has changed
   */
  public boolean register(Register broker, long nowMs) {
    if (newerMaster(broker) != null) {
      return false;
    }
    BrokerSet set = brokers.computeIfAbsent(broker.brokerName(), BrokerSet::new);
    BrokerNode known = set.nodes.get(broker.brokerId());
    // A Broker of this event bus may tell its own NameServer by RocketMQ's protocol too. That does
    // not say who is in sync, and may come later than what it said in a newer epoch.
    boolean again =
        broker.foreign()
            && known != null
            && !known.foreign()
            && known.address().equals(broker.address());
    BrokerNode before =
        set.nodes.put(
            broker.brokerId(),
            new BrokerNode(
                broker.cluster(),
                broker.brokerName(),
                broker.brokerId(),
                broker.address(),
                nowMs,
                again ? Math.max(known.epoch(), broker.epoch()) : broker.epoch(),
                again ? known.inSync() : broker.inSync(),
                broker.foreign() && !again));
    if (again) {
      return false;
    }
    boolean moved = before == null || !before.address().equals(broker.address());
    if (broker.brokerId() != 0 && set.nodes.containsKey(0L)) {
      // The master says what there is; without one a slave does, so that its messages can be read.
      return moved;
    }
    if (!moved && broker.dataVersion() <= set.dataVersion) {
      return false;
    }
    if (!broker.foreign() || moved) {
      forgetTopics(set);
    }
    // RocketMQ's Brokers name what has changed only, and never what is gone (5.5.0,
    // BrokerController.registerIncrementBrokerData, RouteInfoManager).
    addTopics(set, broker.topics());
    set.dataVersion = broker.dataVersion();
    return true;
  }

  /**
   * Who has taken the place of a master that says it lives.
   *
   * @return the master of a newer epoch at another address, or null
   */
  BrokerNode newerMaster(Register broker) {
    BrokerSet set = brokers.get(broker.brokerName());
    BrokerNode master = set == null || broker.brokerId() != 0 ? null : set.nodes.get(0L);
    return master != null
            && master.epoch() > broker.epoch()
            && !master.address().equals(broker.address())
        ? master
        : null;
  }

  /**
   * Forgets a Broker that leaves. Does nothing if another address has taken its place.
   *
   * @return whether it was known
   */
  public boolean unregister(Unregister broker) {
    BrokerSet set = brokers.get(broker.brokerName());
    BrokerNode node = set == null ? null : set.nodes.get(broker.brokerId());
    if (node == null
        || !node.address().equals(broker.address())
        || broker.foreign() && !node.foreign()) {
      return false;
    }
    set.nodes.remove(broker.brokerId());
    dropIfEmpty(set);
    return true;
  }

  /**
   * Forgets the Brokers that have been silent.
   *
   * @param silentSinceMs who was last seen before this time is dead
   * @return those that were forgotten
   */
  public List<BrokerNode> expire(long silentSinceMs) {
    List<BrokerNode> dead = new ArrayList<>();
    for (BrokerSet set : List.copyOf(brokers.values())) {
      Iterator<BrokerNode> nodes = set.nodes.values().iterator();
      while (nodes.hasNext()) {
        BrokerNode node = nodes.next();
        if (node.lastSeenMs() < silentSinceMs) {
          nodes.remove();
          dead.add(node);
        }
      }
      dropIfEmpty(set);
    }
    return dead;
  }

  /** Who serves a topic, by Broker name; empty if nobody does. */
  public Route route(String topic) {
    List<TopicRoute> topics = new ArrayList<>();
    List<BrokerNode> nodes = new ArrayList<>();
    for (String name : brokerNamesByTopic.getOrDefault(topic, new TreeSet<>())) {
      BrokerSet set = brokers.get(name);
      topics.add(new TopicRoute(name, set.topics.get(topic)));
      nodes.addAll(set.nodes.values());
    }
    return new Route(List.copyOf(topics), List.copyOf(nodes));
  }

  /** How many topics a Broker has. */
  public int topics(String brokerName) {
    BrokerSet set = brokers.get(brokerName);
    return set == null ? 0 : set.topics.size();
  }

  /** Everything known: Brokers by name and id, topics by name. */
  public Cluster cluster() {
    List<BrokerNode> nodes = new ArrayList<>();
    for (BrokerSet set : brokers.values()) {
      nodes.addAll(set.nodes.values());
    }
    return new Cluster(
        nameServerId, List.copyOf(nodes), brokerNamesByTopic.keySet().stream().sorted().toList());
  }

  private void addTopics(BrokerSet set, List<TopicConfig> topics) {
    for (TopicConfig topic : topics) {
      set.topics.put(topic.name(), topic);
      brokerNamesByTopic.computeIfAbsent(topic.name(), name -> new TreeSet<>()).add(set.name);
    }
  }

  private void dropIfEmpty(BrokerSet set) {
    if (set.nodes.isEmpty()) {
      forgetTopics(set);
      brokers.remove(set.name);
    }
  }

  private void forgetTopics(BrokerSet set) {
    for (String topic : set.topics.keySet()) {
      TreeSet<String> names = brokerNamesByTopic.get(topic);
      names.remove(set.name);
      if (names.isEmpty()) {
        brokerNamesByTopic.remove(topic);
      }
    }
    set.topics.clear();
  }

  /** All that share a Broker name. */
  private static final class BrokerSet {
    private final String name;
    private final TreeMap<Long, BrokerNode> nodes = new TreeMap<>();
    private final Map<String, TopicConfig> topics = new HashMap<>();
    private long dataVersion = -1;

    private BrokerSet(String name) {
      this.name = name;
    }
  }
}
