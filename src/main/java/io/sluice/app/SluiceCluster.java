package io.sluice.app;

import io.sluice.client.SluiceClient;
import io.sluice.cluster.Cluster;
import io.sluice.cluster.ClusterOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.util.List;

/**
 * The membership of a Vert.x application in a cluster of Sluices: the application's event bus is
 * joined to theirs, and its client sends and receives at all Brokers, whichever of them come and
 * go. The application takes no other part: nothing is stored in it, and no port is opened but the
 * three of a member.
 *
 * <p>Safe for any thread. Futures complete on a thread of its Vert.x.
 */
public final class SluiceCluster {

  private final Cluster cluster;
  private final SluiceClient client;

  private SluiceCluster(Cluster cluster) {
    this.cluster = cluster;
    client = SluiceClient.create(cluster.vertx());
  }

  /** Joins with a Vert.x of the default options. */
  public static Future<SluiceCluster> join(ClusterOptions options) {
    return join(options, new VertxOptions());
  }

  /**
   * Joins. Blocks for some time before it returns: not for an event loop.
   *
   * @param options name, secret and hosts as the servers have them; the host is this machine's, the
   *     port any that is free with the two after it
   * @param vertxOptions those of the Vert.x that is made; the ones of the event bus are overwritten
   * @return the membership; fails with a {@link StartException} and leaves nothing behind
   */
  public static Future<SluiceCluster> join(ClusterOptions options, VertxOptions vertxOptions) {
    ClusterOptions own = new ClusterOptions(options);
    return ClusterNotices.join(own, vertxOptions)
        .map(SluiceCluster::new)
        .recover(failure -> Future.failedFuture(StartFailures.cluster(own, failure)));
  }

  /** The client of this membership; it ends with it. */
  public SluiceClient client() {
    return client;
  }

  /** The Vert.x that is a member, for the application's own verticles. */
  public Vertx vertx() {
    return cluster.vertx();
  }

  /** Names of all processes that are members as seen from here. */
  public List<String> members() {
    return cluster.members();
  }

  /** Closes the client, then leaves and closes the Vert.x. */
  public Future<Void> close() {
    return client.close().eventually(cluster.vertx()::close);
  }
}
