package io.sluice.broker;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.sluice.bus.GroupAttributes;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * What RocketMQ keeps beside its log: topics, groups, positions, and how far delayed messages were
 * delivered. Its JSON has numbers without quotes as names.
 *
 * <p>Source: Apache RocketMQ 5.5.0, the files of ConfigManager's children, and TimerCheckpoint.
 */
final class RocketMqConfigFiles {

  /** RocketMQ's bit of a permission that lets topics be made after a topic. */
  private static final int INHERIT = 1;

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
          .enable(JsonReadFeature.ALLOW_TRAILING_COMMA)
          .build();

  private final Path directory;

  RocketMqConfigFiles(Path storeDirectory) {
    directory = storeDirectory.resolve("config");
  }

  /** A group's position in a topic: queue id to offset. */
  record Position(String topic, String group, Map<Integer, Long> offsets) {}

  /** Topics of users, by name. */
  Map<String, TopicConfig> topics() throws IOException {
    Map<String, TopicConfig> topics = new TreeMap<>();
    JsonNode table = read("topics.json").path("topicConfigTable");
    forEach(
        table,
        (name, node) -> {
          if (isOfUsers(name)) {
            topics.put(name, topic(name, node));
          }
        });
    return topics;
  }

  /**
   * Topics that are there whether or not anybody uses them: those that others are made after,
   * called like the cluster and the Broker, and that of benchmarks with its 1,024 queues.
   */
  Set<String> templates() throws IOException {
    Set<String> templates = new HashSet<>();
    templates.add(Names.BENCHMARK_TOPIC);
    forEach(
        read("topics.json").path("topicConfigTable"),
        (name, node) -> {
          if ((node.path("perm").asInt(6) & INHERIT) != 0) {
            templates.add(name);
          }
        });
    return templates;
  }

  /** The most queues that a topic is read or written with. */
  Map<String, Integer> queues() throws IOException {
    Map<String, Integer> queues = new HashMap<>();
    forEach(
        read("topics.json").path("topicConfigTable"),
        (name, node) ->
            queues.put(
                name,
                Math.max(
                    node.path("readQueueNums").asInt(1), node.path("writeQueueNums").asInt(1))));
    return queues;
  }

  /** Whether a topic is a user's, and not RocketMQ's own. */
  static boolean isOfUsers(String topic) {
    return !Names.isSystemTopic(topic)
        && Names.topicProblem(topic) == null
        && (!topic.startsWith("RMQ_SYS_") || topic.equals(Names.TRACE_TOPIC))
        && !topic.endsWith("_REPLY_TOPIC")
        && (!topic.startsWith(Names.RETRY_PREFIX)
            || isGroupOfUsers(topic.substring(Names.RETRY_PREFIX.length())));
  }

  private static boolean isGroupOfUsers(String group) {
    return Names.groupProblem(group) == null && !Names.isSystemGroup(group);
  }

  private static TopicConfig topic(String name, JsonNode node) {
    Map<String, String> attributes = new HashMap<>();
    forEach(node.path("attributes"), (key, value) -> attributes.put(key, value.asText()));
    int queues = Math.max(1, node.path("writeQueueNums").asInt(1));
    return new TopicConfig(
        name,
        Math.min(queues, TopicConfig.MAX_QUEUES),
        node.path("perm").asInt(6) & (TopicConfig.READ | TopicConfig.WRITE),
        node.path("order").asBoolean(false),
        TopicConfig.RETENTION_OF_BROKER,
        Map.copyOf(attributes));
  }

  /** Groups of users, by name. */
  Map<String, GroupConfig> groups(List<Long> retryDelaysMs) throws IOException {
    Map<String, GroupConfig> groups = new TreeMap<>();
    forEach(
        read("subscriptionGroup.json").path("subscriptionGroupTable"),
        (name, node) -> {
          if (isGroupOfUsers(name)) {
            groups.put(name, group(name, node, retryDelaysMs));
          }
        });
    return groups;
  }

