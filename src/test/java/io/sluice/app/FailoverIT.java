package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.QueueOrder;
import io.sluice.testkit.Servers;
import io.sluice.testkit.Signals;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what was acked {@code replicated} survives the loss of the master. Method: senders with
 * ordering keys and two consumers, one of which keeps order, load a master with a slave in sync,
 * all with ack replicated; the master is killed at a random moment, the slave is promoted, the old
 * master comes back as its slave and cuts what it had alone; then the other way round, {@code
 * -Dfailover.rounds} times. At the end each acked message is there once, in the order of its key,
 * nothing that was settled came again, and the consumer that keeps order has seen each queue as it
 * is.
 */
class FailoverIT {

  private static final int ROUNDS = Integer.getInteger("failover.rounds", 2);
  private static final long SEED = Long.getLong("failover.seed", System.nanoTime());
  private static final int SENDERS = 4;
  private static final int QUEUES = 4;
  private static final String TOPIC = "failover";
  private static final String GROUP = "failover-group";
  private static final String ORDERED_GROUP = "failover-ordered";
  private static final String BROKER = "/v1/brokers/broker-a";

  @TempDir Path directory;

  private final Random random = new Random(SEED);
  private final Set<String> acked = ConcurrentHashMap.newKeySet();
  private final Set<String> settled = ConcurrentHashMap.newKeySet();
  private final QueueOrder order = new QueueOrder();
  private final List<String> broken = Collections.synchronizedList(new ArrayList<>());
  private final int[] next = new int[SENDERS];
  private final List<Long> takeOversMs = new ArrayList<>();

  @Test
  void shouldKeepWhatWasReplicatedOverTheLossOfTheMaster() throws Exception {
    int[] ports = {freePort(), freePort()};
    ServerProcess master = start(0, ports, false);
    ServerProcess slave = start(1, ports, true);
    try {
      awaitInSync(client(master));
      prepare(client(master));
      for (int round = 0; round < ROUNDS; round++) {
        loadAndKill(master);
        long startNs = System.nanoTime();
        client(slave).post(BROKER + "/promote", new JsonObject()).expect(200);
        takeOversMs.add((System.nanoTime() - startNs) / 1_000_000);
        int old = round % 2;
        master = slave;
        slave = start(old, ports, true);
        awaitInSync(client(master));
      }
      compareWithTheLog(client(master));
      assertEquals(143, slave.stop());
      assertEquals(143, master.stop());
    } finally {
      master.close();
      slave.close();
    }
    assertEquals(List.of(), broken, this::story);
    assertEquals(List.of(), order.broken(), this::story);
    assertTrue(acked.size() > ROUNDS * SENDERS, story() + ": there was hardly any load");
    System.out.println(story() + ", promoted in " + takeOversMs + " ms");
  }

  @Test
  void shouldGoOnWithoutASlaveThatStandsStill() throws Exception {
    int[] ports = {freePort(), freePort()};
    try (ServerProcess master = start(0, ports, false);
        ServerProcess slave = start(1, ports, true)) {
      TestClient client = client(master);
      awaitInSync(client);
      client.send(TOPIC, "both", "Sluice-Ack", "replicated").expect(201);
      Signals.send(slave, "STOP");
      // In flight while the slave is still counted: stored, not confirmed; then refused at once.
      assertEquals(504, client.send(TOPIC, "a", "Sluice-Ack", "replicated").status());
      TestClient.Answer refused = client.send(TOPIC, "b", "Sluice-Ack", "replicated").expect(503);
      assertEquals("REPLICAS_MISSING", refused.json().getString("code"));
      String body = "x".repeat(100_000);
      for (int i = 0; i < 300; i++) {
        client.send(TOPIC, body, "Sluice-Ack", "disk").expect(201);
      }
      Signals.send(slave, "CONT");
      awaitInSync(client);
      client.send(TOPIC, "c", "Sluice-Ack", "replicated").expect(201);
      assertEquals(0, client(slave).get(BROKER).json().getInteger("brokerId") - 1);
    }
  }

