package io.sluice.gateway;

import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.Latencies;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.MetricRegistry;
import io.sluice.util.Clock;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The HTTP and WebSocket front of one process: several {@link GatewayVerticle}s, one on each event
 * loop, that share a port. It holds no state of a consumer; any call works at any gateway.
 *
 * <p>Safe for any thread. {@link BusCodec#register} must have been called on the Vert.x instance.
 */
public final class Gateway {

  private static final AtomicInteger NUMBERS = new AtomicInteger();

  private final Vertx vertx;
  private final GatewayOptions options;
  private final Clock clock;
  private final Latencies latencies;
  private final MetricRegistry metrics;
  private final BrokerDirectory directory;
  private final GatewayCounters counters;
  private final AtomicInteger sockets = new AtomicInteger();
  private final ConnectionLimit connections;
  private final AtomicInteger waiting = new AtomicInteger();
  private final int number = NUMBERS.incrementAndGet();
  private final String id;
  private final Announcer announcer;
  private volatile boolean draining;
  private Function<DrainOrder, Future<Void>> onDrain =
      order ->
          Future.failedFuture(
              new SluiceException(ErrorCode.NOT_SUPPORTED, "this gateway is no server of its own"));
  private volatile int actualPort;
  private volatile String deploymentId;

  /**
   * A gateway, not deployed yet.
   *
   * @param options how it listens; copied
   * @param latencies takes the stages RECEIVE, DELIVERY and END_TO_END, and is shown by /v1/latency
   * @param metrics takes the counters, and is shown by /metrics
   * @throws IllegalArgumentException if the options do not fit each other
   */
  public Gateway(
      Vertx vertx,
      GatewayOptions options,
      Clock clock,
      Latencies latencies,
      MetricRegistry metrics,
      BrokerDirectory directory) {
    this.vertx = vertx;
    this.options = new GatewayOptions(options);
    this.options.conclude();
    this.clock = clock;
    this.latencies = latencies;
    this.metrics = metrics;
    this.directory = directory;
    id = new UniqueIds(clock.nowMs()).next();
    announcer = new Announcer(vertx, this);
    counters = new GatewayCounters(metrics);
    connections = new ConnectionLimit(this.options.maxConnections(), sockets, counters, clock);
    metrics.gauge("sluice_gateway_connections", "HTTP connections open now.", connections::open);
    metrics.gauge("sluice_gateway_sockets", "WebSockets open now.", sockets::get);
    metrics.gauge("sluice_gateway_waiting", "Long polls and event streams open now.", waiting::get);
  }

  /**
   * Sets what is done when an operator tells the server to leave; before the start.
   *
   * @param drain its future completes when it has begun
   */
  public void onDrain(Function<DrainOrder, Future<Void>> drain) {
    onDrain = drain;
  }

  Future<Void> leave(DrainOrder order) {
    return onDrain.apply(order);
  }

  /**
   * Opens the port.
   *
   * @param instances how many event loops serve it, 1 or more
   * @return fails if the port cannot be opened; nothing is left open then
   */
  public Future<Gateway> start(int instances) {
    Supplier<GatewayVerticle> verticles = () -> new GatewayVerticle(this);
    return vertx
        .deployVerticle(verticles, new DeploymentOptions().setInstances(instances))
        .map(
            deployed -> {
              deploymentId = deployed;
              announcer.start();
              return this;
            });
  }

  /**
   * Tells the sockets to go, waits for them a moment, and closes the port. Calls in flight are
   * answered.
   */
  public Future<Void> stop() {
    draining = true;
    String deployed = deploymentId;
    deploymentId = null;
    return deployed == null
        ? Future.succeededFuture()
        : vertx.undeploy(deployed).onComplete(done -> announcer.stop());
  }

  /** The port that is open, or 0 before the start. */
  public int actualPort() {
    return actualPort;
  }

  void actualPort(int port) {
    actualPort = port;
  }

  /**
   * The port to listen on. Vert.x lets the instances share a random port if all of them ask for the
   * same negative one.
   */
  int listenPort() {
    return options.port() == 0 ? -number : options.port();
  }

  /** Its name among the gateways of the cluster: of this start, since an address may be shared. */
  String id() {
    return id;
  }

  /** Where its clients reach it. */
  String address() {
    return options.advertisedHost() + ":" + actualPort;
  }

  /** A copy is not made: nobody in this package changes it. */
  GatewayOptions options() {
    return options;
  }

  Clock clock() {
    return clock;
  }

  LatencyRecorder latencies() {
    return latencies;
  }

  Latencies latencyFigures() {
    return latencies;
  }

  MetricRegistry metrics() {
    return metrics;
  }

  BrokerDirectory directory() {
    return directory;
  }

  GatewayCounters counters() {
    return counters;
  }

  ConnectionLimit connections() {
    return connections;
  }

  AtomicInteger sockets() {
    return sockets;
  }

  AtomicInteger waiting() {
    return waiting;
  }

  /** Whether the process is stopping: readiness says no, sockets are told to go. */
  boolean draining() {
    return draining;
  }

  void drain() {
    draining = true;
  }
}
