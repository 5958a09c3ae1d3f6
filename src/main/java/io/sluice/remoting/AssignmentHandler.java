package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.PopRequest;
import io.sluice.bus.PopRequest.Mode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * Codes 400 and 401: which queues a client of a group is to take, and whether by pulls or by pops.
 * Asked by clients that do not share the queues among themselves ({@code setClientRebalance(false)}
 * in RocketMQ's).
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, QueryAssignmentProcessor.
 */
final class AssignmentHandler implements RequestHandler {

  /** Clients' own timeout is 3 s. */
  private static final long ROUTE_MS = 2_000;

  /** A pop of any queue of a Broker. */
  private static final int ANY_QUEUE = -1;

  private final Vertx vertx;
  private final BrokerLink broker;

  /** A queue of any Broker. */
  record Queue(String brokerName, int queueId) {}

  AssignmentHandler(Vertx vertx, BrokerLink broker) {
    this.vertx = vertx;
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    if (exchange.request().code == RequestCode.SET_MESSAGE_REQUEST_MODE) {
      setMode(exchange);
    } else {
      assign(exchange);
    }
  }

  private void setMode(Exchange exchange) {
    Map<Object, Object> body = exchange.request().bodyObject();
    String mode = JsonTree.text(body, "mode", "PULL");
    if (!mode.equals("PULL") && !mode.equals("POP")) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "mode is '" + mode + "'; allowed is PULL or POP");
    }
    exchange.when(
        broker.<Done>pop(
            new PopRequest.SetMode(
                JsonTree.required(body, "consumerGroup"),
                JsonTree.required(body, "topic"),
                new Mode(mode.equals("POP"), (int) JsonTree.number(body, "popShareQueueNum", 0))),
            0),
        done -> exchange.ok());
  }

  private void assign(Exchange exchange) {
    Map<Object, Object> body = exchange.request().bodyObject();
    String topic = JsonTree.required(body, "topic");
    String group = JsonTree.required(body, "consumerGroup");
    String clientId = JsonTree.required(body, "clientId");
    String strategy = JsonTree.text(body, "strategyName", "AVG");
    boolean broadcast = JsonTree.text(body, "messageModel", "").equals("BROADCASTING");
    Future<List<Queue>> queues = queues(topic);
    Future<List<String>> clients = clients(group);
    Future<Mode> mode = mode(group, topic);
    exchange.when(
        Future.all(queues, clients, mode),
        all -> {
          Collection<Queue> assigned =
              broadcast
                  ? queues.result()
                  : assigned(strategy, clientId, queues.result(), clients.result(), mode.result());
          exchange.ok(body(topic, assigned, mode.result()));
        });
  }

  /** The topic's queues at all Brokers; at this one if no NameServer answers. */
  private Future<List<Queue>> queues(String topic) {
    return vertx
        .eventBus()
        .<Route>request(
            Addresses.nameServers(),
            new NameServerRequest.GetRoute(topic),
            BusCodec.options(ROUTE_MS))
        .map(Message::body)
        .map(Route::topics)
        .recover(
            unreachable ->
                broker
                    .<AdminRequest.Topic>admin(new AdminRequest.GetTopic(topic))
                    .map(found -> List.of(new TopicRoute(broker.brokerName(), found.config()))))
        .map(AssignmentHandler::queuesOf);
  }

  private static List<Queue> queuesOf(List<TopicRoute> topics) {
    List<Queue> queues = new ArrayList<>();
    topics.stream()
        .filter(topic -> (topic.config().permission() & TopicConfig.READ) != 0)
        .sorted(Comparator.comparing(TopicRoute::brokerName))
        .forEach(
            topic -> {
              for (int queueId = 0; queueId < topic.config().readQueues(); queueId++) {
                queues.add(new Queue(topic.brokerName(), queueId));
              }
            });
    return queues;
  }

  private Future<List<String>> clients(String group) {
    return broker
        .<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group))
        .map(found -> found.members().stream().map(Member::clientId).distinct().sorted().toList())
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.CONSUMER_OFFLINE
                    ? Future.succeededFuture(List.of())
                    : Future.failedFuture(failure));
  }

  /** What the clients sent back is pulled, however the topic itself is consumed. */
  private Future<Mode> mode(String group, String topic) {
    return topic.startsWith(Names.RETRY_PREFIX)
        ? Future.succeededFuture(Mode.PULL)
        : broker.pop(new PopRequest.GetMode(group, topic), 0);
  }

  /**
   * The queues of one client.
   *
   * @param clients sorted
   * @return null if the client keeps what it has: it is not known, or the topic is not
   */
  static Collection<Queue> assigned(
      String strategy, String clientId, List<Queue> queues, List<String> clients, Mode mode) {
    int index = clients.indexOf(clientId);
    if (queues.isEmpty() || index < 0) {
      return null;
    }
    if (!mode.popped()) {
      return share(strategy, index, clients.size(), queues);
    }
    if (mode.shareQueues() <= 0 || mode.shareQueues() >= clients.size() - 1) {
      // Everybody pops everywhere.
      return queues.stream()
          .map(queue -> new Queue(queue.brokerName(), ANY_QUEUE))
          .distinct()
          .toList();
    }
    Collection<Queue> assigned = new LinkedHashSet<>();
    for (int i = 0; i <= mode.shareQueues(); i++) {
      assigned.addAll(share(strategy, (index + i) % clients.size(), clients.size(), queues));
    }
    return assigned;
  }

  /** RocketMQ's AllocateMessageQueueAveragely and AllocateMessageQueueAveragelyByCircle. */
  private static List<Queue> share(String strategy, int index, int clients, List<Queue> queues) {
    int most = (queues.size() + clients - 1) / clients;
    if (strategy.equals("AVG_BY_CIRCLE")) {
      List<Queue> share = new ArrayList<>(most);
      for (int at = index; at < queues.size(); at += clients) {
        share.add(queues.get(at));
      }
      return share;
    }
    if (!strategy.equals("AVG")) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the strategy '" + strategy + "' is not known here; known are AVG and AVG_BY_CIRCLE");
    }
    int longer = queues.size() % clients;
    int each = queues.size() / clients;
    int from = index * each + Math.min(index, longer);
    return queues.subList(from, from + each + (index < longer ? 1 : 0));
  }

  private static byte[] body(String topic, Collection<Queue> assigned, Mode mode) {
    JsonWriter out = new JsonWriter().open('{');
    if (assigned != null) {
      out.name("messageQueueAssignments").open('[');
      for (Queue queue : assigned) {
        out.open('{').name("messageQueue");
        AdminJson.queue(out, queue.brokerName(), topic, queue.queueId());
        out.field("mode", mode.popped() ? "POP" : "PULL").close('}');
      }
      out.close(']');
    }
    return out.close('}').toByteArray();
  }
}