  private static GroupConfig group(String name, JsonNode node, List<Long> retryDelaysMs) {
    Map<String, String> given = new HashMap<>();
    forEach(node, (key, value) -> given.put(key, value.asText()));
    Map<String, String> attributes = GroupAttributes.notDefault(given);
    JsonNode policy = node.path(GroupAttributes.RETRY_POLICY);
    if (policy.size() > 1) {
      attributes.put(GroupAttributes.RETRY_POLICY, policy.toString());
    }
    int times = node.path("retryMaxTimes").asInt(GroupConfig.DEFAULT_MAX_ATTEMPTS);
    return new GroupConfig(
        name,
        GroupAttributes.attempts(times, attributes),
        retryDelaysMs,
        GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS,
        Map.copyOf(attributes));
  }

  /** Positions of users' groups in users' topics. */
  List<Position> positions() throws IOException {
    List<Position> positions = new java.util.ArrayList<>();
    forEachPosition(
        position -> {
          if (isOfUsers(position.topic()) && isGroupOfUsers(position.group())) {
            positions.add(position);
          }
        });
    return positions;
  }

  /** How far RocketMQ's own look through prepared messages came. */
  long halfMessagesDone(String topic) throws IOException {
    long[] done = new long[1];
    forEachPosition(
        position -> {
          if (position.topic().equals(topic)) {
            done[0] = position.offsets().getOrDefault(0, 0L);
          }
        });
    return done[0];
  }

  private void forEachPosition(java.util.function.Consumer<Position> action) throws IOException {
    forEach(
        read("consumerOffset.json").path("offsetTable"),
        (name, node) -> {
          int at = name.indexOf('@');
          if (at > 0) {
            Map<Integer, Long> offsets = new TreeMap<>();
            forEach(node, (queue, offset) -> offsets.put(Integer.valueOf(queue), offset.asLong()));
            action.accept(new Position(name.substring(0, at), name.substring(at + 1), offsets));
          }
        });
  }

  /** For each delay level the next offset of its queue to be delivered. */
  Map<Integer, Long> delayOffsets() throws IOException {
    Map<Integer, Long> offsets = new HashMap<>();
    forEach(
        read("delayOffset.json").path("offsetTable"),
        (level, offset) -> offsets.put(Integer.valueOf(level), offset.asLong()));
    return offsets;
  }

  /**
   * How far the timer has come: what is due before the first number was delivered, unless it is at
   * or behind the second in the timer's queue, which it has not looked at yet.
   */
  long[] timerDone() throws IOException {
    Path file = directory.resolve("timercheck");
    if (!Files.exists(file) || Files.size(file) < 24) {
      return new long[] {Long.MIN_VALUE, 0};
    }
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
    return new long[] {bytes.getLong(0), bytes.getLong(16)};
  }

  /** A file, or what it was before its last change where it is not there or broken off. */
  private JsonNode read(String name) throws IOException {
    IOException first = null;
    for (String candidate : new String[] {name, name + ".bak"}) {
      Path file = directory.resolve(candidate);
      try {
        if (Files.exists(file) && Files.size(file) > 0) {
          return JSON.readTree(file.toFile());
        }
      } catch (IOException e) {
        first = e;
      }
    }
    if (first != null) {
      throw new IOException(directory.resolve(name) + " can not be read: " + first.getMessage());
    }
    if (name.equals("topics.json")) {
      throw new IOException(
          directory.resolve(name)
              + " is missing; if this Broker keeps its configuration in RocksDB, write it as files"
              + " first (mqadmin rocksDBConfigToJson)");
    }
    return JSON.createObjectNode();
  }

  private static void forEach(JsonNode node, BiConsumer<String, JsonNode> action) {
    node.properties().forEach(entry -> action.accept(entry.getKey(), entry.getValue()));
  }
}
