package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: a master that dies or stands still is replaced without a hand, and nothing that was acked
 * {@code replicated} is lost. Method: three controllers and three Brokers of one name as processes;
 * senders try one Broker after the other until one acks; the master is killed, or stopped for
 * longer than its lease. At the end the log of the last master is compared with what was acked.
 */
class ControllerIT {

  private static final String TOPIC = "failover";
  private static final String BROKER = "/v1/brokers/broker-a";
  private static final int QUEUES = 2;
  private static final int SENDERS = 3;

  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(20);

  /** More for figures: 50 take ten minutes. */
  private static final int KILLS = Integer.getInteger("failover.kills", 2);

  private static final String SECRET = "a-secret-of-32-characters-length";

  /** What a test needs is little; the machine that runs it may have little too. */
  private static final List<String> JVM =
      List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  @TempDir Path directory;

  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".9.";
  private final Map<Integer, ServerProcess> running = new ConcurrentHashMap<>();
  private final Map<Integer, TestClient> clients = new ConcurrentHashMap<>();
  private final Set<String> acked = ConcurrentHashMap.newKeySet();
  private final List<String> broken = Collections.synchronizedList(new ArrayList<>());
  private int controllers = 3;
  private volatile boolean sending;
  private volatile long lastAckNs;
  private volatile long longestGapMs;

  @AfterEach
  void end() {
    sending = false;
    running.values().forEach(ServerProcess::close);
  }

  @Test
  void shouldReplaceAMasterThatIsKilledAndLoseNothing() throws Exception {
    List<Thread> load = startUnderLoad();
    List<Long> gapsMs = new ArrayList<>();
    for (int kill = 0; kill < KILLS; kill++) {
      int master = awaitInSync(2);
      longestGapMs = 0;
      running.remove(master).kill();
      awaitMaster(master);
      awaitAcks();
      gapsMs.add(longestGapMs);
      // The old one comes back as a slave, and counts.
      startBroker(master);
      awaitInSync(2);
      assertEquals("slave", client(master).get(BROKER).expect(200).json().getString("role"));
      if (kill < 2) {
        // A controller dies, its leader perhaps. The first comes back and has to catch up, since
        // without the second it is needed.
        running.remove(100 + kill).kill();
        awaitAcks();
        if (kill == 0) {
          start(100, "controller");
        }
      }
    }
    finish(load);

    assertEquals(List.of(), broken);
    compareWithTheLog(client(awaitInSync(2)));
    Collections.sort(gapsMs);
    System.out.printf(
        "%d acked; the longest time without an ack at each of %d kills: median %d, p90 %d, worst"
            + " %d ms%n",
        acked.size(),
        KILLS,
        gapsMs.get(KILLS / 2),
        gapsMs.get(KILLS * 9 / 10),
        gapsMs.get(KILLS - 1));
  }

  private void awaitAcks() {
    int before = acked.size();
    Await.until("sends go on", () -> acked.size() > before + 200);
  }

  /** Controllers in the processes of NameServers: as many die as may, their leader among them. */
  @ParameterizedTest
  @ValueSource(ints = {3, 5})
  void shouldElectByTheControllersOfNameServers(int count) throws Exception {
    controllers = count;
    for (int number = 100; number < 100 + count; number++) {
      start(number, "nameserver", "--controller-enabled", "true");
      JsonObject ready = running.get(number).ready();
      assertTrue(ready.containsKey("nameserver") && ready.containsKey("controller"), ready::encode);
    }
    startBrokers();
    int first = awaitInSync(2);
    sendAnywhere("before", "replicated");
    for (int kill = 0; kill < count / 2; kill++) {
      running.remove(leader()).kill();
      sendAnywhere("with " + (kill + 1) + " away", "replicated");
    }
    running.remove(first).kill();
    int second = awaitMaster(first);
    sendAnywhere("after", "replicated");
    awaitInSync(1);
    TestClient.Answer status = client(second).get(BROKER).expect(200);
    assertTrue(status.json().getLong("epoch") > 1, status::body);
  }

  /** The process whose controller leads. */
  private int leader() {
    String leader = status().split("leader ")[1].split(":")[0];
    return Integer.parseInt(leader.substring(leader.lastIndexOf('.') + 1));
  }

