package io.sluice.remoting;

import io.sluice.testkit.RealRocketMq;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Sluice and RocketMQ under the same load from the same official client, one after the other, in
 * rounds: each is started anew, loaded, and stopped. What it prints are the medians over the
 * rounds. Started by scripts/compare-rocketmq.
 *
 * <p>The client takes most of the machine, so messages a second are what client and Broker come to
 * together; the Broker's own time on the processor for a message is what tells them apart.
 */
final class CompareRocketMq {

  private static final String SLUICE = "Sluice";
  private static final String ROCKETMQ = "RocketMQ";

  private static final long WARM_UP_NS = 8_000_000_000L;
  private static final int WINDOW = 256;
  private static final int BATCH = 32;
  private static final int BATCHES_IN_FLIGHT = 8;
  private static final long BACKLOG_TIMEOUT_S = 120;

  /** A Broker with its NameServer, started for one round. */
  private record Target(String name, String nameServer, ProcessHandle broker, Running running) {}

  private interface Running extends AutoCloseable {
    /** Memory by its name in /proc/PID/status. */
    long bytes(String name);

    @Override
    void close();
  }

  private record Goal(String text, double ratio, boolean more) {}

  private final Map<String, Map<String, List<Double>>> results = new LinkedHashMap<>();
  private final Map<String, Goal> goals = new TreeMap<>();
  private final int rounds;
  private final List<String> only;
  private final String recording;
  private final String against;
  private final String rival;
  private final String javaFlags;
  private long measureNs;
  private int backlog;
  private boolean discard;
  private final boolean sync;
  private final boolean slaves;
  private final Path work;

  private CompareRocketMq(Map<String, String> flags) throws IOException {
    rounds = Integer.parseInt(flags.getOrDefault("rounds", "3"));
    measureNs = Long.parseLong(flags.getOrDefault("seconds", "4")) * 1_000_000_000L;
    backlog = Integer.parseInt(flags.getOrDefault("backlog", "2000000"));
    sync = flags.getOrDefault("flush", "async").equals("sync");
    slaves = Boolean.parseBoolean(flags.getOrDefault("slaves", "false"));
    only = List.of(flags.getOrDefault("only", "").split(","));
    recording = flags.getOrDefault("jfr", "");
    against = flags.getOrDefault("against", "");
    rival = against.isEmpty() ? ROCKETMQ : "Sluice before";
    javaFlags = flags.getOrDefault("java", "@conf/jvm.options");
    work = Files.createTempDirectory("compare-rocketmq");
  }

