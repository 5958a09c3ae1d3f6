package io.sluice.remoting;

import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicCount;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.TopicConfig;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Codes 205, 327, 304, 311 to 313, 318 and 319: what operators ask of a NameServer beside routes.
 * Which Brokers are not to be written is kept in the memory of this NameServer only, as RocketMQ
 * has it, and holds until it is taken back or the process ends.
 */
final class NameServerAdminHandler implements RequestHandler {

  private final RemotingOptions options;
  private final RouteHandler routes;
  private final Set<String> readOnlyBrokers = new TreeSet<>();

  NameServerAdminHandler(RemotingOptions options, RouteHandler routes) {
    this.options = options;
    this.routes = routes;
    routes.readOnly(this);
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.WIPE_WRITE_PERMISSION -> permit(exchange, false);
      case RequestCode.ADD_WRITE_PERMISSION -> permit(exchange, true);
      case RequestCode.GET_SYSTEM_TOPICS -> systemTopics(exchange);
      case RequestCode.GET_NAME_SERVER_CONFIG -> exchange.ok(PropertiesText.write(configuration()));
      case RequestCode.UPDATE_NAME_SERVER_CONFIG ->
          PropertiesText.refuseChanges(exchange, configuration());
      // There are no unit topics.
      default -> exchange.ok(RouteJson.topicList(List.of()));
    }
  }

  /** The route without what is not to be written now. */
  Route restrict(Route route) {
    if (readOnlyBrokers.isEmpty()) {
      return route;
    }
    List<TopicRoute> topics =
        route.topics().stream()
            .map(topic -> mayWrite(topic.brokerName()) ? topic : readOnly(topic))
            .toList();
    return new Route(topics, route.brokers());
  }

  boolean mayWrite(String brokerName) {
    return !readOnlyBrokers.contains(brokerName);
  }

  private static TopicRoute readOnly(TopicRoute topic) {
    TopicConfig config = topic.config();
    return new TopicRoute(
        topic.brokerName(),
        new TopicConfig(
            config.name(),
            config.queues(),
            config.permission() & ~TopicConfig.WRITE,
            config.order(),
            config.retentionMs(),
            config.attributes()));
  }

  private void permit(Exchange exchange, boolean mayWrite) {
    String name = exchange.fields().required("brokerName");
    Future<Cluster> asked = routes.cluster();
    Future<TopicCount> topics = routes.ask(new NameServerRequest.CountTopics(name));
    exchange.when(
        Future.all(asked, topics),
        done -> {
          Cluster cluster = asked.result();
          boolean known =
              cluster.brokers().stream().anyMatch(node -> node.brokerName().equals(name));
          if (known && mayWrite) {
            readOnlyBrokers.remove(name);
          } else if (known) {
            readOnlyBrokers.add(name);
          }
          exchange.ok(
              new ExtFields(1)
                  .put(
                      mayWrite ? "addTopicCount" : "wipeTopicCount",
                      known ? topics.result().count() : 0));
        });
  }

  /** RocketMQ's own topics do not exist here but as names; the rest the Broker knows. */
  private void systemTopics(Exchange exchange) {
    exchange.when(
        routes.cluster(),
        cluster -> {
          JsonWriter out = new JsonWriter().open('{');
          cluster.brokers().stream()
              .findFirst()
              .ifPresent(node -> out.field("brokerAddr", node.address()));
          out.name("topicList").open('[');
          names(cluster).forEach(out::value);
          exchange.ok(out.close(']').close('}').toByteArray());
        });
  }

  private static Set<String> names(Cluster cluster) {
    Set<String> names = new TreeSet<>();
    cluster.brokers().stream()
        .flatMap((BrokerNode node) -> Stream.of(node.cluster(), node.brokerName()))
        .forEach(names::add);
    return names;
  }

  private Map<String, String> configuration() {
    Map<String, String> values = new TreeMap<>();
    values.put("bindAddress", options.getHost());
    values.put("listenPort", String.valueOf(options.getNameServerPort()));
    values.put("clusterTest", "false");
    values.put("enableAllTopicList", "true");
    values.put("enableTopicList", "true");
    values.put("orderMessageEnable", "true");
    values.put("serverChannelMaxIdleTimeSeconds", String.valueOf(options.getIdleSeconds()));
    values.put("supportActingMaster", "false");
    return values;
  }
}
