package io.sluice.app;

import io.sluice.app.SluiceOptions.Role;
import io.sluice.broker.BrokerOptions;
import io.sluice.broker.RocketMqImport;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.controller.ControllerVerticle;
import io.sluice.gateway.DrainOrder;
import io.sluice.gateway.Gateway;
import io.sluice.metrics.Latencies;
import io.sluice.metrics.MetricRegistry;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.remoting.BrokerFrontVerticle;
import io.sluice.remoting.NameServerFrontVerticle;
import io.sluice.remoting.RemoteNameServersVerticle;
import io.sluice.store.FileAccess;
import io.sluice.store.StoreThreads;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A whole server in this process: NameServer, Broker and fronts, deployed in this order and closed
 * in reverse.
 *
 * <p>Any number may run in one JVM, each with its own Vert.x and its own data directory. On a
 * Vert.x that is passed in only one server may run at a time, since Brokers are addressed by name
 * on its event bus.
 *
 * <p>Safe for any thread. Futures complete on a thread of the server's Vert.x.
 */
public final class Sluice {

  private static final System.Logger LOG = System.getLogger(Sluice.class.getName());

  /**
   * With so few event loops the Broker shares one with the front of RocketMQ clients, see decision
   * 0040: a loop each would only have them wake each other.
   */
  private static final int FEW_LOOPS = 2;

  private final Clock clock = Clock.system();
  private final Latencies latencies = new Latencies(clock);
  private final MetricRegistry metrics = new MetricRegistry();
  private final Vertx vertx;
  private final SluiceOptions options;
  private final FileAccess files;
  // Written while the server starts, by one step after the other; read only afterwards.
  private final Deque<Supplier<Future<Void>>> closers = new ArrayDeque<>();
  private String nameServerId = NameServerOptions.DEFAULT_ID;
  private BrokerUnit broker;
  private int controllerPort = -1;
  private int httpPort = -1;
  private int nameServerPort = -1;
  private int brokerPort = -1;
  private long recoveredMs = -1;
  private final Promise<Void> closed = Promise.promise();
  private volatile Future<Void> closing;
  private volatile DrainOptions drainOrder;
  private Future<Void> leaving;
  private Future<Void> draining;

  private Sluice(Vertx vertx, SluiceOptions options, FileAccess files) {
    this.vertx = vertx;
    this.options = options;
    this.files = files;
  }

  /**
   * Starts a server on a Vert.x of its own, which is closed with it.
   *
   * @return the server when all listeners are open and the store is recovered; fails with a {@link
   *     StartException} and leaves nothing behind
   */
  public static Future<Sluice> start(SluiceOptions options) {
    return start(options, FileAccess.system());
  }

  /**
   * As {@link #start(SluiceOptions)}.
   *
   * @param files all that the Broker and its replication read and write
   */
  static Future<Sluice> start(SluiceOptions options, FileAccess files) {
    if (options.cluster() != null) {
      return startInCluster(new SluiceOptions(options), files);
    }
    Vertx vertx = Vertx.vertx(vertxOptions(options));
    BusCodec.register(vertx);
    Sluice sluice = new Sluice(vertx, new SluiceOptions(options), files);
    sluice.closers.push(vertx::close);
    return sluice.start();
  }

  private static Future<Sluice> startInCluster(SluiceOptions options, FileAccess files) {
    return ClusterNotices.join(options.cluster(), vertxOptions(options))
        .recover(
            failure ->
                Future.failedFuture(StartFailures.cluster(options.cluster().getHost(), failure)))
        .compose(
            cluster -> {
              Sluice sluice = new Sluice(cluster.vertx(), options, files);
              sluice.nameServerId = cluster.nodeId();
              sluice.closers.push(cluster.vertx()::close);
              return sluice.start();
            });
  }

  /**
   * Starts a server on a Vert.x that stays open when the server is closed.
   *
   * @return as {@link #start(SluiceOptions)}
   */
  public static Future<Sluice> start(Vertx vertx, SluiceOptions options) {
    BusCodec.register(vertx);
    return new Sluice(vertx, new SluiceOptions(options), FileAccess.system()).start();
  }

  private static VertxOptions vertxOptions(SluiceOptions options) {
    long blockedMs = options.blockedWarning().toMillis();
    return new VertxOptions()
        .setPreferNativeTransport(true)
        .setEventLoopPoolSize(eventLoops(options))
        .setWorkerPoolSize(options.workers())
        .setMaxEventLoopExecuteTime(blockedMs)
        .setMaxEventLoopExecuteTimeUnit(TimeUnit.MILLISECONDS)
        // Often enough to see what is a little longer, and with what holds it from the first time.
        .setBlockedThreadCheckInterval(Math.max(10, Math.min(1_000, blockedMs / 4)))
        .setBlockedThreadCheckIntervalUnit(TimeUnit.MILLISECONDS)
        .setWarningExceptionTime(blockedMs)
        .setWarningExceptionTimeUnit(TimeUnit.MILLISECONDS)
        .setFileSystemOptions(
            new FileSystemOptions()
                .setFileCachingEnabled(false)
                .setClassPathResolvingEnabled(false));
  }

