package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.TopicConfig;
import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.sluice.util.Clock;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/**
 * Brokers of one kind and NameServers of the other, with clients that know nothing of it. Wherever
 * the artifacts of RocketMQ are (scripts/fetch-rocketmq).
 */
@EnabledIf("io.sluice.testkit.RealRocketMq#isThere")
class RocketMqRolesIT {

  private static final String TOPIC = "roles";

  @TempDir Path home;

  private final Queue<String> received = new ConcurrentLinkedQueue<>();

  @Test
  void shouldServeClientsOfRocketMqsNameServerBesideItsOwnBroker() throws Exception {
    try (RealRocketMq rocketMq = RealRocketMq.start(home.resolve("rocketmq"), Map.of());
        TestServer sluice =
            TestServer.start(
                home.resolve("data"),
                options ->
                    options
                        .setBrokerName("broker-s")
                        .setNameServers(List.of(rocketMq.nameServer())))) {
      exchange(rocketMq.nameServer(), "broker-a", "broker-s");
      assertTrue(sluice.sluice().brokerPort() > 0);
    }
  }

  @Test
  void shouldRouteClientsToBrokersOfRocketMq() throws Exception {
    try (TestServer sluice =
        TestServer.start(home.resolve("data"), options -> options.setBrokerName("broker-s"))) {
      String nameServer = "127.0.0.1:" + sluice.sluice().nameServerPort();
      try (RealRocketMq rocketMq =
          RealRocketMq.start(home.resolve("rocketmq"), Map.of("namesrvAddr", nameServer))) {
        exchange(nameServer, "broker-a", "broker-s");
        // Those that can not speak RocketMQ's protocol are not sent there.
        TestClient client = new TestClient(sluice.uri());
        for (int i = 0; i < 10; i++) {
          assertEquals(
              "broker-s", client.send(TOPIC, "http").expect(201).json().getString("broker"));
        }
        rocketMq.stopBroker();
        try (RocketMqClients clients = new RocketMqClients(nameServer)) {
          awaitBrokers(clients.producer("left"), Set.of("broker-s"));
        }
        rocketMq.restartBroker();
        try (RocketMqClients clients = new RocketMqClients(nameServer)) {
          awaitBrokers(clients.producer("back"), Set.of("broker-a", "broker-s"));
        }
      }
    }
  }

  @Test
  void shouldLetRocketMqsNameServerTellAReplacedMasterFromTheNewOne() throws Exception {
    try (RealRocketMq rocketMq = RealRocketMq.start(home.resolve("rocketmq"), Map.of())) {
      Vertx vertx = Vertx.vertx();
      BusCodec.register(vertx);
      String nameServer = rocketMq.nameServer();
      vertx
          .deployVerticle(
              new RemoteNameServersVerticle(
                  List.of(nameServer), new RemotingOptions(), Clock.system()))
          .await(10, TimeUnit.SECONDS);
      int port = Integer.parseInt(nameServer.substring(nameServer.lastIndexOf(':') + 1));
      try (RawClient raw = new RawClient(port)) {
        register(vertx, "broker-e", "10.0.0.2:10911", 5, TOPIC);
        Await.until("the master", () -> "10.0.0.2:10911".equals(masterOfTopic(raw)));
        // RocketMQ answers 0 and passes over it: what comes behind it shows that it was read.
        register(vertx, "broker-e", "10.0.0.1:10911", 4, TOPIC);
        register(vertx, "broker-f", "10.0.0.4:10911", 1, "later", "topics");
        Await.until("what came behind it", () -> route(raw, "later").code == 0);
        assertEquals("10.0.0.2:10911", masterOfTopic(raw));
        register(vertx, "broker-e", "10.0.0.1:10911", 6, TOPIC);
        Await.until("the next master", () -> "10.0.0.1:10911".equals(masterOfTopic(raw)));
      } finally {
        vertx.close().await(10, TimeUnit.SECONDS);
      }
    }
  }

  private static void register(
      Vertx vertx, String name, String address, long epoch, String... topics) {
    vertx
        .eventBus()
        .publish(
            Addresses.registrations(),
            new NameServerRequest.Register(
                "C",
                name,
                0,
                address,
                epoch,
                Stream.of(topics).map(topic -> TopicConfig.of(topic, 4)).toList(),
                epoch,
                List.of()),
            BusCodec.options(1_000).setLocalOnly(true));
  }

  private static Command route(RawClient raw, String topic) throws IOException {
    ExtFields fields = new ExtFields(1).put("topic", topic);
    return raw.call(RawClient.json(RequestCode.GET_ROUTE_BY_TOPIC, 1, 0, fields, new byte[0]));
  }

  private static String masterOfTopic(RawClient raw) throws IOException {
    String route = StandardCharsets.UTF_8.decode(route(raw, TOPIC).body()).toString();
    return TopicRouteData.fromJson(route, TopicRouteData.class)
        .getBrokerDatas()
        .get(0)
        .getBrokerAddrs()
        .get(MixAll.MASTER_ID);
  }

  /** Sends to each Broker, and receives all of it. */
  private void exchange(String nameServer, String... brokers) throws Exception {
    try (RocketMqClients clients = new RocketMqClients(nameServer)) {
      DefaultMQProducer producer = clients.producer("roles-producer");
      Await.until(
          "a route to make the topic at all",
          () -> {
            producer.createTopic("TBW102", TOPIC, 4, Map.of());
            return brokersOf(producer).equals(Set.of(brokers));
          });
      DefaultMQPushConsumer consumer = clients.pushConsumer("roles-group");
      consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
      consumer.setPollNameServerInterval(1_000);
      consumer.subscribe(TOPIC, "*");
      consumer.registerMessageListener(
          (MessageListenerConcurrently)
              (messages, context) -> {
                messages.forEach(
                    message -> received.add(new String(message.getBody(), StandardCharsets.UTF_8)));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
              });
      consumer.start();
      Set<String> expected = new TreeSet<>();
      for (String broker : brokers) {
        // A client dials who is in the routes of topics that it has sent to.
        Await.until(
            "the address of " + broker,
            () -> {
              producer.send(RocketMqClients.message(TOPIC, "A", "first"));
              producer.send(
                  RocketMqClients.message(TOPIC, "A", "first"), new MessageQueue(TOPIC, broker, 0));
              return true;
            });
        for (int i = 0; i < 20; i++) {
          String body = broker + " " + i;
          producer.send(
              RocketMqClients.message(TOPIC, "A", body), new MessageQueue(TOPIC, broker, i % 4));
          expected.add(body);
        }
      }
      Await.until(
          () -> "all of them, there are " + received,
          () -> new TreeSet<>(received).containsAll(expected));
    }
  }

  private static Set<String> brokersOf(DefaultMQProducer producer) throws Exception {
    Set<String> names = new TreeSet<>();
    producer.fetchPublishMessageQueues(TOPIC).forEach(queue -> names.add(queue.getBrokerName()));
    return names;
  }

  private static void awaitBrokers(DefaultMQProducer producer, Set<String> brokers) {
    Await.until("a route to " + brokers, () -> brokersOf(producer).equals(new TreeSet<>(brokers)));
  }
}
