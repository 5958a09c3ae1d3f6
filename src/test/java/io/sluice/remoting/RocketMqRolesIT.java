package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageQueue;
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
