package io.sluice.app;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.replication.Adjustment;
import io.sluice.replication.Follower;
import io.sluice.replication.Master;
import io.sluice.replication.ReplicationOptions;
import io.sluice.store.FileAccess;
import io.sluice.store.Replication;
import io.sluice.store.StoreThreads;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.lang.System.Logger.Level;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * The Broker of a process with its replication: closes it and starts it again where a slave's data
 * must be adjusted, or a slave becomes the master. One thing after the other. Safe for any thread.
 */
final class BrokerUnit implements Follower.Owner {

  private static final System.Logger LOG = System.getLogger(BrokerUnit.class.getName());

  /** So long after a Broker did not start again, it is tried once more. */
  private static final long RETRY_MS = 5_000;

  private final Vertx vertx;
  private final SluiceOptions options;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final Metrics metrics;
  private final BrokerOptions broker;
  private final FileAccess files;
  private final StoreThreads threads;
  private final Context home;
  private Future<?> last = Future.succeededFuture();
  private volatile Master master;
  private volatile Replication replication = Replication.NONE;
  private String deployment;
  private boolean promoted;
  private boolean stopped;

  /**
   * A Broker; not started.
   *
   * @param broker its options, as a master
   * @param files all that the Broker and its replication read and write
   * @param threads where its store works
   */
  BrokerUnit(
      Vertx vertx,
      SluiceOptions options,
      Clock clock,
      LatencyRecorder latency,
      Metrics metrics,
      BrokerOptions broker,
      FileAccess files,
      StoreThreads threads) {
    this.vertx = vertx;
    this.files = files;
    this.threads = threads;
    this.options = options;
    this.clock = clock;
    this.latency = latency;
    this.metrics = metrics;
    this.broker = broker;
    home = ((VertxInternal) vertx).createEventLoopContext();
  }

  Future<Void> start() {
    return then(this::deploy);
  }

  Future<Void> stop() {
    return then(
        () -> {
          stopped = true;
          return undeploy();
        });
  }

  /** Port at which slaves come, -1 if none. */
  int replicationPort() {
    Master now = master;
    return now == null ? -1 : now.port();
  }

  /** What replicates the log of the Broker that was started last. */
  Replication replication() {
    return replication;
  }

  @Override
  public void adjust(Adjustment adjustment) {
    LOG.log(Level.INFO, "the Broker is started again to adjust its log: {0}", adjustment);
    then(() ->
            undeploy()
                .compose(
                    closed ->
                        vertx.<Void>executeBlocking(
                            () -> {
                              adjustment.apply();
                              return null;
                            }))
                .transform(
                    applied -> {
                      if (applied.failed()) {
                        LOG.log(Level.ERROR, "the log was not adjusted", applied.cause());
                      }
                      return deploy();
                    }))
        .onFailure(this::retry);
  }

  private void retry(Throwable failure) {
    LOG.log(
        Level.ERROR,
        "the Broker did not start again; it is tried once more in " + RETRY_MS + " ms",
        failure);
    vertx.setTimer(RETRY_MS, id -> then(this::deploy).onFailure(this::retry));
  }

  @Override
  public CompletionStage<Void> promote() {
    return then(() -> {
          promoted = true;
          return undeploy().transform(closed -> deploy());
        })
        .onFailure(this::retry)
        .toCompletionStage();
  }

  /** Does one thing after all that were asked for before. */
  private synchronized Future<Void> then(Supplier<Future<Void>> step) {
    Promise<Void> next = Promise.promise();
    Future<?> before = last;
    last = next.future();
    // On a context of its own: what a verticle deploys would be closed with it.
    before.onComplete(done -> home.runOnContext(nothing -> step.get().onComplete(next)));
    return next.future();
  }

  private Future<Void> undeploy() {
    String id = deployment;
    deployment = null;
    master = null;
    return id == null ? Future.succeededFuture() : vertx.undeploy(id);
  }

  private Future<Void> deploy() {
    if (stopped || deployment != null) {
      return Future.succeededFuture();
    }
    boolean follows = options.replication().follows() && !promoted;
    return vertx
        .executeBlocking(
            () -> {
              options.replication().check();
              BrokerOptions own = new BrokerOptions(broker);
              own.setBrokerId(follows ? options.replication().brokerId() : 0);
              replication = makeReplication(own, follows);
              return new BrokerVerticle(own, clock, latency, metrics, files, threads, replication);
            })
        .compose(vertx::deployVerticle)
        .map(
            id -> {
              deployment = id;
              return null;
            });
  }

  private Replication makeReplication(BrokerOptions own, boolean follows) {
    ReplicationConfig config = options.replication();
    ReplicationOptions all =
        new ReplicationOptions(
            own.getCluster(),
            own.getBrokerName(),
            own.getBrokerId(),
            own.getAdvertisedAddress(),
            own.getDirectory(),
            own.getStore(),
            options.host(),
            config.port(),
            follows ? config.masterHost() : null,
            follows ? config.masterPort() : 0,
            config.minInSync(),
            config.inSyncTimeout(),
            config.ackTimeout());
    if (follows) {
      return new Follower(vertx, files, all, clock, this);
    }
    // Who has had slaves goes on with its epochs, so that they can come again.
    if (config.port() < 0 && !promoted && !files.exists(own.getDirectory().resolve("epochs"))) {
      return Replication.NONE;
    }
    Master made = new Master(vertx, files, all, clock);
    master = made;
    return made;
  }
}
