package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user moves from RocketMQ to Sluice without a stop: a slave of Sluice follows the real Broker
 * and takes its place. Wherever the artifacts of RocketMQ are (scripts/fetch-rocketmq).
 */
@EnabledIf("io.sluice.testkit.RealRocketMq#isThere")
class RocketMqFollowIT {

  private static final String TOPIC = "moving";
  private static final String GROUP = "movers";
  private static final String BROKER = "/v1/brokers/broker-a";
  private static final int SEGMENT_BYTES = 16 << 20;

  /** 40 of these fill more than a segment. */
  private static final String LARGE = "x".repeat(500_000);

  @TempDir Path home;

  private final Map<String, Long> places = new HashMap<>();
  private final Set<String> received = new TreeSet<>();
  private final List<String> waiting = new ArrayList<>();
  private int sent;

  @Test
  void shouldFollowByteForByteAndTakeThePlaceOfTheMaster() throws Exception {
    try (RealRocketMq rocketMq = RealRocketMq.start(home.resolve("rocketmq"), Map.of())) {
      try (RocketMqClients clients = new RocketMqClients(rocketMq.nameServer())) {
        DefaultMQProducer producer = clients.producer("movers-producer");
        awaitTopic(producer);
        for (int i = 0; i < 40; i++) {
          send(producer, LARGE);
        }
        delay(producer, "delivered by RocketMQ", true);
        delay(producer, "later", false);
        send(producer, 20);
        try (TestServer slave = slave(rocketMq)) {
          awaitSame(rocketMq, slave);
        }
        // The slave was away, and goes on where its log ends.
        send(producer, 30);
        delay(producer, "later still", false);
        TestServer slave = slave(rocketMq);
        try (slave) {
          send(producer, 10);
          DefaultLitePullConsumer consumer = consumer(clients);
          poll(consumer, "some of them", sent / 2);
          consumer.commit();
          consumer.shutdown();
          awaitSame(rocketMq, slave);
          takeOver(rocketMq, slave);
          goOn(slave);
        }
        // Its configuration still says that it follows; but it is a master now.
        try (TestServer again = slave(rocketMq)) {
          JsonObject info = new TestClient(again.uri()).get(BROKER).json();
          assertEquals("master", info.getString("role"), info::encode);
        }
      }
    }
  }

  @Test
  void shouldBeWaitedForByAMasterThatWaitsForItsSlaves() throws Exception {
    Map<String, String> keys =
        Map.of(
            "brokerRole", "SYNC_MASTER",
            "totalReplicas", "2",
            "inSyncReplicas", "2",
            "slaveTimeout", "1000");
    try (RealRocketMq rocketMq = RealRocketMq.start(home.resolve("rocketmq"), keys);
        RocketMqClients clients = new RocketMqClients(rocketMq.nameServer())) {
      DefaultMQProducer producer = clients.producer("movers-producer");
      producer.setRetryTimesWhenSendFailed(0);
      awaitTopic(producer);
      assertNotEquals(SendStatus.SEND_OK, status(producer), "there is no slave");
      try (TestServer slave = slave(rocketMq)) {
        Await.until(
            "sends that the slave has confirmed", () -> status(producer) == SendStatus.SEND_OK);
        awaitSame(rocketMq, slave);
      }
    }
  }

  /** RocketMQ's Broker listens before it has registered. */
  private static void awaitTopic(DefaultMQProducer producer) {
    Await.until(
        "a route to make the topic",
        () -> {
          producer.createTopic("TBW102", TOPIC, 8, Map.of());
          return true;
        });
  }

  private static SendStatus status(DefaultMQProducer producer) throws Exception {
    try {
      return producer.send(RocketMqClients.message(TOPIC, "A", "m")).getSendStatus();
    } catch (MQBrokerException refused) {
      return SendStatus.SLAVE_NOT_AVAILABLE;
    }
  }

  private TestServer slave(RealRocketMq rocketMq) {
    return TestServer.start(
        home.resolve("data"),
        options -> {
          options.store().segmentBytes(SEGMENT_BYTES);
          return options.setReplication(
              options.replication().followingRocketMq(rocketMq.brokerAddress()));
        });
  }