  /** Two at least; more only where there are processors. */
  private static int eventLoops(SluiceOptions options) {
    return options.eventLoops() > 0
        ? options.eventLoops()
        : Math.max(2, Runtime.getRuntime().availableProcessors());
  }

  private Future<Sluice> start() {
    return Future.<Void>succeededFuture()
        .compose(ifRole(Role.CONTROLLER, this::startController))
        .compose(ifRole(Role.NAMESERVER, this::startNameServer))
        .compose(ifRole(Role.BROKER, this::startBroker))
        .compose(ifRole(Role.GATEWAY, this::startGateway))
        .map(this)
        .recover(
            failure -> close().transform(closed -> Future.failedFuture(StartFailures.of(failure))));
  }

  private Function<Void, Future<Void>> ifRole(Role role, Supplier<Future<Void>> step) {
    Set<Role> roles = options.roles();
    boolean beside =
        role == Role.CONTROLLER
            && roles.contains(Role.NAMESERVER)
            && options.controllers().enabled();
    return done -> roles.contains(role) || beside ? step.get() : Future.succeededFuture();
  }

  private Future<Void> startController() {
    ControllerConfig config = options.controllers();
    String warning = config.warning();
    if (warning != null) {
      LOG.log(System.Logger.Level.WARNING, warning);
    }
    return vertx
        .executeBlocking(() -> ControllerSetup.controller(options))
        .compose(
            controller ->
                listening(
                    ConfigTable.CONTROLLER_PORT,
                    config.port(),
                    deploy(new ControllerVerticle(controller, clock))))
        .onSuccess(deployed -> controllerPort = config.port())
        .mapEmpty();
  }

  private Future<Void> startNameServer() {
    NameServerFrontVerticle front =
        new NameServerFrontVerticle(options.remotingOptions(nameServerId));
    return deploy(new NameServerVerticle(new NameServerOptions().setId(nameServerId), clock))
        .compose(
            deployed ->
                listening(ConfigTable.NAMESERVER_PORT, options.nameServerPort(), deploy(front)))
        .onSuccess(deployed -> nameServerPort = front.port())
        .mapEmpty();
  }

  /**
   * The front's listener opens first, since the Broker has to be told its port; until the Broker is
   * there, the front answers "not available". It also closes first.
   */
  private Future<Void> startBroker() {
    return vertx
        .executeBlocking(() -> RocketMqImport.isRocketMqStore(options.dataDirectory()))
        .compose(foreign -> foreign ? Future.failedFuture(foreignStore()) : startOwnBroker());
  }

  private StartException foreignStore() {
    return new StartException(
        ExitCode.USAGE,
        options.dataDirectory()
            + " is a store of RocketMQ; take it over with: sluice import "
            + options.dataDirectory()
            + " --data DIR, and start with --data DIR",
        null);
  }

  private Future<Void> startOwnBroker() {
    BrokerFrontVerticle front =
        new BrokerFrontVerticle(options.remotingOptions(nameServerId), latencies);
    return listening(ConfigTable.BROKER_PORT, options.brokerPort(), deploy(front))
        .compose(
            deployed -> {
              brokerPort = front.port();
              return startRemoteNameServers();
            })
        .compose(
            deployed ->
                deployBroker(
                    options.brokerOptions(front.advertisedAddress(), front.storeHost()),
                    eventLoops(options) <= FEW_LOOPS ? front.context() : null))
        .mapEmpty();
  }

  /** Before the Broker, so that they hear of it at once; closed after it, so that it can leave. */
  private Future<Void> startRemoteNameServers() {
    if (options.nameServers().isEmpty()) {
      return Future.succeededFuture();
    }
    for (String address : options.nameServers()) {
      if (!address.matches(".+:[0-9]{1,5}")) {
        return Future.failedFuture(
            new IllegalArgumentException(
                ConfigTable.BROKER_NAMESERVERS.name()
                    + " has '"
                    + address
                    + "'; allowed is host:port, several parted by commas or semicolons"));
      }
    }
    Supplier<Future<Void>> frontCloser = closers.pop();
    return deploy(
            new RemoteNameServersVerticle(
                options.nameServers(), options.remotingOptions(nameServerId), clock))
        .onComplete(done -> closers.push(frontCloser))
        .mapEmpty();
  }

  private Future<Void> deployBroker(BrokerOptions brokerOptions, Context loop) {
    Supplier<Future<Void>> frontCloser = closers.pop();
    long startNs = System.nanoTime();
    broker =
        new BrokerUnit(
            vertx,
            options,
            clock,
            latencies,
            metrics,
            brokerOptions,
            files,
            StoreThreads.system(),
            loop);
    closers.push(() -> broker.stop().compose(stopped -> handOver()));
    return broker
        .start()
        .onSuccess(deployed -> recoveredMs = (System.nanoTime() - startNs) / 1_000_000)
        .onComplete(done -> closers.push(frontCloser));
  }

