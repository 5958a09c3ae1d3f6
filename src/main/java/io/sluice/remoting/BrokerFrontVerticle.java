package io.sluice.remoting;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * A Broker as RocketMQ's clients see it: a TCP listener, and a second one at its port - 2, that
 * turn their requests into those of package {@code bus}. Deploy it before the Broker where its port
 * is 0, since the Broker has to be told the {@link #advertisedAddress}; requests that come before
 * the Broker is there are answered "not available".
 */
public final class BrokerFrontVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(BrokerFrontVerticle.class.getName());

  private final RemotingOptions options;
  private RemotingServer server;
  private RemotingServer vipServer;
  private volatile int port;
  private volatile int vipPort = -1;

  /**
   * A front for the Broker that the options name.
   *
   * @param options copied
   */
  public BrokerFrontVerticle(RemotingOptions options) {
    this.options = new RemotingOptions(options).conclude();
  }

  /** The port it listens at, once started; any thread. */
  public int port() {
    return port;
  }

  /** The port of the second listener, or -1 if there is none; any thread. */
  public int vipPort() {
    return vipPort;
  }

  /** {@code host:port} that clients dial, once started; any thread. */
  public String advertisedAddress() {
    return options.getAdvertise() + ":" + port;
  }

  @Override
  public Future<?> start() {
    HandlerRegistry handlers = new HandlerRegistry();
    server = newServer(handlers, "broker");
    vipServer = newServer(handlers, "broker-vip");
    return server
        .listen(options.getBrokerPort())
        .compose(
            actual -> {
              port = actual;
              return listenVip(actual - 2);
            })
        .onSuccess(nothing -> logAddresses());
  }

  @Override
  public Future<?> stop() {
    if (server == null) {
      return Future.succeededFuture();
    }
    return vipServer.close().eventually(server::close);
  }

  private RemotingServer newServer(HandlerRegistry handlers, String name) {
    return new RemotingServer(
        vertx, options, handlers, name, context.deploymentID(), connection -> {});
  }

  /** Opens the second listener. Only old clients need it, so a port in use is no reason to stop. */
  private Future<Void> listenVip(int wanted) {
    if (!options.isVipChannel() || wanted <= 0) {
      return Future.succeededFuture();
    }
    return vipServer
        .listen(wanted)
        .<Void>map(
            actual -> {
              vipPort = actual;
              return null;
            })
        .recover(
            failure -> {
              LOG.log(
                  System.Logger.Level.WARNING,
                  "no second listener at port {0}: {1}; clients older than 4.6 and dashboards that"
                      + " use the VIP channel can not send",
                  String.valueOf(wanted),
                  failure.getMessage());
              return Future.succeededFuture();
            });
  }

  private void logAddresses() {
    LOG.log(
        System.Logger.Level.INFO,
        "RocketMQ Broker {0} listens at {1}:{2}; clients are told to dial {3}",
        options.getBrokerName(),
        options.getHost(),
        String.valueOf(port),
        advertisedAddress());
    String advertise = options.getAdvertise();
    if (RemotingOptions.isWildcard(options.getHost()) && advertise.startsWith("127.")) {
      LOG.log(
          System.Logger.Level.INFO,
          "clients on other machines can not reach {0}; set --advertise (brokerIP1) for them",
          advertise);
    }
  }
}
