package io.sluice.app;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The flags of a command that starts a server. Read here and not by the library that reads those of
 * the other commands: it would take a tenth of the start. Whatever is not plainly right is left to
 * that library to explain.
 *
 * @param file that {@code --config} names, or null
 * @param json whether the ready line is for programs
 * @param values of the keys that were given
 */
record ServerFlags(Path file, boolean json, Map<ConfigKey, String> values) {

  /**
   * Reads {@code --key value} and {@code --key=value}; empty if anything is not known or is
   * missing.
   */
  static Optional<ServerFlags> tryRead(String[] args) {
    Map<String, ConfigKey> keys = new LinkedHashMap<>();
    ConfigTable.KEYS.forEach(key -> keys.put(key.flag(), key));
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
      ConfigKey key = keys.get(flag);
      boolean known = key != null || flag.equals("--config");
      if (!known || (equals < 0 && ++i == args.length)) {
        return Optional.empty();
      }
      String value = equals < 0 ? args[i] : args[i].substring(equals + 1);
      if (key == null) {
        file = Path.of(value);
      } else if (values.put(key, value) != null) {
        return Optional.empty();
      }
    }
    return Optional.of(new ServerFlags(file, json, values));
  }
}
