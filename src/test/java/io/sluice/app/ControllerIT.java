package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.ElectedNodes;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.Signals;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a master that dies or stands still is replaced without a hand, and nothing that was acked
 * {@code replicated} is lost. Method: three controllers and three Brokers of one name as processes;
 * senders try one Broker after the other until one acks; the master is killed, or stopped for
 * longer than its lease; all with the timeouts they have by default. At the end the log of the last
 * master is compared with what was acked.
 */
class ControllerIT {

  private static final String TOPIC = "failover";
  private static final int QUEUES = 2;
  private static final int SENDERS = 3;

  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(20);

  /** 50 give the table of docs/performance.md, and take ten minutes. */
  private static final int KILLS = Integer.getInteger("failover.kills", 1);

  private static final int STOPS = Integer.getInteger("failover.stops", 1);

  @TempDir Path directory;

  private final Set<String> acked = ConcurrentHashMap.newKeySet();
  private final List<String> broken = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean sending;
  private volatile long lastAckNs;
  private volatile long longestGapMs;
  private volatile int killed;
  private volatile long takenMs;
  private ElectedNodes nodes;

  @BeforeEach
  void begin() {
    nodes = new ElectedNodes(directory, Map.of(1, "broker-a", 2, "broker-a", 3, "broker-a"));
  }

  @AfterEach
  void end() {
    sending = false;
    nodes.close();
  }

  @Test
  void shouldReplaceAMasterThatIsKilledAndLoseNothing() throws Exception {
    List<Thread> load = startUnderLoad();
    List<Long> electedMs = new ArrayList<>();
    List<Long> sendsMs = new ArrayList<>();
    List<Long> gapsMs = new ArrayList<>();
    for (int kill = 0; kill < KILLS; kill++) {
      int master = nodes.awaitInSync("broker-a", 2);
      longestGapMs = 0;
      killed = master;
      takenMs = 0;
      long killedMs = System.currentTimeMillis();
      nodes.kill(master);
      int next = nodes.awaitMaster("broker-a", master);
      awaitAcks();
      electedMs.add(electedMs(next) - killedMs);
      sendsMs.add(takenMs - killedMs);
      gapsMs.add(longestGapMs);
      killed = 0;
      // The old one comes back as a slave, and counts.
      nodes.start(master);
      nodes.awaitInSync("broker-a", 2);
      assertEquals("slave", nodes.broker(master).getString("role"));
      if (kill < 2) {
        // A controller dies, its leader perhaps. The first comes back and has to catch up, since
        // without the second it is needed.
        nodes.kill(100 + kill);
        awaitAcks();
        if (kill == 0) {
          nodes.start(100);
        }
      }
    }
    finish(load);

    assertEquals(List.of(), broken);
    compareWithTheLog(nodes.client(nodes.awaitInSync("broker-a", 2)));
    System.out.printf("%d acked; ms until sends were taken: %s%n", acked.size(), sendsMs);
    System.out.println("| from the kill until | p50 | p90 | worst |");
    System.out.println("|---|---|---|---|");
    print("another is elected", electedMs);
    print("it takes sends", sendsMs);
    print("longest time without an ack, as senders saw it", gapsMs);
  }

  /** When a server heard last that it was elected, by its log. */
  private long electedMs(int number) throws IOException {
    return nodes
        .process(number)
        .log()
        .lines()
        .filter(line -> line.contains(") is the master in epoch "))
        .mapToLong(line -> Instant.parse(line.substring(0, line.indexOf(' '))).toEpochMilli())
        .max()
        .orElseThrow();
  }

  private static void print(String what, List<Long> timesMs) {
    List<Long> sorted = timesMs.stream().sorted().toList();
    System.out.printf(
        "| %s | %d | %d | %d |%n",
        what,
        sorted.get(sorted.size() / 2),
        sorted.get(sorted.size() * 9 / 10),
        sorted.get(sorted.size() - 1));
  }

  private void awaitAcks() {
    int before = acked.size();
    Await.until("sends go on", () -> acked.size() > before + 200);
  }

