package io.sluice.app;

import io.sluice.bus.AckLevel;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * How a server is started: see docs/configuration.md for what each value does. The defaults are
 * those of the table of configuration. Each setter checks its own range. Not safe for threads.
 */
public final class SluiceOptions {

  /** The parts a process may run. */
  public enum Role {
    /** Records Brokers and topics and answers routes. */
    NAMESERVER,
    /** Stores and forwards messages. */
    BROKER,
    /** Speaks HTTP and WebSocket. */
    GATEWAY
  }

  private Set<Role> roles = EnumSet.allOf(Role.class);
  private Path dataDirectory;
  private String host;
  private String advertisedHost;
  private int httpPort;
  private int nameServerPort;
  private int brokerPort;
  private String clusterName;
  private String brokerName;
  private AckLevel defaultAck;
  private boolean autoCreateTopics;
  private int defaultQueues;
  private long segmentBytes;
  private long retentionMs;
  private long quotaBytes;
  private int eventLoops;
  private int workers;

  /** A whole server with the defaults. */
  public SluiceOptions() {
    this(Configuration.defaults());
  }

  /** A copy. */
  public SluiceOptions(SluiceOptions other) {
    roles = EnumSet.copyOf(other.roles);
    dataDirectory = other.dataDirectory;
    host = other.host;
    advertisedHost = other.advertisedHost;
    httpPort = other.httpPort;
    nameServerPort = other.nameServerPort;
    brokerPort = other.brokerPort;
    clusterName = other.clusterName;
    brokerName = other.brokerName;
    defaultAck = other.defaultAck;
    autoCreateTopics = other.autoCreateTopics;
    defaultQueues = other.defaultQueues;
    segmentBytes = other.segmentBytes;
    retentionMs = other.retentionMs;
    quotaBytes = other.quotaBytes;
    eventLoops = other.eventLoops;
    workers = other.workers;
  }

  SluiceOptions(Configuration configuration) {
    dataDirectory = Path.of(configuration.text(ConfigTable.DATA));
    host = configuration.text(ConfigTable.HOST);
    advertisedHost = configuration.text(ConfigTable.ADVERTISED_HOST);
    httpPort = configuration.integer(ConfigTable.HTTP_PORT);
    nameServerPort = configuration.integer(ConfigTable.NAMESERVER_PORT);
    brokerPort = configuration.integer(ConfigTable.BROKER_PORT);
    clusterName = configuration.text(ConfigTable.CLUSTER_NAME);
    brokerName = configuration.text(ConfigTable.BROKER_NAME);
    defaultAck = AckLevel.valueOf(configuration.text(ConfigTable.ACK).toUpperCase(Locale.ROOT));
    autoCreateTopics = configuration.isOn(ConfigTable.TOPICS_AUTO_CREATE);
    defaultQueues = configuration.integer(ConfigTable.TOPICS_QUEUES);
    segmentBytes = configuration.number(ConfigTable.STORE_SEGMENT);
    retentionMs = configuration.number(ConfigTable.STORE_RETENTION);
    quotaBytes = configuration.number(ConfigTable.STORE_QUOTA);
    eventLoops = configuration.integer(ConfigTable.EVENT_LOOPS);
    workers = configuration.integer(ConfigTable.WORKERS);
  }

  public Set<Role> roles() {
    return roles;
  }

  /** Which parts to run; at least one. */
  public SluiceOptions setRoles(Set<Role> roles) {
    this.roles = EnumSet.copyOf(roles);
    return this;
  }

  public Path dataDirectory() {
    return dataDirectory;
  }

  public SluiceOptions setDataDirectory(Path dataDirectory) {
    this.dataDirectory = dataDirectory;
    return this;
  }

  public String host() {
    return host;
  }

  public SluiceOptions setHost(String host) {
    this.host = host;
    return this;
  }

  public String advertisedHost() {
    return advertisedHost;
  }

  public SluiceOptions setAdvertisedHost(String advertisedHost) {
    this.advertisedHost = advertisedHost;
    return this;
  }

  public int httpPort() {
    return httpPort;
  }

  /** 0 for any free port. */
  public SluiceOptions setHttpPort(int httpPort) {
    this.httpPort = checked(ConfigTable.HTTP_PORT, httpPort);
    return this;
  }

  public int nameServerPort() {
    return nameServerPort;
  }

  /** 0 for any free port. */
  public SluiceOptions setNameServerPort(int nameServerPort) {
    this.nameServerPort = checked(ConfigTable.NAMESERVER_PORT, nameServerPort);
    return this;
  }

  public int brokerPort() {
    return brokerPort;
  }

  /** 0 for any free port. */
  public SluiceOptions setBrokerPort(int brokerPort) {
    this.brokerPort = checked(ConfigTable.BROKER_PORT, brokerPort);
    return this;
  }

  /** All ports 0: several servers fit on one machine. */
  public SluiceOptions setAnyPorts() {
    return setHttpPort(0).setNameServerPort(0).setBrokerPort(0);
  }

  public String clusterName() {
    return clusterName;
  }

  public SluiceOptions setClusterName(String clusterName) {
    this.clusterName = clusterName;
    return this;
  }

  public String brokerName() {
    return brokerName;
  }

  public SluiceOptions setBrokerName(String brokerName) {
    this.brokerName = brokerName;
    return this;
  }

  public AckLevel defaultAck() {
    return defaultAck;
  }

  public SluiceOptions setDefaultAck(AckLevel defaultAck) {
    this.defaultAck = defaultAck;
    return this;
  }

  public boolean autoCreateTopics() {
    return autoCreateTopics;
  }

  public SluiceOptions setAutoCreateTopics(boolean autoCreateTopics) {
    this.autoCreateTopics = autoCreateTopics;
    return this;
  }

  public int defaultQueues() {
    return defaultQueues;
  }

  public SluiceOptions setDefaultQueues(int defaultQueues) {
    this.defaultQueues = checked(ConfigTable.TOPICS_QUEUES, defaultQueues);
    return this;
  }

  public long segmentBytes() {
    return segmentBytes;
  }

  public SluiceOptions setSegmentBytes(long segmentBytes) {
    this.segmentBytes = checked(ConfigTable.STORE_SEGMENT, segmentBytes);
    return this;
  }

  public long retentionMs() {
    return retentionMs;
  }

  public SluiceOptions setRetentionMs(long retentionMs) {
    this.retentionMs = checked(ConfigTable.STORE_RETENTION, retentionMs);
    return this;
  }

  public long quotaBytes() {
    return quotaBytes;
  }

  /** 0 for no quota. */
  public SluiceOptions setQuotaBytes(long quotaBytes) {
    this.quotaBytes = checked(ConfigTable.STORE_QUOTA, quotaBytes);
    return this;
  }

  public int eventLoops() {
    return eventLoops;
  }

  /** 0 chooses by the number of processors. Has no effect on a Vert.x that is passed in. */
  public SluiceOptions setEventLoops(int eventLoops) {
    this.eventLoops = checked(ConfigTable.EVENT_LOOPS, eventLoops);
    return this;
  }

  public int workers() {
    return workers;
  }

  /** Has no effect on a Vert.x that is passed in. */
  public SluiceOptions setWorkers(int workers) {
    this.workers = checked(ConfigTable.WORKERS, workers);
    return this;
  }

  private static int checked(ConfigKey key, int value) {
    return Math.toIntExact(checked(key, (long) value));
  }

  private static long checked(ConfigKey key, long value) {
    if (value < key.min() || value > key.max()) {
      throw new IllegalArgumentException(
          key.name() + ": found " + value + ", allowed is " + key.allowed());
    }
    return value;
  }
}
