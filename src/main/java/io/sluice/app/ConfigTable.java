package io.sluice.app;

import static io.sluice.app.ConfigKey.choice;
import static io.sluice.app.ConfigKey.duration;
import static io.sluice.app.ConfigKey.number;
import static io.sluice.app.ConfigKey.onOff;
import static io.sluice.app.ConfigKey.size;
import static io.sluice.app.ConfigKey.text;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The one table of configuration. Order is that of the documents. */
final class ConfigTable {

  static final ConfigKey DATA =
      text("data", "./data", "Directory of everything that is kept; made if it is missing.");
  static final ConfigKey HOST =
      text("host", "0.0.0.0", "Address that all listeners are opened at; 0.0.0.0 is every one.");
  static final ConfigKey ADVERTISED_HOST =
      text(
          "advertised-host",
          "",
          "Name or address that RocketMQ clients are told to dial; empty for the host, or for this"
              + " machine's own address where the host is 0.0.0.0.");
  static final ConfigKey HTTP_PORT =
      number("http.port", 8080, 0, 65_535, "Port of the HTTP and WebSocket front; 0 for any free.");
  static final ConfigKey NAMESERVER_PORT =
      number(
          "nameserver.port",
          9876,
          0,
          65_535,
          "Port at which RocketMQ clients ask the NameServer; 0 for any free.");
  static final ConfigKey BROKER_PORT =
      number(
          "broker.port",
          10_911,
          0,
          65_535,
          "Port at which RocketMQ clients reach the Broker; 0 for any free.");
  static final ConfigKey CLUSTER_NAME =
      text("cluster.name", "DefaultCluster", "Name of the cluster that the Broker belongs to.");
  static final ConfigKey BROKER_NAME =
      text("broker.name", "broker-a", "Name of the Broker; a master and its slaves share it.");
  static final ConfigKey ACK =
      choice(
          "ack",
          "disk",
          List.of("memory", "disk"),
          "What must have happened before a send or a settle is answered, where the request does"
              + " not say: memory survives the death of the process, disk that of the machine.");
  static final ConfigKey TOPICS_AUTO_CREATE =
      onOff("topics.auto-create", true, "Whether a topic is made by the first send to it.");
  static final ConfigKey TOPICS_QUEUES =
      number("topics.queues", 8, 1, 65_536, "MessageQueues of a topic that is made by itself.");
  static final ConfigKey STORE_SEGMENT =
      size("store.segment", "128m", "1m", "1g", "Size of one file of the commit log.");
  static final ConfigKey STORE_RETENTION =
      duration("store.retention", "72h", "1m", "3650d", "How long messages are kept.");
  static final ConfigKey STORE_QUOTA =
      size(
          "store.quota",
          "0",
          "0",
          "1024t",
          "How many bytes the store may take; the oldest messages go first. 0 for no quota.");
  static final ConfigKey EVENT_LOOPS =
      number(
          "threads.event-loops",
          0,
          0,
          64,
          "Event loops of the process; 0 chooses by the number of processors.");
  static final ConfigKey WORKERS =
      number("threads.workers", 4, 1, 64, "Threads for work that may block, such as cold reads.");
  static final ConfigKey LOG_LEVEL =
      choice(
          "log.level",
          "info",
          List.of("debug", "info", "warning", "error"),
          "What is written to standard error: this and what is graver.");

  /** All keys. */
  static final List<ConfigKey> KEYS =
      List.of(
          DATA,
          HOST,
          ADVERTISED_HOST,
          HTTP_PORT,
          NAMESERVER_PORT,
          BROKER_PORT,
          BROKER_NAME,
          CLUSTER_NAME,
          ACK,
          TOPICS_AUTO_CREATE,
          TOPICS_QUEUES,
          STORE_SEGMENT,
          STORE_RETENTION,
          STORE_QUOTA,
          EVENT_LOOPS,
          WORKERS,
          LOG_LEVEL);

  private static final Map<String, ConfigKey> BY_NAME =
      KEYS.stream().collect(Collectors.toUnmodifiableMap(ConfigKey::name, Function.identity()));

  private ConfigTable() {}

  static Optional<ConfigKey> find(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  static Set<String> names() {
    return BY_NAME.keySet();
  }
}
