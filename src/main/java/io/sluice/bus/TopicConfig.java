package io.sluice.bus;

import io.sluice.util.Durations;
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

  /** How long a repeated send is recognised, in ms; 0 for not, -1 where the Broker's default is. */
  public long duplicateWindowMs() {
    return attributeMs(DUPLICATE_WINDOW);
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

  /** What an attribute says in ms; -1 if it is not there, or says nothing that can be read. */
  private long attributeMs(String attribute) {
    String value = attributes.get(attribute);
    try {
      return value == null ? -1 : Math.max(0, Durations.parseMs(value));
    } catch (IllegalArgumentException e) {
      return -1;
    }
  }

  /** A topic with the defaults. */
  public static TopicConfig of(String name, int queues) {
    return new TopicConfig(name, queues, READ | WRITE, false, RETENTION_OF_BROKER, Map.of());
  }
}
