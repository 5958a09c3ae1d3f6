package io.sluice.app;

import com.sun.management.OperatingSystemMXBean;
import io.sluice.broker.BrokerOptions;
import io.sluice.broker.TransactionOptions;
import io.sluice.bus.AckLevel;
import io.sluice.cluster.ClusterOptions;
import io.sluice.gateway.GatewayOptions;
import io.sluice.remoting.RemotingOptions;
import io.sluice.store.StoreOptions;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * How a server is started; see docs/configuration.md for what each value does. The defaults are
 * those of the table of configuration. What several parts must agree on stands here; what concerns
 * one part alone is in that part's options, {@link #store} and {@link #gateway}. Not safe for
 * threads; the server keeps a copy.
 */
public final class SluiceOptions {

  /** The parts a process may run. */
  public enum Role {
    /** Records Brokers and topics and answers routes. */
    NAMESERVER,
    /** Stores and forwards messages. */
    BROKER,
    /** Speaks HTTP and WebSocket. */
    GATEWAY,
    /** Elects the masters, together with the others. */
    CONTROLLER
  }

  /** A socket that missed so many pings is gone. */
  private static final int MISSED_PINGS = 3;

  private static final int IN_MEMORY_PERCENT = 40;

  /** What a frame carries beside its message, and some: 32 KiB of escaped properties, a header. */
  private static final int FRAME_EXTRA_BYTES = 1 << 20;

  /** RocketMQ's: the levels before it are no delays between attempts. */
  private static final int FIRST_RETRY_LEVEL = 3;

  private final StoreOptions store;
  private final GatewayOptions gateway;
  private Set<Role> roles = EnumSet.of(Role.NAMESERVER, Role.BROKER, Role.GATEWAY);
  private Path dataDirectory;
  private String host;
  private String advertisedHost;
  private String brokerAdvertise;
  private List<Long> delayLevelsMs;
  private String tlsCertificate;
  private String tlsKey;
  private boolean tlsEnforced;
  private int httpPort;
  private int nameServerPort;
  private int brokerPort;
  private String clusterName;
  private String clusterSecret;
  private ClusterOptions cluster;
  private String brokerName;
  private AckLevel defaultAck;
  private boolean autoCreateTopics;
  private int defaultQueues;
  private int maxMessageBytes;
  private Duration maxDelay;
  private Duration duplicateWindow;
  private int duplicateEntries;
  private final TransactionOptions transactions;
  private int eventLoops;
  private int workers;
  private Duration blockedWarning;
  private ReplicationConfig replication;
  private List<String> nameServers;
  private boolean slaveReads;
  private long slaveReadsBehind;
  private Duration drainGrace;
  private Duration drainTimeout;
  private ControllerConfig controllers;

  /** A whole server with the defaults. */
  public SluiceOptions() {
    this(Configuration.defaults());
  }

  /** A copy. */
  public SluiceOptions(SluiceOptions other) {
    store = new StoreOptions(other.store);
    gateway = new GatewayOptions(other.gateway);
    roles = EnumSet.copyOf(other.roles);
    dataDirectory = other.dataDirectory;
    host = other.host;
    advertisedHost = other.advertisedHost;
    brokerAdvertise = other.brokerAdvertise;
    delayLevelsMs = other.delayLevelsMs;
    tlsCertificate = other.tlsCertificate;
    tlsKey = other.tlsKey;
    tlsEnforced = other.tlsEnforced;
    httpPort = other.httpPort;
    nameServerPort = other.nameServerPort;
    brokerPort = other.brokerPort;
    clusterName = other.clusterName;
    clusterSecret = other.clusterSecret;
    cluster = other.cluster == null ? null : new ClusterOptions(other.cluster);
    brokerName = other.brokerName;
    defaultAck = other.defaultAck;
    autoCreateTopics = other.autoCreateTopics;
    defaultQueues = other.defaultQueues;
    maxMessageBytes = other.maxMessageBytes;
    maxDelay = other.maxDelay;
    duplicateWindow = other.duplicateWindow;
    duplicateEntries = other.duplicateEntries;
    transactions = new TransactionOptions(other.transactions);
    eventLoops = other.eventLoops;
    workers = other.workers;
    blockedWarning = other.blockedWarning;
    replication = other.replication;
    nameServers = other.nameServers;
    slaveReads = other.slaveReads;
    slaveReadsBehind = other.slaveReadsBehind;
    drainGrace = other.drainGrace;
    drainTimeout = other.drainTimeout;
    controllers = other.controllers;
  }

