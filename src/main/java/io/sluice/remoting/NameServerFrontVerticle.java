package io.sluice.remoting;

import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * The NameServer as RocketMQ's clients see it: a TCP listener that turns their requests into those
 * of package {@code bus} and keeps nothing but the key-value table of its own.
 */
public final class NameServerFrontVerticle extends VerticleBase {

  private static final System.Logger LOG =
      System.getLogger(NameServerFrontVerticle.class.getName());

  private final RemotingOptions options;
  private RemotingServer server;
  private volatile int port;

  /**
   * A front for the NameServer that the options name.
   *
   * @param options copied
   */
  public NameServerFrontVerticle(RemotingOptions options) {
    this.options = new RemotingOptions(options).conclude();
  }

  /** The port it listens at, once started; any thread. */
  public int port() {
    return port;
  }

  @Override
  public Future<?> start() {
    KeyValueHandler keyValues = new KeyValueHandler();
    RouteHandler routes = new RouteHandler(vertx, options, keyValues, Clock.system());
    RegistrationHandler registrations = new RegistrationHandler(routes::ask, keyValues, routes);
    HandlerRegistry handlers =
        new HandlerRegistry()
            .add(
                registrations,
                RequestCode.REGISTER_BROKER,
                RequestCode.UNREGISTER_BROKER,
                RequestCode.QUERY_DATA_VERSION,
                RequestCode.GET_BROKER_MEMBER_GROUP,
                RequestCode.BROKER_HEARTBEAT)
            .add(
                routes,
                RequestCode.GET_ROUTE_BY_TOPIC,
                RequestCode.GET_BROKER_CLUSTER_INFO,
                RequestCode.GET_ALL_TOPICS,
                RequestCode.GET_TOPICS_BY_CLUSTER)
            .add(
                new NameServerAdminHandler(options, routes),
                RequestCode.WIPE_WRITE_PERMISSION,
                RequestCode.ADD_WRITE_PERMISSION,
                RequestCode.GET_SYSTEM_TOPICS,
                RequestCode.GET_UNIT_TOPICS,
                RequestCode.GET_TOPICS_WITH_UNIT_SUBSCRIPTION,
                RequestCode.GET_PLAIN_TOPICS_WITH_UNIT_SUBSCRIPTION,
                RequestCode.UPDATE_NAME_SERVER_CONFIG,
                RequestCode.GET_NAME_SERVER_CONFIG)
            // A Broker says at once that a topic is gone; there is nothing left to forget here.
            .add(Exchange::ok, RequestCode.DELETE_TOPIC_IN_NAME_SERVER)
            .add(
                keyValues,
                RequestCode.PUT_KV_CONFIG,
                RequestCode.GET_KV_CONFIG,
                RequestCode.DELETE_KV_CONFIG,
                RequestCode.GET_KV_LIST_BY_NAMESPACE);
    server =
        new RemotingServer(
            vertx, options, handlers, "nameserver", context.deploymentID(), registrations::closed);
    return server
        .listen(options.getNameServerPort())
        .onSuccess(
            actual -> {
              port = actual;
              LOG.log(
                  System.Logger.Level.INFO,
                  "RocketMQ NameServer listens at {0}:{1}",
                  options.getHost(),
                  String.valueOf(actual));
            });
  }

  @Override
  public Future<?> stop() {
    return server == null ? Future.succeededFuture() : server.close();
  }
}
