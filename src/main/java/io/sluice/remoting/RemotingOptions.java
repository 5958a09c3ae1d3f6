package io.sluice.remoting;

import io.sluice.bus.AckLevel;
import java.util.List;
import java.util.Objects;

/**
 * Configuration of the RocketMQ fronts: {@link NameServerFrontVerticle} and {@link
 * BrokerFrontVerticle}. A setter checks its own range; {@link #conclude} checks what hangs
 * together. Mutable until handed to a verticle, which copies it.
 */
public final class RemotingOptions {

  /** RocketMQ's port of a NameServer. */
  public static final int DEFAULT_NAME_SERVER_PORT = 9876;

  /** RocketMQ's port of a Broker. */
  public static final int DEFAULT_BROKER_PORT = 10911;

  /** All interfaces. */
  public static final String DEFAULT_HOST = "0.0.0.0";

  /** RocketMQ's own name of a cluster nobody named. */
  public static final String DEFAULT_CLUSTER_NAME = "DefaultCluster";

  /** RocketMQ's {@code frameMaxLength}: what its clients refuse beyond. */
  public static final int DEFAULT_MAX_FRAME_BYTES = 16 * 1024 * 1024;

  /** RocketMQ's {@code maxMessageSize}. */
  public static final int DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

  /** RocketMQ's idle time; clients send a heartbeat every 30 s. */
  public static final int DEFAULT_IDLE_SECONDS = 120;

  /**
   * Sockets are cheap, their frames are not: each may hold one frame of 16 MiB that is half there.
   */
  public static final int DEFAULT_MAX_CONNECTIONS = 10_000;

  /**
   * RocketMQ's {@code defaultTopicQueueNums}: queues of the template for topics made on first send.
   */
  public static final int DEFAULT_TEMPLATE_QUEUES = 8;

  /** RocketMQ's {@code messageDelayLevel}: 1s 5s 10s 30s, 1m to 10m, 20m 30m 1h 2h. */
  public static final List<Long> DEFAULT_DELAY_LEVELS_MS =
      List.of(
          1_000L,
          5_000L,
          10_000L,
          30_000L,
          60_000L,
          120_000L,
          180_000L,
          240_000L,
          300_000L,
          360_000L,
          420_000L,
          480_000L,
          540_000L,
          600_000L,
          1_200_000L,
          1_800_000L,
          3_600_000L,
          7_200_000L);

  private String host = DEFAULT_HOST;
  private String advertise;
  private int advertisePort;
  private String tlsCertificate = "";
  private String tlsKey = "";
  private boolean tlsEnforced;
  private List<Long> delayLevelsMs = DEFAULT_DELAY_LEVELS_MS;
  private int nameServerPort = DEFAULT_NAME_SERVER_PORT;
  private int brokerPort = DEFAULT_BROKER_PORT;
  private boolean vipChannel = true;
  private String clusterName = DEFAULT_CLUSTER_NAME;
  private String brokerName = "broker-a";
  private String nameServerId = "";
  private AckLevel ack = AckLevel.DISK;
  private boolean autoCreateTopics = true;
  private int templateQueues = DEFAULT_TEMPLATE_QUEUES;
  private int maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  private int maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  private int idleSeconds = DEFAULT_IDLE_SECONDS;
  private int maxConnections = DEFAULT_MAX_CONNECTIONS;

  public RemotingOptions() {}

  /** A copy. */
  public RemotingOptions(RemotingOptions other) {
    host = other.host;
    advertise = other.advertise;
    advertisePort = other.advertisePort;
    tlsCertificate = other.tlsCertificate;
    tlsKey = other.tlsKey;
    tlsEnforced = other.tlsEnforced;
    delayLevelsMs = other.delayLevelsMs;
    nameServerPort = other.nameServerPort;
    brokerPort = other.brokerPort;
    vipChannel = other.vipChannel;
    clusterName = other.clusterName;
    brokerName = other.brokerName;
    nameServerId = other.nameServerId;
    ack = other.ack;
    autoCreateTopics = other.autoCreateTopics;
    templateQueues = other.templateQueues;
    maxFrameBytes = other.maxFrameBytes;
    maxMessageBytes = other.maxMessageBytes;
    idleSeconds = other.idleSeconds;
    maxConnections = other.maxConnections;
  }