  private ServerProcess start(int node, int[] ports, boolean follows) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--store-segment",
                "1m",
                "--host",
                "127.0.0.1",
                "--ack",
                "replicated",
                "--replication-in-sync-timeout",
                "1s",
                "--replication-ack-timeout",
                "3s",
                "--replication-port",
                Integer.toString(ports[node])));
    if (follows) {
      arguments.addAll(List.of("--replication-from", "127.0.0.1:" + ports[1 - node]));
    }
    return Servers.start(
        directory.resolve("node" + node), List.of("-Xmx64m"), arguments.toArray(String[]::new));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static TestClient client(ServerProcess server) {
    return new TestClient(URI.create(server.url()));
  }

  private static void prepare(TestClient client) throws Exception {
    client.put("/v1/topics/" + TOPIC, new JsonObject().put("queues", QUEUES)).expect(201);
    JsonObject settings = new JsonObject().put("maxAttempts", 1_000).put("orderedRetry", "0ms");
    client.put("/v1/groups/" + GROUP, settings).expect(201);
    client.put("/v1/groups/" + ORDERED_GROUP, settings).expect(201);
  }

  private void awaitInSync(TestClient client) {
    String[] last = {""};
    Await.until(
        () -> story() + ": the slave is not in sync: " + last[0],
        () -> {
          last[0] = client.get(BROKER).body();
          return new JsonObject(last[0]).getInteger("inSync", -1) == 1;
        });
  }

  private void loadAndKill(ServerProcess server) throws InterruptedException {
    TestClient client = client(server);
    List<Thread> threads = new ArrayList<>();
    for (int sender = 0; sender < SENDERS; sender++) {
      int key = sender;
      threads.add(thread(() -> send(client, key)));
    }
    threads.add(thread(() -> consume(client)));
    threads.add(thread(() -> consumeInOrder(client)));
    int enough = acked.size() + 1 + random.nextInt(400);
    Await.until(
        () -> story() + ": the load is slow " + broken,
        () -> acked.size() >= enough || !broken.isEmpty());
    LockSupport.parkNanos(random.nextInt(50) * 1_000_000L);
    server.kill();
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private interface Step {
    void run() throws Exception;
  }

  private Thread thread(Step step) {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (true) {
                  step.run();
                }
              } catch (IOException e) {
                // The server is gone: the round is over.
              } catch (Exception | AssertionError e) {
                broken.add(e.toString());
              }
            });
    thread.start();
    return thread;
  }

  private void send(TestClient client, int key) throws Exception {
    String body = key + ":" + next[key]++ + ":" + "x".repeat(next[key] % 500);
    client.send(TOPIC, body, "Sluice-Ordering-Key", "key-" + key).expect(201);
    acked.add(body);
  }

  private void consume(TestClient client) throws Exception {
    JsonArray messages = receive(client, GROUP, false);
    for (int i = 0; i < messages.size(); i++) {
      JsonObject message = messages.getJsonObject(i);
      if (settled.contains(message.getString("body"))) {
        broken.add("came again after its ack was answered: " + message.getString("body"));
      }
    }
    for (JsonObject message : settle(client, GROUP, messages)) {
      settled.add(message.getString("body"));
    }
  }

  private void consumeInOrder(TestClient client) throws Exception {
    JsonArray messages = receive(client, ORDERED_GROUP, true);
    for (int i = 0; i < messages.size(); i++) {
      JsonObject message = messages.getJsonObject(i);
      order.delivered(
          message.getInteger("queueId"), message.getLong("queueOffset"), message.getString("body"));
    }
    for (JsonObject message : settle(client, ORDERED_GROUP, messages)) {
      order.settled(message.getInteger("queueId"), message.getLong("queueOffset"));
    }
  }

  private static JsonArray receive(TestClient client, String group, boolean ordered)
      throws Exception {
    TestClient.Answer answer =
        client.post(
            "/v1/groups/" + group + "/topics/" + TOPIC + "/receive",
            new JsonObject()
                .put("max", 32)
                .put("wait", "1s")
                .put("invisible", "2s")
                .put("ordered", ordered));
    return answer.status() == 204
        ? new JsonArray()
        : answer.expect(200).json().getJsonArray("messages");
  }

  /** Acks them and gives those that are settled, as far as was answered. */
  private static List<JsonObject> settle(TestClient client, String group, JsonArray messages)
      throws Exception {
    List<JsonObject> done = new ArrayList<>();
    if (messages.isEmpty()) {
      return done;
    }
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < messages.size(); i++) {
      receipts.add(messages.getJsonObject(i).getString("receipt"));
    }
    JsonArray results =
        client
            .post("/v1/groups/" + group + "/settle", new JsonObject().put("ack", receipts))
            .expect(200)
            .json()
            .getJsonArray("results");
    for (int i = 0; i < messages.size(); i++) {
      if (results.getJsonObject(i).getString("outcome").equals("ok")) {
        done.add(messages.getJsonObject(i));
      }
    }
    return done;
  }

  private void compareWithTheLog(TestClient client) throws Exception {
    Map<String, Integer> stored = new HashMap<>();
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      Map<String, Integer> lastOfKey = new HashMap<>();
      List<String> bodies = new ArrayList<>();
      for (JsonObject message : client.browse(TOPIC, queueId)) {
        String body = message.getString("body");
        bodies.add(body);
        assertNull(stored.put(body, queueId), () -> story() + ": stored twice: " + body);
        String[] words = body.split(":");
        Integer last = lastOfKey.put(words[0], Integer.parseInt(words[1]));
        if (last != null && last >= Integer.parseInt(words[1])) {
          broken.add(body + " stands behind number " + last + " of its key");
        }
      }
      int queue = queueId;
      Await.until(
          () -> story() + ": what is stored, in order; seen are " + order.seen(),
          () -> {
            consumeInOrder(client);
            return order.bodies(queue).size() >= bodies.size();
          });
      assertEquals(bodies, order.bodies(queueId), this::story);
    }
    for (String body : acked) {
      if (!stored.containsKey(body)) {
        broken.add("acked and lost: " + body);
      }
    }
  }

  private String story() {
    return "-Dfailover.seed="
        + SEED
        + ", "
        + acked.size()
        + " acked, "
        + settled.size()
        + " settled, "
        + order.seen()
        + " seen in order, "
        + order.repeats()
        + " of them again";
  }
}
