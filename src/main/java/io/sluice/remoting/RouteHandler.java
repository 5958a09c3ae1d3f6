package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.TopicConfig;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Codes 105, 106, 206 and 224: who serves a topic, and what there is. */
final class RouteHandler implements RequestHandler {

  /** The topic whose route a producer takes for one that is not there yet. */
  static final String TEMPLATE_TOPIC = "TBW102";

  private static final System.Logger LOG = System.getLogger(RouteHandler.class.getName());

  /** Read, write, and inherit: a topic may be made after this one. */
  private static final int TEMPLATE_PERMISSION = 7;

  /** Clients' own timeout of a route is 3 s. */
  private static final long TIMEOUT_MS = 3_000;

  /** Topics whose missing route was logged lately; a client asks every 30 s. */
  private static final int MAX_MISSED = 1_000;

  private static final long LOG_AGAIN_MS = 600_000;

  private final Vertx vertx;
  private final RemotingOptions options;
  private final KeyValueHandler keyValues;
  private final Clock clock;
  private final String address;
  private final Map<String, Long> missed = new LinkedHashMap<>();

  RouteHandler(Vertx vertx, RemotingOptions options, KeyValueHandler keyValues, Clock clock) {
    this.clock = clock;
    this.vertx = vertx;
    this.options = options;
    this.keyValues = keyValues;
    address =
        options.getNameServerId().isEmpty()
            ? Addresses.nameServers()
            : Addresses.nameServer(options.getNameServerId());
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.GET_ROUTE_BY_TOPIC -> route(exchange, exchange.fields().required("topic"));
      case RequestCode.GET_BROKER_CLUSTER_INFO ->
          exchange.when(cluster(), cluster -> exchange.ok(RouteJson.cluster(cluster)));
      case RequestCode.GET_ALL_TOPICS ->
          exchange.when(cluster(), cluster -> exchange.ok(RouteJson.topicList(cluster.topics())));
      default -> topicsOfCluster(exchange, exchange.fields().required("cluster"));
    }
  }

  private void route(Exchange exchange, String topic) {
    exchange.when(
        this.<Route>ask(new NameServerRequest.GetRoute(topic)),
        route -> {
          if (!route.topics().isEmpty()) {
            String order = keyValues.find(KeyValueHandler.ORDER_NAMESPACE, topic);
            exchange.ok(RouteJson.route(route, -1, order));
          } else {
            exchange.when(cluster(), cluster -> routeWithoutTopic(exchange, topic, cluster));
          }
        });
  }

  private void routeWithoutTopic(Exchange exchange, String topic, Cluster cluster) {
    if (topic.equals(TEMPLATE_TOPIC)
        && options.isAutoCreateTopics()
        && !cluster.brokers().isEmpty()) {
      exchange.ok(RouteJson.route(templateRoute(cluster), TEMPLATE_PERMISSION, null));
      return;
    }
    logMissed(topic, cluster);
    exchange.fail(
        ResponseCode.TOPIC_NOT_EXIST,
        "No topic route info in name server for the topic: "
            + topic
            + (cluster.brokers().isEmpty() ? " (no Broker is registered)" : ""));
  }

  private Route templateRoute(Cluster cluster) {
    TopicConfig config = TopicConfig.of(TEMPLATE_TOPIC, options.getTemplateQueues());
    List<TopicRoute> topics =
        cluster.brokers().stream()
            .map(node -> new TopicRoute(node.brokerName(), config))
            .distinct()
            .toList();
    return new Route(topics, cluster.brokers());
  }

  /** The client only says "no route info"; the cause has to stand somewhere. */
  private void logMissed(String topic, Cluster cluster) {
    long nowMs = clock.nowMs();
    Long before = missed.get(topic);
    if (before != null && nowMs - before < LOG_AGAIN_MS) {
      return;
    }
    if (missed.size() >= MAX_MISSED) {
      missed.clear();
    }
    missed.put(topic, nowMs);
    if (cluster.brokers().isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "no route for topic {0}: no Broker has registered with this NameServer",
          topic);
    } else {
      LOG.log(
          System.Logger.Level.INFO,
          "no route for topic {0}: none of the {1} Brokers has it ({2} topics are known)",
          topic,
          cluster.brokers().size(),
          cluster.topics().size());
    }
  }

  private void topicsOfCluster(Exchange exchange, String name) {
    exchange.when(
        cluster(),
        cluster -> {
          boolean known = cluster.brokers().stream().anyMatch(node -> node.cluster().equals(name));
          exchange.ok(RouteJson.topicList(known ? cluster.topics() : List.of()));
        });
  }

  private Future<Cluster> cluster() {
    return ask(new NameServerRequest.GetCluster());
  }

  private <T extends BusMessage> Future<T> ask(NameServerRequest request) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(TIMEOUT_MS))
        .map(Message::body);
  }
}