  /** The interface to listen on. */
  public String getHost() {
    return host;
  }

  public RemotingOptions setHost(String host) {
    this.host = Objects.requireNonNull(host, "host");
    return this;
  }

  /**
   * The host that clients are told to dial, and that stands in message ids (RocketMQ's {@code
   * brokerIP1}): the one that was set, else the interface if it is a certain one, else 127.0.0.1.
   */
  public String getAdvertise() {
    if (advertise != null) {
      return advertise;
    }
    return isWildcard(host) ? "127.0.0.1" : host;
  }

  /** Sets the host that clients are told to dial; null to derive it. Without a port. */
  public RemotingOptions setAdvertise(String advertise) {
    if (advertise != null && (advertise.isBlank() || isWildcard(advertise))) {
      throw new IllegalArgumentException(
          "advertise is '"
              + advertise
              + "'; clients dial it, so it has to be an address or name of this machine");
    }
    this.advertise = advertise;
    return this;
  }

  public int getAdvertisePort() {
    return advertisePort;
  }

  /** Sets the port that clients are told to dial; 0 for the one that the Broker listens at. */
  public RemotingOptions setAdvertisePort(int port) {
    advertisePort = inRange("advertisePort", port, 0, 65_535);
    return this;
  }

  /** Whether clients may, or must, speak TLS. */
  public boolean hasTls() {
    return !tlsCertificate.isEmpty();
  }

  public String getTlsCertificate() {
    return tlsCertificate;
  }

  public String getTlsKey() {
    return tlsKey;
  }

  /** Sets the PEM files of certificate and key; empty for no TLS. */
  public RemotingOptions setTls(String certificate, String key) {
    if (certificate.isEmpty() != key.isEmpty()) {
      throw new IllegalArgumentException(
          "TLS needs both a certificate and a key; found '" + certificate + "' and '" + key + "'");
    }
    tlsCertificate = certificate;
    tlsKey = key;
    return this;
  }

  public boolean isTlsEnforced() {
    return tlsEnforced;
  }

  /** Sets whether those without TLS are turned away. */
  public RemotingOptions setTlsEnforced(boolean tlsEnforced) {
    this.tlsEnforced = tlsEnforced;
    return this;
  }

  public List<Long> getDelayLevelsMs() {
    return delayLevelsMs;
  }

  /** Sets what delay levels mean, in ms, from level 1 on; at least one. */
  public RemotingOptions setDelayLevelsMs(List<Long> delayLevelsMs) {
    if (delayLevelsMs.isEmpty()) {
      throw new IllegalArgumentException("delayLevelsMs is empty; allowed is one level or more");
    }
    this.delayLevelsMs = List.copyOf(delayLevelsMs);
    return this;
  }

  /** The delays between attempts: RocketMQ takes the levels from the third on. */
  List<Long> retryDelaysMs() {
    return delayLevelsMs.subList(Math.min(2, delayLevelsMs.size() - 1), delayLevelsMs.size());
  }

  /** Port of the NameServer front; 0 for any free one. */
  public int getNameServerPort() {
    return nameServerPort;
  }

  public RemotingOptions setNameServerPort(int port) {
    nameServerPort = inRange("nameServerPort", port, 0, 65_535);
    return this;
  }

  /** Port of the Broker front; 0 for any free one. */
  public int getBrokerPort() {
    return brokerPort;
  }

  public RemotingOptions setBrokerPort(int port) {
    brokerPort = inRange("brokerPort", port, 0, 65_535);
    return this;
  }

  /** Whether a second listener opens at the Broker's port - 2, which old clients dial for sends. */
  public boolean isVipChannel() {
    return vipChannel;
  }

