package io.sluice.app;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.replication.Adjustment;
import io.sluice.replication.Follower;
import io.sluice.replication.Master;
import io.sluice.replication.ReplicationOptions;
import io.sluice.replication.RocketMqFiles;
import io.sluice.replication.RocketMqFollower;
import io.sluice.store.FileAccess;
import io.sluice.store.Replication;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.time.Duration;
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
  private final Context home;
  private Future<?> last = Future.succeededFuture();
  private volatile Master master;
  private volatile BrokerVerticle running;
  private String deployment;
  private boolean promoted;
  private boolean stopped;
  private ReplicationOptions.Security security;

  /**
   * A Broker; not started.
   *
   * @param broker its options, as a master
   */
  BrokerUnit(
      Vertx vertx,
      SluiceOptions options,
      Clock clock,
      LatencyRecorder latency,
      Metrics metrics,
      BrokerOptions broker) {
    this.vertx = vertx;
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

  /** As {@link BrokerVerticle#leave}; nothing if no Broker runs now. */
  Future<Void> leave(Duration wait, boolean needsSlave) {
    BrokerVerticle now = running;
    return now == null ? Future.succeededFuture() : now.leave(wait, needsSlave);
  }

  /** As {@link BrokerVerticle#refuseSends}; nothing if no Broker runs now. */
  Future<Void> refuseSends() {
    BrokerVerticle now = running;
    return now == null ? Future.succeededFuture() : now.refuseSends();
  }

  /** Port at which slaves come, -1 if none. */
  int replicationPort() {
    Master now = master;
    return now == null ? -1 : now.port();
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
          return undeploy().transform(closed -> takeOver()).compose(done -> deploy());
        })
        .onFailure(this::retry)
        .toCompletionStage();
  }

  /** A slave of RocketMQ makes its data Sluice's own; if that fails it goes on as a slave. */
  private Future<Void> takeOver() {
    if (!options.replication().followsRocketMq()) {
      return Future.succeededFuture();
    }
    return vertx
        .<Void>executeBlocking(
            () -> {
              RocketMqTakeOver.run(broker, options.delayLevelsMs(), clock);
              return null;
            })
        .onFailure(failure -> promoted = false);
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
    running = null;
    return id == null ? Future.succeededFuture() : vertx.undeploy(id);
  }

  private Future<Void> deploy() {
    if (stopped || deployment != null) {
      return Future.succeededFuture();
    }
    return vertx
        .executeBlocking(
            () -> {
              options.replication().check();
              boolean follows = follows();
              BrokerOptions own = new BrokerOptions(broker);
              own.setBrokerId(follows ? options.replication().brokerId() : 0);
              return new BrokerVerticle(
                  own, clock, latency, metrics, FileAccess.system(), replication(own, follows));
            })
        .compose(
            verticle ->
                vertx
                    .deployVerticle(verticle)
                    .map(
                        id -> {
                          deployment = id;
                          running = verticle;
                          return null;
                        }));
  }

  private boolean follows() {
    if (promoted || !options.replication().follows()) {
      return false;
    }
    RocketMqFiles files = new RocketMqFiles(broker.getDirectory());
    if (options.replication().followsRocketMq() && files.isTakenOver()) {
      LOG.log(
          Level.WARNING,
          "{0} was promoted and follows {1} no more: it is the master of {2}. Remove {3}",
          broker.getDirectory(),
          options.replication().fromRocketMq(),
          broker.getBrokerName(),
          ConfigTable.REPLICATION_FROM_ROCKETMQ.name());
      promoted = true;
      return false;
    }
    return true;
  }

  /** Made once: the key is stretched, which takes a part of a second. */
  private ReplicationOptions.Security security() throws GeneralSecurityException, IOException {
    if (security == null) {
      String secret = options.clusterSecret();
      security =
          secret.isEmpty() ? ReplicationOptions.Security.NONE : new SecretConnections(options);
    }
    return security;
  }

  private Replication replication(BrokerOptions own, boolean follows)
      throws GeneralSecurityException, IOException {
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
            config.ackTimeout(),
            security());
    if (follows && config.followsRocketMq()) {
      return new RocketMqFollower(
          vertx,
          all,
          clock,
          this,
          new RocketMqPort(vertx, config.masterHost(), config.masterPort()));
    }
    if (follows) {
      return new Follower(vertx, all, clock, this);
    }
    // Who has had slaves goes on with its epochs, so that they can come again.
    if (config.port() < 0 && !promoted && !Files.exists(own.getDirectory().resolve("epochs"))) {
      return Replication.NONE;
    }
    Master made = new Master(vertx, all, clock);
    master = made;
    return made;
  }
}