  SluiceOptions(Configuration from) {
    dataDirectory = Path.of(from.text(ConfigTable.DATA));
    host = from.text(ConfigTable.HOST);
    advertisedHost = from.text(ConfigTable.ADVERTISED_HOST);
    brokerAdvertise = from.text(ConfigTable.BROKER_ADVERTISE);
    delayLevelsMs = from.durationsMs(ConfigTable.MESSAGE_DELAY_LEVELS);
    tlsCertificate = from.text(ConfigTable.TLS_CERTIFICATE);
    tlsKey = from.text(ConfigTable.TLS_KEY);
    tlsEnforced = from.text(ConfigTable.TLS_MODE).equals("enforcing");
    httpPort = from.integer(ConfigTable.HTTP_PORT);
    nameServerPort = from.integer(ConfigTable.NAMESERVER_PORT);
    brokerPort = from.integer(ConfigTable.BROKER_PORT);
    clusterName = from.text(ConfigTable.CLUSTER_NAME);
    clusterSecret = from.text(ConfigTable.CLUSTER_SECRET);
    cluster = from.isOn(ConfigTable.CLUSTER_ENABLED) ? cluster(from) : null;
    brokerName = from.text(ConfigTable.BROKER_NAME);
    defaultAck = AckLevel.valueOf(from.text(ConfigTable.ACK).toUpperCase(Locale.ROOT));
    autoCreateTopics = from.isOn(ConfigTable.TOPICS_AUTO_CREATE);
    defaultQueues = from.integer(ConfigTable.TOPICS_QUEUES);
    maxMessageBytes = from.integer(ConfigTable.MESSAGE_MAX_SIZE);
    maxDelay = from.duration(ConfigTable.MESSAGE_MAX_DELAY);
    duplicateWindow = from.duration(ConfigTable.MESSAGE_DUPLICATE_WINDOW);
    duplicateEntries = from.integer(ConfigTable.MESSAGE_DUPLICATE_ENTRIES);
    transactions = transactions(from);
    eventLoops = from.integer(ConfigTable.EVENT_LOOPS);
    workers = from.integer(ConfigTable.WORKERS);
    blockedWarning = from.duration(ConfigTable.BLOCKED_WARNING);
    replication = new ReplicationConfig(from);
    slaveReads = from.isOn(ConfigTable.BROKER_SLAVE_READS);
    slaveReadsBehind = from.number(ConfigTable.BROKER_SLAVE_READS_BEHIND);
    nameServers = addresses(from.text(ConfigTable.BROKER_NAMESERVERS));
    drainGrace = from.duration(ConfigTable.DRAIN_GRACE);
    drainTimeout = from.duration(ConfigTable.DRAIN_TIMEOUT);
    controllers = new ControllerConfig(from);
    store = store(from);
    gateway = gateway(from);
  }

  private static ClusterOptions cluster(Configuration from) {
    return new ClusterOptions()
        .setName(from.text(ConfigTable.CLUSTER_NAME))
        .setHost(
            OwnAddress.choose(from.text(ConfigTable.CLUSTER_HOST), from.text(ConfigTable.HOST)))
        .setPort(from.integer(ConfigTable.CLUSTER_PORT))
        .setHosts(from.text(ConfigTable.CLUSTER_HOSTS))
        .setSecret(from.text(ConfigTable.CLUSTER_SECRET));
  }

