package io.sluice.bus;

import java.util.Map;

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

  /** A topic with the defaults. */
  public static TopicConfig of(String name, int queues) {
    return new TopicConfig(name, queues, READ | WRITE, false, RETENTION_OF_BROKER, Map.of());
  }
}
