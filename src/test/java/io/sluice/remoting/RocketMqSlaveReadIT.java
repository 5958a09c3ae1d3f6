package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.SluiceOptions;
import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** RocketMQ's clients that read from a slave: the master is gone, or busy with what is new. */
class RocketMqSlaveReadIT {

  private static final String TOPIC = "slave-reads";
  private static final String GROUP = "slave-readers";
  private static final String BROKER = "/v1/brokers/broker-a";

  @TempDir Path directory;

  private final Queue<String> received = new ConcurrentLinkedQueue<>();
  private final Set<String> sent = new TreeSet<>();

  @Test
  void shouldGoOnReadingFromTheSlaveWhenTheMasterIsKilled() throws Exception {
    try (TestServer names =
        TestServer.start(
            directory.resolve("names"),
            options -> options.setRoles(Set.of(SluiceOptions.Role.NAMESERVER)))) {
      String nameServer = "127.0.0.1:" + names.sluice().nameServerPort();
      int port = RealRocketMq.freePort();
      int slavePort = RealRocketMq.freePort();
      try (ServerProcess master =
              start("m", nameServer, "--replication-port", Integer.toString(port));
          ServerProcess slave =
              start(
                  "s",
                  nameServer,
                  "--replication-from",
                  "127.0.0.1:" + port,
                  "--broker-port",
                  Integer.toString(slavePort));
          RocketMqClients clients = new RocketMqClients(nameServer)) {
        DefaultMQProducer producer = clients.producer("slave-reads-producer");
        Await.until(
            "a topic",
            () -> {
              producer.createTopic("TBW102", TOPIC, 4, Map.of());
              return producer.fetchPublishMessageQueues(TOPIC).size() == 4;
            });
        DefaultMQPushConsumer consumer = consume(clients);
        send(producer, 100);
        awaitAll("from the master");
        consumer.suspend();
        send(producer, 100);
        TestClient slaveClient = new TestClient(URI.create(slave.url()));
        TestClient client = new TestClient(URI.create(master.url()));
        Await.until("a slave in sync", () -> client.get(BROKER).json().getInteger("inSync") == 1);
        client
            .call("POST", "/v1/topics/other/messages", "all before it", "Sluice-Ack", "replicated")
            .expect(201);
        master.kill();
        consumer.resume();
        awaitAll("from the slave");
        assertEquals("slave", slaveClient.get(BROKER).json().getString("role"));
        refuseToMoveOn(slavePort);
      }
    }
  }

  /** Positions are the master's: a slave says so. */
  private static void refuseToMoveOn(int slavePort) throws IOException {
    try (RawClient raw = new RawClient(slavePort)) {
      ExtFields commit =
          new ExtFields(4)
              .put("consumerGroup", GROUP)
              .put("topic", TOPIC)
              .put("queueId", 0)
              .put("commitOffset", 1);
      Command answer =
          raw.call(RawClient.json(RequestCode.UPDATE_CONSUMER_OFFSET, 1, 0, commit, new byte[0]));
      assertEquals(14, answer.code);
      assertTrue(answer.remark.contains("is a slave and takes only reads"), answer.remark);
    }
  }

  @Test
  void shouldSendWhoIsFarBehindToTheSlaveAndBack() throws Exception {
    try (TestServer master =
            TestServer.start(
                directory.resolve("m"),
                options ->
                    options
                        .setSlaveReads(true, 64 << 10)
                        .setReplication(options.replication().withPort(0)));
        TestServer slave =
            TestServer.start(
                directory.resolve("s"),
                options ->
                    options
                        .setSlaveReads(true, 64 << 10)
                        .setReplication(
                            options
                                .replication()
                                .following("127.0.0.1:" + master.sluice().replicationPort())))) {
      TestClient client = new TestClient(master.uri());
      client.put("/v1/topics/" + TOPIC, new JsonObject().put("queues", 1)).expect(201);
      for (int i = 0; i < 20; i++) {
        client.send(TOPIC, "x".repeat(10_000)).expect(201);
      }
      Await.until("a slave in sync", () -> client.get(BROKER).json().getInteger("inSync") == 1);
      client.send(TOPIC, "last", "Sluice-Ack", "replicated").expect(201);
      assertEquals(List.of("brokerId=0", "brokerRole=ASYNC_MASTER"), role(master));
      assertEquals(List.of("brokerId=1", "brokerRole=SLAVE"), role(slave));
      for (int port : new int[] {master.sluice().brokerPort(), slave.sluice().brokerPort()}) {
        assertEquals(1, suggested(port, 0), "far behind, at " + port);
        assertEquals(0, suggested(port, 20), "at the end, at " + port);
      }
    }
  }

  /** What a Broker's configuration says of it. */
  private static List<String> role(TestServer server) throws IOException {
    try (RawClient raw = new RawClient(server.sluice().brokerPort())) {
      Command answer =
          raw.call(
              RawClient.json(RequestCode.GET_BROKER_CONFIG, 1, 0, new ExtFields(0), new byte[0]));
      return StandardCharsets.UTF_8
          .decode(answer.body())
          .toString()
          .lines()
          .filter(line -> line.startsWith("brokerId=") || line.startsWith("brokerRole="))
          .toList();
    }
  }

  private static long suggested(int port, long queueOffset) throws Exception {
    long[] suggested = {-1};
    try (RawClient raw = new RawClient(port)) {
      Await.until(
          "a message at " + queueOffset,
          () -> {
            ExtFields pull =
                new ExtFields(10)
                    .put("consumerGroup", GROUP)
                    .put("topic", TOPIC)
                    .put("queueId", 0)
                    .put("queueOffset", queueOffset)
                    .put("maxMsgNums", 1)
                    .put("sysFlag", 4)
                    .put("commitOffset", 0)
                    .put("suspendTimeoutMillis", 0)
                    .put("subscription", "*")
                    .put("expressionType", "TAG")
                    .put("subVersion", 1);
            Command answer =
                raw.call(RawClient.json(RequestCode.PULL_MESSAGE, 1, 0, pull, new byte[0]));
            suggested[0] = answer.fields().requiredLong("suggestWhichBrokerId");
            return answer.code == ResponseCode.SUCCESS;
          });
    }
    return suggested[0];
  }

  private ServerProcess start(String name, String nameServer, String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--host",
                "127.0.0.1",
                "--store-segment",
                "1m",
                "--broker-nameservers",
                nameServer));
    arguments.addAll(List.of(more));
    return Servers.start(
        directory.resolve(name), List.of("-Xmx64m"), arguments.toArray(String[]::new));
  }

  private void send(DefaultMQProducer producer, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      String body = "m" + sent.size();
      producer.send(RocketMqClients.message(TOPIC, "A", body));
      sent.add(body);
    }
  }

  private DefaultMQPushConsumer consume(RocketMqClients clients) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(GROUP);
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
    return consumer;
  }

  private void awaitAll(String where) {
    Await.until(
        () -> where + ", there are " + received.size() + " of " + sent.size(),
        () -> Set.copyOf(received).containsAll(sent));
  }
}