  private static TransactionOptions transactions(Configuration from) {
    return new TransactionOptions()
        .setEnabled(from.isOn(ConfigTable.TRANSACTIONS_ENABLED))
        .setMaxOpen(from.integer(ConfigTable.TRANSACTIONS_MAX_OPEN))
        .setFirstCheck(from.duration(ConfigTable.TRANSACTIONS_FIRST_CHECK))
        .setCheckInterval(from.duration(ConfigTable.TRANSACTIONS_CHECK_INTERVAL))
        .setMaxChecks(from.integer(ConfigTable.TRANSACTIONS_MAX_CHECKS));
  }

  private static StoreOptions store(Configuration from) {
    long quota = from.number(ConfigTable.STORE_QUOTA);
    return new StoreOptions()
        .segmentBytes(from.number(ConfigTable.STORE_SEGMENT))
        .retentionAge(from.duration(ConfigTable.STORE_RETENTION))
        .quotaBytes(quota == 0 ? StoreOptions.NO_QUOTA : quota)
        .minFreeBytes(from.number(ConfigTable.STORE_MIN_FREE))
        .flushInterval(from.duration(ConfigTable.STORE_FLUSH_INTERVAL))
        .cutAtDamage(from.isOn(ConfigTable.STORE_CUT_AT_DAMAGE));
  }

  private static GatewayOptions gateway(Configuration from) {
    Duration ping = from.duration(ConfigTable.WEBSOCKET_PING_INTERVAL);
    return new GatewayOptions()
        .tokens(TokenConfig.of(from))
        .maxHeaderBytes(from.integer(ConfigTable.HTTP_MAX_HEADER))
        .maxConnections(from.integer(ConfigTable.HTTP_MAX_CONNECTIONS))
        .maxWaiting(from.integer(ConfigTable.HTTP_MAX_WAITING))
        .maxInFlightBytes(from.integer(ConfigTable.HTTP_MAX_IN_FLIGHT))
        .firstRequestTimeout(from.duration(ConfigTable.HTTP_FIRST_REQUEST_TIMEOUT))
        .idleTimeout(from.duration(ConfigTable.HTTP_IDLE_TIMEOUT))
        .maxSockets(from.integer(ConfigTable.WEBSOCKET_MAX_SOCKETS))
        .maxSubscriptions(from.integer(ConfigTable.WEBSOCKET_MAX_SUBSCRIPTIONS))
        .pingInterval(ping)
        .socketTimeout(ping.multipliedBy(MISSED_PINGS));
  }

  /** Options of the store alone; its directory is derived from {@link #dataDirectory}. */
  public StoreOptions store() {
    return store;
  }

  /** Options of the HTTP and WebSocket front alone; what is set here too is overwritten. */
  public GatewayOptions gateway() {
    return gateway;
  }

  /** The front's options with what several parts agree on. */
  GatewayOptions gatewayOptions() {
    int longest = Math.max(GatewayOptions.DEFAULT_MAX_LINE_BYTES, maxMessageBytes / 2 * 3);
    return new GatewayOptions(gateway)
        .host(host)
        .advertisedHost(OwnAddress.choose(advertisedHost == null ? "" : advertisedHost, host))
        .port(httpPort)
        .defaultAck(defaultAck)
        .maxMessageBytes(maxMessageBytes)
        .maxLineBytes(longest)
        .maxFrameBytes(longest);
  }

  /**
   * The Broker's options.
   *
   * @param advertisedAddress {@code host:port} that RocketMQ clients dial
   * @param storeHost the same as it stands in each record
   */
  BrokerOptions brokerOptions(String advertisedAddress, byte[] storeHost) {
    BrokerOptions broker =
        new BrokerOptions()
            .setStore(new StoreOptions(store).storeHost(storeHost))
            .setDirectory(dataDirectory)
            .setBrokerName(brokerName)
            .setCluster(clusterName)
            .setAdvertisedAddress(advertisedAddress)
            .setDefaultQueues(defaultQueues)
            .setAutoCreateTopics(autoCreateTopics)
            .setDefaultAck(defaultAck)
            .setMaxMessageBytes(maxMessageBytes)
            .setMaxDelay(maxDelay)
            .setTransactions(transactions)
            .setRetryDelaysMs(retryDelaysMs())
            .setDuplicateWindow(duplicateWindow)
            .setMaxDuplicateEntries(duplicateEntries)
            .setSlaveReadsBehind(slaveReads ? farBehind() : BrokerOptions.NO_SLAVE_READS);
    return broker;
  }

