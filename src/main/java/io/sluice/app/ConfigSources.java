package io.sluice.app;

import io.sluice.util.NearestName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Puts the layers together: file, then environment, then flags. */
final class ConfigSources {

  /** Read when no other file is named and it is there. */
  static final Path DEFAULT_FILE = Path.of("conf", "sluice.yaml");

  static final String FILE_VARIABLE = "SLUICE_CONFIG";

  /** Variables that are ours but no keys: the file's name, and those of scripts and clients. */
  private static final Set<String> OTHER_VARIABLES =
      Set.of(FILE_VARIABLE, "SLUICE_SERVER", "SLUICE_TOKEN", "SLUICE_JAVA_OPTS");

  /** Kubernetes sets these in every pod beside a service that is called sluice. */
  private static final Pattern KUBERNETES =
      Pattern.compile("SLUICE_(SERVICE_.*|PORT|PORT_\\d+_(TCP|UDP).*)");

  private ConfigSources() {}

  /**
   * Reads and merges all layers.
   *
   * @param file the file that was asked for, or null
   * @param environment the process's variables
   * @param flags values given on the command line, by key
   * @throws ConfigException naming every mistake
   */
  static Configuration load(
      Path file, Map<String, String> environment, Map<ConfigKey, String> flags) {
    return load(file, List.of(), environment, flags);
  }

  /**
   * As the other, with files of RocketMQ's form, which are stronger than ours and weaker than the
   * environment.
   */
  static Configuration load(
      Path file,
      List<Path> rocketMqFiles,
      Map<String, String> environment,
      Map<ConfigKey, String> flags) {
    List<Map<String, Configuration.Entry>> layers = new ArrayList<>();
    List<Path> translated = new ArrayList<>(rocketMqFiles);
    List<Configuration.Note> notes = new ArrayList<>();
    List<RocketMqConfig.Need> needs = new ArrayList<>();
    Path chosen = chooseFile(file, environment);
    if (chosen != null && RocketMqConfig.isNamedSo(chosen)) {
      translated.add(0, chosen);
    } else if (chosen != null) {
      layers.add(ConfigFile.read(chosen));
    }
    for (Path rocketMqFile : translated) {
      RocketMqConfig.Result result = RocketMqConfig.read(rocketMqFile);
      layers.add(result.values());
      notes.addAll(result.notes());
      needs.addAll(result.needs());
    }
    layers.add(fromEnvironment(environment));
    layers.add(
        flags.entrySet().stream()
            .collect(
                Collectors.toMap(
                    flag -> flag.getKey().name(),
                    flag ->
                        new Configuration.Entry(flag.getValue(), "flag " + flag.getKey().flag()))));
    Configuration all = Configuration.of(layers, notes);
    List<String> missing =
        needs.stream()
            .filter(need -> need.isMissingIn(all))
            .map(RocketMqConfig.Need::mistake)
            .toList();
    if (!missing.isEmpty()) {
      throw new ConfigException(missing);
    }
    return all;
  }

  private static Path chooseFile(Path file, Map<String, String> environment) {
    if (file != null) {
      return file;
    }
    String named = environment.get(FILE_VARIABLE);
    if (named != null && !named.isEmpty()) {
      return Path.of(named);
    }
    return Files.exists(DEFAULT_FILE) ? DEFAULT_FILE : null;
  }

  private static Map<String, Configuration.Entry> fromEnvironment(Map<String, String> environment) {
    Map<String, String> names =
        ConfigTable.KEYS.stream().collect(Collectors.toMap(ConfigKey::variable, ConfigKey::name));
    Map<String, Configuration.Entry> entries = new TreeMap<>();
    List<String> mistakes = new ArrayList<>();
    environment.forEach(
        (variable, text) -> {
          String name = names.get(variable);
          if (name != null) {
            entries.put(name, new Configuration.Entry(text, "environment " + variable));
          } else if (isOursButUnknown(variable, environment)) {
            mistakes.add(
                "environment: there is no key for '"
                    + variable
                    + "'"
                    + NearestName.find(variable, names.keySet())
                        .map(near -> "; did you mean '" + near + "'?")
                        .orElse("; see docs/configuration.md"));
          }
        });
    if (!mistakes.isEmpty()) {
      throw new ConfigException(mistakes);
    }
    return entries;
  }

  private static boolean isOursButUnknown(String variable, Map<String, String> environment) {
    return variable.startsWith("SLUICE_")
        && !OTHER_VARIABLES.contains(variable)
        && !(environment.containsKey("KUBERNETES_SERVICE_HOST")
            && KUBERNETES.matcher(variable).matches());
  }
}
