package io.sluice.store;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;

/**
 * How a store is laid out and how long it keeps what it has. Setters check their own range; {@link
 * #conclude} checks relations and is called by {@link MessageStores#open}. Sizes are in bytes. Not
 * safe for threads; the store takes a copy.
 */
public final class StoreOptions {

  /** Size of a commit log segment: an hour of 35 KB/s, and quick to delete. */
  public static final int DEFAULT_SEGMENT_BYTES = 128 << 20;

  /** Smallest segment: one record of the smallest kind, its filler, and some room for tests. */
  public static final int MIN_SEGMENT_BYTES = 4 << 10;

  /** Largest segment: RocketMQ's size, and what an int addresses with room to spare. */
  public static final int MAX_SEGMENT_BYTES = 1 << 30;

  /** Size of a file of consume queue chunks: 3,256 chunks, 833,536 entries. */
  public static final int DEFAULT_QUEUE_FILE_BYTES = 16 << 20;

  /** Entries of one key index file: sorting it takes 4 MiB of heap. */
  public static final int DEFAULT_INDEX_FILE_ENTRIES = 1 << 19;

  /** Queues at most: a directory of 512 MiB. */
  public static final int DEFAULT_MAX_QUEUES = 1 << 20;

  /** Age at which messages expire; RocketMQ's default. */
  public static final Duration DEFAULT_RETENTION_AGE = Duration.ofHours(72);

  /** No quota. */
  public static final long NO_QUOTA = Long.MAX_VALUE;

  /** Free room on the disk under which segments are deleted early: two segments and a bit. */
  public static final long DEFAULT_MIN_FREE_BYTES = 320L << 20;

  /** So far behind the end of the log a reader counts as warm. */
  public static final long DEFAULT_WARM_BYTES = 64L << 20;

  /** How long what a worker touched counts as warm: long under the kernel's time to evict it. */
  public static final Duration DEFAULT_WARM_TIME = Duration.ofSeconds(5);

  /** A record waits no longer than this for its force, also when nobody asks. */
  public static final Duration DEFAULT_FLUSH_INTERVAL = Duration.ofMillis(500);

  /** Time between checkpoints: bounds what a start has to scan. */
  public static final Duration DEFAULT_CHECKPOINT_INTERVAL = Duration.ofSeconds(5);

  /** Bytes of log between checkpoints: 0.2 million small records, about 0.3 s of scanning. */
  public static final long DEFAULT_CHECKPOINT_BYTES = 64L << 20;

  /** Time between looks at what has expired. */
  public static final Duration DEFAULT_RETENTION_INTERVAL = Duration.ofSeconds(10);

  private static final byte[] LOCALHOST = {127, 0, 0, 1, 0, 0, 0x2A, (byte) 0x9F};

  private Path directory = Path.of("data", "store");
  private int segmentBytes = DEFAULT_SEGMENT_BYTES;
  private int queueFileBytes = DEFAULT_QUEUE_FILE_BYTES;
  private int indexFileEntries = DEFAULT_INDEX_FILE_ENTRIES;
  private int maxQueues = DEFAULT_MAX_QUEUES;
  private Duration retentionAge = DEFAULT_RETENTION_AGE;
  private long quotaBytes = NO_QUOTA;
  private long minFreeBytes = DEFAULT_MIN_FREE_BYTES;
  private long warmBytes = DEFAULT_WARM_BYTES;
  private Duration warmTime = DEFAULT_WARM_TIME;
  private Duration flushInterval = DEFAULT_FLUSH_INTERVAL;
  private Duration checkpointInterval = DEFAULT_CHECKPOINT_INTERVAL;
  private long checkpointBytes = DEFAULT_CHECKPOINT_BYTES;
  private Duration retentionInterval = DEFAULT_RETENTION_INTERVAL;
  private boolean cutAtDamage;
  private byte[] storeHost = LOCALHOST;

  /** Options with their defaults. */
  public StoreOptions() {}

  /** A copy. */
  public StoreOptions(StoreOptions other) {
    directory = other.directory;
    segmentBytes = other.segmentBytes;
    queueFileBytes = other.queueFileBytes;
    indexFileEntries = other.indexFileEntries;
    maxQueues = other.maxQueues;
    retentionAge = other.retentionAge;
    quotaBytes = other.quotaBytes;
    minFreeBytes = other.minFreeBytes;
    warmBytes = other.warmBytes;
    warmTime = other.warmTime;
    flushInterval = other.flushInterval;
    checkpointInterval = other.checkpointInterval;
    checkpointBytes = other.checkpointBytes;
    retentionInterval = other.retentionInterval;
    cutAtDamage = other.cutAtDamage;
    storeHost = other.storeHost;
  }

  /** The store's own directory; made if it is not there. */
  public Path directory() {
    return directory;
  }

  /** Sets the store's own directory. */
  public StoreOptions directory(Path value) {
    directory = value;
    return this;
  }

  public int segmentBytes() {
    return segmentBytes;
  }

  /** Sets the size of new commit log segments, a multiple of 4 KiB from 4 KiB to 1 GiB. */
  public StoreOptions segmentBytes(long value) {
    checkRange("segmentBytes", value, MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES);
    if (value % 4096 != 0) {
      throw new IllegalArgumentException(
          "segmentBytes is " + value + "; allowed is a multiple of 4096, the size of a page");
    }
    segmentBytes = (int) value;
    return this;
  }

