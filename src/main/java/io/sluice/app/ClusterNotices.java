package io.sluice.app;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.ClusterNotice;
import io.sluice.cluster.Cluster;
import io.sluice.cluster.ClusterOptions;
import io.sluice.cluster.MembershipListener;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;

/** Tells the parts of this process, on its own event bus, who joins the cluster and who leaves. */
final class ClusterNotices implements MembershipListener {

  private static final long TIMEOUT_MS = 1_000;

  private volatile Vertx vertx;

  private ClusterNotices() {}

  /** Joins the cluster as {@link Cluster#join}, with an event bus that carries the contract. */
  static Future<Cluster> join(ClusterOptions options, VertxOptions vertxOptions) {
    ClusterNotices notices = new ClusterNotices();
    return Cluster.join(options, vertxOptions, notices).map(notices::begin);
  }

  /** From now on there is an event bus; what was before, nobody could have heard. */
  private Cluster begin(Cluster cluster) {
    BusCodec.register(cluster.vertx());
    ClusterNode.set(cluster.vertx(), cluster.nodeId());
    vertx = cluster.vertx();
    return cluster;
  }

  @Override
  public void changed(String nodeId, boolean joined) {
    Vertx bus = vertx;
    if (bus != null) {
      bus.eventBus()
          .publish(
              Addresses.membership(),
              new ClusterNotice.MemberChanged(nodeId, joined),
              BusCodec.options(TIMEOUT_MS).setLocalOnly(true));
    }
  }
}