  /**
   * Flags: rounds=3 seconds=4 backlog=2000000 flush=async; only=async,batch for the workloads whose
   * names begin so; jfr=FILE for a flight recording of Sluice; java=FLAGS for Sluice instead of
   * those in conf/jvm.options; slaves=true for a slave on each side whose copy is waited for, ack
   * replicated and SYNC_MASTER; against=JAR for another build of Sluice in the place of RocketMQ,
   * or none for Sluice alone, as a profile wants it.
   */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> flags = new TreeMap<>();
    for (String argument : arguments) {
      String[] parts = argument.replaceFirst("^--", "").split("=", 2);
      flags.put(parts[0], parts.length == 2 ? parts[1] : "");
    }
    new CompareRocketMq(flags).run();
    System.exit(0);
  }

  private void run() throws Exception {
    List<String> sides = against.equals("none") ? List.of(SLUICE) : List.of(SLUICE, rival);
    if (sides.size() > 1) {
      warmClient();
    }
    for (int round = 1; round <= rounds; round++) {
      // Who begins changes, so that a machine that warms up or cools down favours nobody.
      List<String> order = new ArrayList<>(sides);
      if (round % 2 == 0) {
        Collections.reverse(order);
      }
      for (String name : order) {
        System.err.printf("round %d of %d: %s%n", round, rounds, name);
        round(name, work.resolve(name + round));
      }
    }
    print();
    deleteAll(work);
  }

  /** The client is the same JVM for all: whoever came first would pay for its compilation. */
  private void warmClient() throws Exception {
    long measured = measureNs;
    int whole = backlog;
    measureNs = 1_000_000_000L;
    backlog = Math.min(whole, 100_000);
    discard = true;
    System.err.println("warming the client up, not counted");
    round(rival, work.resolve("warm"));
    discard = false;
    measureNs = measured;
    backlog = whole;
  }

  private interface Workload {
    void run() throws Exception;
  }

  private void workload(String workload, Workload action) throws Exception {
    if (only.stream().anyMatch(workload::startsWith)) {
      action.run();
    }
  }

  private void round(String name, Path directory) throws Exception {
    long startNs = System.nanoTime();
    try (RocketMqClients warm = new RocketMqClients("127.0.0.1:1")) {
      warm.producer("load-classes");
    }
    Target target = name.equals(ROCKETMQ) ? rocketMq(directory) : sluice(name, directory);
    try (Running running = target.running();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("first");
      long processNs =
          System.nanoTime()
              - target.broker().info().startInstant().map(CompareRocketMq::ageNs).orElse(0L);
      awaitFirstSend(producer);
      record(name, "first acked send, ms", "1/4", 0.25, (System.nanoTime() - processNs) / 1e6);
      warmUp(target, clients);
      workload("async", () -> async(target, clients, "async 128 B", "a128", 128));
      workload("async", () -> async(target, clients, "async 1 KiB", "a1024", 1024));
      workload("batch", () -> batches(target, clients));
      workload("sync", () -> sync(target, clients, 1));
      workload("sync", () -> sync(target, clients, 8));
      workload("end to end", () -> endToEnd(target, clients, 1_000));
      workload("end to end", () -> endToEnd(target, clients, 10_000));
      workload("queues", () -> manyQueues(target, clients, 1));
      workload("queues", () -> manyQueues(target, clients, 1_000));
      workload("queues", () -> manyQueues(target, clients, 10_000));
      workload("drain", () -> drain(target, clients));
      // Pages of the mapped log count in the resident set, but are the page cache's.
      record(name, "own memory after load, MB", "1/4", 0.25, running.bytes("RssAnon:") / 1e6);
      record(name, "resident after load, MB", "-", 0, running.bytes("VmRSS:") / 1e6);
    }
    System.err.printf("  took %d s%n", (System.nanoTime() - startNs) / 1_000_000_000L);
    deleteAll(directory);
  }

  private static long ageNs(java.time.Instant start) {
    return java.time.Duration.between(start, java.time.Instant.now()).toNanos();
  }

  // Who is compared.

  private Target rocketMq(Path directory) throws IOException {
    RealRocketMq rocketMq =
        RealRocketMq.start(
            directory,
            Map.of(
                "brokerRole",
                slaves ? "SYNC_MASTER" : "ASYNC_MASTER",
                "flushDiskType",
                sync ? "SYNC_FLUSH" : "ASYNC_FLUSH",
                "mappedFileSizeCommitLog",
                String.valueOf(1 << 30),
                "mappedFileSizeConsumeQueue",
                "6000000",
                "maxHashSlotNum",
                "5000000",
                "maxIndexNum",
                "20000000"),
            "1g");
    if (slaves) {
      rocketMq.startSlave();
    }
    return new Target(
        ROCKETMQ,
        rocketMq.nameServer(),
        rocketMq.broker(),
        new Running() {
          @Override
          public long bytes(String name) {
            return memory(rocketMq.broker(), name) + memory(rocketMq.nameServerProcess(), name);
          }

          @Override
          public void close() {
            rocketMq.close();
          }
        });
  }

  private Target sluice(String name, Path directory) throws IOException {
    int nameServerPort = RealRocketMq.freePort();
    int brokerPort = RealRocketMq.freePort();
    Files.createDirectories(directory);
    String record =
        recording.isEmpty()
            ? "-Dno.recording"
            : "-XX:StartFlightRecording=settings=profile,filename=" + recording;
    List<String> flags = new ArrayList<>();
    flags.add("--nameserver-port=" + nameServerPort);
    flags.add("--broker-port=" + brokerPort);
    flags.add("--ack=" + (slaves ? "replicated" : sync ? "disk" : "memory"));
    int replicationPort = RealRocketMq.freePort();
    if (slaves) {
      flags.add("--replication-port=" + replicationPort);
    }
    Process process = process(name, directory, "data", flags);
    Process slave =
        slaves
            ? process(
                name,
                directory,
                "slave",
                List.of(
                    "--nameserver-port=0",
                    "--broker-port=0",
                    "--replication-from=127.0.0.1:" + replicationPort))
            : null;
    return new Target(
        name,
        "127.0.0.1:" + nameServerPort,
        process.toHandle(),
        new Running() {
          @Override
          public long bytes(String name) {
            return memory(process.toHandle(), name);
          }

          @Override
          public void close() {
            if (slave != null) {
              RealRocketMq.stop(slave);
            }
            RealRocketMq.stop(process);
          }
        });
  }

  private Process process(String name, Path directory, String data, List<String> flags)
      throws IOException {
    String record =
        recording.isEmpty() || data.equals("slave")
            ? "-Dno.recording"
            : "-XX:StartFlightRecording=settings=profile,filename=" + recording;
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(javaFlags.split(" ")));
    command.add(record);
    command.add("-jar");
    command.add(name.equals(SLUICE) ? "target/sluice.jar" : against);
    command.addAll(List.of("standalone", "--host=127.0.0.1", "--http-port=0"));
    command.add("--data=" + directory.resolve(data));
    command.addAll(flags);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve(data + ".log").toFile())
        .start();
  }

  // The workloads.

  private static void awaitFirstSend(DefaultMQProducer producer) {
    long endNs = System.nanoTime() + 60_000_000_000L;
    while (true) {
      try {
        producer.send(new Message("first", "first".getBytes()), 1_000);
        return;
      } catch (Exception notYet) {
        if (System.nanoTime() > endNs) {
          throw new IllegalStateException("no send was acked within 60 s", notYet);
        }
        LockSupport.parkNanos(5_000_000);
      }
    }
  }

  private void async(
      Target target, RocketMqClients clients, String workload, String topic, int bytes)
      throws Exception {
    Load load = sendFor(target, clients.producer(topic), topic, bytes, measureNs);
    record(target.name(), workload + ", msg/s", "2", 2, load.perSecond());
    record(target.name(), workload + ", broker us/msg", "1/4", 0.25, load.cpuUs());
  }

  /** Until both JVMs have compiled what they use most. */
  private void warmUp(Target target, RocketMqClients clients) throws Exception {
    sendFor(target, clients.producer("warmup"), "warmup", 128, WARM_UP_NS);
  }

  private record Load(double perSecond, double cpuUs) {}

  private static Load sendFor(
      Target target, DefaultMQProducer producer, String topic, int bytes, long forNs)
      throws Exception {
    byte[] body = body(bytes);
    producer.send(new Message(topic, body));
    Semaphore window = new Semaphore(WINDOW);
    AtomicLong acked = new AtomicLong();
    AtomicLong failed = new AtomicLong();
    long cpuNs = cpuNs(target.broker());
    long startNs = System.nanoTime();
    while (System.nanoTime() - startNs < forNs) {
      window.acquire();
      producer.send(new Message(topic, body), counting(acked, failed, window));
    }
    window.acquire(WINDOW);
    return load(target, acked.get(), failed.get(), startNs, cpuNs);
  }

  private static Load load(Target target, long acked, long failed, long startNs, long cpuNs) {
    long ns = System.nanoTime() - startNs;
    if (failed > acked / 100) {
      System.err.printf("  %s: %d of %d failed%n", target.name(), failed, failed + acked);
    }
    double cpuUs = (cpuNs(target.broker()) - cpuNs) / 1e3 / Math.max(1, acked);
    return new Load(acked * 1e9 / ns, cpuUs);
  }

  private static SendCallback counting(AtomicLong acked, AtomicLong failed, Semaphore window) {
    return new SendCallback() {
      @Override
      public void onSuccess(SendResult result) {
        acked.incrementAndGet();
        window.release();
      }

      @Override
      public void onException(Throwable failure) {
        failed.incrementAndGet();
        window.release();
      }
    };
  }

  private void batches(Target target, RocketMqClients clients) throws Exception {
    DefaultMQProducer producer = clients.producer("batch");
    producer.send(new Message("batch", body(128)));
    long cpuNs = cpuNs(target.broker());
    long startNs = System.nanoTime();
    long sent = 0;
    AtomicLong acked = new AtomicLong();
    AtomicLong failed = new AtomicLong();
    Semaphore window = new Semaphore(BATCHES_IN_FLIGHT);
    while (System.nanoTime() - startNs < measureNs) {
      window.acquire();
      producer.send(batch("batch", BATCH), counting(acked, failed, window));
      sent++;
    }
    window.acquire(BATCHES_IN_FLIGHT);
    Load load = load(target, acked.get() * BATCH, failed.get() * BATCH, startNs, cpuNs);
    record(target.name(), "batch of 32, msg/s", "2", 2, load.perSecond());
    record(target.name(), "batch of 32, broker us/msg", "-", 0, load.cpuUs());
    if (sent == 0) {
      throw new IllegalStateException("no batch was sent");
    }
  }

  private static List<Message> batch(String topic, int count) {
    List<Message> batch = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      batch.add(new Message(topic, body(128)));
    }
    return batch;
  }

  private void sync(Target target, RocketMqClients clients, int threads) throws Exception {
    DefaultMQProducer producer = clients.producer("sync" + threads);
    Histogram latencies = new ConcurrentHistogram(3);
    long endNs = System.nanoTime() + measureNs;
    List<Thread> senders = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      Thread sender =
          new Thread(
              () -> {
                byte[] body = body(128);
                while (System.nanoTime() < endNs) {
                  long startNs = System.nanoTime();
                  try {
                    producer.send(new Message("sync", body));
                    latencies.recordValue(System.nanoTime() - startNs);
                  } catch (Exception e) {
                    throw new IllegalStateException(e);
                  }
                }
              });
      sender.start();
      senders.add(sender);
    }
    for (Thread sender : senders) {
      sender.join();
    }
    String workload = "sync, " + threads + (threads == 1 ? " thread" : " threads");
    record(target.name(), workload + ", p50 us", "-", 0, us(latencies, 50));
    record(target.name(), workload + ", p99 us", "1/2", 0.5, us(latencies, 99));
  }

  private void endToEnd(Target target, RocketMqClients clients, int perSecond) throws Exception {
    String topic = "e2e" + perSecond;
    DefaultMQProducer producer = clients.producer(topic);
    producer.send(new Message(topic, stamped()));
    Histogram latencies = new ConcurrentHistogram(3);
    AtomicLong received = new AtomicLong();
    DefaultMQPushConsumer consumer = clients.pushConsumer("group-" + topic);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              long nowNs = System.nanoTime();
              for (MessageExt message : messages) {
                if (received.incrementAndGet() > perSecond / 2) {
                  long sentNs = ByteBuffer.wrap(message.getBody()).getLong();
                  latencies.recordValue(Math.max(0, nowNs - sentNs));
                }
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "the first message", () -> received.get() > 0);
    long startNs = System.nanoTime();
    AtomicLong failed = new AtomicLong();
    Semaphore window = new Semaphore(4 * WINDOW);
    AtomicLong acked = new AtomicLong();
    for (long i = 0; ; i++) {
      long dueNs = startNs + i * 1_000_000_000L / perSecond;
      if (dueNs - startNs >= measureNs) {
        break;
      }
      while (System.nanoTime() < dueNs) {
        LockSupport.parkNanos(Math.max(1, dueNs - System.nanoTime()));
      }
      window.acquire();
      producer.send(new Message(topic, stamped()), counting(acked, failed, window));
    }
    window.acquire(4 * WINDOW);
    RocketMqClients.await(() -> "all of " + acked, () -> received.get() > acked.get());
    consumer.shutdown();
    String workload = "end to end, " + perSecond + "/s";
    record(target.name(), workload + ", p50 us", "-", 0, us(latencies, 50));
    record(target.name(), workload + ", p99 us", "1/2", 0.5, us(latencies, 99));
  }

  private void manyQueues(Target target, RocketMqClients clients, int queues) throws Exception {
    String topic = "queues" + queues;
    DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("compare-" + target.name() + System.nanoTime());
    admin.start();
    try {
      String broker =
          admin.examineBrokerClusterInfo().getBrokerAddrTable().get("broker-a").selectBrokerAddr();
      admin.createAndUpdateTopicConfig(broker, new TopicConfig(topic, queues, queues));
    } finally {
      admin.shutdown();
    }
    Load load = sendFor(target, clients.producer(topic), topic, 128, measureNs);
    record(target.name(), "async to " + queues + " queues, msg/s", "-", 0, load.perSecond());
  }

  private void drain(Target target, RocketMqClients clients) throws Exception {
    DefaultMQProducer producer = clients.producer("fill");
    producer.send(new Message("backlog", body(128)));
    AtomicLong acked = new AtomicLong();
    AtomicLong failed = new AtomicLong();
    Semaphore window = new Semaphore(BATCHES_IN_FLIGHT);
    for (int sent = 0; sent < backlog; sent += 10 * BATCH) {
      window.acquire();
      producer.send(batch("backlog", 10 * BATCH), counting(acked, failed, window));
    }
    window.acquire(BATCHES_IN_FLIGHT);
    long expected = acked.get() * 10 * BATCH + 1;
    AtomicLong received = new AtomicLong();
    DefaultMQPushConsumer consumer = clients.pushConsumer("drain");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setConsumeMessageBatchMaxSize(BATCH);
    consumer.subscribe("backlog", "*");
    AtomicLong firstNs = new AtomicLong();
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              firstNs.compareAndSet(0, System.nanoTime());
              received.addAndGet(messages.size());
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    long cpuNs = cpuNs(target.broker());
    consumer.start();
    long endNs = System.nanoTime() + BACKLOG_TIMEOUT_S * 1_000_000_000L;
    while (received.get() < expected && System.nanoTime() < endNs) {
      LockSupport.parkNanos(2_000_000);
    }
    double seconds = (System.nanoTime() - firstNs.get()) / 1e9;
    double cpuUs = (cpuNs(target.broker()) - cpuNs) / 1e3 / received.get();
    consumer.shutdown();
    record(target.name(), "drain a backlog, msg/s", "2", 2, received.get() / seconds);
    record(target.name(), "drain a backlog, broker us/msg", "1/3", 1.0 / 3, cpuUs);
  }

  // Figures.

  private static byte[] body(int bytes) {
    byte[] body = new byte[bytes];
    Arrays.fill(body, (byte) 'x');
    return body;
  }

  private static byte[] stamped() {
    byte[] body = body(128);
    ByteBuffer.wrap(body).putLong(System.nanoTime());
    return body;
  }

  private static double us(Histogram latencies, double percentile) {
    return latencies.getValueAtPercentile(percentile) / 1e3;
  }

  private static long cpuNs(ProcessHandle process) {
    return process.info().totalCpuDuration().map(java.time.Duration::toNanos).orElse(0L);
  }

  private static long memory(ProcessHandle process, String name) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
      return lines
              .filter(line -> line.startsWith(name))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .findFirst()
              .orElse(0)
          * 1024;
    } catch (IOException e) {
      return 0;
    }
  }

  private void record(String target, String metric, String goal, double ratio, double value) {
    if (discard) {
      return;
    }
    goals.put(metric, new Goal(goal, ratio, ratio > 1));
    results
        .computeIfAbsent(metric, name -> new TreeMap<>())
        .computeIfAbsent(target, name -> new ArrayList<>())
        .add(value);
    System.err.printf("  %-34s %,12.1f%n", metric, value);
  }

  private void print() {
    System.out.printf(
        "%d rounds, %s flush%s, backlog %,d; medians%n%n",
        rounds, sync ? "sync" : "async", slaves ? ", one slave each" : "", backlog);
    System.out.printf("| workload | Sluice | %s | ratio | to reach |%n", rival);
    System.out.println("|---|---|---|---|---|");
    results.forEach(
        (metric, byTarget) -> {
          double ours = median(byTarget.getOrDefault(SLUICE, List.of()));
          double theirs = median(byTarget.getOrDefault(rival, List.of()));
          Goal goal = goals.get(metric);
          double ratio = ours / theirs;
          boolean reached = goal.more() ? ratio >= goal.ratio() : ratio <= goal.ratio();
          System.out.printf(
              "| %s | %,.1f | %,.1f | %.2f | %s%s |%n",
              metric,
              ours,
              theirs,
              ratio,
              goal.text(),
              goal.ratio() == 0 ? "" : reached ? " reached" : " MISSED");
        });
  }

  private static double median(List<Double> values) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    return sorted.isEmpty() ? Double.NaN : sorted.get(sorted.size() / 2);
  }

  private static void deleteAll(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
