package io.sluice.app;

import io.sluice.util.NearestName;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads RocketMQ's broker.conf or namesrv.conf as it is: what has a counterpart becomes its value,
 * and each other key is told with the reason why it has no meaning here.
 *
 * <p>RocketMQ passes over a key it does not know, so such a key is told and no mistake. Two things
 * are: a Broker that is meant to be a slave, or to be elected, must not come up as a master, and
 * one that is meant to ask for passwords must not come up without.
 *
 * <p>Source of the keys: Apache RocketMQ 5.5.0, BrokerConfig, MessageStoreConfig, NettyServerConfig
 * and NamesrvConfig.
 */
final class RocketMqConfig {

  /**
   * What a file came to.
   *
   * @param values as a layer of the configuration
   * @param notes for the log: what has no meaning here, and why
   * @param needs what must stand in some layer for this file to be taken
   */
  record Result(
      Map<String, Configuration.Entry> values, List<Configuration.Note> notes, List<Need> needs) {}

  /**
   * One of these keys must have a value, wherever it stands.
   *
   * @param mistake if none has
   */
  record Need(List<ConfigKey> anyOf, String mistake) {
    boolean isMissingIn(Configuration all) {
      return anyOf.stream().allMatch(key -> all.text(key).isEmpty());
    }
  }

  /** Turns a value into ours; throws IllegalArgumentException with found and allowed. */
  private interface Translation {
    String of(String value);
  }

  private record Target(ConfigKey key, Translation translation) {}

  private static final Pattern KEY = Pattern.compile("\\s*([^#!\\s=:][^\\s=:]*)\\s*[=:\\s].*");

  /** A file with one of them is a NameServer's. */
  private static final Set<String> OF_NAME_SERVERS =
      Set.of(
          "kvConfigPath",
          "configStorePath",
          "productEnvName",
          "clusterTest",
          "orderMessageEnable",
          "returnOrderTopicConfigToBroker",
          "enableAllTopicList",
          "enableTopicList",
          "scanNotActiveBrokerInterval",
          "deleteTopicWithBrokerRegistration",
          "supportActingMaster");

  private static final Set<String> PROTECTIONS =
      Set.of("aclEnable", "authenticationEnabled", "authorizationEnabled");

  private static final Map<String, Target> TARGETS = targets();

  private final Path file;
  private final Map<String, Configuration.Entry> values = new LinkedHashMap<>();
  private final List<Configuration.Note> notes = new ArrayList<>();
  private final List<Need> needs = new ArrayList<>();
  private final List<String> mistakes = new ArrayList<>();

  private RocketMqConfig(Path file) {
    this.file = file;
  }

