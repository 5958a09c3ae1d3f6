package io.sluice.testkit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A NameServer and a Broker of Apache RocketMQ 5.5.0, as processes of their own with small heaps
 * and files. Its jars are in target/rocketmq-5.5.0, where the profile {@code rocketmq} puts them
 * ({@code -Dtarget=rocketmq}).
 */
public final class RealRocketMq implements AutoCloseable {

  /** Its Broker takes 5 s of processor time for a start, which a busy machine may not have. */
  private static final long START_SECONDS = 240;

  private static final Path JARS = Path.of("target", "rocketmq-5.5.0");

  private final Path home;
  private final Path store;
  private final int nameServerPort = freePort();
  private final int brokerPort = freePort();
  private final int haPort = freePort();
  private final String brokerHeap;
  private final Process nameServer;
  private Process broker;
  private Process slave;

  private final Map<String, String> further;

  private RealRocketMq(Path home, Map<String, String> brokerKeys, String brokerHeap)
      throws IOException {
    this.home = home;
    this.brokerHeap = brokerHeap;
    further = brokerKeys;
    store = home.resolve("store");
    Files.createDirectories(home.resolve("conf"));
    write("namesrv.conf", Map.of("listenPort", String.valueOf(nameServerPort)));
    write("broker.conf", brokerKeys(brokerKeys));
    nameServer = start("64m", "org.apache.rocketmq.namesrv.NamesrvStartup", "namesrv.conf");
    awaitPort(nameServerPort, nameServer);
    broker = startBroker();
  }

  /** Whether its jars are there. */
  public static boolean isThere() {
    return Files.isDirectory(JARS);
  }

  /**
   * Starts both.
   *
   * @param home an empty directory for everything they write
   * @param brokerKeys further keys of broker.conf
   */
  public static RealRocketMq start(Path home, Map<String, String> brokerKeys) throws IOException {
    return start(home, brokerKeys, "400m");
  }

  /**
   * As the other.
   *
   * @param brokerHeap as after {@code -Xmx}
   */
  public static RealRocketMq start(Path home, Map<String, String> brokerKeys, String brokerHeap)
      throws IOException {
    return new RealRocketMq(home, brokerKeys, brokerHeap);
  }

  private Map<String, String> brokerKeys(Map<String, String> further) {
    Map<String, String> keys = new java.util.TreeMap<>();
    keys.put("brokerName", "broker-a");
    keys.put("brokerIP1", "127.0.0.1");
    keys.put("listenPort", String.valueOf(brokerPort));
    keys.put("haListenPort", String.valueOf(haPort));
    keys.put("namesrvAddr", nameServer());
    keys.put("storePathRootDir", store.toAbsolutePath().toString());
    keys.put("storePathCommitLog", store.resolve("commitlog").toAbsolutePath().toString());
    keys.put("mappedFileSizeCommitLog", String.valueOf(16 << 20));
    keys.put("mappedFileSizeConsumeQueue", "60000");
    keys.put("mappedFileSizeTimerLog", String.valueOf(1 << 20));
    keys.put("maxHashSlotNum", "10000");
    keys.put("maxIndexNum", "40000");
    keys.put("enablePropertyFilter", "true");
    keys.put("autoCreateTopicEnable", "true");
    // A machine that is busy with other things is no reason to refuse a send.
    keys.put("brokerFastFailureEnable", "false");
    keys.put("recallMessageEnable", "true");
    keys.putAll(further);
    return keys;
  }

  private void write(String name, Map<String, String> keys) throws IOException {
    List<String> lines = new ArrayList<>();
    keys.forEach((key, value) -> lines.add(key + "=" + value));
    Files.write(home.resolve(name), lines);
  }

  /** {@code host:port} of the NameServer. */
  public String nameServer() {
    return "127.0.0.1:" + nameServerPort;
  }

  /** {@code host:port} of the Broker. */
  public String brokerAddress() {
    return "127.0.0.1:" + brokerPort;
  }

  /** The Broker's process. */
  public ProcessHandle broker() {
    return broker.toHandle();
  }

  /** The NameServer's process. */
  public ProcessHandle nameServerProcess() {
    return nameServer.toHandle();
  }

  /** The Broker's storePathRootDir. */
  public Path store() {
    return store;
  }

  /** Ends the Broker as an operator would, so that everything is on the disk. */
  public void stopBroker() {
    stop(broker);
  }

  /** Starts the Broker again on its store. */
  public void restartBroker() throws IOException {
    stop(broker);
    broker = startBroker();
  }

  /** Starts a slave of its Broker, which follows over the HA stream. */
  public void startSlave() throws IOException {
    Path slaveStore = home.resolve("slave");
    Map<String, String> keys = brokerKeys(further);
    keys.put("brokerRole", "SLAVE");
    keys.put("brokerId", "1");
    int port = freePort();
    keys.put("listenPort", String.valueOf(port));
    keys.put("haListenPort", String.valueOf(freePort()));
    keys.put("storePathRootDir", slaveStore.toAbsolutePath().toString());
    keys.put("storePathCommitLog", slaveStore.resolve("commitlog").toAbsolutePath().toString());
    write("slave.conf", keys);
    slave = start(brokerHeap, "org.apache.rocketmq.broker.BrokerStartup", "slave.conf");
    awaitPort(port, slave);
  }

  @Override
  public void close() {
    if (slave != null) {
      stop(slave);
    }
    stop(broker);
    stop(nameServer);
  }

  private Process startBroker() throws IOException {
    Process started = start(brokerHeap, "org.apache.rocketmq.broker.BrokerStartup", "broker.conf");
    awaitPort(brokerPort, started);
    return started;
  }

  private Process start(String heap, String main, String config) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx" + heap,
            "-XX:MaxDirectMemorySize=" + heap,
            "-Duser.home=" + home.toAbsolutePath(),
            "-cp",
            JARS.toAbsolutePath() + File.separator + "*",
            main,
            "-c",
            home.resolve(config).toAbsolutePath().toString());
    builder.environment().put("ROCKETMQ_HOME", home.toAbsolutePath().toString());
    builder.directory(home.toFile());
    builder.redirectErrorStream(true);
    builder.redirectOutput(home.resolve(config + ".log").toFile());
    return builder.start();
  }

  private void awaitPort(int port, Process process) {
    Await.until(
        START_SECONDS,
        () -> "RocketMQ to listen at port " + port + ", see " + home,
        () -> {
          if (!process.isAlive()) {
            throw new IllegalStateException("RocketMQ ended; see " + home);
          }
          try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port), 200);
            return true;
          } catch (IOException notYet) {
            return false;
          }
        });
  }

  /** Ends a process as an operator would, and hard if it does not. */
  public static void stop(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** A port that nobody has now. */
  public static int freePort() {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
