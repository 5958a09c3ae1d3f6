package io.sluice.app;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.ClusterNotice;
import io.sluice.cluster.MembershipListener;
import io.vertx.core.Vertx;

/** Tells the parts of this process, on its own event bus, who joins the cluster and who leaves. */
final class ClusterNotices implements MembershipListener {

  private static final long TIMEOUT_MS = 1_000;

  private volatile Vertx vertx;

  /** From now on there is an event bus; what was before, nobody could have heard. */
  void begin(Vertx clustered, String nodeId) {
    ClusterNode.set(clustered, nodeId);
    vertx = clustered;
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
