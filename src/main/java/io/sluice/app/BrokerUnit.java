package io.sluice.app;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.controller.Agent;
import io.sluice.controller.Mastership;
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
import io.sluice.store.StoreException;
import io.sluice.store.StoreThreads;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * The Broker of a process with its replication: closes it and starts it again where a slave's data
 * must be adjusted, or a slave becomes the master. One thing after the other. Safe for any thread.
 *
 * <p>Where there are controllers they say what it is to be, from the start on: until they have said
 * so, no Broker runs here.
 */
final class BrokerUnit implements Follower.Owner, Agent.Broker {

  private static final System.Logger LOG = System.getLogger(BrokerUnit.class.getName());

  /** So long after a Broker did not start again, it is tried once more. */
  private static final long RETRY_MS = 5_000;

  /** An election takes less, where the controllers are there. */
  private static final long FIRST_ROLE_MS = 10_000;

  private final Vertx vertx;
  private final SluiceOptions options;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final Metrics metrics;
  private final BrokerOptions broker;
  private final FileAccess files;
  private final StoreThreads threads;
  private final Context loop;
  private final Context home;
  private Future<?> last = Future.succeededFuture();
  private volatile Master master;
  private volatile BrokerVerticle running;
  private volatile Replication replication = Replication.NONE;
  private volatile Follower follower;
  private volatile Agent.Position lastPosition = new Agent.Position(0, 0);
  private volatile Agent agent;

  /** What the controllers said last; null before, and where there are none. */
  private volatile Assignment wanted;

  private Assignment deployed;
  private String deployment;
  private boolean promoted;
  private boolean stopped;
  private boolean retrying;
  private ReplicationOptions.Security security;

  /**
   * A Broker; not started.
   *
   * @param broker its options, as a master
   * @param files all that the Broker and its replication read and write
   * @param threads where its store works
   * @param loop a context of the event loop that it shares; null for one of its own
   */
  BrokerUnit(
      Vertx vertx,
      SluiceOptions options,
      Clock clock,
      LatencyRecorder latency,
      Metrics metrics,
      BrokerOptions broker,
      FileAccess files,
      StoreThreads threads,
      Context loop) {
    this.vertx = vertx;
    this.files = files;
    this.threads = threads;
    this.options = options;
    this.clock = clock;
    this.latency = latency;
    this.metrics = metrics;
    this.broker = broker;
    this.loop = loop;
    home = ((VertxInternal) vertx).createEventLoopContext();
  }

  /**
   * What the controllers want this Broker to be.
   *
   * @param mastership null for a slave
   * @param masterAt of whom it follows
   */
  private record Assignment(Mastership mastership, long node, long epoch, String masterAt) {}

  Future<Void> start() {
    if (!options.controllers().elects()) {
      return then(this::deploy);
    }
    if (options.replication().followsRocketMq()) {
      return Future.failedFuture(
          new IllegalArgumentException(
              ConfigTable.REPLICATION_FROM_ROCKETMQ.name()
                  + " is set, and "
                  + ConfigTable.CONTROLLER_MEMBERS.name()
                  + " too: controllers would make it a master before it has what RocketMQ has; let it"
                  + " follow and promote it first, then give it controllers"));
    }
    return vertx
        .executeBlocking(
            () -> {
              long end = NodeIdentity.leastEnd(files, broker.getDirectory());
              long epoch = ReplicationOptions.lastEpoch(files, broker.getDirectory());
              lastPosition = new Agent.Position(epoch, end);
              return ControllerSetup.agent(files, options, broker);
            })
        .compose(
            set -> {
              Agent made = new Agent(vertx, set, clock, this);
              agent = made;
              made.start();
              return firstRole(made);
            });
  }

  /** A process is ready when its Broker is, or when it is clear that this takes longer. */
  private Future<Void> firstRole(Agent made) {
    Promise<Void> waited = Promise.promise();
    long timer = vertx.setTimer(FIRST_ROLE_MS, id -> waited.tryComplete());
    made.known()
        .compose(known -> then(Future::succeededFuture))
        .onComplete(
            done -> {
              vertx.cancelTimer(timer);
              waited.tryComplete();
            });
    return waited.future();
  }

