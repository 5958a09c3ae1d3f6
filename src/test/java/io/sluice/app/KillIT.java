package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what was answered survives kill -9, whatever the server was doing. Method: senders with
 * ordering keys, a sender of batches and a consumer load a server process; it is killed at a random
 * moment and started again on the same data, many times ({@code -Dkill.rounds}, {@code
 * -Dkill.seed}). At the end every queue is read whole and compared with what was answered: each
 * acked message is there once, at the place its answer named, with the body that was sent, in the
 * order of its key; nothing that was settled was handed out again, and everything else was.
 */
class KillIT {

  private static final int ROUNDS = Integer.getInteger("kill.rounds", 20);
  private static final long SEED = Long.getLong("kill.seed", System.nanoTime());

  /** Senders with a key each; every second one asks for ack memory. */
  private static final int SENDERS = 6;

  private static final int BATCH = 20;
  private static final int QUEUES = 4;
  private static final String TOPIC = "kill";
  private static final String GROUP = "kill-group";

  @TempDir Path directory;

  private final Random random = new Random(SEED);

  /** Where the answer said that a message is, by its body. */
  private final Map<String, Place> acked = new ConcurrentHashMap<>();

  /** Bodies whose ack was answered "ok". */
  private final Set<String> settled = ConcurrentHashMap.newKeySet();

  /** Bodies that were handed out. */
  private final Set<String> received = ConcurrentHashMap.newKeySet();

  private final List<String> broken = java.util.Collections.synchronizedList(new ArrayList<>());
  private final int[] next = new int[SENDERS + 1];

  private record Place(int queueId, long queueOffset) {}

  @Test
  void shouldKeepWhatWasAckedOverKills() throws Exception {
    Path data = directory.resolve("data");
    for (int round = 0; round < ROUNDS; round++) {
      try (ServerProcess server = start(data)) {
        if (round == 0) {
          prepare(new TestClient(java.net.URI.create(server.url())));
        }
        loadAndKill(server);
      }
    }
    try (ServerProcess server = start(data)) {
      TestClient client = new TestClient(java.net.URI.create(server.url()));
      compareWithTheLog(client);
      consumeTheRest(client);
      assertEquals(143, server.stop(), "a server that is told to stop");
    }
    assertEquals(List.of(), broken, this::story);
    assertTrue(acked.size() > ROUNDS * SENDERS, story() + ": there was hardly any load");
  }

  private ServerProcess start(Path data) throws IOException {
    // Small segments: the rounds cross from one to the next, and kill while one is prepared.
    return Servers.start(data, List.of("-Xmx64m"), "--store-segment", "1m", "--host", "127.0.0.1");
  }

  private static void prepare(TestClient client) throws Exception {
    client.put("/v1/topics/" + TOPIC, new JsonObject().put("queues", QUEUES));
    client.put(
        "/v1/groups/" + GROUP,
        new JsonObject().put("maxAttempts", 1_000).put("retryDelays", new JsonArray().add("10ms")));
  }

  private void loadAndKill(ServerProcess server) throws InterruptedException {
    TestClient client = new TestClient(java.net.URI.create(server.url()));
    List<Thread> threads = new ArrayList<>();
    for (int sender = 0; sender < SENDERS; sender++) {
      int key = sender;
      threads.add(thread(() -> sendOne(client, key)));
    }
    threads.add(thread(() -> sendBatch(client)));
    threads.add(thread(() -> consume(client, "1s")));
    int enough = acked.size() + 1 + random.nextInt(300);
    Await.until(() -> story() + ": the load is slow", () -> acked.size() >= enough || isBroken());
    LockSupport.parkNanos(random.nextInt(50) * 1_000_000L);
    server.kill();
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private boolean isBroken() {
    return !broken.isEmpty();
  }

  private interface Step {
    void run() throws Exception;
  }

  /** Repeats a step until the server is gone. */
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

  private void sendOne(TestClient client, int key) throws Exception {
    String body = body(key, next[key]++);
    TestClient.Answer answer =
        client.send(
            TOPIC,
            body,
            "Sluice-Ordering-Key",
            "key-" + key,
            "Sluice-Ack",
            key % 2 == 0 ? "memory" : "disk");
    acked.put(body, place(answer.expect(201).json()));
  }

  private void sendBatch(TestClient client) throws Exception {
    StringBuilder lines = new StringBuilder();
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) {
      String body = body(SENDERS, next[SENDERS]++);
      bodies.add(body);
      lines.append(new JsonObject().put("body", body).put("orderingKey", "batch").encode());
      lines.append('\n');
    }
    JsonArray results =
        client
            .send(TOPIC, lines.toString(), "Content-Type", "application/x-ndjson")
            .expect(200)
            .json()
            .getJsonArray("results");
    for (int i = 0; i < BATCH; i++) {
      acked.put(bodies.get(i), place(results.getJsonObject(i)));
    }
  }

