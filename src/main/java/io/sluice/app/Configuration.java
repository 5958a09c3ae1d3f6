package io.sluice.app;

import io.sluice.util.NearestName;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The effective configuration: for each key of {@link ConfigTable} its value and where that came
 * from. Layers in rising strength: default, file, environment, flags. Immutable.
 */
final class Configuration {

  /** The text of a value and where it stood. */
  record Entry(String text, String origin) {}

  /** A sentence for the log about what was said and has no effect. */
  record Note(boolean warning, String text) {}

  private record Value(Object value, String text, String origin) {}

  private final Map<ConfigKey, Value> values;
  private final List<Note> notes;

  private Configuration(Map<ConfigKey, Value> values, List<Note> notes) {
    this.values = values;
    this.notes = List.copyOf(notes);
  }

  /** The defaults alone. */
  static Configuration defaults() {
    return of(List.of());
  }

  /**
   * Lays sources over the defaults.
   *
   * @param layers key to entry, the strongest last
   * @throws ConfigException naming every unknown key and every wrong value
   */
  static Configuration of(List<Map<String, Entry>> layers) {
    return of(layers, List.of());
  }

  /** As the other, with what there is to say about it in the log. */
  static Configuration of(List<Map<String, Entry>> layers, List<Note> notes) {
    List<String> mistakes = new ArrayList<>();
    Map<String, Entry> merged = new TreeMap<>();
    for (Map<String, Entry> layer : layers) {
      layer.forEach(
          (name, entry) -> {
            if (ConfigTable.find(name).isEmpty()) {
              mistakes.add(unknown(name, entry));
            }
          });
      merged.putAll(layer);
    }
    Map<ConfigKey, Value> values = new LinkedHashMap<>();
    for (ConfigKey key : ConfigTable.KEYS) {
      Entry entry = merged.getOrDefault(key.name(), new Entry(key.defaultText(), "default"));
      try {
        values.put(key, new Value(key.parse(entry.text()), entry.text(), entry.origin()));
      } catch (IllegalArgumentException e) {
        mistakes.add(entry.origin() + ": " + key.name() + ": " + e.getMessage());
      }
    }
    if (!mistakes.isEmpty()) {
      throw new ConfigException(mistakes);
    }
    return new Configuration(values, notes);
  }

  private static String unknown(String name, Entry entry) {
    Optional<String> near = NearestName.find(name, ConfigTable.names());
    return entry.origin()
        + ": there is no key '"
        + name
        + "'"
        + near.map(n -> "; did you mean '" + n + "'?").orElse("; see docs/configuration.md");
  }

  /** What was said and has no effect, with the reason; for the log. */
  List<Note> notes() {
    return notes;
  }

  /** Durations in ms. */
  @SuppressWarnings("unchecked") // what the type's parser makes
  List<Long> durationsMs(ConfigKey key) {
    return (List<Long>) values.get(key).value();
  }

  long number(ConfigKey key) {
    return (Long) values.get(key).value();
  }

  int integer(ConfigKey key) {
    return Math.toIntExact(number(key));
  }

  Duration duration(ConfigKey key) {
    return Duration.ofMillis(number(key));
  }

  boolean isOn(ConfigKey key) {
    return (Boolean) values.get(key).value();
  }

  String text(ConfigKey key) {
    return (String) values.get(key).value();
  }

  /** Whether the value was said by somebody, and is not only the default. */
  boolean isSet(ConfigKey key) {
    return !values.get(key).origin().equals("default");
  }

  /** All values on one line, those that differ from the default with where they came from. */
  String describe() {
    StringBuilder out = new StringBuilder();
    values.forEach(
        (key, value) -> {
          out.append(out.length() == 0 ? "" : " ").append(key.name()).append('=');
          out.append(shown(key, value.text()));
          if (!value.origin().equals("default")) {
            out.append(" (").append(value.origin()).append(')');
          }
        });
    return out.toString();
  }

  private static String shown(ConfigKey key, String text) {
    if (text.isEmpty()) {
      return "\"\"";
    }
    return key == ConfigTable.CLUSTER_SECRET ? "(not shown)" : text;
  }
}