  /** RocketMQ's accessMessageInMemoryMaxRatio: what is nearer is likely in memory. */
  private long farBehind() {
    return slaveReadsBehind > 0
        ? slaveReadsBehind
        : ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getTotalMemorySize()
            / 100
            * IN_MEMORY_PERCENT;
  }

  /** As RocketMQ has it: the delays between the attempts are the levels from the third on. */
  private List<Long> retryDelaysMs() {
    int first = Math.min(FIRST_RETRY_LEVEL, delayLevelsMs.size()) - 1;
    return delayLevelsMs.subList(first, delayLevelsMs.size());
  }

  /** Options of both RocketMQ fronts. */
  RemotingOptions remotingOptions(String nameServerId) {
    RemotingOptions remoting = new RemotingOptions().setNameServerId(nameServerId);
    HostAndPort broker = HostAndPort.parse(ConfigTable.BROKER_ADVERTISE, brokerAdvertise);
    if (broker != null) {
      remoting.setAdvertisePort(broker.port());
    }
    String brokerHost = broker == null ? advertisedHost : broker.host();
    return remoting
        .setHost(host)
        .setAdvertise(brokerHost.isEmpty() ? null : brokerHost)
        .setDelayLevelsMs(delayLevelsMs)
        .setTls(tlsCertificate, tlsKey)
        .setTlsEnforced(tlsEnforced)
        .setNameServerPort(nameServerPort)
        .setBrokerPort(brokerPort)
        .setClusterName(clusterName)
        .setBrokerName(brokerName)
        .setAck(defaultAck)
        .setAutoCreateTopics(autoCreateTopics)
        .setTemplateQueues(defaultQueues)
        .setMaxMessageBytes(maxMessageBytes)
        .setMaxFrameBytes(
            Math.max(RemotingOptions.DEFAULT_MAX_FRAME_BYTES, maxMessageBytes + FRAME_EXTRA_BYTES));
  }

  /** How the Broker's log is replicated. */
  public ReplicationConfig replication() {
    return replication;
  }

  public SluiceOptions setReplication(ReplicationConfig replication) {
    this.replication = replication;
    return this;
  }

  private static List<String> addresses(String text) {
    List<String> addresses = new ArrayList<>();
    for (String address : text.split("[,;]")) {
      if (!address.isBlank()) {
        addresses.add(address.trim());
      }
    }
    return List.copyOf(addresses);
  }

  /**
   * Whether RocketMQ clients are told to pull from a slave where they are so many bytes behind; 0
   * for 40 % of the memory.
   */
  public SluiceOptions setSlaveReads(boolean slaveReads, long behindBytes) {
    this.slaveReads = slaveReads;
    slaveReadsBehind = behindBytes;
    return this;
  }

  public List<String> nameServers() {
    return nameServers;
  }

  /** {@code host:port} of NameServers that are not on this event bus. */
  public SluiceOptions setNameServers(List<String> nameServers) {
    this.nameServers = List.copyOf(nameServers);
    return this;
  }

  /** How long a server that leaves takes sends, while routes say that nothing is to be sent. */
  public Duration drainGrace() {
    return drainGrace;
  }

  /** How long a server that leaves waits for its slaves at most. */
  public Duration drainTimeout() {
    return drainTimeout;
  }

  /** Who elects the masters. */
  public ControllerConfig controllers() {
    return controllers;
  }

