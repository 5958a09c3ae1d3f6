package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.app.ClientHistory.Place;
import io.sluice.app.load.ServerProcess;
import io.sluice.bus.AckLevel;
import io.sluice.testkit.Await;
import io.sluice.testkit.CuttingProxy;
import io.sluice.testkit.Hosts;
import io.sluice.testkit.Servers;
import io.sluice.testkit.Signals;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what replication promises holds between real processes on hosts of their own. Method: a
 * master and two slaves in network namespaces, each with a small disk; producers and consumers over
 * HTTP, WebSocket and with the official RocketMQ client; one fault after the other while they work.
 * Once an operator who keeps to the rules of decision 0037 promotes slaves, once controllers on the
 * same hosts elect. At the end all of what clients were told is compared with what is stored, and
 * the logs with each other.
 *
 * <p>The short form has a few faults for each of the two; {@code -Dfaults.count=13} has each of
 * them for both, and {@code -Dfaults.count=100} is the long form, in which chance picks them and
 * processes stand still for up to 30 s; {@code -Dfaults.kinds=NARROW,PAUSE_MASTER} has these in
 * turn, {@code faults.count} times. The seed is in each failure ({@code -Dfaults.seed}).
 */
class ReplicationFaultsIT {

  private static final List<Kind> SHORT =
      List.of(
          Kind.KILL_MASTER_AND_PROMOTE,
          Kind.CUT_TO_MASTER,
          Kind.CUT_FROM_MASTER,
          Kind.PAUSE_SLAVE,
          Kind.PAUSE_MASTER,
          Kind.NARROW,
          Kind.FULL_DISK_OF_MASTER,
          Kind.SLOW_DISK_OF_MASTER,
          Kind.SLOW_DISK_OF_SLAVE,
          Kind.LOSS_TO_SLAVES,
          Kind.LOSS_TO_MASTER,
          Kind.DELAY,
          Kind.CUT_OFF_MASTER_AND_PROMOTE);

  private static final List<Kind> PROMOTED =
      List.of(
          Kind.KILL_MASTER_AND_PROMOTE,
          Kind.CUT_TO_MASTER,
          Kind.PAUSE_SLAVE,
          Kind.DELAY,
          Kind.SLOW_DISK_OF_SLAVE);

  private static final List<Kind> ELECTED =
      List.of(
          Kind.KILL_MASTER_AND_PROMOTE,
          Kind.PAUSE_MASTER,
          Kind.CUT_FROM_MASTER,
          Kind.LOSS_TO_SLAVES,
          Kind.SLOW_DISK_OF_MASTER,
          Kind.FULL_DISK_OF_MASTER,
          Kind.CUT_OFF_MASTER_AND_PROMOTE);

  /** Only these, in this order again and again; to look for what one after the other does. */
  private static final List<Kind> CHOSEN =
      Stream.of(System.getProperty("faults.kinds", "").split(","))
          .filter(name -> !name.isEmpty())
          .map(Kind::valueOf)
          .toList();

