package io.sluice.remoting;

import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.Done;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Codes 34, 35, 38 and 46: who lives and is part of which groups. The Broker keeps it; the front
 * only remembers which of its connections have spoken of it, to tell the Broker when they are gone.
 */
final class ClientHandler implements RequestHandler {

  /**
   * Groups and topics of one client. Real ones name some dozens; each is kept twice, 1 MB in all.
   */
  private static final int MAX_NAMED = 5_000;

  private final BrokerLink broker;
  private final Map<String, ClientKept.Heartbeat> lastHeartbeats = new HashMap<>();

  ClientHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.HEART_BEAT -> heartbeat(exchange);
      case RequestCode.UNREGISTER_CLIENT -> unregister(exchange);
      case RequestCode.GET_CONSUMER_LIST_BY_GROUP -> consumerList(exchange);
      default -> checkConfig(exchange);
    }
  }

  /** A connection is gone. */
  void disconnected(ClientConnection connection) {
    if (lastHeartbeats.remove(connection.holder()) != null) {
      // Should this be lost, the Broker forgets the client after 120 s without a heartbeat.
      broker.<Done>clientKept(new ClientKept.Disconnect(connection.holder()));
    }
  }

  /** Tells the Broker again what the connection said last, if it spoke of this consumer group. */
  Future<Boolean> repeatHeartbeat(ClientConnection connection, String group) {
    ClientKept.Heartbeat last = lastHeartbeats.get(connection.holder());
    if (last == null
        || last.memberships().stream().noneMatch(member -> member.group().equals(group))) {
      return Future.succeededFuture(false);
    }
    return broker.<Done>clientKept(last).map(done -> true);
  }

  private void heartbeat(Exchange exchange) {
    Map<Object, Object> body = exchange.request().bodyObject();
    ClientConnection connection = exchange.connection();
    Member client =
        new Member(
            JsonTree.required(body, "clientID"),
            connection.holder(),
            connection.remoteAddress(),
            exchange.request().language,
            exchange.request().version);
    List<String> producerGroups = new ArrayList<>();
    for (Map<Object, Object> producer : JsonTree.objects(body, "producerDataSet")) {
      producerGroups.add(JsonTree.required(producer, "groupName"));
    }
    List<Membership> memberships = new ArrayList<>();
    int subscriptions = 0;
    for (Map<Object, Object> consumer : JsonTree.objects(body, "consumerDataSet")) {
      Membership membership = membership(consumer);
      memberships.add(membership);
      subscriptions += membership.subscriptions().size();
    }
    ClientKept.Heartbeat heartbeat = new ClientKept.Heartbeat(client, producerGroups, memberships);
    lastHeartbeats.put(connection.holder(), heartbeat);
    exchange.when(broker.<Done>clientKept(heartbeat), done -> exchange.ok());
  }

  private static Membership membership(Map<Object, Object> consumer) {
    List<Subscription> subscriptions = new ArrayList<>();
    for (Map<Object, Object> data : JsonTree.objects(consumer, "subscriptionDataSet")) {
      subscriptions.add(subscription(data));
    }
    return new Membership(
        JsonTree.required(consumer, "groupName"),
        JsonTree.text(consumer, "consumeType", "CONSUME_PASSIVELY"),
        JsonTree.text(consumer, "messageModel", "CLUSTERING"),
        JsonTree.text(consumer, "consumeFromWhere", "CONSUME_FROM_LAST_OFFSET"),
        subscriptions);
  }

  private static Subscription subscription(Map<Object, Object> data) {
    return new Subscription(
        JsonTree.required(data, "topic"),
        Filters.of(
            JsonTree.text(data, "expressionType", null), JsonTree.text(data, "subString", null)),
        JsonTree.number(data, "subVersion", 0));
  }

  private void unregister(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String consumerGroup = fields.get("consumerGroup");
    lastHeartbeats.computeIfPresent(
        exchange.connection().holder(), (holder, last) -> without(last, consumerGroup));
    exchange.when(
        broker.<Done>clientKept(
            new ClientKept.Unregister(
                fields.required("clientID"),
                exchange.connection().holder(),
                fields.get("producerGroup"),
                consumerGroup)),
        done -> exchange.ok());
  }

  private static ClientKept.Heartbeat without(ClientKept.Heartbeat last, String group) {
    return new ClientKept.Heartbeat(
        last.client(),
        last.producerGroups(),
        last.memberships().stream().filter(member -> !member.group().equals(group)).toList());
  }

  private void consumerList(Exchange exchange) {
    String group = exchange.fields().required("consumerGroup");
    // Any code but 0 makes the client skip this round, so CONSUMER_OFFLINE needs no special care.
    exchange.when(
        broker.<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group)),
        consumers -> {
          JsonWriter out = new JsonWriter().open('{').name("consumerIdList").open('[');
          consumers.members().stream()
              .map(Member::clientId)
              .distinct()
              .sorted()
              .forEach(out::value);
          exchange.ok(out.close(']').close('}').toByteArray());
        });
  }

  private void checkConfig(Exchange exchange) {
    Map<Object, Object> data = JsonTree.object(exchange.request().bodyObject(), "subscriptionData");
    exchange.when(
        broker.<Done>clientKept(new ClientKept.CheckFilter(subscription(data).filter())),
        done -> exchange.ok());
  }
}
