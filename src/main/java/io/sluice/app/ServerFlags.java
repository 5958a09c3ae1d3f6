package io.sluice.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The flags of a command that starts a server. Read here and not by the library that reads those of
 * the other commands: it would take a tenth of the start. Whatever is not plainly right is left to
 * that library to explain.
 *
 * @param file that {@code --config} names, or null
 * @param rocketMqFiles that {@code --rocketmq-config} names, in their order
 * @param json whether the ready line is for programs
 * @param values of the keys that were given
 */
record ServerFlags(
    Path file, List<Path> rocketMqFiles, boolean json, Map<ConfigKey, String> values) {

  /** Files of RocketMQ's form; each of these flags may come more than once. */
  static final Set<String> ROCKETMQ_CONFIG = Set.of("-c", "--rocketmq-config");

  /** Short for {@code --cluster-enabled true}. */
  static final String CLUSTER = "--cluster";

  /** The name that users of RocketMQ look for. */
  static final String ADVERTISE = "--advertise";

  /**
   * Reads {@code --key value} and {@code --key=value}; empty if anything is not known or is
   * missing.
   */
  static Optional<ServerFlags> tryRead(String[] args) {
    Map<String, ConfigKey> keys = new LinkedHashMap<>();
    ConfigTable.KEYS.forEach(key -> keys.put(key.flag(), key));
    keys.put(ADVERTISE, ConfigTable.ADVERTISED_HOST);
    List<Path> rocketMqFiles = new ArrayList<>();
    Map<ConfigKey, String> values = new LinkedHashMap<>();
    Path file = null;
    boolean json = false;
    for (int i = 0; i < args.length; i++) {
      int equals = args[i].indexOf('=');
      String flag = equals < 0 ? args[i] : args[i].substring(0, equals);
      if (args[i].equals("--json")) {
        json = true;
        continue;
      }
      if (args[i].equals(CLUSTER)) {
        values.put(ConfigTable.CLUSTER_ENABLED, "true");
        continue;
      }
      ConfigKey key = keys.get(flag);
      boolean known = key != null || flag.equals("--config") || ROCKETMQ_CONFIG.contains(flag);
      if (!known || (equals < 0 && ++i == args.length)) {
        return Optional.empty();
      }
      String value = equals < 0 ? args[i] : args[i].substring(equals + 1);
      if (ROCKETMQ_CONFIG.contains(flag)) {
        rocketMqFiles.add(Path.of(value));
      } else if (key == null) {
        file = Path.of(value);
      } else if (values.put(key, value) != null) {
        return Optional.empty();
      }
    }
    return Optional.of(new ServerFlags(file, rocketMqFiles, json, values));
  }
}
