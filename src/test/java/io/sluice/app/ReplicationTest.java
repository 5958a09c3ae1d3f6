package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A master and its slave, each a whole server: what a user sees of them. */
final class ReplicationTest {

  private static final String BROKER = "/v1/brokers/broker-a";
  private static final String RECEIVE = "/v1/groups/g/topics/t/receive";

  @TempDir Path directory;

  @Test
  void shouldRefuseReplicatedSendsWithoutASlaveAndTakeThemWithOne() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      TestClient.Answer refused = client.send("t", "x", "Sluice-Ack", "replicated").expect(503);
      assertEquals("REPLICAS_MISSING", refused.json().getString("code"));
      assertTrue(refused.body().contains("needs 1 slaves"), refused.body());
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        client.send("t", "y", "Sluice-Ack", "replicated").expect(201);
        assertEquals(List.of("y"), browse(slave, "t", 1));
      }
      awaitInSync(client, 0);
      client.send("t", "z", "Sluice-Ack", "replicated").expect(503);
      client.send("t", "z").expect(201);
    }
  }

  @Test
  void shouldFollowFromAnyPointAndTakeOverWithEverything() throws Exception {
    Path old = directory.resolve("m");
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      client.put("/v1/topics/t", new JsonObject().put("queues", 2)).expect(201);
      for (int i = 0; i < 300; i++) {
        client.send("t", "m" + i, "Sluice-Key", "k").expect(201);
      }
      assertEquals(100, receiveAndAck(client, "t", "g", 100));
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        TestClient slaveClient = new TestClient(slave.uri());
        for (int i = 300; i < 400; i++) {
          client.send("t", "m" + i, "Sluice-Ack", "replicated").expect(201);
        }
        assertEquals(400, browse(slave, "t", 400).size());
        assertEquals(1, client.send("other", "x").expect(201).json().getLong("epoch"));
        TestClient.Answer refused = slaveClient.send("t", "x").expect(503);
        assertTrue(refused.body().contains("is a slave"), refused.body());
        assertEquals("slave", slaveClient.get(BROKER).json().getString("role"));

        Await.result("the stop of the master", master.sluice().close());
        JsonObject promoted = slaveClient.post(BROKER + "/promote", new JsonObject()).json();
        assertEquals("master", promoted.getString("role"), promoted.encode());
        assertEquals("master", slaveClient.get(BROKER).json().getString("role"));
        assertEquals(2, slaveClient.send("t", "after").expect(201).json().getLong("epoch"));
        // The group goes on where it was.
        assertEquals(301, receiveAndAck(slaveClient, "t", "g", 301));
        slaveClient.post(BROKER + "/promote", new JsonObject()).expect(409);

        // The old one comes back as a slave, and has what came meanwhile.
        try (TestServer back = slave("m", slave)) {
          awaitInSync(slaveClient, 1);
          slaveClient.send("t", "last", "Sluice-Ack", "replicated").expect(201);
          assertEquals(402, browse(back, "t", 402).size());
        }
      }
    }
    assertTrue(Files.exists(old.resolve("epochs")));
  }

  @Test
  void shouldCutWhatAnOldMasterHasAloneAndKeepItAside() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      client.send("t", "both").expect(201);
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        client.send("t", "both too", "Sluice-Ack", "replicated").expect(201);
      }
      client.send("t", "only the old one").expect(201);
    }
    // As if the slave had been promoted when it was cut off: it starts as a master.
    try (TestServer promoted = master("s")) {
      TestClient client = new TestClient(promoted.uri());
      client.send("t", "only the new one").expect(201);
      try (TestServer back = slave("m", promoted)) {
        awaitInSync(client, 1);
        client.send("t", "again both", "Sluice-Ack", "replicated").expect(201);
        List<String> bodies = browse(back, "t", 4);
        assertEquals(
            List.of("again both", "both", "both too", "only the new one"),
            bodies.stream().sorted().toList());
      }
      try (var lost = Files.list(directory.resolve("m/lost"))) {
        assertEquals(1, lost.count());
      }
    }
  }

  @Test
  void shouldBeginInTheMiddleOfALogWithASnapshotOfTheState() throws Exception {
    Path data = directory.resolve("m");
    try (TestServer master =
        TestServer.start(
            data,
            options -> {
              // Two segments and little more are kept.
              options.store().quotaBytes(3 << 20).retentionInterval(Duration.ofMillis(50));
              return options.setReplication(options.replication().withPort(0));
            })) {
      TestClient client = new TestClient(master.uri());
      client.put("/v1/topics/t", new JsonObject().put("queues", 2)).expect(201);
      client.put("/v1/groups/g", new JsonObject().put("maxAttempts", 7)).expect(201);
    }
    try (TestServer master =
        TestServer.start(
            data,
            options -> {
              options.store().quotaBytes(3 << 20).retentionInterval(Duration.ofMillis(50));
              return options.setReplication(options.replication().withPort(0));
            })) {
      TestClient client = new TestClient(master.uri());
      String body = "b".repeat(50_000);
      long[] min = {0};
      Await.until(
          () -> "the log begins at " + min[0],
          () -> {
            client.send("t", body, "Sluice-Ack", "disk").expect(201);
            min[0] = firstSegment(data);
            return min[0] > 0;
          });
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        client.send("t", "last", "Sluice-Ack", "replicated").expect(201);
        TestClient slaveClient = new TestClient(slave.uri());
        assertEquals(7, slaveClient.get("/v1/groups/g").json().getInteger("maxAttempts"));
        Await.result("the stop of the master", master.sluice().close());
        slaveClient.post(BROKER + "/promote", new JsonObject()).expect(200);
        assertEquals(2, slaveClient.get("/v1/topics/t").expect(200).json().getInteger("queues"));
        slaveClient.send("t", "after").expect(201);
      }
    }
  }

  @Test
  void shouldRecogniseRepeatedSendsAfterTheTakeOver() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      // One that the slave gets when it catches up, one that is sent to it at once.
      JsonObject early = keyed(client, "early", "disk");
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        JsonObject late = keyed(client, "late", "replicated");
        TestClient slaveClient = new TestClient(slave.uri());
        awaitInSync(slaveClient, 1);
        Await.result("the stop of the master", master.sluice().close());
        slaveClient.post(BROKER + "/promote", new JsonObject()).expect(200);
        assertRepeats(early, keyed(slaveClient, "early", "disk"));
        assertRepeats(late, keyed(slaveClient, "late", "disk"));
        JsonObject other = keyed(slaveClient, "new", "disk");
        assertFalse(other.getBoolean("duplicate"), other::encode);
        assertRepeats(other, keyed(slaveClient, "new", "disk"));
        assertEquals(
            List.of("early", "late", "new"), browse(slave, "t", 3).stream().sorted().toList());
        // The old one as a slave, promoted in its turn, has the key that it never was sent.
        try (TestServer back = slave("m", slave)) {
          TestClient backClient = new TestClient(back.uri());
          // A slave is told so by the next frame, and may be promoted from then on.
          awaitInSync(backClient, 1);
          Await.result("the stop of the second master", slave.sluice().close());
          backClient.post(BROKER + "/promote", new JsonObject()).expect(200);
          for (JsonObject first : List.of(early, late, other)) {
            String key = first.getString("key");
            assertRepeats(first, keyed(backClient, key, "disk"));
          }
          assertEquals(3, browse(back, "t", 3).size());
        }
      }
    }
  }

  @Test
  void shouldEndTransactionsAndDeliverDelayedMessagesAfterTheTakeOver() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      String early = begin(client, "early", "disk");
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        String yes = begin(client, "yes", "replicated");
        String no = begin(client, "no", "replicated");
        String done = begin(client, "done", "replicated");
        end(client, done, "commit").expect(200);
        String recalled = delayed(client, "recalled", "40d").getString("messageId");
        // The answer to this one comes after the slave has all that was before it.
        JsonObject late = delayed(client, "late", "6s");
        TestClient slaveClient = new TestClient(slave.uri());
        awaitInSync(slaveClient, 1);
        Await.result("the stop of the master", master.sluice().close());
        assertEquals(List.of("done"), browse(slave, "t", 1));
        slaveClient.post(BROKER + "/promote", new JsonObject()).expect(200);

        assertEquals("open", transaction(slaveClient, yes).getString("state"));
        assertEquals("committed", transaction(slaveClient, done).getString("state"));
        end(slaveClient, early, "commit").expect(200);
        end(slaveClient, yes, "commit").expect(200);
        end(slaveClient, yes, "commit").expect(200);
        end(slaveClient, no, "rollback").expect(200);
        end(slaveClient, done, "commit").expect(200);
        end(slaveClient, done, "rollback").expect(409);
        slaveClient.call("DELETE", "/v1/topics/t/messages/" + recalled, "").expect(204);
        assertEquals(
            List.of("done", "early", "late", "yes"),
            browse(slave, "t", 4).stream().sorted().toList());
        JsonObject delivered =
            slaveClient
                .get("/v1/topics/t/messages/" + late.getString("messageId"))
                .expect(200)
                .json();
        assertTrue(
            delivered.getLong("storedAt") >= late.getLong("deliverAt"),
            () -> late.encode() + " came as " + delivered.encode());
      }
    }
  }

  @Test
  void shouldKeepLeasesOverTheTakeOver() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      client.put("/v1/topics/t", new JsonObject().put("queues", 1)).expect(201);
      client.put("/v1/groups/g", new JsonObject().put("retryDelays", noDelay())).expect(201);
      send(client, "early", "disk");
      // One lease that the slave gets when it catches up, the others as they are given.
      JsonObject early = receive(client, new JsonObject().put("max", 1)).get(0);
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        for (String body : List.of("held", "done", "short", "free")) {
          send(client, body, "replicated");
        }
        List<JsonObject> leased = receive(client, new JsonObject().put("max", 2));
        JsonObject held = leased.get(0);
        assertEquals(List.of("ok"), settle(client, "ack", leased.get(1)));
        JsonObject soon = new JsonObject().put("max", 1).put("invisible", "1ms");
        assertEquals("short", receive(client, soon).get(0).getString("body"));
        // The answer to this one comes after the slave has all that was before it.
        send(client, "last", "replicated");
        TestClient next = takeOver(master, slave);

        JsonObject all = new JsonObject().put("max", 10);
        Map<String, JsonObject> got = new HashMap<>();
        while (got.size() < 3) {
          receive(next, all).forEach(each -> got.put(each.getString("body"), each));
        }
        assertEquals(Set.of("short", "free", "last"), got.keySet());
        assertEquals(2, got.get("short").getInteger("attempt"));
        assertEquals(1, got.get("free").getInteger("attempt"));
        next.post(RECEIVE, new JsonObject().put("wait", "0ms")).expect(204);

        assertEquals(List.of("ok"), settle(next, "ack", early));
        // What is settled already, by the receipt of the master that is gone.
        assertEquals(List.of("ok"), settle(next, "ack", leased.get(1)));
        assertEquals(List.of("ok"), settle(next, "nack", held));
        JsonObject again = receive(next, all).get(0);
        assertEquals("held", again.getString("body"));
        assertEquals(2, again.getInteger("attempt"));
        assertEquals(List.of("expired"), settle(next, "ack", held));
        assertEquals(List.of("ok"), settle(next, "ack", again));
        next.post(RECEIVE, new JsonObject().put("wait", "0ms")).expect(204);
      }
    }
  }

  @Test
  void shouldKeepAQueueToWhoHoldsItInOrderOverTheTakeOver() throws Exception {
    try (TestServer master = master("m")) {
      TestClient client = new TestClient(master.uri());
      client.put("/v1/topics/t", new JsonObject().put("queues", 1)).expect(201);
      client.put("/v1/groups/g", new JsonObject().put("orderedRetry", "0ms")).expect(201);
      try (TestServer slave = slave("s", master)) {
        awaitInSync(client, 1);
        for (int i = 0; i < 6; i++) {
          send(client, "m" + i, "replicated");
        }
        JsonObject two = new JsonObject().put("max", 2).put("ordered", true);
        List<JsonObject> held = receive(client, two);
        send(client, "m6", "replicated");
        TestClient next = takeOver(master, slave);

        JsonObject atOnce = two.copy().put("wait", "0ms");
        next.post(RECEIVE, atOnce).expect(204);
        assertEquals(List.of("ok"), settle(next, "ack", held.get(0)));
        next.post(RECEIVE, atOnce).expect(204);
        assertEquals(List.of("ok"), settle(next, "nack", held.get(1)));
        List<JsonObject> again = receive(next, two);
        assertEquals(List.of("m1", "m2"), bodies(again));
        assertEquals(2, again.get(0).getInteger("attempt"));
        for (JsonObject message : again) {
          assertEquals(List.of("ok"), settle(next, "ack", message));
        }
        assertEquals(
            List.of("m3", "m4", "m5", "m6"), bodies(receive(next, two.copy().put("max", 10))));
      }
    }
  }

  /** The slave as the master, which is stopped. */
  private static TestClient takeOver(TestServer master, TestServer slave) throws Exception {
    TestClient client = new TestClient(slave.uri());
    awaitInSync(client, 1);
    Await.result("the stop of the master", master.sluice().close());
    client.post(BROKER + "/promote", new JsonObject()).expect(200);
    return client;
  }

  private static JsonArray noDelay() {
    return new JsonArray().add("0ms");
  }

  private static void send(TestClient client, String body, String ack) throws Exception {
    client.send("t", body, "Sluice-Ack", ack).expect(201);
  }

  /** At least one message, invisible for far longer than a test takes if nothing else is said. */
  private static List<JsonObject> receive(TestClient client, JsonObject request) throws Exception {
    JsonObject asked = new JsonObject().put("invisible", "30m").mergeIn(request);
    JsonArray messages = client.post(RECEIVE, asked).expect(200).json().getJsonArray("messages");
    return messages.stream().map(JsonObject.class::cast).toList();
  }

  private static List<String> bodies(List<JsonObject> messages) {
    return messages.stream().map(message -> message.getString("body")).toList();
  }

  private static List<String> settle(TestClient client, String how, JsonObject message)
      throws Exception {
    Object receipt = message.getString("receipt");
    JsonArray what =
        new JsonArray()
            .add(how.equals("nack") ? new JsonObject().put("receipt", receipt) : receipt);
    JsonArray results =
        client
            .post("/v1/groups/g/settle", new JsonObject().put(how, what))
            .expect(200)
            .json()
            .getJsonArray("results");
    return results.stream().map(each -> ((JsonObject) each).getString("outcome")).toList();
  }

  private static long firstSegment(Path data) throws java.io.IOException {
    try (var files = Files.list(data.resolve("commitlog"))) {
      return files.map(f -> Long.parseLong(f.getFileName().toString())).sorted().findFirst().get();
    }
  }

  private TestServer master(String name) {
    return TestServer.start(
        directory.resolve(name),
        options -> options.setReplication(options.replication().withPort(0)));
  }

  private TestServer slave(String name, TestServer master) {
    String from = "127.0.0.1:" + master.sluice().replicationPort();
    return TestServer.start(
        directory.resolve(name),
        options -> options.setReplication(options.replication().withPort(0).following(from)));
  }

  /** Sends a message whose body is its key, and gives the answer with that key. */
  private static JsonObject keyed(TestClient client, String key, String ack) throws Exception {
    return client
        .send("t", key, "Idempotency-Key", key, "Sluice-Ack", ack)
        .expect(201)
        .json()
        .put("key", key);
  }

  private static void assertRepeats(JsonObject first, JsonObject repeat) {
    assertTrue(repeat.getBoolean("duplicate"), repeat::encode);
    for (String field : List.of("messageId", "queueId", "queueOffset")) {
      assertEquals(first.getValue(field), repeat.getValue(field), field);
    }
  }

  private static String begin(TestClient client, String body, String ack) throws Exception {
    return client
        .send("t", body, "Sluice-Transaction", "shop", "Sluice-Ack", ack)
        .expect(201)
        .json()
        .getString("transactionId");
  }

  private static TestClient.Answer end(TestClient client, String id, String outcome)
      throws Exception {
    return client.post("/v1/transactions/" + id, new JsonObject().put("outcome", outcome));
  }

  private static JsonObject transaction(TestClient client, String id) throws Exception {
    return client.get("/v1/transactions/" + id).expect(200).json();
  }

  private static JsonObject delayed(TestClient client, String body, String delay) throws Exception {
    return client
        .send("t", body, "Sluice-Delay", delay, "Sluice-Ack", "replicated")
        .expect(201)
        .json();
  }

  private static void awaitInSync(TestClient client, int slaves) {
    String[] last = {""};
    Await.until(
        () -> "waited for " + slaves + " slaves in sync: " + last[0],
        () -> {
          last[0] = client.get(BROKER).body();
          return new JsonObject(last[0]).getInteger("inSync", -1) == slaves;
        });
  }

  /** The bodies at a server, once there are so many. */
  private static List<String> browse(TestServer server, String topic, int count) {
    TestClient client = new TestClient(server.uri());
    List<String> bodies = new ArrayList<>();
    Await.until(
        () -> "waited for " + count + " messages, found " + bodies,
        () -> {
          bodies.clear();
          for (int queue = 0; queue < 8; queue++) {
            browse(client, topic, queue, bodies);
          }
          return bodies.size() == count;
        });
    return bodies;
  }

  private static void browse(TestClient client, String topic, int queue, List<String> bodies)
      throws Exception {
    long offset = 0;
    while (true) {
      TestClient.Answer answer =
          client.get(
              "/v1/topics/"
                  + topic
                  + "/messages?queue="
                  + queue
                  + "&offset="
                  + offset
                  + "&limit=100");
      if (answer.status() != 200) {
        return;
      }
      JsonArray messages = answer.json().getJsonArray("messages");
      if (messages.isEmpty()) {
        return;
      }
      for (int i = 0; i < messages.size(); i++) {
        JsonObject message = messages.getJsonObject(i);
        bodies.add(message.getString("body"));
        offset = message.getLong("queueOffset") + 1;
      }
    }
  }

  private static int receiveAndAck(TestClient client, String topic, String group, int most)
      throws Exception {
    int count = 0;
    while (count < most) {
      JsonArray messages =
          client
              .post(
                  "/v1/groups/" + group + "/topics/" + topic + "/receive",
                  new JsonObject().put("max", most - count).put("wait", "5s"))
              .expect(200)
              .json()
              .getJsonArray("messages");
      if (messages.isEmpty()) {
        return count;
      }
      JsonArray receipts = new JsonArray();
      for (int i = 0; i < messages.size(); i++) {
        receipts.add(messages.getJsonObject(i).getString("receipt"));
      }
      client
          .post("/v1/groups/" + group + "/settle", new JsonObject().put("ack", receipts))
          .expect(200);
      count += messages.size();
    }
    return count;
  }
}