  /** As many die as may, the leader of the controllers among them. */
  @LongForm
  @Test
  void shouldElectByFiveControllersOfNameServers() throws Exception {
    nodes.controlledByNameServers(5);
    nodes.startAll();
    int first = nodes.awaitInSync("broker-a", 2);
    sendAnywhere("before", "replicated");
    for (int kill = 1; kill <= 2; kill++) {
      nodes.kill(leader());
      sendAnywhere("with " + kill + " away", "replicated");
    }
    nodes.kill(first);
    int second = nodes.awaitMaster("broker-a", first);
    sendAnywhere("after", "replicated");
    assertTrue(nodes.broker(second).getLong("epoch") > 1, status());
  }

  /** The process whose controller leads. */
  private int leader() {
    String leader = status().split("leader ")[1].split(":")[0];
    return Integer.parseInt(leader.substring(leader.lastIndexOf('.') + 1));
  }

  @Test
  void shouldNotAckWhenItComesToAfterItsLease() throws Exception {
    nodes.startAll();
    int first = nodes.awaitInSync("broker-a", 2);
    sendAnywhere("before", "replicated");
    Signals.send(nodes.process(first), "STOP");
    nodes.awaitMaster("broker-a", first);
    Signals.send(nodes.process(first), "CONT");
    // Whatever it is asked first: it refuses until it is a slave, and as a slave too.
    for (String ack : List.of("memory", "disk", "replicated")) {
      TestClient.Answer answer = nodes.client(first).send(TOPIC, "late " + ack, "Sluice-Ack", ack);
      assertTrue(answer.status() >= 500, () -> ack + " was answered " + answer.status());
    }
    Await.until(
        "the old master is a slave", () -> "slave".equals(nodes.broker(first).getString("role")));
    nodes.awaitInSync("broker-a", 2);
    sendAnywhere("after", "replicated");

    String status = status();
    assertTrue(status.contains("broker-a"), status);
    assertTrue(status.contains("master"), status);
  }

  @Test
  void shouldHandOverWhenOneMasterAfterTheOtherStopsInPeaceUnderLoad() throws Exception {
    List<Thread> load = startUnderLoad();
    List<Long> gapsMs = new ArrayList<>();
    for (int stop = 0; stop < STOPS; stop++) {
      int master = nodes.awaitInSync("broker-a", 2);
      longestGapMs = 0;
      assertEquals(143, nodes.stop(master));
      nodes.awaitMaster("broker-a", master);
      awaitAcks();
      gapsMs.add(longestGapMs);
      nodes.start(master);
    }
    int last = nodes.awaitInSync("broker-a", 2);
    finish(load);

    compareWithTheLog(nodes.client(last));
    sendAnywhere("after", "disk");
    System.out.println(
        acked.size() + " acked; the longest times without an ack at each stop in peace: " + gapsMs);
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
                nodes.members(),
                "--cluster-secret",
                ElectedNodes.SECRET);
    assertEquals(0, code, out::toString);
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Tries one Broker after the other until one acks. */
  private void sendAnywhere(String body, String ack) {
    Await.until(
        body + " is taken",
        () -> {
          for (int number = 1; number < 4; number++) {
            if (nodes.runs(number)
                && nodes.client(number).send(TOPIC, body, "Sluice-Ack", ack).status() == 201) {
              return true;
            }
          }
          return false;
        });
  }

  // Load.

  private List<Thread> startUnderLoad() throws Exception {
    nodes.startAll();
    nodes
        .client(nodes.awaitInSync("broker-a", 2))
        .put("/v1/topics/" + TOPIC, new JsonObject().put("queues", QUEUES))
        .expect(201);
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
              nodes
                  .client(broker)
                  .send(TOPIC, body, "Idempotency-Key", body, "Sluice-Ordering-Key", "k" + sender);
          if (answer.status() == 201) {
            acked.add(body);
            if (takenMs == 0 && broker != killed) {
              takenMs = System.currentTimeMillis();
            }
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
      for (JsonObject message : client.browse(TOPIC, queueId)) {
        String body = message.getString("body");
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
    for (String body : acked) {
      if (!stored.containsKey(body)) {
        broken.add("acked and lost: " + body);
      }
    }
    assertEquals(List.of(), broken);
  }
}
