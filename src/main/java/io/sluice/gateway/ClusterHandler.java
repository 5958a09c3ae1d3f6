package io.sluice.gateway;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GatewayNode;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.NameServerRequest.NameServerNode;
import io.sluice.gateway.Masters.Answer;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;

/** What there is: NameServers, Brokers, gateways. Static; each call is owned by its event loop. */
final class ClusterHandler {

  private ClusterHandler() {}

  /** GET /v1/cluster. */
  static void get(Call call) {
    call.checkPlain();
    Future<Cluster> cluster = call.loop.brokers.nameServer(new GetCluster());
    Future<List<Answer<BrokerInfo>>> infos =
        Masters.<BrokerInfo>any(call.loop, new AdminRequest.GetBroker())
            .recover(none -> Future.succeededFuture(List.of()));
    call.await(
        cluster.compose(known -> infos.map(found -> Map.entry(known, found))),
        both -> call.json(200, out -> writeCluster(out, call, both.getKey(), both.getValue())));
  }

  private static void writeCluster(
      JsonText out, Call call, Cluster cluster, List<Answer<BrokerInfo>> infos) {
    writeNameServers(out.raw("{\"nameServers\":["), call, cluster);
    out.raw("],\"brokers\":[");
    boolean first = true;
    for (BrokerNode node : cluster.brokers()) {
      out.raw(first ? "{" : ",{").name("name").string(node.brokerName());
      first = false;
      out.next("cluster").string(node.cluster()).next("id").number(node.brokerId());
      out.next("role").string(node.brokerId() == 0 ? "master" : "slave");
      out.next("address").string(node.address()).next("lastSeen").number(node.lastSeenMs());
      out.next("epoch").number(node.epoch());
      if (node.brokerId() == 0 && node.epoch() > 0) {
        writeInSync(out, node.inSync());
      }
      for (Answer<BrokerInfo> info : infos) {
        if (node.brokerId() == 0 && info.broker().equals(node.brokerName())) {
          writeInfo(out, info.value());
        }
      }
      out.raw('}');
    }
    writeGateways(out.raw("],\"gateways\":["), call, cluster);
    out.raw("]}");
  }

  /** The one that answers first, then the others that it has heard of. */
  private static void writeNameServers(JsonText out, Call call, Cluster cluster) {
    writeNameServer(out, new NameServerNode(cluster.nameServerId(), call.loop.clock.nowMs()));
    for (NameServerNode other : cluster.nameServers()) {
      writeNameServer(out.raw(","), other);
    }
  }

  private static void writeNameServer(JsonText out, NameServerNode node) {
    out.raw("{").name("id").string(node.id());
    out.next("lastSeen").number(node.lastSeenMs()).raw('}');
  }

  /** This one as it is now, then the others with what they said last. */
  private static void writeGateways(JsonText out, Call call, Cluster cluster) {
    Gateway own = call.loop.gateway;
    int sockets = own.sockets().get();
    int waiting = own.waiting().get();
    writeGateway(
        out, new GatewayNode(own.id(), own.address(), sockets, waiting, call.loop.clock.nowMs()));
    for (GatewayNode other : cluster.gateways()) {
      if (!other.id().equals(own.id())) {
        writeGateway(out.raw(","), other);
      }
    }
  }

  private static void writeGateway(JsonText out, GatewayNode node) {
    out.raw("{").name("address").string(node.address());
    out.next("sockets").number(node.sockets()).next("waiting").number(node.waiting());
    out.next("lastSeen").number(node.lastSeenMs()).raw('}');
  }

  /** Broker ids of the slaves in sync; the master, 0, is one of the set. */
  private static void writeInSync(JsonText out, List<Long> slaves) {
    out.next("inSync").raw("[0");
    slaves.forEach(id -> out.raw(",").number(id));
    out.raw(']');
  }

  private static void writeInfo(JsonText out, BrokerInfo info) {
    out.next("writable").bool(info.writable());
    if (info.reason() != null) {
      out.next("reason").string(info.reason());
    }
    out.next("minPhysicalOffset").number(info.minPhysicalOffset());
    out.next("maxPhysicalOffset").number(info.maxPhysicalOffset());
    out.next("forcedPhysicalOffset").number(info.forcedPhysicalOffset());
    out.next("messagesIn").number(info.messagesIn());
    out.next("messagesOut").number(info.messagesOut());
    out.next("waitingReceives").number(info.waitingReceives());
    out.next("leasesInFlight").number(info.leasesInFlight());
    out.next("duplicates").number(info.duplicates());
    out.next("duplicateEntries").number(info.duplicateEntries());
  }
}