  private Future<Void> startGateway() {
    Gateway gateway =
        new Gateway(
            vertx,
            options.gatewayOptions(),
            clock,
            latencies,
            metrics,
            new BrokerDirectory(vertx, clock));
    gateway.onDrain(this::drainInBackground);
    int loops = eventLoops(options);
    return listening(ConfigTable.HTTP_PORT, options.httpPort(), gateway.start(loops))
        .onSuccess(
            started -> {
              closers.push(gateway::stop);
              httpPort = gateway.actualPort();
            })
        .mapEmpty();
  }

  private Future<String> deploy(Deployable part) {
    return vertx.deployVerticle(part).onSuccess(id -> closers.push(() -> vertx.undeploy(id)));
  }

  /** Says of a listener that did not open which one it is and what to do. */
  private <T> Future<T> listening(ConfigKey key, int port, Future<T> opened) {
    return opened.recover(
        failure -> Future.failedFuture(StartFailures.listener(key, options.host(), port, failure)));
  }

  /**
   * Stops in reverse order: the fronts take nothing more, the Broker answers what it has taken, the
   * store is forced and closed. Calling it again gives the same future.
   */
  public synchronized Future<Void> close() {
    if (closing == null) {
      Future<Void> chain = Future.succeededFuture();
      for (Supplier<Future<Void>> closer : closers) {
        chain = chain.transform(ignored -> closer.get().otherwise(Sluice::logged));
      }
      closing = chain;
      // Vert.x may be closed by then, and with it the threads that would tell.
      chain.onComplete(done -> closed.tryComplete());
    }
    return closing;
  }

  private static Void logged(Throwable failure) {
    LOG.log(System.Logger.Level.WARNING, "a part did not close cleanly", failure);
    return null;
  }

  /**
   * Leaves in peace and closes: routes say that nothing is to be sent here; after the grace sends
   * are refused with an error that clients retry elsewhere, sockets are told to go, the slaves get
   * the rest of the log, and the slave that was named becomes the master. Of several calls the
   * first one counts.
   *
   * @return completes when it is closed; fails, and nothing has changed, if a slave is to take over
   *     and none is in sync
   */
  public Future<Void> drain(DrainOptions order) {
    return leave(order).compose(begun -> finishDrain());
  }

  /** The first step: completes when it has begun. */
  private synchronized Future<Void> leave(DrainOptions order) {
    if (order.to() != null && options.controllers().elects()) {
      return Future.failedFuture(
          new SluiceException(
              ErrorCode.INVALID_ARGUMENT,
              "to: the controllers elect the next master; leave it out"));
    }
    if (leaving == null || leaving.failed()) {
      drainOrder = order;
      leaving =
          broker == null
              ? Future.succeededFuture()
              : broker.leave(order.timeout(), order.to() != null);
    }
    return leaving;
  }

  private synchronized Future<Void> finishDrain() {
    if (draining == null) {
      // Of no context: Vert.x may be closed when it completes.
      Promise<Void> done = Promise.promise();
      draining = done.future();
      long graceMs = drainOrder.grace().toMillis();
      Future<?> waited =
          graceMs == 0 ? Future.succeededFuture() : vertx.timer(graceMs, TimeUnit.MILLISECONDS);
      waited
          .compose(over -> broker == null ? Future.succeededFuture() : broker.refuseSends())
          .onComplete(refused -> close().onComplete(done));
    }
    return draining;
  }

  /** What an operator asks for over HTTP: answered when it has begun, done in the background. */
  private Future<Void> drainInBackground(DrainOrder request) {
    return leave(DrainOptions.of(request, options)).onSuccess(begun -> finishDrain());
  }

  private Future<Void> handOver() {
    DrainOptions order = drainOrder;
    if (order == null || order.to() == null) {
      return Future.succeededFuture();
    }
    return vertx.executeBlocking(
        () -> {
          HandOver.promote(order, options.brokerName());
          return null;
        });
  }

  /** Completes when it is closed, whoever asked for it. */
  public Future<Void> whenClosed() {
    return closed.future();
  }

  /** The Vert.x it runs on. */
  public Vertx vertx() {
    return vertx;
  }

  /** Port of the HTTP and WebSocket front; -1 if it does not run here. */
  public int httpPort() {
    return httpPort;
  }

  /** Port of the NameServer for RocketMQ clients; -1 if it does not run here. */
  public int nameServerPort() {
    return nameServerPort;
  }

  /** Port of the Broker for RocketMQ clients; -1 if it does not run here. */
  public int brokerPort() {
    return brokerPort;
  }

  /** Port at which the Broker takes slaves; -1 if it takes none. */
  public int replicationPort() {
    return broker == null ? -1 : broker.replicationPort();
  }

  /** Port at which the controller takes Brokers; -1 if none runs here. */
  public int controllerPort() {
    return controllerPort;
  }

  /** How long the store took to recover in milliseconds; -1 if no Broker runs here. */
  public long recoveredMs() {
    return recoveredMs;
  }
}