  public RemotingOptions setVipChannel(boolean vipChannel) {
    this.vipChannel = vipChannel;
    return this;
  }

  /** Name of the cluster, as clients and tools see it. */
  public String getClusterName() {
    return clusterName;
  }

  public RemotingOptions setClusterName(String clusterName) {
    this.clusterName = Objects.requireNonNull(clusterName, "clusterName");
    return this;
  }

  /** Name of the Broker behind the front, which is also its address on the event bus. */
  public String getBrokerName() {
    return brokerName;
  }

  public RemotingOptions setBrokerName(String brokerName) {
    this.brokerName = Objects.requireNonNull(brokerName, "brokerName");
    return this;
  }

  /** Id of the NameServer behind the front; empty to ask whichever hears it. */
  public String getNameServerId() {
    return nameServerId;
  }

  public RemotingOptions setNameServerId(String nameServerId) {
    this.nameServerId = Objects.requireNonNull(nameServerId, "nameServerId");
    return this;
  }

  /**
   * What must have happened to a message before its send is answered; {@code WAIT=false} asks for
   * less.
   */
  public AckLevel getAck() {
    return ack;
  }

  public RemotingOptions setAck(AckLevel ack) {
    this.ack = Objects.requireNonNull(ack, "ack");
    return this;
  }

  /**
   * Whether the template topic TBW102 is routed, so that producers make topics by their first send.
   */
  public boolean isAutoCreateTopics() {
    return autoCreateTopics;
  }

  public RemotingOptions setAutoCreateTopics(boolean autoCreateTopics) {
    this.autoCreateTopics = autoCreateTopics;
    return this;
  }

  /** Most queues that a topic made by a first send gets. */
  public int getTemplateQueues() {
    return templateQueues;
  }

  public RemotingOptions setTemplateQueues(int templateQueues) {
    this.templateQueues = inRange("templateQueues", templateQueues, 1, 1024);
    return this;
  }

  /** Longest frame in bytes, its length word counted. */
  public int getMaxFrameBytes() {
    return maxFrameBytes;
  }

  public RemotingOptions setMaxFrameBytes(int maxFrameBytes) {
    this.maxFrameBytes = inRange("maxFrameBytes", maxFrameBytes, 65_536, 1 << 30);
    return this;
  }

  /** Longest body of a message in bytes; of a batch together. */
  public int getMaxMessageBytes() {
    return maxMessageBytes;
  }

  public RemotingOptions setMaxMessageBytes(int maxMessageBytes) {
    this.maxMessageBytes = inRange("maxMessageBytes", maxMessageBytes, 1, 1 << 30);
    return this;
  }

  /** A connection on which nothing was read or written for so long is closed. */
  public int getIdleSeconds() {
    return idleSeconds;
  }

  public RemotingOptions setIdleSeconds(int idleSeconds) {
    this.idleSeconds = inRange("idleSeconds", idleSeconds, 1, 86_400);
    return this;
  }

  /** Most connections of one listener at a time; further ones are closed at once. */
  public int getMaxConnections() {
    return maxConnections;
  }

  public RemotingOptions setMaxConnections(int maxConnections) {
    this.maxConnections = inRange("maxConnections", maxConnections, 1, 1_000_000);
    return this;
  }

  /** Checks what hangs together. */
  RemotingOptions conclude() {
    // A frame carries the message, its properties (32 KiB, escaped up to sixfold) and the header.
    if (maxMessageBytes + 262_144L > maxFrameBytes) {
      throw new IllegalArgumentException(
          "maxMessageBytes "
              + maxMessageBytes
              + " does not fit maxFrameBytes "
              + maxFrameBytes
              + ": a frame needs 262144 bytes more than its message, so such a message could not be"
              + " sent");
    }
    return this;
  }

  static boolean isWildcard(String host) {
    return host.equals("0.0.0.0") || host.equals("::") || host.equals("[::]");
  }

  private static int inRange(String name, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          name + " is " + value + "; allowed are " + min + " to " + max);
    }
    return value;
  }
}
