package io.sluice.bus;

import io.sluice.util.Durations;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A topic as it is configured at a Broker.
 *
 * @param name its name
 * @param queues number of MessageQueues, 1 to {@link #MAX_QUEUES}
 * @param permission 4 read, 2 write, their sum both (RocketMQ's bits)
 * @param order whether the topic is meant for ordered use (RocketMQ's flag; not enforced)
 * @param retentionMs how long messages are kept, or {@link #RETENTION_OF_BROKER}
 * @param attributes further attributes, RocketMQ's names; empty by default
 */
public record TopicConfig(
    String name,
    int queues,
    int permission,
    boolean order,
    long retentionMs,
    Map<String, String> attributes)
    implements BusMessage {

  public static final int DEFAULT_QUEUES = 8;
  public static final int MAX_QUEUES = 65_536;
  public static final int READ = 4;
  public static final int WRITE = 2;
  public static final long RETENTION_OF_BROKER = -1;

  /** Attribute: how long a repeated send is recognised, in ms; 0 for not at all. */
  public static final String DUPLICATE_WINDOW = "sluice.duplicate-window";

  /** Attribute: how many sends are remembered to recognise repeats. */
  public static final String DUPLICATE_ENTRIES = "sluice.duplicate-entries";

  public static final int MAX_DUPLICATE_ENTRIES = 1 << 24;

  /** Attribute: how long a message may wait for a consumer, in ms; 0 for any time. */
  public static final String TTL = "sluice.ttl";

  /** Attribute: what happens to expired messages: {@link #DEAD_LETTERS}, else they are dropped. */
  public static final String EXPIRED = "sluice.expired";

  /** They go to the dead letters of the group that they waited for. */
  public static final String DEAD_LETTERS = "dead-letters";

  /** How long a message may wait for a consumer, in ms; 0 or less for any time. */
  public long ttlMs() {
    return attributeMs(TTL);
  }

  /** Whether expired messages go to the dead letters of the group that they waited for. */
  public boolean buriesExpired() {
    return DEAD_LETTERS.equals(attributes.get(EXPIRED));
  }

  /** How long a repeated send is recognised, in ms; 0 for not, -1 where the Broker's default is. */
  public long duplicateWindowMs() {
    return attributeMs(DUPLICATE_WINDOW);
  }

  /** How many sends are remembered to recognise repeats, or -1 where the Broker's default is. */
  public int duplicateEntries() {
    try {
      return entries(attributes.get(DUPLICATE_ENTRIES));
    } catch (IllegalArgumentException e) {
      return -1;
    }
  }

  private static int entries(String value) {
    if (value == null) {
      return -1;
    }
    if (!value.matches("[0-9]{1,8}")
        || Integer.parseInt(value) < 1
        || Integer.parseInt(value) > MAX_DUPLICATE_ENTRIES) {
      throw new IllegalArgumentException(
          "found '" + value + "', allowed is a number from 1 to " + MAX_DUPLICATE_ENTRIES);
    }
    return Integer.parseInt(value);
  }

  /** A copy with an attribute set, or without it if the value is null. */
  public TopicConfig withAttribute(String attribute, String value) {
    Map<String, String> changed = new TreeMap<>(attributes);
    if (value == null) {
      changed.remove(attribute);
    } else {
      changed.put(attribute, value);
    }
    return new TopicConfig(name, queues, permission, order, retentionMs, Map.copyOf(changed));
  }

  /**
   * What is wrong with an attribute that is a setting: what was found and what is allowed; or null.
   */
  public String attributeProblem() {
    String expired = attributes.get(EXPIRED);
    if (expired != null && !expired.equals(DEAD_LETTERS)) {
      return EXPIRED + ": found '" + expired + "', allowed is " + DEAD_LETTERS;
    }
    try {
      entries(attributes.get(DUPLICATE_ENTRIES));
    } catch (IllegalArgumentException e) {
      return DUPLICATE_ENTRIES + ": " + e.getMessage();
    }
    for (String name : List.of(DUPLICATE_WINDOW, TTL)) {
      try {
        if (attributes.containsKey(name)) {
          Durations.parseMs(attributes.get(name));
        }
      } catch (IllegalArgumentException e) {
        return name + ": " + e.getMessage();
      }
    }
    return null;
  }

  /** What an attribute says in ms; -1 if it is not there, or says nothing that can be read. */
  private long attributeMs(String attribute) {
    String value = attributes.get(attribute);
    try {
      return value == null ? -1 : Math.max(0, Durations.parseMs(value));
    } catch (IllegalArgumentException e) {
      return -1;
    }
  }

  /**
   * Attribute of a topic in a Broker's registration: how many queues may still hold messages, where
   * that is more than are written to.
   */
  public static final String READ_QUEUES = "sluice.read.queues";

  /** How many queues there are to read, which is more than are written to after a decrease. */
  public int readQueues() {
    String more = attributes.get(READ_QUEUES);
    return more == null ? queues : Math.max(queues, Integer.parseInt(more));
  }

  /** This topic with so many queues to read. */
  public TopicConfig withReadQueues(int readQueues) {
    if (readQueues <= queues) {
      return this;
    }
    Map<String, String> more = new HashMap<>(attributes);
    more.put(READ_QUEUES, Integer.toString(readQueues));
    return new TopicConfig(name, queues, permission, order, retentionMs, Map.copyOf(more));
  }

  /** This topic, but nothing is to be sent to it. */
  public TopicConfig withoutWrites() {
    return new TopicConfig(name, queues, permission & ~WRITE, order, retentionMs, attributes);
  }

  /** A topic with the defaults. */
  public static TopicConfig of(String name, int queues) {
    return new TopicConfig(name, queues, READ | WRITE, false, RETENTION_OF_BROKER, Map.of());
  }
}