  @Test
  void shouldNotAckWhenItComesToAfterItsLease() throws Exception {
    startControllers();
    startBrokers();
    int first = awaitInSync(2);
    sendAnywhere("before", "replicated");
    signal(first, "STOP");
    awaitMaster(first);
    signal(first, "CONT");
    // Whatever it is asked first: it refuses until it is a slave, and as a slave too.
    for (String ack : List.of("memory", "disk", "replicated")) {
      TestClient.Answer answer = client(first).send(TOPIC, "late " + ack, "Sluice-Ack", ack);
      assertTrue(answer.status() >= 500, () -> ack + " was answered " + answer.status());
    }
    Await.until(
        "the old master is a slave",
        () -> "slave".equals(client(first).get(BROKER).json().getString("role")));
    awaitInSync(2);
    sendAnywhere("after", "replicated");

    String status = status();
    assertTrue(status.contains("broker-a"), status);
    assertTrue(status.contains("master"), status);
  }

  @Test
  void shouldHandOverWhenOneMasterAfterTheOtherStopsInPeaceUnderLoad() throws Exception {
    List<Thread> load = startUnderLoad();
    List<Long> gapsMs = new ArrayList<>();
    for (int stop = 0; stop < 3; stop++) {
      int master = awaitInSync(2);
      longestGapMs = 0;
      assertEquals(143, running.remove(master).stop());
      awaitMaster(master);
      awaitAcks();
      gapsMs.add(longestGapMs);
      startBroker(master);
    }
    int last = awaitInSync(2);
    finish(load);

    compareWithTheLog(client(last));
    sendAnywhere("after", "disk");
    System.out.println(
        acked.size() + " acked; the longest times without an ack at each stop in peace: " + gapsMs);
  }

  // Processes: controllers from 100, Brokers 1 to 3; the number is the end of the address.

  private String members() {
    return IntStream.range(100, 100 + controllers)
        .mapToObj(number -> subnet + number + ":9878")
        .collect(Collectors.joining(","));
  }

  private void startControllers() throws IOException {
    for (int number = 100; number < 100 + controllers; number++) {
      start(number, "controller");
    }
  }

  private void startBrokers() throws IOException {
    for (int number = 1; number < 4; number++) {
      startBroker(number);
    }
  }

  private void startBroker(int number) throws IOException {
    start(
        number,
        "standalone",
        "--store-segment",
        "1m",
        "--ack",
        "replicated",
        "--replication-port",
        "10912",
        "--replication-in-sync-timeout",
        "1s",
        "--replication-ack-timeout",
        "3s");
  }

