package io.sluice.remoting;

import io.sluice.bus.BusMessage;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.zip.CRC32;

/**
 * Codes 103, 104, 322, 901 and 904: Brokers of RocketMQ, and of other Sluices, that tell this
 * NameServer by RocketMQ's protocol what they have. They are for RocketMQ's clients; nobody on the
 * event bus is sent to them. Who closes the connection on which it registered is gone at once.
 *
 * <p>The stateVersion of a registration is the epoch of the Broker's log; who elects no masters
 * says 0. A master whose place one of a newer epoch has taken is answered 1 and who that is, where
 * RocketMQ passes over it and says 0: so it stands in the log of the one that was replaced.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, DefaultRequestProcessor and RouteInfoManager.
 */
final class RegistrationHandler implements RequestHandler {

  /** Names of the fields of a Broker's identity. */
  private static final String CLUSTER = "clusterName";

  private static final String NAME = "brokerName";
  private static final String ADDRESS = "brokerAddr";
  private static final String ID = "brokerId";

  /** A version of the topics is a time; so many changes of one millisecond are told apart. */
  private static final int VERSION_BITS = 10;

  private final Function<NameServerRequest, Future<? extends BusMessage>> nameServer;
  private final KeyValueHandler keyValues;
  private final RouteHandler routes;
  private final Map<String, Map<Unregister, Boolean>> byConnection = new HashMap<>();
  private final Map<String, Master> masters = new HashMap<>();

  /** Where slaves find their master. */
  private record Master(String address, String haAddress) {}

  RegistrationHandler(
      Function<NameServerRequest, Future<? extends BusMessage>> nameServer,
      KeyValueHandler keyValues,
      RouteHandler routes) {
    this.nameServer = nameServer;
    this.keyValues = keyValues;
    this.routes = routes;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.REGISTER_BROKER -> register(exchange);
      case RequestCode.UNREGISTER_BROKER -> unregister(exchange);
      // Asked instead of a registration by Brokers that save one: they are to register.
      case RequestCode.QUERY_DATA_VERSION -> exchange.ok(new ExtFields(1).put("changed", true));
      case RequestCode.GET_BROKER_MEMBER_GROUP -> members(exchange);
      // Registrations say that a Broker lives, at the latest every 60 s.
      default -> exchange.ok();
    }
  }

  private void register(Exchange exchange) {
    ExtFields fields = exchange.fields();
    if (fields.flag("compressed")) {
      exchange.fail(
          ResponseCode.SYSTEM_ERROR,
          "compressed registrations are not taken; set compressedRegister=false");
      return;
    }
    int crc = fields.integer("bodyCrc32", 0);
    CRC32 found = new CRC32();
    found.update(exchange.request().body());
    if (crc != 0 && crc != (int) (found.getValue() & 0x7fffffff)) {
      exchange.fail(ResponseCode.SYSTEM_ERROR, "crc32 not match");
      return;
    }
    Unregister who = who(fields);
    byConnection
        .computeIfAbsent(exchange.connection().holder(), holder -> new HashMap<>())
        .put(who, true);
    exchange.when(
        nameServer.apply(registration(who, exchange.request())), done -> answer(exchange, who));
  }

  private void answer(Exchange exchange, Unregister who) {
    if (who.brokerId() == 0) {
      String haAddress = exchange.fields().text("haServerAddr", "");
      masters.put(who.brokerName(), new Master(who.address(), haAddress));
    }
    ExtFields answer = new ExtFields(2);
    Master master = masters.get(who.brokerName());
    if (who.brokerId() != 0 && master != null) {
      answer.put("masterAddr", master.address()).put("haServerAddr", master.haAddress());
    }
    Map<String, String> ordered = keyValues.all(KeyValueHandler.ORDER_NAMESPACE);
    exchange.answer(ResponseCode.SUCCESS, null, answer, RouteJson.table(ordered));
  }

  private static Register registration(Unregister who, Command request) {
    List<TopicConfig> topics = new ArrayList<>();
    long version = 0;
    long epoch = 0;
    if (request.bodyBytes() > 0) {
      Map<Object, Object> wrapper =
          JsonTree.object(request.bodyObject(), "topicConfigSerializeWrapper");
      Map<Object, Object> dataVersion = JsonTree.object(wrapper, "dataVersion");
      version =
          (JsonTree.number(dataVersion, "timestamp", 0) << VERSION_BITS)
              + JsonTree.number(dataVersion, "counter", 0) % (1 << VERSION_BITS);
      epoch = JsonTree.number(dataVersion, "stateVersion", 0);
      Map<Object, Object> table = JsonTree.object(wrapper, "topicConfigTable");
      for (Object name : table.keySet()) {
        TopicConfig topic = topic(JsonTree.object(table, name.toString()), name.toString());
        if (topic != null) {
          topics.add(topic);
        }
      }
    }
    return new Register(
        who.cluster(),
        who.brokerName(),
        who.brokerId(),
        who.address(),
        version,
        topics,
        epoch,
        List.of(),
        true);
  }

  /** Templates and the topics of replies are the same at every Broker; this front knows them. */
  private static TopicConfig topic(Map<Object, Object> topic, String name) {
    if (name.equals(RouteHandler.TEMPLATE_TOPIC) || name.endsWith(ReplyHandler.TOPIC_SUFFIX)) {
      return null;
    }
    int writes = (int) JsonTree.number(topic, "writeQueueNums", 0);
    int reads = (int) JsonTree.number(topic, "readQueueNums", writes);
    return new TopicConfig(
            name,
            writes,
            (int) JsonTree.number(topic, "perm", 6),
            Boolean.parseBoolean(JsonTree.text(topic, "order", "false")),
            TopicConfig.RETENTION_OF_BROKER,
            Map.of())
        .withReadQueues(reads);
  }

  private void unregister(Exchange exchange) {
    Unregister who = who(exchange.fields());
    byConnection.getOrDefault(exchange.connection().holder(), new HashMap<>()).remove(who);
    exchange.when(nameServer.apply(who), done -> exchange.ok());
  }

  /** A Broker that is stopped, or killed, closes its connection; one that hangs is silent. */
  void closed(ClientConnection connection) {
    Map<Unregister, Boolean> gone = byConnection.remove(connection.holder());
    if (gone != null) {
      gone.keySet().stream().filter(who -> !isElsewhere(who)).forEach(nameServer::apply);
    }
  }

  /** It may have come again on another connection before this one was seen to be closed. */
  private boolean isElsewhere(Unregister who) {
    return byConnection.values().stream().anyMatch(brokers -> brokers.containsKey(who));
  }

  private void members(Exchange exchange) {
    String name = exchange.fields().required(NAME);
    exchange.when(
        routes.cluster(),
        cluster -> {
          Map<Long, String> addresses = new TreeMap<>();
          for (BrokerNode node : cluster.brokers()) {
            if (node.brokerName().equals(name)) {
              addresses.put(node.brokerId(), node.address());
            }
          }
          exchange.ok(RouteJson.memberGroup(exchange.fields().text(CLUSTER, ""), name, addresses));
        });
  }

  private static Unregister who(ExtFields fields) {
    return new Unregister(
        fields.required(CLUSTER),
        fields.required(NAME),
        fields.requiredLong(ID),
        fields.required(ADDRESS),
        true);
  }
}
