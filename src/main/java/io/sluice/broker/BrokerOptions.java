package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.sluice.store.StoreOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** How a Broker is set up. Setters check their own range; {@link #check} what hangs together. */
public final class BrokerOptions {

  /** The Broker's name, if none is given. */
  public static final String DEFAULT_BROKER_NAME = "broker";

  /** RocketMQ's default. */
  public static final String DEFAULT_CLUSTER = "DefaultCluster";

  /** Where RocketMQ clients find a Broker on the same machine. */
  public static final String DEFAULT_ADVERTISED_ADDRESS = "127.0.0.1:10911";

  /** RocketMQ's {@code maxMessageSize}. */
  public static final int DEFAULT_MAX_MESSAGE_BYTES = 4 << 20;

  /** Long polls that wait at the same time: each costs about 200 bytes beside Vert.x's own. */
  public static final int DEFAULT_MAX_WAITING_RECEIVES = 100_000;

  /** Unsettled messages per group and queue: each takes 46 bytes, so 3 MB at this bound. */
  public static final int DEFAULT_MAX_UNSETTLED_PER_QUEUE = 65_536;

  /** Bytes of sends that may wait while the store prepares room. */
  public static final long DEFAULT_MAX_PARKED_BYTES = 16L << 20;

  /** Topics, and groups, at most: about 1 KB each with a few queues. */
  public static final int DEFAULT_MAX_TOPICS = 50_000;

  /** A snapshot of the state is written so often, if there was a change: bounds the replay. */
  public static final Duration DEFAULT_SNAPSHOT_INTERVAL = Duration.ofSeconds(30);

  /** RocketMQ's {@code registerNameServerPeriod}. */
  public static final Duration DEFAULT_REGISTER_INTERVAL = Duration.ofSeconds(30);

  /** Longest delay of a message: a record that waits keeps the log behind it from being deleted. */
  public static final Duration DEFAULT_MAX_DELAY = Duration.ofDays(60);

  /** How long a repeated send is recognised: a producer gives up much earlier. */
  public static final Duration DEFAULT_DUPLICATE_WINDOW = Duration.ofMinutes(10);

  /** Sends of a topic remembered to recognise repeats: 28 MB, and at most 1/8 of the heap. */
  public static final int DEFAULT_MAX_DUPLICATE_ENTRIES = 1_000_000;

  private String brokerName = DEFAULT_BROKER_NAME;
  private String cluster = DEFAULT_CLUSTER;
  private long brokerId;
  private String advertisedAddress = DEFAULT_ADVERTISED_ADDRESS;
  private StoreOptions store = new StoreOptions();
  private int defaultQueues = TopicConfig.DEFAULT_QUEUES;
  private boolean autoCreateTopics = true;
  private AckLevel defaultAck = AckLevel.DISK;
  private int maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  private int maxWaitingReceives = DEFAULT_MAX_WAITING_RECEIVES;
  private int maxUnsettledPerQueue = DEFAULT_MAX_UNSETTLED_PER_QUEUE;
  private long maxParkedBytes = DEFAULT_MAX_PARKED_BYTES;
  private int maxTopics = DEFAULT_MAX_TOPICS;
  private int maxGroups = DEFAULT_MAX_TOPICS;
  private Duration snapshotInterval = DEFAULT_SNAPSHOT_INTERVAL;
  private Duration registerInterval = DEFAULT_REGISTER_INTERVAL;
  private Duration maxDelay = DEFAULT_MAX_DELAY;
  private List<Long> retryDelaysMs = GroupConfig.DEFAULT_RETRY_DELAYS_MS;
  private int timersInMemory = Timers.KEEP;
  private Duration duplicateWindow = DEFAULT_DUPLICATE_WINDOW;
  private int maxDuplicateEntries = DEFAULT_MAX_DUPLICATE_ENTRIES;
  private boolean plainSends = true;
  private TransactionOptions transactions = new TransactionOptions();

  /** Consumers are never sent to a slave. */
  public static final long NO_SLAVE_READS = -1;

  private long slaveReadsBehind = NO_SLAVE_READS;

  /** The defaults; a directory must still be given. */
  public BrokerOptions() {}

  /** A copy. */
  public BrokerOptions(BrokerOptions other) {
    brokerName = other.brokerName;
    cluster = other.cluster;
    brokerId = other.brokerId;
    advertisedAddress = other.advertisedAddress;
    store = new StoreOptions(other.store);
    slaveReadsBehind = other.slaveReadsBehind;
    defaultQueues = other.defaultQueues;
    autoCreateTopics = other.autoCreateTopics;
    defaultAck = other.defaultAck;
    maxMessageBytes = other.maxMessageBytes;
    maxDelay = other.maxDelay;
    retryDelaysMs = other.retryDelaysMs;
    timersInMemory = other.timersInMemory;
    duplicateWindow = other.duplicateWindow;
    maxDuplicateEntries = other.maxDuplicateEntries;
    maxWaitingReceives = other.maxWaitingReceives;
    maxUnsettledPerQueue = other.maxUnsettledPerQueue;
    maxParkedBytes = other.maxParkedBytes;
    maxTopics = other.maxTopics;
    maxGroups = other.maxGroups;
    snapshotInterval = other.snapshotInterval;
    registerInterval = other.registerInterval;
    plainSends = other.plainSends;
    transactions = new TransactionOptions(other.transactions);
  }

  public String getBrokerName() {
    return brokerName;
  }

  /**
   * Sets the name that a master shares with its slaves. It is part of receipts.
   *
   * @param brokerName 1 to 127 letters, digits, '_', '-', '%' or '|'
   */
  public BrokerOptions setBrokerName(String brokerName) {
    String problem = Names.topicProblem(brokerName);
    if (problem != null) {
      throw new IllegalArgumentException(problem.replace("topic name", "broker name"));
    }
    this.brokerName = brokerName;
    return this;
  }

  public String getCluster() {
    return cluster;
  }

  /** Sets the name of the cluster; not empty. */
  public BrokerOptions setCluster(String cluster) {
    if (cluster == null || cluster.isBlank()) {
      throw new IllegalArgumentException("the name of the cluster must not be empty");
    }
    this.cluster = cluster;
    return this;
  }

  public long getBrokerId() {
    return brokerId;
  }

  /** Sets the id among those of the same name: 0 for the master, more for a slave. */
  public BrokerOptions setBrokerId(long brokerId) {
    this.brokerId = inRange("brokerId", brokerId, 0, Long.MAX_VALUE);
    return this;
  }

  public String getAdvertisedAddress() {
    return advertisedAddress;
  }

  /** Sets the {@code host:port} that RocketMQ clients dial. */
  public BrokerOptions setAdvertisedAddress(String advertisedAddress) {
    if (advertisedAddress == null || !advertisedAddress.matches(".+:\\d{1,5}")) {
      throw new IllegalArgumentException(
          "found '" + advertisedAddress + "', allowed is host:port, such as 127.0.0.1:10911");
    }
    this.advertisedAddress = advertisedAddress;
    return this;
  }

  /** How the store is set up; changes to it count. */
  public long getSlaveReadsBehind() {
    return slaveReadsBehind;
  }

  /**
   * RocketMQ clients whose next message is so many bytes of the log behind its end are told to pull
   * from a slave; {@link #NO_SLAVE_READS} for never.
   */
  public BrokerOptions setSlaveReadsBehind(long slaveReadsBehind) {
    this.slaveReadsBehind = slaveReadsBehind;
    return this;
  }

  public StoreOptions getStore() {
    return store;
  }

  /** Sets how the store is set up; a copy is kept. */
  public BrokerOptions setStore(StoreOptions store) {
    this.store = new StoreOptions(store);
    return this;
  }

  /** Where everything is kept. */
  public Path getDirectory() {
    return store.directory();
  }

  /** Sets where everything is kept: the store's files and the snapshot of the state. */
  public BrokerOptions setDirectory(Path directory) {
    store.directory(directory);
    return this;
  }

  public int getDefaultQueues() {
    return defaultQueues;
  }

  /** Sets the queues of a topic that is made by its first use; 1 to 65,536. */
  public BrokerOptions setDefaultQueues(int defaultQueues) {
    this.defaultQueues = (int) inRange("defaultQueues", defaultQueues, 1, TopicConfig.MAX_QUEUES);
    return this;
  }

  public boolean isAutoCreateTopics() {
    return autoCreateTopics;
  }

  /** Sets whether the first use of a topic makes it. */
  public BrokerOptions setAutoCreateTopics(boolean autoCreateTopics) {
    this.autoCreateTopics = autoCreateTopics;
    return this;
  }

  public AckLevel getDefaultAck() {
    return defaultAck;
  }

  /** Sets the level for sends that name none, and for settlements. */
  public BrokerOptions setDefaultAck(AckLevel defaultAck) {
    this.defaultAck = defaultAck;
    return this;
  }

  public int getMaxMessageBytes() {
    return maxMessageBytes;
  }

  /** Sets the largest body; 1 byte to 256 MiB. */
  public BrokerOptions setMaxMessageBytes(int maxMessageBytes) {
    this.maxMessageBytes = (int) inRange("maxMessageBytes", maxMessageBytes, 1, 256 << 20);
    return this;
  }

  public int getMaxWaitingReceives() {
    return maxWaitingReceives;
  }

  /** Sets how many receives and reads may wait at the same time; 1 or more. */
  public BrokerOptions setMaxWaitingReceives(int maxWaitingReceives) {
    this.maxWaitingReceives =
        (int) inRange("maxWaitingReceives", maxWaitingReceives, 1, Integer.MAX_VALUE);
    return this;
  }

  public int getMaxUnsettledPerQueue() {
    return maxUnsettledPerQueue;
  }

  /** Sets how many messages of a queue may be unsettled in a group; 1 to 16,777,216. */
  public BrokerOptions setMaxUnsettledPerQueue(int maxUnsettledPerQueue) {
    this.maxUnsettledPerQueue =
        (int) inRange("maxUnsettledPerQueue", maxUnsettledPerQueue, 1, 1 << 24);
    return this;
  }

  public int getTimersInMemory() {
    return timersInMemory;
  }

  /**
   * Sets how many of the delayed messages that are due next are kept in memory after a look through
   * their queue, and at most twice as many; 16 bytes each; 1 or more.
   */
  public BrokerOptions setTimersInMemory(int timersInMemory) {
    this.timersInMemory = (int) inRange("timersInMemory", timersInMemory, 1, 1 << 28);
    return this;
  }

  public Duration getMaxDelay() {
    return maxDelay;
  }

  /** Sets the longest delay of a message; 1 ms or more. */
  public BrokerOptions setMaxDelay(Duration maxDelay) {
    inRange("maxDelay in ms", maxDelay.toMillis(), 1, Long.MAX_VALUE);
    this.maxDelay = maxDelay;
    return this;
  }

  public List<Long> getRetryDelaysMs() {
    return retryDelaysMs;
  }

  /** Sets the delays between the attempts of a group that is made by its first use; not empty. */
  public BrokerOptions setRetryDelaysMs(List<Long> retryDelaysMs) {
    inRange("number of retryDelaysMs", retryDelaysMs.size(), 1, 64);
    this.retryDelaysMs = List.copyOf(retryDelaysMs);
    return this;
  }

  public Duration getDuplicateWindow() {
    return duplicateWindow;
  }

  /** Sets how long repeated sends are recognised where the topic does not say; 0 for not at all. */
  public BrokerOptions setDuplicateWindow(Duration duplicateWindow) {
    inRange("duplicateWindow in ms", duplicateWindow.toMillis(), 0, Long.MAX_VALUE);
    this.duplicateWindow = duplicateWindow;
    return this;
  }

  public int getMaxDuplicateEntries() {
    return maxDuplicateEntries;
  }

  /**
   * Sets how many sends of a topic are remembered to recognise repeats, where it does not say; 1 or
   * more.
   */
  public BrokerOptions setMaxDuplicateEntries(int maxDuplicateEntries) {
    this.maxDuplicateEntries =
        (int) inRange("maxDuplicateEntries", maxDuplicateEntries, 1, 1 << 24);
    return this;
  }

  public long getMaxParkedBytes() {
    return maxParkedBytes;
  }

  /** Sets how many bytes of sends may wait while the store prepares room; 0 or more. */
  public BrokerOptions setMaxParkedBytes(long maxParkedBytes) {
    this.maxParkedBytes = inRange("maxParkedBytes", maxParkedBytes, 0, Long.MAX_VALUE);
    return this;
  }

  public int getMaxTopics() {
    return maxTopics;
  }

  /** Sets how many topics there may be; 1 or more. */
  public BrokerOptions setMaxTopics(int maxTopics) {
    this.maxTopics = (int) inRange("maxTopics", maxTopics, 1, Integer.MAX_VALUE);
    return this;
  }

  public int getMaxGroups() {
    return maxGroups;
  }

  /** Sets how many groups there may be; 1 or more. */
  public BrokerOptions setMaxGroups(int maxGroups) {
    this.maxGroups = (int) inRange("maxGroups", maxGroups, 1, Integer.MAX_VALUE);
    return this;
  }

  public Duration getSnapshotInterval() {
    return snapshotInterval;
  }

  /** Sets how often the state is written to a snapshot; 10 ms or more. */
  public BrokerOptions setSnapshotInterval(Duration snapshotInterval) {
    inRange("snapshotInterval in ms", snapshotInterval.toMillis(), 10, Long.MAX_VALUE);
    this.snapshotInterval = snapshotInterval;
    return this;
  }

  public Duration getRegisterInterval() {
    return registerInterval;
  }

  /** Sets how often the Broker tells the NameServers that it lives; 10 ms to 60 s. */
  public BrokerOptions setRegisterInterval(Duration registerInterval) {
    inRange("registerInterval in ms", registerInterval.toMillis(), 10, 60_000);
    this.registerInterval = registerInterval;
    return this;
  }

  public boolean isPlainSends() {
    return plainSends;
  }

  /** Sets whether {@code sluice.send.<topic>} is served on the event bus. */
  public BrokerOptions setPlainSends(boolean plainSends) {
    this.plainSends = plainSends;
    return this;
  }

  /** How transactions are dealt with; changes to it count. */
  public TransactionOptions getTransactions() {
    return transactions;
  }

  /** Sets how transactions are dealt with; a copy is kept. */
  public BrokerOptions setTransactions(TransactionOptions transactions) {
    this.transactions = new TransactionOptions(transactions);
    return this;
  }

  /**
   * Checks what hangs together.
   *
   * @throws IllegalArgumentException naming the keys, the values and the harm avoided
   */
  public void check() {
    if (getDirectory() == null) {
      throw new IllegalArgumentException("directory is not set; the Broker keeps its data there");
    }
  }

  private static long inRange(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          name + " is " + value + "; allowed is " + min + " to " + max);
    }
    return value;
  }
}