  private void send(DefaultMQProducer producer, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      send(producer, "");
    }
  }

  private void send(DefaultMQProducer producer, String suffix) throws Exception {
    String body = sent++ + ":" + suffix;
    SendResult result = producer.send(RocketMqClients.message(TOPIC, "A", body));
    places.put(body, place(result.getMessageQueue().getQueueId(), result.getQueueOffset()));
  }

  /** One by time and one by level: both in a second, or in hours. */
  private void delay(DefaultMQProducer producer, String body, boolean soon) throws Exception {
    Message byTime = RocketMqClients.message(TOPIC, "A", body + " by time");
    byTime.setDelayTimeMs(soon ? 1_000L : 7_200_000L);
    String timeId = producer.send(byTime).getMsgId();
    Message byLevel = RocketMqClients.message(TOPIC, "A", body + " by level");
    byLevel.setDelayTimeLevel(soon ? 1 : 18);
    String levelId = producer.send(byLevel).getMsgId();
    if (!soon) {
      waiting.add(timeId);
      waiting.add(levelId);
    }
  }

  private static long place(int queueId, long queueOffset) {
    return queueId * 1_000_000L + queueOffset;
  }

  private static DefaultLitePullConsumer consumer(RocketMqClients clients) throws Exception {
    DefaultLitePullConsumer consumer = clients.litePullConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAutoCommit(false);
    consumer.setPullBatchSize(4);
    consumer.subscribe(TOPIC, "*");
    consumer.start();
    return consumer;
  }

  private void poll(DefaultLitePullConsumer consumer, String what, int count) {
    RocketMqClients.await(
        () -> what + ", there are " + received.size() + " of " + count,
        () -> {
          consumer.poll(200).forEach(this::take);
          return received.size() >= count;
        });
  }

  private void take(MessageExt message) {
    String body = new String(message.getBody(), StandardCharsets.UTF_8);
    assertTrue(received.add(body), () -> body + " came twice");
    Long place = places.get(body);
    if (place != null) {
      assertEquals(place, place(message.getQueueId(), message.getQueueOffset()), body);
    }
  }

  /** Waits until the slave has all, and compares the files of the two logs. */
  private void awaitSame(RealRocketMq rocketMq, TestServer slave) throws Exception {
    TestClient client = new TestClient(slave.uri());
    JsonObject[] info = {null};
    Await.until(
        () -> "the slave to have all: " + info[0],
        () -> {
          info[0] = client.get(BROKER).json();
          return info[0].getInteger("inSync") == 1;
        });
    long end = info[0].getLong("maxPhysicalOffset");
    assertTrue(end > 0, info[0]::encode);
    int files = 0;
    try (Stream<Path> all = Files.list(rocketMq.store().resolve("commitlog"))) {
      for (Path file : all.sorted().toList()) {
        long start = Long.parseLong(file.getFileName().toString());
        if (start < end) {
          Path copy = home.resolve("data/commitlog").resolve(file.getFileName());
          assertEquals(-1, mismatch(file, copy, (int) Math.min(SEGMENT_BYTES, end - start)));
          files++;
        }
      }
    }
    assertTrue(files > 0);
  }

  private static int mismatch(Path one, Path other, int bytes) throws Exception {
    byte[] first = Files.readAllBytes(one);
    byte[] second = Files.readAllBytes(other);
    return Arrays.mismatch(first, 0, bytes, second, 0, bytes);
  }

  private void takeOver(RealRocketMq rocketMq, TestServer slave) throws Exception {
    TestClient client = new TestClient(slave.uri());
    Await.until(
        "the group and its position",
        () -> client.get("/v1/groups/" + GROUP + "/lag").body().contains(TOPIC));
    TestClient.Answer tooEarly = client.post(BROKER + "/promote", new JsonObject());
    assertEquals(409, tooEarly.status(), tooEarly.body());
    assertTrue(tooEarly.body().contains("brokerPermission"), tooEarly.body());
    DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(rocketMq.nameServer());
    admin.setInstanceName("follow-it");
    admin.start();
    Properties readOnly = new Properties();
    readOnly.setProperty("brokerPermission", "4");
    admin.updateBrokerConfig(rocketMq.brokerAddress(), readOnly);
    admin.shutdown();
    JsonObject[] info = {null};
    Await.until(
        () -> "the slave to know that the master takes no sends: " + info[0],
        () -> {
          info[0] = client.get(BROKER).json();
          return info[0].getString("detail").contains("takes no sends any more")
              && info[0].getInteger("inSync") == 1;
        });
    rocketMq.stopBroker();
    client.post(BROKER + "/promote", new JsonObject()).expect(200);
    assertEquals("master", client.get(BROKER).json().getString("role"));
  }

  /** The same clients at the same topic: nothing is missing, nothing comes twice. */
  private void goOn(TestServer master) throws Exception {
    try (RocketMqClients clients =
        new RocketMqClients("127.0.0.1:" + master.sluice().nameServerPort())) {
      DefaultMQProducer producer = clients.producer("movers-producer");
      send(producer, 10);
      DefaultLitePullConsumer consumer = consumer(clients);
      Set<String> expected = new HashSet<>(places.keySet());
      expected.addAll(List.of("delivered by RocketMQ by time", "delivered by RocketMQ by level"));
      poll(consumer, "all of them", expected.size());
      assertEquals(new TreeSet<>(expected), received);
    }
    // What waits can be recalled, so it is in the timer of Sluice.
    TestClient client = new TestClient(master.uri());
    for (String id : waiting) {
      client.call("DELETE", "/v1/topics/" + TOPIC + "/messages/" + id, "").expect(204);
    }
  }
}