  private static Place place(JsonObject answer) {
    if (!answer.containsKey("queueId")) {
      throw new AssertionError("refused: " + answer.encode());
    }
    return new Place(answer.getInteger("queueId"), answer.getLong("queueOffset"));
  }

  /** Receives some and settles half of them; the other half comes again. */
  private boolean consume(TestClient client, String wait) throws Exception {
    TestClient.Answer answer =
        client.post(
            "/v1/groups/" + GROUP + "/topics/" + TOPIC + "/receive",
            new JsonObject().put("max", 32).put("wait", wait).put("invisible", "500ms"));
    if (answer.status() == 204) {
      return false;
    }
    JsonArray messages = answer.expect(200).json().getJsonArray("messages");
    JsonArray receipts = new JsonArray();
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      JsonObject message = messages.getJsonObject(i);
      String body = whole(message.getString("body"));
      received.add(body);
      if (settled.contains(body)) {
        broken.add("came again after its ack was answered: " + body);
      }
      if (i % 2 == 0 || wait.equals("0s")) {
        receipts.add(message.getString("receipt"));
        bodies.add(body);
      }
    }
    JsonArray results =
        client
            .post("/v1/groups/" + GROUP + "/settle", new JsonObject().put("ack", receipts))
            .expect(200)
            .json()
            .getJsonArray("results");
    for (int i = 0; i < bodies.size(); i++) {
      if (results.getJsonObject(i).getString("outcome").equals("ok")) {
        settled.add(bodies.get(i));
      }
    }
    return true;
  }

  private void compareWithTheLog(TestClient client) throws Exception {
    Map<String, Place> stored = new HashMap<>();
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      Map<Integer, Integer> lastOfKey = new HashMap<>();
      long offset = 0;
      while (true) {
        JsonArray messages =
            client
                .get(
                    "/v1/topics/"
                        + TOPIC
                        + "/messages?queue="
                        + queueId
                        + "&offset="
                        + offset
                        + "&limit=500")
                .expect(200)
                .json()
                .getJsonArray("messages");
        if (messages.isEmpty()) {
          break;
        }
        for (int i = 0; i < messages.size(); i++) {
          JsonObject message = messages.getJsonObject(i);
          String body = whole(message.getString("body"));
          offset = message.getLong("queueOffset") + 1;
          Place twice = stored.put(body, new Place(queueId, offset - 1));
          assertNull(twice, () -> story() + ": stored twice: " + body);
          Integer last = lastOfKey.put(key(body), number(body));
          if (last != null && last >= number(body)) {
            broken.add(body + " stands behind number " + last + " of its key");
          }
        }
      }
    }
    acked.forEach(
        (body, place) -> {
          if (!place.equals(stored.get(body))) {
            broken.add(body + " was acked at " + place + " and is at " + stored.get(body));
          }
        });
  }

  private void consumeTheRest(TestClient client) {
    Set<String> missing = new HashSet<>();
    Await.until(
        () -> story() + ": not handed out: " + missing.stream().limit(5).toList(),
        () -> {
          consume(client, "0s");
          missing.clear();
          missing.addAll(acked.keySet());
          missing.removeAll(received);
          return missing.isEmpty();
        });
  }

  /** Key, number, filling of any length, and a checksum of all that: half of it is not a body. */
  private String body(int key, int number) {
    String text = key + ":" + number + ":" + "x".repeat(Math.floorMod(number * 31 + key, 700));
    return text + ":" + checksum(text);
  }

  private static String checksum(String text) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    return Long.toHexString(crc.getValue());
  }

  private String whole(String body) {
    int colon = body.lastIndexOf(':');
    if (colon < 0 || !checksum(body.substring(0, colon)).equals(body.substring(colon + 1))) {
      throw new AssertionError(story() + ": not what was sent: " + body);
    }
    return body;
  }

  private static int key(String body) {
    return Integer.parseInt(body.substring(0, body.indexOf(':')));
  }

  private static int number(String body) {
    int colon = body.indexOf(':');
    return Integer.parseInt(body.substring(colon + 1, body.indexOf(':', colon + 1)));
  }

  private String story() {
    return "-Dkill.seed=" + SEED + ", " + acked.size() + " acked, " + settled.size() + " settled";
  }
}