  public int queueFileBytes() {
    return queueFileBytes;
  }

  /**
   * Sets the size of a file of queue chunks, 64 KiB to 1 GiB. Another size than before rebuilds.
   */
  public StoreOptions queueFileBytes(long value) {
    checkRange("queueFileBytes", value, 64 << 10, MAX_SEGMENT_BYTES);
    queueFileBytes = (int) value;
    return this;
  }

  public int indexFileEntries() {
    return indexFileEntries;
  }

  /** Sets the entries of a key index file, 1,024 to 1,048,576. Another number rebuilds. */
  public StoreOptions indexFileEntries(int value) {
    checkRange("indexFileEntries", value, 1 << 10, 1 << 20);
    indexFileEntries = value;
    return this;
  }

  public int maxQueues() {
    return maxQueues;
  }

  /** Sets how many queues with messages there may be. */
  public StoreOptions maxQueues(int value) {
    checkRange("maxQueues", value, 1, 1 << 24);
    maxQueues = value;
    return this;
  }

  public Duration retentionAge() {
    return retentionAge;
  }

  /** Sets the age at which messages expire. */
  public StoreOptions retentionAge(Duration value) {
    retentionAge = checkPositive("retentionAge", value);
    return this;
  }

  public long quotaBytes() {
    return quotaBytes;
  }

  /**
   * Sets how many bytes the commit log may take; over it the oldest segments go, whatever their
   * age.
   */
  public StoreOptions quotaBytes(long value) {
    checkRange("quotaBytes", value, MIN_SEGMENT_BYTES, NO_QUOTA);
    quotaBytes = value;
    return this;
  }

  public long minFreeBytes() {
    return minFreeBytes;
  }

  /** Sets the free room on the disk under which the oldest segments go, whatever their age. */
  public StoreOptions minFreeBytes(long value) {
    checkRange("minFreeBytes", value, 0, Long.MAX_VALUE);
    minFreeBytes = value;
    return this;
  }

  public long warmBytes() {
    return warmBytes;
  }

  /** Sets how far behind the end of the log a record counts as being in memory. */
  public StoreOptions warmBytes(long value) {
    checkRange("warmBytes", value, 0, Long.MAX_VALUE);
    warmBytes = value;
    return this;
  }

  public Duration warmTime() {
    return warmTime;
  }

  /** Sets how long what a worker brought into memory counts as being there. */
  public StoreOptions warmTime(Duration value) {
    warmTime = checkPositive("warmTime", value);
    return this;
  }

  public Duration flushInterval() {
    return flushInterval;
  }

  /** Sets the longest time a record waits to be forced when nobody asks for it. */
  public StoreOptions flushInterval(Duration value) {
    flushInterval = checkPositive("flushInterval", value);
    return this;
  }

  public Duration checkpointInterval() {
    return checkpointInterval;
  }

  /** Sets the time between checkpoints. */
  public StoreOptions checkpointInterval(Duration value) {
    checkpointInterval = checkPositive("checkpointInterval", value);
    return this;
  }

  public long checkpointBytes() {
    return checkpointBytes;
  }

  /** Sets the bytes of log after which a checkpoint is written before its time. */
  public StoreOptions checkpointBytes(long value) {
    checkRange("checkpointBytes", value, 1, Long.MAX_VALUE);
    checkpointBytes = value;
    return this;
  }

  public Duration retentionInterval() {
    return retentionInterval;
  }

  /** Sets the time between looks at what has expired. */
  public StoreOptions retentionInterval(Duration value) {
    retentionInterval = checkPositive("retentionInterval", value);
    return this;
  }

  public boolean cutAtDamage() {
    return cutAtDamage;
  }

  /**
   * Whether a log with damage in the middle is cut there instead of being refused. What is cut is
   * kept in the directory {@code lost}.
   */
  public StoreOptions cutAtDamage(boolean value) {
    cutAtDamage = value;
    return this;
  }

  /** The advertised address of the broker: 4 bytes of IPv4 and a four-byte port. A copy. */
  public byte[] storeHost() {
    return storeHost.clone();
  }

  /** Sets the advertised address that goes into each record: IPv4, then a four-byte port. */
  public StoreOptions storeHost(byte[] value) {
    if (value.length != 8) {
      throw new IllegalArgumentException(
          "storeHost has "
              + value.length
              + " bytes; allowed are 8, an IPv4 address and a four-byte port: "
              + Arrays.toString(value));
    }
    storeHost = value.clone();
    return this;
  }

  /** Checks relations between values. */
  StoreOptions conclude() {
    if (quotaBytes < 3L * segmentBytes) {
      throw new IllegalArgumentException(
          "quotaBytes is "
              + quotaBytes
              + " and segmentBytes is "
              + segmentBytes
              + "; the quota must hold three segments (one prepared, one being written, one to be"
              + " read), or each roll would delete what was just written. Raise quotaBytes to "
              + 3L * segmentBytes
              + " or lower segmentBytes.");
    }
    return this;
  }

  private static void checkRange(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          name + " is " + value + "; allowed is " + min + " to " + max);
    }
  }

  private static Duration checkPositive(String name, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(name + " is " + value + "; allowed is more than 0");
    }
    return value;
  }
}