  /** Whether a file is of this form, by its name. */
  static boolean isNamedSo(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".conf") || name.endsWith(".properties");
  }

  /**
   * Reads a file.
   *
   * @throws ConfigException if it can not be read, or must not be passed over
   */
  static Result read(Path file) {
    return new RocketMqConfig(file).read();
  }

  /** All keys that are known, with or without a meaning here. */
  static Set<String> knownKeys() {
    Set<String> known = new TreeSet<>(RocketMqKeys.reasons().keySet());
    known.addAll(TARGETS.keySet());
    known.addAll(PROTECTIONS);
    known.addAll(RocketMqRole.KEYS);
    known.addAll(List.of("listenPort", "brokerPermission"));
    return known;
  }

  private static Map<String, Target> targets() {
    Map<String, Target> targets = new HashMap<>();
    put(targets, ConfigTable.ADVERTISED_HOST, RocketMqConfig::same, "brokerIP1");
    put(targets, ConfigTable.HOST, RocketMqConfig::same, "bindAddress");
    put(targets, ConfigTable.BROKER_NAME, RocketMqConfig::same, "brokerName");
    put(targets, ConfigTable.CLUSTER_NAME, RocketMqConfig::same, "brokerClusterName");
    put(targets, ConfigTable.BROKER_SLAVE_READS, RocketMqConfig::same, "slaveReadEnable");
    put(targets, ConfigTable.BROKER_NAMESERVERS, RocketMqConfig::same, "namesrvAddr");
    put(targets, ConfigTable.DATA, RocketMqConfig::same, "storePathRootDir");
    put(targets, ConfigTable.STORE_RETENTION, value -> value + "h", "fileReservedTime");
    put(targets, ConfigTable.STORE_FLUSH_INTERVAL, value -> value + "ms", "flushIntervalCommitLog");
    put(targets, ConfigTable.STORE_SEGMENT, RocketMqConfig::same, "mappedFileSizeCommitLog");
    put(targets, ConfigTable.STORE_SEGMENT, RocketMqConfig::same, "mapedFileSizeCommitLog");
    put(targets, ConfigTable.TOPICS_AUTO_CREATE, RocketMqConfig::same, "autoCreateTopicEnable");
    put(targets, ConfigTable.TOPICS_QUEUES, RocketMqConfig::same, "defaultTopicQueueNums");
    put(targets, ConfigTable.MESSAGE_MAX_SIZE, RocketMqConfig::same, "maxMessageSize");
    put(targets, ConfigTable.MESSAGE_MAX_DELAY, value -> value + "s", "timerMaxDelaySec");
    put(targets, ConfigTable.MESSAGE_DELAY_LEVELS, RocketMqConfig::same, "messageDelayLevel");
    put(targets, ConfigTable.TRANSACTIONS_FIRST_CHECK, value -> value + "ms", "transactionTimeOut");
    put(
        targets,
        ConfigTable.TRANSACTIONS_CHECK_INTERVAL,
        value -> value + "ms",
        "transactionCheckInterval");
    put(targets, ConfigTable.TRANSACTIONS_MAX_CHECKS, RocketMqConfig::same, "transactionCheckMax");
    put(
        targets,
        ConfigTable.TRANSACTIONS_ENABLED,
        RocketMqConfig::opposite,
        "rejectTransactionMessage");
    put(targets, ConfigTable.ACK, RocketMqConfig::ackLevel, "flushDiskType");
    put(targets, ConfigTable.REPLICATION_ACK_TIMEOUT, value -> value + "ms", "slaveTimeout");
    put(
        targets,
        ConfigTable.REPLICATION_IN_SYNC_TIMEOUT,
        value -> value + "ms",
        "haMaxTimeSlaveNotCatchup");
    return Map.copyOf(targets);
  }

  private static void put(
      Map<String, Target> targets, ConfigKey key, Translation translation, String name) {
    targets.put(name, new Target(key, translation));
  }

  private static String same(String value) {
    return value;
  }

  private static String opposite(String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "true" -> "false";
      case "false" -> "true";
      default ->
          throw new IllegalArgumentException("found '" + value + "', allowed is true, false");
    };
  }

  private static String ackLevel(String value) {
    return switch (value.toUpperCase(Locale.ROOT)) {
      case "SYNC_FLUSH" -> "disk";
      case "ASYNC_FLUSH" -> "memory";
      default ->
          throw new IllegalArgumentException(
              "found '" + value + "', allowed is SYNC_FLUSH, ASYNC_FLUSH");
    };
  }

  private Result read() {
    Properties properties = new Properties();
    Map<String, Integer> lines = new TreeMap<>();
    try {
      String text = Files.readString(file);
      properties.load(new StringReader(text));
      int number = 0;
      for (String line : (Iterable<String>) text.lines()::iterator) {
        number++;
        Matcher matcher = KEY.matcher(line);
        if (matcher.matches()) {
          lines.put(matcher.group(1), number);
        }
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new ConfigException(
          List.of(
              file + ": can not be read (" + e + "); name another with --rocketmq-config FILE"));
    }
    boolean nameServer = isOfNameServer(properties);
    Map<String, String> reasons = RocketMqKeys.reasons();
    Map<String, String> found = new HashMap<>();
    UnaryOperator<String> origins =
        key -> lines.containsKey(key) ? file + ":" + lines.get(key) : "" + file;
    // In the order of the file.
    properties.stringPropertyNames().stream()
        .sorted((a, b) -> Integer.compare(lines.getOrDefault(a, 0), lines.getOrDefault(b, 0)))
        .forEach(
            key -> {
              String value = properties.getProperty(key).trim();
              found.put(key, value);
              take(key, value, origins.apply(key), nameServer, reasons);
            });
    Result result = new Result(values, notes, needs);
    new RocketMqRole(found, origins, result, mistakes).decide();
    if (!mistakes.isEmpty()) {
      throw new ConfigException(mistakes);
    }
    return result;
  }

  private boolean isOfNameServer(Properties properties) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.contains("namesrv")
        || name.contains("nameserver")
        || properties.stringPropertyNames().stream().anyMatch(OF_NAME_SERVERS::contains);
  }

  private void take(
      String key, String value, String origin, boolean nameServer, Map<String, String> reasons) {
    Target target = TARGETS.get(key);
    if (target != null && !(nameServer && target.key() == ConfigTable.DATA)) {
      try {
        String text = target.translation().of(value);
        target.key().parse(text);
        values.put(target.key().name(), new Configuration.Entry(text, origin + " " + key));
      } catch (IllegalArgumentException e) {
        mistakes.add(origin + ": " + key + ": " + e.getMessage());
      }
    } else if (key.equals("listenPort")) {
      ConfigKey port = nameServer ? ConfigTable.NAMESERVER_PORT : ConfigTable.BROKER_PORT;
      values.put(port.name(), new Configuration.Entry(value, origin + " " + key));
    } else if (PROTECTIONS.contains(key)) {
      protection(key, value, origin);
    } else if (key.equals("brokerPermission")) {
      permission(value, origin);
    } else if (!RocketMqRole.KEYS.contains(key)) {
      note(key, origin, reasons);
    }
  }

  private void protection(String key, String value, String origin) {
    if (value.equalsIgnoreCase("true")) {
      mistakes.add(
          origin
              + ": "
              + key
              + ": found 'true', but there is no access control in this version and everybody"
              + " would be let in; set it to false, and let only those in by the network who may");
    }
  }

  private void permission(String value, String origin) {
    if (!value.equals("6")) {
      note(
          origin
              + ": brokerPermission="
              + value
              + " has no meaning here: this Broker is read and written; take the permission"
              + " from its topics instead (mqadmin updateTopicPerm)");
    }
  }

  private void note(String key, String origin, Map<String, String> reasons) {
    String reason = reasons.get(key);
    if (reason != null) {
      note(origin + ": " + key + " has no meaning here: " + reason);
      return;
    }
    String near =
        NearestName.find(key, knownKeys()).map(name -> "; did you mean '" + name + "'?").orElse("");
    notes.add(
        new Configuration.Note(
            true, origin + ": RocketMQ 5.5.0 has no key '" + key + "'; it is passed over" + near));
  }

  private void note(String text) {
    notes.add(new Configuration.Note(false, text));
  }
}