  public SluiceOptions setControllers(ControllerConfig controllers) {
    this.controllers = controllers;
    return this;
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

  /** Name or address that RocketMQ clients are told to dial; empty to derive it from the host. */
  public SluiceOptions setAdvertisedHost(String advertisedHost) {
    this.advertisedHost = advertisedHost;
    return this;
  }

  public String brokerAdvertise() {
    return brokerAdvertise;
  }

  /**
   * {@code host} or {@code host:port} that RocketMQ clients are told to dial for the Broker alone;
   * empty for the advertised host and the Broker's port.
   */
  public SluiceOptions setBrokerAdvertise(String brokerAdvertise) {
    this.brokerAdvertise = brokerAdvertise;
    return this;
  }

  /** PEM files with which RocketMQ clients may speak TLS; empty for no TLS. */
  public SluiceOptions setTls(String certificate, String key) {
    tlsCertificate = certificate;
    tlsKey = key;
    return this;
  }

  /** Whether RocketMQ clients without TLS are turned away. */
  public SluiceOptions setTlsEnforced(boolean tlsEnforced) {
    this.tlsEnforced = tlsEnforced;
    return this;
  }

  public List<Long> delayLevelsMs() {
    return delayLevelsMs;
  }

  /** What RocketMQ clients mean by a delay level, in ms from level 1 on; at least one. */
  public SluiceOptions setDelayLevelsMs(List<Long> delayLevelsMs) {
    if (delayLevelsMs.isEmpty()) {
      throw new IllegalArgumentException(
          ConfigTable.MESSAGE_DELAY_LEVELS.name() + " is empty; allowed is one level or more");
    }
    this.delayLevelsMs = List.copyOf(delayLevelsMs);
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

  /** How it joins other processes, or null if it is alone. */
  public ClusterOptions cluster() {
    return cluster;
  }

  /** Joins other processes to one cluster; null to be alone. */
  public SluiceOptions setCluster(ClusterOptions cluster) {
    this.cluster = cluster;
    return this;
  }

  /** The secret of the cluster, also where the process joins none; empty for none. */
  public String clusterSecret() {
    return clusterSecret.isEmpty() && cluster != null ? cluster.getSecret() : clusterSecret;
  }

  /** What master and slaves know and nobody else, 16 characters or more; empty for none. */
  public SluiceOptions setClusterSecret(String clusterSecret) {
    this.clusterSecret = clusterSecret;
    return this;
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

  public int maxMessageBytes() {
    return maxMessageBytes;
  }

  public SluiceOptions setMaxMessageBytes(int maxMessageBytes) {
    this.maxMessageBytes = checked(ConfigTable.MESSAGE_MAX_SIZE, maxMessageBytes);
    return this;
  }

  public Duration duplicateWindow() {
    return duplicateWindow;
  }

  /** How long a repeated send is recognised, where the topic does not say; 0 for not at all. */
  public SluiceOptions setDuplicateWindow(Duration duplicateWindow) {
    ConfigKey key = ConfigTable.MESSAGE_DUPLICATE_WINDOW;
    if (duplicateWindow.toMillis() < key.min() || duplicateWindow.toMillis() > key.max()) {
      throw new IllegalArgumentException(
          key.name() + ": found " + duplicateWindow + ", allowed is " + key.allowed());
    }
    this.duplicateWindow = duplicateWindow;
    return this;
  }

  public Duration maxDelay() {
    return maxDelay;
  }

  /** The longest delay of a message. */
  public SluiceOptions setMaxDelay(Duration maxDelay) {
    ConfigKey key = ConfigTable.MESSAGE_MAX_DELAY;
    if (maxDelay.toMillis() < key.min() || maxDelay.toMillis() > key.max()) {
      throw new IllegalArgumentException(
          key.name() + ": found " + maxDelay + ", allowed is " + key.allowed());
    }
    this.maxDelay = maxDelay;
    return this;
  }

  /** How open transactions are dealt with; changes to it count. */
  public TransactionOptions transactions() {
    return transactions;
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

  public Duration blockedWarning() {
    return blockedWarning;
  }

  /** Has no effect on a Vert.x that is passed in. */
  public SluiceOptions setBlockedWarning(Duration blockedWarning) {
    checked(ConfigTable.BLOCKED_WARNING, (int) Math.min(blockedWarning.toMillis(), 1 << 30));
    this.blockedWarning = blockedWarning;
    return this;
  }

  private static int checked(ConfigKey key, int value) {
    if (value < key.min() || value > key.max()) {
      throw new IllegalArgumentException(
          key.name() + ": found " + value + ", allowed is " + key.allowed());
    }
    return value;
  }
}
