package io.sluice.remoting;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.bus.AckLevel;
import io.sluice.bus.BusCodec;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.testkit.BlockedLoops;
import io.sluice.testkit.RealRocketMq;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * What the interop tests run against: a Sluice of their own; with {@code -Dtarget=rocketmq} a
 * RocketMQ that is started for them, one for all; with {@code -Drocketmq.nameserver=host:port} any
 * running RocketMQ whose Broker is called {@code broker-a}. A test is right only if it passes there
 * too.
 */
final class InteropTarget implements AutoCloseable {

  static final String BROKER = "broker-a";

  /** Keys for a Broker that deletes what is older than a few MB; a RocketMQ has to be told when. */
  static final Map<String, String> SHORT_LOG =
      Map.of("mappedFileSizeCommitLog", String.valueOf(1 << 20), "fileReservedTime", "0");

  private final String nameServer;
  private final Path directory;
  private final Vertx vertx;
  private final BlockedLoops blockedLoops;
  private final RealRocketMq own;
  private boolean autoCreate;
  private boolean shortLog;
  private long quotaBytes = 3 << 20;
  private BrokerFrontVerticle front;
  private String brokerDeployment;

  InteropTarget() throws Exception {
    this(Map.of());
  }

  /**
   * As the other.
   *
   * @param brokerKeys further keys of broker.conf for a RocketMQ, which is then one of its own; a
   *     Sluice understands autoCreateTopicEnable and {@link #SHORT_LOG} here
   */
  InteropTarget(Map<String, String> brokerKeys) throws Exception {
    String given = System.getProperty("rocketmq.nameserver", "");
    if (isReal()) {
      directory = given.isEmpty() && !brokerKeys.isEmpty() ? temporary() : null;
      own = directory == null ? null : RealRocketMq.start(directory, brokerKeys);
      String shared = given.isEmpty() && own == null ? Real.ROCKETMQ.nameServer() : given;
      nameServer = own == null ? shared : own.nameServer();
      vertx = null;
      blockedLoops = null;
      return;
    }
    own = null;
    directory = temporary();
    vertx = BlockedLoops.vertx();
    blockedLoops = new BlockedLoops();
    BusCodec.register(vertx);
    NameServerFrontVerticle names = new NameServerFrontVerticle(options());
    autoCreate = !"false".equals(brokerKeys.get("autoCreateTopicEnable"));
    shortLog = brokerKeys.equals(SHORT_LOG);
    front = new BrokerFrontVerticle(options().setAutoCreateTopics(autoCreate));
    deploy(new NameServerVerticle(new NameServerOptions(), Clock.system()));
    deploy(names);
    deploy(front);
    brokerDeployment = deploy(broker());
    nameServer = "127.0.0.1:" + names.port();
  }

  /** Whether the tests run against a RocketMQ. */
  static boolean isReal() {
    return "rocketmq".equals(System.getProperty("target"))
        || !System.getProperty("rocketmq.nameserver", "").isEmpty();
  }

  private static Path temporary() throws IOException {
    return Files.createTempDirectory("sluice-interop");
  }

  /** Started at its first use, for all tests of the JVM; ends with it. */
  private static final class Real {

    private static final RealRocketMq ROCKETMQ = start();

    private static RealRocketMq start() {
      try {
        Path home = Files.createTempDirectory("rocketmq-interop");
        RealRocketMq rocketMq = RealRocketMq.start(home, Map.of());
        Runtime.getRuntime().addShutdownHook(new Thread(rocketMq::close));
        return rocketMq;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** {@code host:port} that clients are given. */
  String nameServer() {
    return nameServer;
  }

  /** Whether it is a Sluice, which can be asked more than a RocketMQ. */
  boolean isSluice() {
    return vertx != null;
  }

  Vertx vertx() {
    return vertx;
  }

  /** {@code host:port} of the Broker for clients. */
  String brokerAddress() throws Exception {
    if (front != null) {
      return front.advertisedAddress();
    }
    if (own != null) {
      return own.brokerAddress();
    }
    DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(nameServer);
    admin.setInstanceName("broker-address");
    try {
      admin.start();
      return admin.examineBrokerClusterInfo().getBrokerAddrTable().get(BROKER).selectBrokerAddr();
    } finally {
      admin.shutdown();
    }
  }

  /** The port of {@link #brokerAddress}. */
  int brokerPort() throws Exception {
    String address = brokerAddress();
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }

  BrokerFrontVerticle front() {
    return front;
  }

  /** Stops the Broker behind the front and starts it again on the same directory. */
  void restartBroker() throws Exception {
    await(vertx.undeploy(brokerDeployment));
    brokerDeployment = deploy(broker());
  }

  /** Deletes nothing more of a {@link #SHORT_LOG}; a RocketMQ does so only when it is told to. */
  void keepTheRest() throws Exception {
    if (isSluice()) {
      quotaBytes = Long.MAX_VALUE;
      restartBroker();
    }
  }

  @Override
  public void close() throws Exception {
    if (own != null) {
      own.close();
    }
    if (directory == null) {
      return;
    }
    if (vertx != null) {
      await(vertx.close());
      blockedLoops.close();
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new IllegalStateException("could not clean up " + directory, e);
    }
  }

  static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  private BrokerVerticle broker() {
    BrokerOptions broker =
        new BrokerOptions()
            .setBrokerName(BROKER)
            .setDirectory(directory)
            .setAutoCreateTopics(autoCreate)
            .setAdvertisedAddress(front.advertisedAddress());
    broker
        .getStore()
        .segmentBytes(16 << 20)
        .storeHost(ClientConnection.hostBytes(new InetSocketAddress("127.0.0.1", front.port())));
    if (shortLog) {
      // Nothing is deleted that no snapshot covers.
      broker
          .setSnapshotInterval(Duration.ofMillis(500))
          .getStore()
          .checkpointInterval(Duration.ofMillis(500))
          .segmentBytes(1 << 20)
          .quotaBytes(quotaBytes)
          .checkpointBytes(100_000)
          .retentionInterval(Duration.ofMillis(50));
    }
    // Tests need not wait as long as RocketMQ does.
    broker
        .getTransactions()
        .setFirstCheck(Duration.ofMillis(1_500))
        .setCheckInterval(Duration.ofMillis(1_000));
    return new BrokerVerticle(broker, Clock.system(), LatencyRecorder.NONE);
  }

  private String deploy(VerticleBase verticle) throws Exception {
    return await(vertx.deployVerticle(verticle));
  }

  private static RemotingOptions options() {
    return new RemotingOptions()
        .setHost("127.0.0.1")
        .setNameServerPort(0)
        .setBrokerPort(0)
        .setBrokerName(BROKER)
        .setAck(AckLevel.MEMORY);
  }
}