  Future<Void> stop() {
    return then(() -> {
          stopped = true;
          return undeploy();
        })
        // Now nothing is acked here any more, and another may be the master at once.
        .eventually(() -> agent == null ? Future.succeededFuture() : agent.stop());
  }

  // What the controllers say.

  @Override
  public Agent.Position position() {
    Master leading = master;
    Follower following = follower;
    if (leading != null && leading.seenEpoch() > 0) {
      lastPosition = new Agent.Position(leading.seenEpoch(), leading.seenEnd());
    } else if (following != null && following.seenEnd() > 0) {
      lastPosition = new Agent.Position(following.seenEpoch(), following.seenEnd());
    }
    return lastPosition;
  }

  @Override
  public void lead(Mastership mastership) {
    assign(new Assignment(mastership, mastership.node(), mastership.epoch(), ""));
  }

  @Override
  public void follow(long node, long epoch, String masterAt) {
    assign(new Assignment(null, node, epoch, masterAt));
  }

  private void assign(Assignment assignment) {
    wanted = assignment;
    then(() ->
            wanted != assignment || assignment.equals(deployed)
                ? Future.succeededFuture()
                : undeploy().transform(closed -> deploy()))
        .onFailure(
            failure -> {
              if (assignment.mastership() != null) {
                giveUp(assignment.epoch(), failure);
              }
              retry(failure);
            });
  }

  private void giveUp(long epoch, Throwable failure) {
    boolean fenced =
        failure instanceof StoreException refusal && refusal.kind() == StoreException.Kind.FENCED;
    if (fenced) {
      agent.resign(epoch);
    } else {
      agent.rest(epoch);
    }
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

  /** What replicates the log of the Broker that runs now; {@link Replication#NONE} between two. */
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
    if (retrying) {
      return;
    }
    retrying = true;
    vertx.setTimer(
        RETRY_MS,
        id -> {
          retrying = false;
          then(this::deploy).onFailure(this::retry);
        });
  }

  @Override
  public CompletionStage<Void> promote() {
    if (options.controllers().elects()) {
      return Future.<Void>failedFuture(
              new StoreException(
                  StoreException.Kind.NOT_A_SLAVE,
                  "the controllers say who is the master; see sluice controller elect"))
          .toCompletionStage();
    }
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
    position();
    deployment = null;
    deployed = null;
    master = null;
    running = null;
    follower = null;
    replication = Replication.NONE;
    return id == null ? Future.succeededFuture() : vertx.undeploy(id);
  }

  private Future<Void> deploy() {
    boolean elects = options.controllers().elects();
    Assignment assignment = wanted;
    if (stopped || deployment != null || (elects && assignment == null)) {
      return Future.succeededFuture();
    }
    Replication[] made = new Replication[1];
    return vertx
        .executeBlocking(
            () -> {
              options.replication().check();
              boolean follows = elects ? assignment.mastership() == null : follows();
              BrokerOptions own = new BrokerOptions(broker);
              long id = elects ? assignment.node() : options.replication().brokerId();
              own.setBrokerId(follows ? id : 0);
              made[0] = makeReplication(own, follows, assignment);
              return new BrokerVerticle(own, clock, latency, metrics, files, threads, made[0]);
            })
        .compose(
            verticle ->
                vertx
                    .deployVerticle(loop == null ? verticle : new OnLoopOf(loop, verticle))
                    .map(
                        id -> {
                          deployment = id;
                          deployed = assignment;
                          running = verticle;
                          replication = made[0];
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

  private Replication makeReplication(BrokerOptions own, boolean follows, Assignment assignment)
      throws GeneralSecurityException, IOException {
    ReplicationConfig config = options.replication();
    if (assignment != null && follows) {
      config = config.following(assignment.masterAt());
    }
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
      Follower made = new Follower(vertx, files, all, clock, this);
      follower = made;
      return made;
    }
    // Who has had slaves goes on with its epochs, so that they can come again.
    if (assignment == null
        && config.port() < 0
        && !promoted
        && !files.exists(own.getDirectory().resolve("epochs"))) {
      return Replication.NONE;
    }
    Master made =
        new Master(
            vertx,
            files,
            all,
            clock,
            assignment == null ? null : new ElectedTenure(assignment.mastership()));
    master = made;
    return made;
  }
}
