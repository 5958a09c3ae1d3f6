package io.sluice.cluster;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.spi.cluster.ClusterManager;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.util.List;

/**
 * Joins this process's event bus to those of the others. The one place that knows which cluster
 * manager that is.
 */
public final class Cluster {

  /** An unanswered ping of the event bus closes the connection, so that it is opened anew. */
  private static final long PING_INTERVAL_MS = 5_000;

  private static final long PING_REPLY_MS = 5_000;

  private static final int CONNECT_TIMEOUT_MS = 3_000;

  private final Infinispan infinispan;
  private final ClusterManager manager;
  private final Vertx vertx;

  private Cluster(Infinispan infinispan, ClusterManager manager, Vertx vertx) {
    this.infinispan = infinispan;
    this.manager = manager;
    this.vertx = vertx;
  }

  /**
   * Makes a Vert.x that is a member of the cluster; closing it leaves. Blocks for some time before
   * it returns: not for an event loop.
   *
   * @param vertxOptions those of the Vert.x; the ones of the event bus are overwritten
   * @param membership is told who comes and goes, from the start on
   */
  public static Future<Cluster> join(
      ClusterOptions options, VertxOptions vertxOptions, MembershipListener membership) {
    try {
      ClusterTls tls = options.hasSecret() ? new ClusterTls(options) : null;
      Infinispan infinispan = new Infinispan(options, tls);
      ClusterManager manager =
          new HealingClusterManager(
              infinispan.manager(), infinispan::start, infinispan::stop, membership);
      return Vertx.builder()
          .with(new VertxOptions(vertxOptions).setEventBusOptions(eventBus(options, tls)))
          .withClusterManager(manager)
          .buildClustered()
          .map(vertx -> new Cluster(infinispan, manager, vertx));
    } catch (Exception e) {
      return Future.failedFuture(e);
    }
  }

  private static EventBusOptions eventBus(ClusterOptions options, ClusterTls tls)
      throws GeneralSecurityException, IOException {
    EventBusOptions bus =
        new EventBusOptions()
            .setHost(options.getHost())
            .setPort(options.busPort())
            .setClusterPingInterval(PING_INTERVAL_MS)
            .setClusterPingReplyInterval(PING_REPLY_MS)
            .setConnectTimeout(CONNECT_TIMEOUT_MS)
            .setTcpNoDelay(true);
    if (tls != null) {
      new SecretTls(tls).applyToBoth(bus);
      bus.setClientAuth(ClientAuth.REQUIRED);
    }
    return bus;
  }

  /** The Vert.x that is a member. */
  public Vertx vertx() {
    return vertx;
  }

  /** For tests that cut it off. */
  Infinispan infinispan() {
    return infinispan;
  }

  /** Names of all processes that are members as seen from here. */
  public List<String> members() {
    return manager.getNodes();
  }

  /** How the event bus names this process. */
  public String nodeId() {
    return manager.getNodeId();
  }
}