  private static final int ASKED = Integer.getInteger("faults.count", CHOSEN.size());
  private static final boolean LONG = ASKED > SHORT.size();
  private static final long SEED = Long.getLong("faults.seed", System.nanoTime());
  private static final int NODES = 3;
  private static final int DISK_MEGABYTES = LONG ? 1_024 : 64;
  private static final String TOPIC = "faults";
  private static final int QUEUES = 4;
  private static final int SEGMENT_BYTES = 1 << 20;
  private static final String ROCKETMQ_GROUP = "faults-rocketmq";
  private static final String BROKER = "/v1/brokers/broker-a";
  private static final String SECRET = "a-secret-of-32-characters-length";
  private static final Pattern IN_SYNC = Pattern.compile("slave (\\d+) \\([^)]*\\) in sync");
  private static final Duration SOON = Duration.ofSeconds(3);
  private static final Duration AT_ONCE = Duration.ofMillis(500);
  private static final List<String> JVM =
      List.of(
          "-Xmx64m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  /** What can happen. */
  private enum Kind {
    KILL_MASTER_AND_PROMOTE,
    KILL_SLAVE,
    PAUSE_SLAVE,
    CUT_TO_MASTER,
    CUT_FROM_MASTER,
    CUT_OFF_SLAVE,
    PAUSE_MASTER,
    NARROW,
    LOSS_TO_SLAVES,
    LOSS_TO_MASTER,
    DELAY,
    FULL_DISK_OF_SLAVE,
    FULL_DISK_OF_MASTER,
    SLOW_DISK_OF_SLAVE,
    SLOW_DISK_OF_MASTER,
    RESTART_MASTER,
    CUT_OFF_MASTER_AND_PROMOTE
  }

  @TempDir Path directory;

  private final Random random = new Random(SEED);
  private final ClientHistory history = new ClientHistory();
  private final AckedEpochs ackedEpochs = new AckedEpochs();
  private final GroupPositions positions = new GroupPositions();
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private final List<String> broken = Collections.synchronizedList(new ArrayList<>());
  private final ServerProcess[] servers = new ServerProcess[NODES + 1];

  /** Hosts whose disk was full: they may have given up their oldest segments. */
  private final Set<Integer> filled = new HashSet<>();

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(SOON).build();
  private final long startNs = System.nanoTime();
  private final CountDownLatch stopped = new CountDownLatch(1);
  private final Map<Long, Integer> masterOfEpoch = new ConcurrentHashMap<>();
  private final List<Long> outagesMs = new ArrayList<>();
  private Hosts hosts;
  private volatile int master = 1;
  private volatile long masterEpoch;
  private boolean elected;
  private volatile boolean sending = true;
  private volatile boolean consuming = true;

  @Test
  void shouldKeepItsPromisesWhereAnOperatorPromotes() throws Exception {
    runOnHosts();
  }

  @Test
  void shouldKeepItsPromisesWhereControllersElect() throws Exception {
    elected = true;
    runOnHosts();
  }

  private void runOnHosts() throws Exception {
    String whyNot = Hosts.whyNot(directory);
    assumeTrue(whyNot == null, whyNot);
    try (Hosts made = new Hosts(NODES, directory, DISK_MEGABYTES)) {
      hosts = made;
      try {
        run();
      } finally {
        sending = false;
        consuming = false;
        stopped.countDown();
        for (ServerProcess server : servers) {
          if (server != null) {
            server.kill();
          }
        }
      }
    }
    System.out.println(story() + "; without acks after a promotion for " + outagesMs + " ms");
  }

  private void run() throws Exception {
    startAll();
    List<Thread> threads = new ArrayList<>();
    if (elected) {
      threads.add(thread(this::watchElections));
    }
    put("/v1/topics/" + TOPIC, new JsonObject().put("queues", QUEUES));
    for (String group : List.of("http", "ws")) {
      put("/v1/groups/" + group, new JsonObject().put("maxAttempts", 1_000));
    }
    awaitInSync(NODES - 1);
    List<Thread> senders = new ArrayList<>();
    for (int producer = 0; producer < 3; producer++) {
      int number = producer;
      senders.add(thread(() -> sendOverHttp(number)));
    }
    senders.add(thread(() -> sendByRocketMq(3)));
    threads.add(thread(this::consumeOverHttp));
    threads.add(thread(this::consumeOverWebSocket));
    threads.add(thread(this::consumeByRocketMq));
    threads.add(thread(this::watchPositions));
    Kind[] kinds = Kind.values();
    List<Kind> listed = ASKED > 0 ? SHORT : elected ? ELECTED : PROMOTED;
    if (!CHOSEN.isEmpty()) {
      listed = CHOSEN;
    }
    int faults = ASKED > 0 ? ASKED : listed.size();
    for (int fault = 0; fault < faults; fault++) {
      awaitLoad();
      boolean byChance = LONG && CHOSEN.isEmpty();
      happen(byChance ? kinds[random.nextInt(kinds.length)] : listed.get(fault % listed.size()));
      awaitInSync(NODES - 1);
      assertEquals(List.of(), broken, this::story);
    }
    awaitLoad();
    sending = false;
    for (Thread sender : senders) {
      sender.join();
    }
    consuming = false;
    stopped.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    awaitInSync(NODES - 1);
    compareLogs();
    history.compare(stored());
    positions.told(status(master).getLong("epoch"), positionsAt(master));
    assertTrue(positions.sum(ROCKETMQ_GROUP) > 0, () -> story() + ": it committed nothing");
    assertEquals(List.of(), broken, this::story);
    assertTrue(history.replicatedAcks() > 10 * faults, story() + ": there was hardly any load");
  }

  private void note(String text) {
    events.add((System.nanoTime() - startNs) / 1_000_000 + " ms: " + text);
  }

  private String story() {
    return "-Dfaults.seed=" + SEED + ", " + history + "; " + String.join("\n", events);
  }

  // Hosts.

  /** All at a time: where controllers elect, the first waits for a majority of them. */
  private void startAll() throws InterruptedException {
    List<Thread> starting = new ArrayList<>();
    for (int host = 1; host <= NODES; host++) {
      int number = host;
      starting.add(thread(() -> start(number)));
    }
    for (Thread each : starting) {
      each.join();
    }
    assertEquals(List.of(), broken, this::story);
  }

  /** Starts a host's server as what it is to be. */
  private void start(int host) throws IOException {
    start(host, hosts.address(master) + ":10912");
  }

  private void start(int host, String from) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("standalone", "--json", "--data", data(host).toString(), "--host"));
    arguments.add(hosts.address(host));
    arguments.addAll(List.of("--http-port", "8080", "--nameserver-port", "9876"));
    arguments.addAll(List.of("--broker-port", "10911", "--replication-port", "10912"));
    arguments.addAll(List.of("--ack", "replicated"));
    arguments.addAll(List.of("--store-segment", Integer.toString(SEGMENT_BYTES)));
    arguments.addAll(List.of("--store-min-free", "0"));
    arguments.addAll(List.of("--replication-in-sync-timeout", "2s"));
    arguments.addAll(List.of("--replication-ack-timeout", "2s"));
    if (elected) {
      arguments.addAll(List.of("--controller-enabled", "true", "--cluster-secret", SECRET));
      arguments.addAll(List.of("--controller-members", controllers()));
    } else if (host != master) {
      arguments.addAll(List.of("--broker-id", Integer.toString(host)));
      arguments.addAll(List.of("--replication-from", from));
    }
    servers[host] =
        Servers.run(
            hosts.on(host, SlowDiskMain.command(slowness(host), JVM, arguments)), log(host));
  }

  /** While it is there the host's disk is slow. */
  private Path slowness(int host) {
    return directory.resolve("host" + host + ".force-delay");
  }

  private Path log(int host) {
    return directory.resolve("host" + host + ".log");
  }

  private String controllers() {
    return IntStream.rangeClosed(1, NODES)
        .mapToObj(host -> hosts.address(host) + ":9878")
        .collect(Collectors.joining(","));
  }

  /** Keeps up with who is the master; the one of the latest epoch, if two think they are. */
  private void watchElections() throws Exception {
    while (consuming) {
      for (int host = 1; host <= NODES; host++) {
        try {
          JsonObject status = status(host, AT_ONCE);
          if ("master".equals(status.getString("role")) && status.getLong("epoch") > masterEpoch) {
            masterEpoch = status.getLong("epoch");
            master = host;
            note("host " + host + " is the master in epoch " + masterEpoch);
          }
        } catch (IOException | DecodeException e) {
          // It does not answer now.
        }
      }
      again();
    }
  }

  private Path data(int host) {
    return hosts.disk(host).resolve("data");
  }

  private void restart(int host) throws Exception {
    servers[host].kill();
    start(host);
  }

  private int slave() {
    int slave = 1 + random.nextInt(NODES);
    return slave == master ? 1 + slave % NODES : slave;
  }

  // Faults.

  private void happen(Kind kind) throws Exception {
    int slave = slave();
    note(kind + ", the master is host " + master + ", slave " + slave);
    switch (kind) {
      case KILL_MASTER_AND_PROMOTE -> {
        List<Integer> inSync = inSync();
        int before = master;
        servers[before].kill();
        replace(before, inSync);
      }
      case CUT_OFF_MASTER_AND_PROMOTE -> {
        // Nobody hears of its end: its slaves wait for it.
        List<Integer> inSync = inSync();
        int before = master;
        hosts.cutOff(before);
        servers[before].kill();
        replace(before, inSync);
        hosts.heal();
      }
      case KILL_SLAVE -> restart(slave);
      case RESTART_MASTER -> {
        int host = master;
        if (random.nextBoolean()) {
          servers[host].stop();
          start(host);
        } else {
          restart(host);
        }
      }
      case PAUSE_SLAVE -> pause(slave);
      case PAUSE_MASTER -> pause(master);
      case CUT_TO_MASTER -> {
        hosts.cut(slave, master);
        last();
        hosts.heal();
      }
      case CUT_FROM_MASTER -> {
        hosts.cut(master, slave);
        last();
        hosts.heal();
      }
      case CUT_OFF_SLAVE -> {
        hosts.cutOff(slave);
        last();
        hosts.heal();
      }
      case NARROW -> {
        hosts.narrow(random.nextBoolean() ? slave : master, 256);
        last();
        hosts.heal();
      }
      case LOSS_TO_SLAVES -> lose(master);
      case LOSS_TO_MASTER -> lose(slave);
      case DELAY -> delay(slave);
      case FULL_DISK_OF_SLAVE -> fullDisk(slave);
      case FULL_DISK_OF_MASTER -> fullDisk(master);
      case SLOW_DISK_OF_SLAVE -> slowDisk(slave);
      case SLOW_DISK_OF_MASTER -> slowDisk(master);
    }
  }

  /** As long as a fault lasts; a time and not an event, as nobody can see that it lasts. */
  private void last() {
    LockSupport.parkNanos(
        TimeUnit.MILLISECONDS.toNanos(LONG ? 500 + random.nextInt(9_000) : 2_000));
  }

  private void pause(int host) throws Exception {
    Signals.send(servers[host], "STOP");
    if (LONG && random.nextInt(4) == 0) {
      LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(30));
    } else {
      last();
    }
    Signals.send(servers[host], "CONT");
  }

  private void fullDisk(int host) throws Exception {
    filled.add(host);
    hosts.fill(host);
    last();
    hosts.empty(host);
  }

  /** In its direction alone: what the others say to it comes. */
  private void lose(int host) throws Exception {
    hosts.lose(host, 512);
    last();
    hosts.heal();
  }

  /**
   * What goes to a slave and comes from it takes its time. Where the kernel can not do that, the
   * slave comes over a proxy that can; controllers tell it the master's own address, so not there.
   */
  private void delay(int slave) throws Exception {
    int delayMs = LONG ? 20 + random.nextInt(600) : 150;
    String whyNot = hosts.whyNoDelay();
    if (whyNot == null) {
      hosts.delay(slave, delayMs);
      last();
      hosts.heal();
    } else if (elected) {
      note("left out: " + whyNot);
    } else {
      try (CuttingProxy proxy =
          new CuttingProxy(hosts.address(master), 10912, SEED, hosts.address(Hosts.TEST))) {
        proxy.delay(delayMs);
        servers[slave].kill();
        start(slave, hosts.address(Hosts.TEST) + ":" + proxy.port());
        awaitInSync(NODES - 1);
        last();
        restart(slave);
      }
    }
  }

  private void slowDisk(int host) throws Exception {
    int delayMs = LONG ? 20 + random.nextInt(1_500) : 300;
    Files.writeString(slowness(host), Integer.toString(delayMs));
    last();
    Files.delete(slowness(host));
  }

  /** The slaves that the master counts on. */
  private List<Integer> inSync() throws Exception {
    Matcher matcher = IN_SYNC.matcher(status(master).getString("detail"));
    List<Integer> found = new ArrayList<>();
    while (matcher.find()) {
      found.add(Integer.parseInt(matcher.group(1)));
    }
    return found;
  }

  /** Another one becomes the master, and the old one comes back. */
  private void replace(int before, List<Integer> inSync) throws Exception {
    int acks = history.replicatedAcks();
    history.promoted(System.currentTimeMillis());
    long goneNs = System.nanoTime();
    if (elected) {
      Await.until(() -> story() + ": waits for an election", () -> master != before);
    } else {
      promoteOneOf(before, inSync);
    }
    Await.until(this::story, () -> history.replicatedAcks() > acks);
    outagesMs.add((System.nanoTime() - goneNs) / 1_000_000);
    start(before);
  }

  private void promoteOneOf(int before, List<Integer> inSync) throws Exception {
    int next = inSync.get(random.nextInt(inSync.size()));
    HttpResponse<String> answer =
        call(next, "POST", BROKER + "/promote", new JsonObject().encode(), Duration.ofSeconds(30));
    if (answer.statusCode() == 409) {
      // It was in sync when its master ended, and has not heard so.
      note("by force: " + answer.body());
      String force = new JsonObject().put("force", true).encode();
      answer = call(next, "POST", BROKER + "/promote", force, Duration.ofSeconds(30));
    }
    assertEquals(200, answer.statusCode(), answer::body);
    master = next;
    note("host " + next + " is the master");
    for (int host = 1; host <= NODES; host++) {
      if (host != next && host != before) {
        restart(host);
      }
    }
  }

  private JsonObject status(int host) throws Exception {
    return status(host, SOON);
  }

  private JsonObject status(int host, Duration timeout) throws Exception {
    JsonObject status = new JsonObject(call(host, "GET", BROKER, "", timeout).body());
    if ("master".equals(status.getString("role")) && status.getInteger("inSync", 0) > 0) {
      Integer other = masterOfEpoch.putIfAbsent(status.getLong("epoch"), host);
      if (other != null && other != host) {
        broken.add("hosts " + other + " and " + host + " are masters of epoch " + status);
      }
    }
    return status;
  }

  private void awaitInSync(int slaves) {
    String[] last = {""};
    Await.until(
        () -> story() + ": waits for " + slaves + " slaves in sync: " + last[0],
        () -> {
          JsonObject status = status(master);
          last[0] = status.encode();
          return status.getInteger("inSync") == slaves;
        });
  }

  private void awaitLoad() {
    int enough = history.replicatedAcks() + 20;
    Await.until(
        () -> story() + ": waits for acks " + broken,
        () -> history.replicatedAcks() >= enough || !broken.isEmpty());
  }

  // Clients.

  private interface Step {
    void run() throws Exception;
  }

  private Thread thread(Step step) {
    Thread thread =
        new Thread(
            () -> {
              try {
                step.run();
              } catch (Exception | AssertionError e) {
                broken.add(e.toString());
              }
            });
    thread.start();
    return thread;
  }

  private static void again() {
    LockSupport.parkNanos(50_000_000);
  }

  /** Some hundred messages a second: what is started again shares two processors with the load. */
  private static void pace() {
    LockSupport.parkNanos(10_000_000);
  }

  private HttpResponse<String> call(
      int host, String method, String path, String body, Duration timeout, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://" + hosts.address(host) + ":8080" + path))
            .timeout(timeout)
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private void put(String path, JsonObject body) throws Exception {
    Await.until(
        path,
        () ->
            call(master, "PUT", path, body.encode(), SOON, "Content-Type", "application/json")
                        .statusCode()
                    / 100
                == 2);
  }

  /** One message after the other, each until it is acked. */
  private void sendOverHttp(int producer) throws Exception {
    for (int number = 1; sending; number++) {
      String key = producer + "-" + number;
      String body = key + ":" + "x".repeat(number * 37 % 3_000);
      boolean acked = false;
      while (!acked) {
        int to = master;
        long askedMs = System.currentTimeMillis();
        try {
          HttpResponse<String> answer =
              call(
                  to,
                  "POST",
                  "/v1/topics/" + TOPIC + "/messages",
                  body,
                  SOON,
                  "Idempotency-Key",
                  key,
                  "Sluice-Ordering-Key",
                  "producer " + producer);
          acked = answer.statusCode() == 201;
          if (acked) {
            acked(key, new JsonObject(answer.body()), to, askedMs);
          } else if (answer.statusCode() < 500 && answer.statusCode() != 429) {
            throw new AssertionError(answer.statusCode() + ": " + answer.body());
          }
        } catch (IOException e) {
          // Nobody knows whether it is stored: it is sent again.
        }
        if (!acked) {
          again();
        }
      }
      pace();
    }
  }

  private void acked(String key, JsonObject stored, int by, long askedMs) {
    Place place = place(stored);
    long nowMs = System.currentTimeMillis();
    ackedEpochs.acked(by, place, askedMs, nowMs);
    history.ackedBy("host " + by, stored.getLong("epoch"), false);
    history.acked(key, place, AckLevel.REPLICATED, nowMs);
  }

  private String nameServer() {
    return hosts.address(master) + ":9876";
  }

  private void sendByRocketMq(int producer) throws Exception {
    System.setProperty("rocketmq.log.root", "target/rocketmq-client");
    DefaultMQProducer client = new DefaultMQProducer("faults-producer");
    client.setNamesrvAddr(nameServer());
    client.setInstanceName("faults-producer-" + System.nanoTime());
    client.setSendMsgTimeout(2_000);
    client.setPollNameServerInterval(1_000);
    client.setHeartbeatBrokerInterval(1_000);
    client.start();
    try {
      for (int number = 1; sending; number++) {
        String key = producer + "-" + number;
        byte[] body = (key + ":").getBytes(StandardCharsets.UTF_8);
        Message message = new Message(TOPIC, body);
        boolean acked = false;
        while (!acked) {
          // Its own unique id stays in the message, so that the Broker recognises the repeat.
          acked = trySend(client, message, key);
          if (!acked) {
            client
                .getDefaultMQProducerImpl()
                .getMqClientFactory()
                .getMQClientAPIImpl()
                .updateNameServerAddressList(nameServer());
            again();
          }
        }
        pace();
      }
    } finally {
      client.shutdown();
    }
  }

  private boolean trySend(DefaultMQProducer client, Message message, String key)
      throws InterruptedException {
    try {
      SendResult sent = client.send(message, new MessageQueue(TOPIC, "broker-a", 0));
      if (sent.getSendStatus() == SendStatus.SEND_OK) {
        Place place = new Place(sent.getMessageQueue().getQueueId(), sent.getQueueOffset());
        history.acked(key, place, AckLevel.REPLICATED, System.currentTimeMillis());
        MessageId id = MessageDecoder.decodeMessageId(sent.getOffsetMsgId());
        ackedEpochs.said(place, id.getOffset());
        return true;
      }
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      // It is sent again, whatever it was.
    }
    return false;
  }

  private void consumeOverHttp() throws Exception {
    while (consuming) {
      try {
        receiveAndSettle();
      } catch (IOException e) {
        again();
      }
    }
  }

  private void receiveAndSettle() throws Exception {
    int from = master;
    JsonObject request = new JsonObject().put("max", 32).put("wait", "1s").put("invisible", "4s");
    HttpResponse<String> answer =
        call(
            from,
            "POST",
            "/v1/groups/http/topics/" + TOPIC + "/receive",
            request.encode(),
            SOON,
            "Content-Type",
            "application/json");
    if (answer.statusCode() != 200) {
      again();
      return;
    }
    JsonArray messages = new JsonObject(answer.body()).getJsonArray("messages");
    if (messages.isEmpty()) {
      return;
    }
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < messages.size(); i++) {
      receipts.add(received("http", messages.getJsonObject(i)));
    }
    HttpResponse<String> settled =
        call(
            from,
            "POST",
            "/v1/groups/http/settle",
            new JsonObject().put("ack", receipts).encode(),
            SOON,
            "Content-Type",
            "application/json");
    if (settled.statusCode() == 200) {
      JsonArray results = new JsonObject(settled.body()).getJsonArray("results");
      for (int i = 0; i < messages.size(); i++) {
        if (results.getJsonObject(i).getString("outcome").equals("ok")) {
          history.settled("http", place(messages.getJsonObject(i)));
        }
      }
    }
  }

  private static Place place(JsonObject message) {
    return new Place(message.getInteger("queueId"), message.getLong("queueOffset"));
  }

  private static String key(String body) {
    return body.substring(0, body.indexOf(':'));
  }

  private String received(String group, JsonObject message) {
    history.received(
        group, key(message.getString("body")), place(message), System.currentTimeMillis());
    return message.getString("receipt");
  }

  /** Settles each message by its own frame, and opens another socket where one ended. */
  private void consumeOverWebSocket() throws Exception {
    while (consuming) {
      Socket socket = new Socket();
      try {
        URI uri = URI.create("ws://" + hosts.address(master) + ":8080/v1/ws");
        WebSocket opened =
            http.newWebSocketBuilder()
                .connectTimeout(SOON)
                .subprotocols("sluice.v1.json")
                .buildAsync(uri, socket)
                .get(5, TimeUnit.SECONDS);
        int with = master;
        while (consuming && with == master && !socket.ended.await(200, TimeUnit.MILLISECONDS)) {
          // It works by itself; whoever stands still for long is left.
          if (System.nanoTime() - socket.heardNs > TimeUnit.SECONDS.toNanos(10)) {
            break;
          }
        }
        opened.abort();
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        again();
      }
    }
  }

  private final class Socket implements WebSocket.Listener {

    private final CountDownLatch ended = new CountDownLatch(1);
    private final StringBuilder text = new StringBuilder();
    private final Map<String, Place> asked = new ConcurrentHashMap<>();
    private volatile long heardNs = System.nanoTime();

    @Override
    public void onOpen(WebSocket socket) {
      JsonObject subscribe = new JsonObject().put("type", "subscribe").put("sub", "s");
      subscribe.put("topic", TOPIC).put("group", "ws").put("credit", 1);
      socket.sendText(subscribe.encode(), true);
      socket.request(1);
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      heardNs = System.nanoTime();
      text.append(data);
      if (last) {
        try {
          take(socket, new JsonObject(text.toString()));
        } catch (RuntimeException | AssertionError e) {
          broken.add(e.toString());
        }
        text.setLength(0);
      }
      socket.request(1);
      return null;
    }

    private void take(WebSocket socket, JsonObject frame) {
      switch (frame.getString("type")) {
        case "message" -> {
          String receipt = received("ws", frame);
          String id = "s" + asked.size();
          asked.put(id, place(frame));
          JsonObject settle = new JsonObject().put("type", "settle").put("id", id);
          socket.sendText(settle.put("ack", new JsonArray().add(receipt)).encode(), true);
        }
        case "settled" -> {
          JsonArray results = frame.getJsonArray("results");
          if (results != null && results.getJsonObject(0).getString("outcome").equals("ok")) {
            history.settled("ws", asked.get(frame.getString("id")));
          }
        }
        default -> {
          // What else there is does not matter here.
        }
      }
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      ended.countDown();
      return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable failure) {
      ended.countDown();
    }
  }

  private void consumeByRocketMq() throws Exception {
    DefaultMQPushConsumer client = startConsumer();
    try {
      while (!stopped.await(1, TimeUnit.SECONDS)) {
        client
            .getDefaultMQPushConsumerImpl()
            .getmQClientFactory()
            .getMQClientAPIImpl()
            .updateNameServerAddressList(nameServer());
      }
    } finally {
      client.shutdown();
    }
  }

  /**
   * A start asks the NameServer, which may be gone just then; what failed is of no use any more.
   */
  private DefaultMQPushConsumer startConsumer() {
    DefaultMQPushConsumer[] started = new DefaultMQPushConsumer[1];
    Await.until(
        this::story,
        () -> {
          DefaultMQPushConsumer client = new DefaultMQPushConsumer(ROCKETMQ_GROUP);
          client.setNamesrvAddr(nameServer());
          client.setInstanceName("faults-consumer-" + System.nanoTime());
          client.setPollNameServerInterval(1_000);
          client.setHeartbeatBrokerInterval(1_000);
          client.setPersistConsumerOffsetInterval(500);
          client.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
          client.subscribe(TOPIC, "*");
          MessageListenerConcurrently listener = (messages, context) -> consumed(messages);
          client.registerMessageListener(listener);
          try {
            client.start();
          } catch (Exception e) {
            client.shutdown();
            throw e;
          }
          started[0] = client;
          return true;
        });
    return started[0];
  }

  private ConsumeConcurrentlyStatus consumed(List<MessageExt> messages) {
    try {
      for (MessageExt message : messages) {
        history.read(
            key(new String(message.getBody(), StandardCharsets.UTF_8)),
            new Place(message.getQueueId(), message.getQueueOffset()),
            System.currentTimeMillis(),
            "a RocketMQ consumer");
      }
    } catch (AssertionError e) {
      broken.add(e.toString());
    }
    return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
  }

  // Positions.

  private void watchPositions() throws Exception {
    while (consuming) {
      try {
        lookAtPositions();
      } catch (IOException | DecodeException e) {
        // It does not answer now.
      }
      again();
    }
  }

  /**
   * What a master says of positions is certain when it has acked what was sent after it said so.
   */
  private void lookAtPositions() throws Exception {
    int from = master;
    long epoch = epochOf(from);
    Map<GroupPositions.Queue, Long> offsets = positionsAt(from);
    long askedMs = System.currentTimeMillis();
    if (epoch < 0 || epochOf(from) != epoch) {
      return;
    }
    positions.told(epoch, offsets);
    while (sending && from == master && !ackedEpochs.hasAcked(from, askedMs)) {
      again();
    }
    if (from == master && ackedEpochs.hasAcked(from, askedMs) && epochOf(from) == epoch) {
      positions.keep(epoch, offsets);
    }
  }

  /** Of a master; -1 where there is none. */
  private long epochOf(int host) throws Exception {
    JsonObject status = status(host, AT_ONCE);
    return "master".equals(status.getString("role")) ? status.getLong("epoch") : -1;
  }

  private Map<GroupPositions.Queue, Long> positionsAt(int host) throws Exception {
    Map<GroupPositions.Queue, Long> offsets = new HashMap<>();
    for (String group : List.of("http", "ws", ROCKETMQ_GROUP)) {
      HttpResponse<String> answer =
          call(host, "GET", "/v1/groups/" + group + "/lag?detail=true", "", AT_ONCE);
      if (answer.statusCode() == 404 && positions.sum(group) == 0) {
        continue;
      }
      if (answer.statusCode() / 100 == 5) {
        throw new IOException(answer.body());
      }
      JsonArray queues = new JsonObject(answer.body()).getJsonArray("queues");
      for (int i = 0; queues != null && i < queues.size(); i++) {
        JsonObject queue = queues.getJsonObject(i);
        if (queue.getString("topic").equals(TOPIC)) {
          offsets.put(
              new GroupPositions.Queue(group, queue.getInteger("queue")),
              queue.getLong("committedOffset"));
        }
      }
    }
    return offsets;
  }

  // What is compared at the end.

  private void compareLogs() throws Exception {
    JsonObject status = status(master);
    long to = status.getLong("confirmedOffset");
    StoredLog log = new StoredLog(data(master), SEGMENT_BYTES);
    for (int host = 1; host <= NODES; host++) {
      if (host == master) {
        continue;
      }
      int slave = host;
      Await.until(
          () -> "host " + slave + " has not the log up to " + to,
          () -> status(slave).getLong("confirmedOffset") >= to);
      StoredLog copy = new StoredLog(data(slave), SEGMENT_BYTES);
      if (filled.contains(slave)) {
        log.compareWhatIsKept(copy, to);
      } else {
        log.compare(copy, to);
      }
    }
    for (int host = 1; host <= NODES; host++) {
      ackedEpochs.logged(host, Files.readAllLines(log(host)));
    }
    ackedEpochs.check(log.epochs(), log.begin(), log.places(TOPIC, to));
  }

  private List<Map<Long, String>> stored() throws Exception {
    List<Map<Long, String>> queues = new ArrayList<>();
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      Map<Long, String> keys = new TreeMap<>();
      long offset = 0;
      JsonArray messages;
      do {
        String path =
            "/v1/topics/" + TOPIC + "/messages?limit=500&queue=" + queueId + "&offset=" + offset;
        HttpResponse<String> answer = call(master, "GET", path, "", Duration.ofSeconds(30));
        assertEquals(200, answer.statusCode(), answer::body);
        messages = new JsonObject(answer.body()).getJsonArray("messages");
        for (int i = 0; i < messages.size(); i++) {
          JsonObject message = messages.getJsonObject(i);
          keys.put(message.getLong("queueOffset"), key(message.getString("body")));
          offset = message.getLong("queueOffset") + 1;
        }
      } while (!messages.isEmpty());
      queues.add(keys);
    }
    return queues;
  }
}