  private void start(int number, String role, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(role, "--json", "--host", subnet + number));
    arguments.addAll(List.of("--data", directory.resolve("node-" + number).toString()));
    arguments.addAll(List.of("--controller-members", members(), "--cluster-secret", SECRET));
    arguments.addAll(List.of(more));
    running.put(
        number,
        ServerProcess.run(
            ServerProcess.command(JVM, arguments), directory.resolve("node-" + number + ".log")));
  }

  private void signal(int number, String name) throws Exception {
    String pid = Long.toString(running.get(number).process().pid());
    assertEquals(0, new ProcessBuilder("kill", "-" + name, pid).start().waitFor());
  }

  private TestClient client(int number) {
    return clients.computeIfAbsent(
        number, own -> new TestClient(URI.create("http://" + subnet + own + ":8080")));
  }

  private String status() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    int code =
        new Cli(stream, stream, Map.of())
            .run(
                "controller",
                "status",
                "--controller-members",
                members(),
                "--cluster-secret",
                SECRET);
    assertEquals(0, code, out::toString);
    return out.toString(StandardCharsets.UTF_8);
  }

  /** The Broker that is a master, other than the one that was. */
  private int awaitMaster(int not) {
    int[] found = new int[1];
    String[] last = new String[4];
    Await.until(
        () -> "no other master: " + List.of(String.valueOf(last[1]), last[2] + "", last[3] + ""),
        () -> {
          for (int number = 1; number < 4; number++) {
            if (number != not && running.containsKey(number)) {
              last[number] = client(number).get(BROKER).body();
              if (last[number].contains("\"role\":\"master\"")) {
                found[0] = number;
                return true;
              }
            }
          }
          return false;
        });
    return found[0];
  }

  /** The master, once so many slaves are in sync; on a busy machine it may be yet another. */
  private int awaitInSync(int slaves) {
    int[] found = new int[1];
    String[] last = {""};
    Await.until(
        () -> slaves + " slaves are not in sync: " + last[0],
        () -> {
          for (int number = 1; number < 4; number++) {
            if (running.containsKey(number)) {
              last[0] = client(number).get(BROKER).body();
              JsonObject broker = new JsonObject(last[0]);
              if ("master".equals(broker.getString("role"))
                  && broker.getInteger("inSync", -1) == slaves) {
                found[0] = number;
                return true;
              }
            }
          }
          return false;
        });
    return found[0];
  }

  /** Tries one Broker after the other until one acks. */
  private void sendAnywhere(String body, String ack) {
    Await.until(
        body + " is taken",
        () -> {
          for (int number = 1; number < 4; number++) {
            if (running.containsKey(number)
                && client(number).send(TOPIC, body, "Sluice-Ack", ack).status() == 201) {
              return true;
            }
          }
          return false;
        });
  }

  // Load.

  private List<Thread> startUnderLoad() throws Exception {
    startControllers();
    startBrokers();
    int first = awaitInSync(2);
    client(first).put("/v1/topics/" + TOPIC, new JsonObject().put("queues", QUEUES)).expect(201);
    List<Thread> load = load();
    awaitAcks();
    return load;
  }

  private List<Thread> load() {
    sending = true;
    lastAckNs = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (int sender = 0; sender < SENDERS; sender++) {
      int key = sender;
      Thread thread = new Thread(() -> send(key));
      thread.start();
      threads.add(thread);
    }
    return threads;
  }

  private void finish(List<Thread> load) throws InterruptedException {
    sending = false;
    for (Thread thread : load) {
      thread.join();
    }
  }

  /** Sends one message after the other, each until a Broker acks it. */
  private void send(int sender) {
    int broker = 1;
    for (int i = 0; sending; i++) {
      String body = sender + ":" + i;
      while (sending) {
        try {
          TestClient.Answer answer =
              client(broker)
                  .send(TOPIC, body, "Idempotency-Key", body, "Sluice-Ordering-Key", "k" + sender);
          if (answer.status() == 201) {
            acked.add(body);
            long nowNs = System.nanoTime();
            longestGapMs = Math.max(longestGapMs, (nowNs - lastAckNs) / 1_000_000);
            lastAckNs = nowNs;
            break;
          }
          if (answer.status() < 500 && answer.status() != 429) {
            broken.add(body + " was answered " + answer.status() + " " + answer.body());
            return;
          }
        } catch (IOException e) {
          // It is down.
        } catch (Exception e) {
          broken.add(e.toString());
          return;
        }
        broker = broker % 3 + 1;
        // As clients do: who takes over needs the processors.
        LockSupport.parkNanos(RETRY_NS);
      }
    }
  }

  private void compareWithTheLog(TestClient client) throws Exception {
    Map<String, Integer> stored = new HashMap<>();
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      Map<String, Integer> lastOfSender = new HashMap<>();
      long offset = 0;
      while (true) {
        String path =
            "/v1/topics/"
                + TOPIC
                + "/messages?queue="
                + queueId
                + "&offset="
                + offset
                + "&limit=500";
        JsonArray messages = client.get(path).expect(200).json().getJsonArray("messages");
        if (messages.isEmpty()) {
          break;
        }
        for (int i = 0; i < messages.size(); i++) {
          JsonObject message = messages.getJsonObject(i);
          String body = message.getString("body");
          offset = message.getLong("queueOffset") + 1;
          if (stored.put(body, queueId) != null) {
            broken.add("stored twice: " + body);
          }
          String[] words = body.split(":");
          Integer last = lastOfSender.put(words[0], Integer.parseInt(words[1]));
          if (last != null && last >= Integer.parseInt(words[1])) {
            broken.add(body + " stands behind number " + last);
          }
        }
      }
    }
    for (String body : acked) {
      if (!stored.containsKey(body)) {
        broken.add("acked and lost: " + body);
      }
    }
    assertEquals(List.of(), broken);
  }
}
