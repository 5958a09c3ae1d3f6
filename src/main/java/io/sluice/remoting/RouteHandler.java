package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.BrokerNode;
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

  /** Topics and addresses that were logged lately; a client asks every 30 s. */
  private static final int MAX_LOGGED = 1_000;

  private static final long LOG_AGAIN_MS = 600_000;

  private final Vertx vertx;
  private final RemotingOptions options;
  private final KeyValueHandler keyValues;
  private final Clock clock;
  private final String address;
  private NameServerAdminHandler permissions;
  private final Map<String, Long> logged = new LinkedHashMap<>();

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

  /** Gives what knows which Brokers are not to be written now. */
  void readOnly(NameServerAdminHandler permissions) {
    this.permissions = permissions;
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
            warnOfLoopback(exchange, route);
            String order = keyValues.find(KeyValueHandler.ORDER_NAMESPACE, topic);
            exchange.ok(RouteJson.route(permissions.restrict(route), -1, order));
          } else {
            exchange.when(cluster(), cluster -> routeWithoutTopic(exchange, topic, cluster));
          }
        });
  }

  private void routeWithoutTopic(Exchange exchange, String topic, Cluster cluster) {
    if (topic.equals(TEMPLATE_TOPIC)
        && options.isAutoCreateTopics()
        && !cluster.brokers().isEmpty()) {
      warnOfLoopback(exchange, templateRoute(cluster));
      exchange.ok(RouteJson.route(templateRoute(cluster), TEMPLATE_PERMISSION, null));
      return;
    }
    if (topic.endsWith(ReplyHandler.TOPIC_SUFFIX) && !cluster.brokers().isEmpty()) {
      // Replies are not stored, so there is no such topic; but clients want a route for it.
      exchange.ok(RouteJson.route(replyRoute(topic, cluster), -1, null));
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
    return everywhere(TopicConfig.of(TEMPLATE_TOPIC, options.getTemplateQueues()), cluster);
  }

  private Route replyRoute(String topic, Cluster cluster) {
    return everywhere(TopicConfig.of(topic, 1), cluster);
  }

  private Route everywhere(TopicConfig config, Cluster cluster) {
    List<TopicRoute> topics =
        cluster.brokers().stream()
            .filter(node -> permissions.mayWrite(node.brokerName()))
            .map(node -> new TopicRoute(node.brokerName(), config))
            .distinct()
            .toList();
    return new Route(topics, cluster.brokers());
  }

  /** The client only says "no route info"; the cause has to stand somewhere. */
  private void logMissed(String topic, Cluster cluster) {
    if (wasLoggedLately(topic)) {
      return;
    }
    if (cluster.brokers().isEmpty()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "no route for topic {0}: no Broker has registered with this NameServer; clients say \"No"
              + " route info\"",
          topic);
    } else if (topic.equals(TEMPLATE_TOPIC)) {
      LOG.log(
          System.Logger.Level.WARNING,
          "a client wanted to make a topic by its first send, which topics.auto-create"
              + " (autoCreateTopicEnable) does not allow; it says \"No route info\": make the topic"
              + " first, or name it right");
    } else {
      LOG.log(
          System.Logger.Level.INFO,
          "no route for topic {0}: none of the {1} Brokers has it ({2} topics are known); {3}",
          topic,
          cluster.brokers().size(),
          cluster.topics().size(),
          options.isAutoCreateTopics()
              ? "the first send makes it"
              : "it has to be made, since topics.auto-create is off");
    }
  }

  /** A client elsewhere that is told 127.0.0.1 dials itself, and says "connect failed" at most. */
  private void warnOfLoopback(Exchange exchange, Route route) {
    String client = exchange.connection().remoteAddress();
    if (isLoopback(client)) {
      return;
    }
    for (BrokerNode node : route.brokers()) {
      if (isLoopback(node.address()) && !wasLoggedLately(node.address())) {
        LOG.log(
            System.Logger.Level.WARNING,
            "the client {0} asked for a route and is told to dial {1}, which is itself, unless it"
                + " dialled a port mapping of its own machine; set --advertise (brokerIP1) of {2}",
            client,
            node.address(),
            node.brokerName());
      }
    }
  }

  private static boolean isLoopback(String address) {
    return address.startsWith("127.")
        || address.startsWith("localhost:")
        || address.startsWith("[::1]")
        || address.startsWith("::1")
        || address.startsWith("0:0:0:0:0:0:0:1");
  }

  private boolean wasLoggedLately(String subject) {
    long nowMs = clock.nowMs();
    Long before = logged.get(subject);
    if (before != null && nowMs - before < LOG_AGAIN_MS) {
      return true;
    }
    if (logged.size() >= MAX_LOGGED) {
      logged.clear();
    }
    logged.put(subject, nowMs);
    return false;
  }

  private void topicsOfCluster(Exchange exchange, String name) {
    exchange.when(
        cluster(),
        cluster -> {
          boolean known = cluster.brokers().stream().anyMatch(node -> node.cluster().equals(name));
          exchange.ok(RouteJson.topicList(known ? cluster.topics() : List.of()));
        });
  }

  /** Everything the NameServer knows. */
  Future<Cluster> cluster() {
    return ask(new NameServerRequest.GetCluster());
  }

  /** Asks the NameServer of this front. */
  <T extends BusMessage> Future<T> ask(NameServerRequest request) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(TIMEOUT_MS))
        .map(Message::body);
  }
}
