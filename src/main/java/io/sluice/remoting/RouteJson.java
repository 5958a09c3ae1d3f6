package io.sluice.remoting;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.TopicConfig;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The bodies of the NameServer's answers, as strict JSON: both generations of clients read quoted
 * numbers as keys. The member {@code topicQueueMappingByBroker} is left out on purpose; with it a
 * client takes the topic for a static one.
 *
 * <p>Source: Apache RocketMQ 5.5.0, TopicRouteData and ClusterInfo.
 */
final class RouteJson {

  private RouteJson() {}

  /**
   * TopicRouteData.
   *
   * @param permission for all queues, or -1 for that of each topic
   * @param order the ordered topic's configuration, or null
   */
  static byte[] route(Route route, int permission, String order) {
    JsonWriter out = new JsonWriter().open('{').name("brokerDatas").open('[');
    for (List<BrokerNode> nodes : byName(route.brokers()).values()) {
      brokerData(out, nodes);
    }
    out.close(']').name("filterServerTable").open('{').close('}');
    if (order != null) {
      out.field("orderTopicConf", order);
    }
    out.name("queueDatas").open('[');
    for (TopicRoute topic : route.topics()) {
      int queues = topic.config().queues();
      out.open('{')
          .field("brokerName", topic.brokerName())
          .field("perm", permission < 0 ? topic.config().permission() : permission)
          .field("readQueueNums", topic.config().readQueues())
          .field("topicSysFlag", 0)
          .field("writeQueueNums", queues)
          .close('}');
    }
    return out.close(']').close('}').toByteArray();
  }

  /** ClusterInfo. */
  static byte[] cluster(Cluster cluster) {
    JsonWriter out = new JsonWriter().open('{').name("brokerAddrTable").open('{');
    Map<String, TreeSet<String>> clusters = new TreeMap<>();
    for (Map.Entry<String, List<BrokerNode>> broker : byName(cluster.brokers()).entrySet()) {
      out.name(broker.getKey());
      brokerData(out, broker.getValue());
      clusters
          .computeIfAbsent(broker.getValue().get(0).cluster(), name -> new TreeSet<>())
          .add(broker.getKey());
    }
    out.close('}').name("clusterAddrTable").open('{');
    clusters.forEach((name, brokers) -> texts(out.name(name), brokers));
    return out.close('}').close('}').toByteArray();
  }

  /** TopicList. */
  static byte[] topicList(Collection<String> topics) {
    JsonWriter out = new JsonWriter().open('{').name("topicList");
    texts(out, topics);
    return out.close('}').toByteArray();
  }

  /** KVTable. */
  static byte[] table(Map<String, String> table) {
    JsonWriter out = new JsonWriter().open('{').name("table").open('{');
    table.forEach(out::field);
    return out.close('}').close('}').toByteArray();
  }

  /** GetBrokerMemberGroupResponseBody. */
  static byte[] memberGroup(String cluster, String brokerName, Map<Long, String> addresses) {
    JsonWriter out =
        new JsonWriter().open('{').name("brokerMemberGroup").open('{').name("brokerAddrs");
    out.open('{');
    addresses.forEach((id, address) -> out.field(Long.toString(id), address));
    return out.close('}')
        .field("brokerName", brokerName)
        .field("cluster", cluster)
        .close('}')
        .close('}')
        .toByteArray();
  }

  /**
   * RegisterBrokerBody.
   *
   * @param epoch of the Broker's log: of two masters of a name NameServers keep the newer
   *     (RouteInfoManager compares stateVersion, ReplicasManager puts the master's epoch there)
   */
  static byte[] registration(List<TopicConfig> topics, long version, long versionMs, long epoch) {
    JsonWriter out = new JsonWriter().open('{').name("filterServerList").open('[').close(']');
    out.name("topicConfigSerializeWrapper").open('{').name("dataVersion").open('{');
    out.field("counter", version).field("stateVersion", epoch).field("timestamp", versionMs);
    out.close('}').name("topicConfigTable").open('{');
    for (TopicConfig topic : topics) {
      out.name(topic.name()).open('{').name("attributes").open('{').close('}');
      out.field("order", topic.order())
          .field("perm", topic.permission())
          .field("readQueueNums", topic.readQueues())
          .field("topicFilterType", "SINGLE_TAG")
          .field("topicName", topic.name())
          .field("topicSysFlag", 0)
          .field("writeQueueNums", topic.queues())
          .close('}');
    }
    return out.close('}').close('}').close('}').toByteArray();
  }

  private static void texts(JsonWriter out, Collection<String> texts) {
    out.open('[');
    texts.forEach(out::value);
    out.close(']');
  }

  private static void brokerData(JsonWriter out, List<BrokerNode> nodes) {
    out.open('{').name("brokerAddrs").open('{');
    for (BrokerNode node : nodes) {
      out.field(Long.toString(node.brokerId()), node.address());
    }
    out.close('}')
        .field("brokerName", nodes.get(0).brokerName())
        .field("cluster", nodes.get(0).cluster())
        .field("enableActingMaster", false)
        .close('}');
  }

  private static Map<String, List<BrokerNode>> byName(List<BrokerNode> nodes) {
    Map<String, List<BrokerNode>> byName = new TreeMap<>();
    for (BrokerNode node : nodes) {
      byName.computeIfAbsent(node.brokerName(), name -> new java.util.ArrayList<>()).add(node);
    }
    return byName;
  }
}
