package io.sluice.controller;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is agreed of one BrokerName. Immutable.
 *
 * @param name the BrokerName
 * @param epoch rises with each election; 0 before the first
 * @param master number of the master's node, 0 before the first election
 * @param incarnation the start of the master's process that was elected; another start of the same
 *     node has to be elected anew
 * @param version rises with each change of the in-sync set
 * @param inSync numbers of the nodes that have all that is confirmed, the master's among them
 * @param nodes all nodes there ever were, by number
 */
public record BrokerGroup(
    String name,
    long epoch,
    long master,
    String incarnation,
    long version,
    SortedSet<Long> inSync,
    SortedMap<Long, Node> nodes) {

  /**
   * A Broker's data directory, whoever is master.
   *
   * @param identity drawn at random once for the directory
   * @param boot the start of its machine; another one may have lost what was not forced
   * @param replicationAt {@code host:port} at which it takes slaves when it is the master
   * @param address {@code host:port} that RocketMQ clients dial
   */
  public record Node(String identity, String boot, String replicationAt, String address) {}

  /** Copies. */
  public BrokerGroup {
    inSync = java.util.Collections.unmodifiableSortedSet(new TreeSet<>(inSync));
    nodes = java.util.Collections.unmodifiableSortedMap(new TreeMap<>(nodes));
  }

  static BrokerGroup empty(String name) {
    return new BrokerGroup(name, 0, 0, "", 0, new TreeSet<>(), new TreeMap<>());
  }

  /** The number of a node, 0 if it is not known. */
  public long numberOf(String identity) {
    for (Map.Entry<Long, Node> node : nodes.entrySet()) {
      if (node.getValue().identity().equals(identity)) {
        return node.getKey();
      }
    }
    return 0;
  }

  BrokerGroup withNode(long number, Node node) {
    TreeMap<Long, Node> more = new TreeMap<>(nodes);
    more.put(number, node);
    return new BrokerGroup(name, epoch, master, incarnation, version, inSync, more);
  }

  BrokerGroup withInSync(SortedSet<Long> set) {
    return new BrokerGroup(name, epoch, master, incarnation, version + 1, set, nodes);
  }

  BrokerGroup elected(long newEpoch, long newMaster, String process, SortedSet<Long> set) {
    return new BrokerGroup(name, newEpoch, newMaster, process, version + 1, set, nodes);
  }

  /** As it is told, and kept in a snapshot. */
  JsonObject toJson() {
    JsonArray all = new JsonArray();
    nodes.forEach(
        (number, node) ->
            all.add(
                new JsonObject()
                    .put("node", number)
                    .put("identity", node.identity())
                    .put("boot", node.boot())
                    .put("replicationAt", node.replicationAt())
                    .put("address", node.address())));
    return new JsonObject()
        .put("name", name)
        .put("epoch", epoch)
        .put("master", master)
        .put("incarnation", incarnation)
        .put("version", version)
        .put("inSync", new JsonArray(List.copyOf(inSync)))
        .put("nodes", all);
  }

  static BrokerGroup fromJson(JsonObject json) {
    TreeMap<Long, Node> nodes = new TreeMap<>();
    JsonArray all = json.getJsonArray("nodes");
    for (int i = 0; i < all.size(); i++) {
      JsonObject node = all.getJsonObject(i);
      nodes.put(
          node.getLong("node"),
          new Node(
              node.getString("identity"),
              node.getString("boot"),
              node.getString("replicationAt"),
              node.getString("address")));
    }
    return new BrokerGroup(
        json.getString("name"),
        json.getLong("epoch"),
        json.getLong("master"),
        json.getString("incarnation"),
        json.getLong("version"),
        new TreeSet<>(longs(json.getJsonArray("inSync"))),
        nodes);
  }

  static List<Long> longs(JsonArray array) {
    List<Long> longs = new ArrayList<>();
    for (int i = 0; i < array.size(); i++) {
      longs.add(array.getLong(i));
    }
    return longs;
  }
}
