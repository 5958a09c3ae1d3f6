package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * Goal: who repeats a send with its key has it stored once, also if the server was killed in
 * between. Method: senders load a server process with keyed messages until it is killed at a random
 * moment ({@code -Drepeat.rounds}, {@code -Drepeat.seed}); after the restart everything of the
 * round is sent again, what was answered and what was not. At the end each body is in the log once,
 * where each of its answers said.
 */
class RepeatedSendsIT {

  private static final int ROUNDS = Integer.getInteger("repeat.rounds", 2);
  private static final long SEED = Long.getLong("repeat.seed", System.nanoTime());
  private static final int SENDERS = 6;
  private static final String TOPIC = "repeats";

  /** More than a topic gets when it is made by its first message. */
  private static final int MAX_QUEUES = 16;

  @TempDir Path directory;

  private final Random random = new Random(SEED);
  private final Map<String, JsonObject> answered = new ConcurrentHashMap<>();
  private final Set<String> unanswered = ConcurrentHashMap.newKeySet();
  private final Set<String> broken = ConcurrentHashMap.newKeySet();
  private final int[] next = new int[SENDERS];
  private int storedUnanswered;

  @Test
  void shouldAnswerARepeatLikeTheFirstOverKills() throws Exception {
    Path data = directory.resolve("data");
    for (int round = 0; round < ROUNDS; round++) {
      Map<String, JsonObject> before = Map.copyOf(answered);
      try (ServerProcess server = start(data)) {
        loadAndKill(server);
      }
      try (ServerProcess server = start(data)) {
        repeatAll(client(server), before.keySet());
        server.kill();
      }
    }
    try (ServerProcess server = start(data)) {
      assertStoredOnce(client(server));
      assertEquals(143, server.stop(), "a server that is told to stop");
    }
    assertTrue(
        broken.isEmpty(),
        () -> story() + ", " + broken.size() + " broken: " + broken.stream().limit(5).toList());
    assertTrue(answered.size() > ROUNDS * SENDERS, story() + ": there was hardly any load");
    System.out.println(story());
  }

  @Test
  void shouldStoreOnceWhatWasStoredAndNeverAnswered() throws Exception {
    Path data = directory.resolve("data");
    String request =
        "POST /v1/topics/repeats/messages HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: lost\r\n"
            + "Content-Length: 4\r\n\r\nbody";
    try (ServerProcess server = start(data);
        Socket socket = new Socket("127.0.0.1", server.endpoint().port())) {
      // The answer is never read: the sender dies with the server.
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      Await.until("the message is stored", () -> stored(client(server)).size() == 1);
      server.kill();
    }
    try (ServerProcess server = start(data)) {
      JsonObject stored = stored(client(server)).get(0);
      JsonObject repeat =
          client(server).send(TOPIC, "body", "Idempotency-Key", "lost").expect(201).json();
      assertTrue(repeat.getBoolean("duplicate"), repeat::encode);
      for (String field : List.of("messageId", "queueId", "queueOffset")) {
        assertEquals(stored.getValue(field), repeat.getValue(field), field);
      }
      assertEquals(1, stored(client(server)).size());
    }
  }

  private ServerProcess start(Path data) throws IOException {
    return Servers.start(data, List.of("-Xmx64m"), "--store-segment", "1m", "--host", "127.0.0.1");
  }

  private static TestClient client(ServerProcess server) {
    return new TestClient(URI.create(server.url()));
  }

  private void loadAndKill(ServerProcess server) throws InterruptedException {
    TestClient client = client(server);
    int enough = answered.size() + 1 + random.nextInt(300);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < SENDERS; i++) {
      int sender = i;
      Thread thread = new Thread(() -> sendUntilTheEnd(client, sender));
      thread.start();
      threads.add(thread);
    }
    Await.until(
        () -> story() + ": the load is slow", () -> answered.size() >= enough || !broken.isEmpty());
    LockSupport.parkNanos(random.nextInt(50) * 1_000_000L);
    server.kill();
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private void sendUntilTheEnd(TestClient client, int sender) {
    String body = "";
    try {
      while (true) {
        body = sender + ":" + next[sender]++;
        JsonObject answer = send(client, body);
        if (answer.getBoolean("duplicate")) {
          broken.add(body + " was new and is taken for a repeat: " + answer.encode());
        }
        answered.put(body, answer);
      }
    } catch (IOException e) {
      // The server is gone: nobody knows what became of this one.
      unanswered.add(body);
    } catch (Exception | AssertionError e) {
      broken.add(e.toString());
    }
  }

  /** The body is the key too; every second sender asks for ack memory. */
  private static JsonObject send(TestClient client, String body) throws Exception {
    String ack = body.charAt(0) % 2 == 0 ? "memory" : "disk";
    return client.send(TOPIC, body, "Idempotency-Key", body, "Sluice-Ack", ack).expect(201).json();
  }

  private void repeatAll(TestClient client, Set<String> done) throws Exception {
    for (String body : List.copyOf(answered.keySet())) {
      if (!done.contains(body)) {
        JsonObject repeat = send(client, body);
        if (!repeat.getBoolean("duplicate") || !isSamePlace(answered.get(body), repeat)) {
          broken.add(answered.get(body).encode() + " was repeated as " + repeat.encode());
        }
      }
    }
    for (String body : unanswered) {
      JsonObject answer = send(client, body);
      storedUnanswered += answer.getBoolean("duplicate") ? 1 : 0;
      answered.put(body, answer);
    }
    unanswered.clear();
  }

  private static boolean isSamePlace(JsonObject one, JsonObject other) {
    return List.of("messageId", "queueId", "queueOffset").stream()
        .allMatch(field -> one.getValue(field).equals(other.getValue(field)));
  }

  private void assertStoredOnce(TestClient client) throws Exception {
    Map<String, JsonObject> stored = new HashMap<>();
    for (JsonObject message : stored(client)) {
      JsonObject twice = stored.put(message.getString("body"), message);
      if (twice != null) {
        broken.add("stored twice: " + twice.encode() + " and " + message.encode());
      }
    }
    answered.forEach(
        (body, answer) -> {
          JsonObject found = stored.get(body);
          if (found == null || !isSamePlace(answer, found)) {
            broken.add(answer.encode() + " is stored as " + found);
          }
        });
    for (String body : stored.keySet()) {
      if (!answered.containsKey(body)) {
        broken.add("nobody was told of " + stored.get(body).encode());
      }
    }
  }

  /** Everything in the topic's queues. */
  private static List<JsonObject> stored(TestClient client) throws Exception {
    List<JsonObject> found = new ArrayList<>();
    for (int queueId = 0; queueId < MAX_QUEUES; queueId++) {
      long offset = 0;
      while (true) {
        String query = "?queue=" + queueId + "&offset=" + offset + "&limit=500";
        TestClient.Answer answer = client.get("/v1/topics/" + TOPIC + "/messages" + query);
        JsonArray messages = answer.status() == 200 ? answer.json().getJsonArray("messages") : null;
        if (messages == null || messages.isEmpty()) {
          break;
        }
        messages.forEach(each -> found.add((JsonObject) each));
        offset = found.get(found.size() - 1).getLong("queueOffset") + 1;
      }
    }
    return found;
  }

  private String story() {
    return "-Drepeat.seed="
        + SEED
        + ", "
        + answered.size()
        + " answered, "
        + storedUnanswered
        + " of the unanswered ones were stored";
  }
}
