package io.sluice.nameserver;

import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GatewayAlive;
import io.sluice.bus.NameServerRequest.GatewayNode;
import io.sluice.bus.NameServerRequest.NameServerNode;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The other NameServers and the gateways of the cluster, as they were heard of. Nothing is sent by
 * it but to people: who is missing here is missing in {@code GET /v1/cluster}. For one thread.
 */
final class Members {

  /** Four announcements may be lost, as with Brokers. */
  static final long EXPIRY_MS = 4 * NameServerRequest.ALIVE_MS;

  /** Of either kind. About 300 bytes each, and more processes than a cluster can have. */
  static final int MAX = 1_000;

  private final Map<String, Heard<NameServerNode>> nameServers = new HashMap<>();
  private final Map<String, Heard<GatewayNode>> gateways = new HashMap<>();

  /**
   * Notes a NameServer.
   *
   * @param nodeId the process that said it; null if it is this one, or there is no cluster
   * @return whether there was room for it
   */
  boolean put(String nodeId, String nameServerId, long nowMs) {
    NameServerNode node = new NameServerNode(nameServerId, nowMs);
    return put(nameServers, nameServerId, new Heard<>(nodeId, nowMs, node));
  }

  /** As the other, a gateway. */
  boolean put(String nodeId, GatewayAlive alive, long nowMs) {
    GatewayNode node =
        new GatewayNode(alive.id(), alive.address(), alive.sockets(), alive.waiting(), nowMs);
    return put(gateways, alive.id(), new Heard<>(nodeId, nowMs, node));
  }

  private static <T> boolean put(Map<String, Heard<T>> all, String id, Heard<T> heard) {
    if (all.size() >= MAX && !all.containsKey(id)) {
      return false;
    }
    all.put(id, heard);
    return true;
  }

  /** Forgets a process that is gone. */
  void remove(String nodeId) {
    nameServers.values().removeIf(heard -> nodeId.equals(heard.nodeId));
    gateways.values().removeIf(heard -> nodeId.equals(heard.nodeId));
  }

  /** Forgets who has been silent since before this time. */
  void expire(long silentSinceMs) {
    nameServers.values().removeIf(heard -> heard.atMs < silentSinceMs);
    gateways.values().removeIf(heard -> heard.atMs < silentSinceMs);
  }

  /** What is known of Brokers and topics, and these. */
  Cluster addTo(Cluster cluster) {
    List<NameServerNode> others =
        nameServers.values().stream()
            .map(Heard::node)
            .filter(node -> !node.id().equals(cluster.nameServerId()))
            .sorted(Comparator.comparing(NameServerNode::id))
            .toList();
    List<GatewayNode> fronts =
        gateways.values().stream()
            .map(Heard::node)
            .sorted(Comparator.comparing(GatewayNode::address).thenComparing(GatewayNode::id))
            .toList();
    return new Cluster(cluster.nameServerId(), cluster.brokers(), cluster.topics(), others, fronts);
  }

  private record Heard<T>(String nodeId, long atMs, T node) {}
}
