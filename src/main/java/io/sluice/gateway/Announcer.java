package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.GatewayAlive;
import io.vertx.core.Vertx;

/**
 * Tells every NameServer of a cluster that a gateway lives. In a process that is in no cluster
 * there is nobody to tell, and nothing is done. What ends it is silence, or the end of the process.
 * Safe for any thread.
 */
final class Announcer {

  private static final long TIMEOUT_MS = 3_000;

  private final Vertx vertx;
  private final Gateway gateway;
  private volatile long timer = -1;

  Announcer(Vertx vertx, Gateway gateway) {
    this.vertx = vertx;
    this.gateway = gateway;
  }

  /** Once the port is open. */
  void start() {
    if (vertx.isClustered()) {
      timer = vertx.setPeriodic(0, NameServerRequest.ALIVE_MS, ignored -> announce());
    }
  }

  void stop() {
    vertx.cancelTimer(timer);
  }

  private void announce() {
    GatewayAlive alive =
        new GatewayAlive(
            gateway.id(), gateway.address(), gateway.sockets().get(), gateway.waiting().get());
    vertx
        .eventBus()
        .publish(
            Addresses.nameServers(), alive, ClusterNode.sign(vertx, BusCodec.options(TIMEOUT_MS)));
  }
}
