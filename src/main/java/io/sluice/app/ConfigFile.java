package io.sluice.app;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/** Reads a YAML file of nested maps into dotted keys, each with the file and line it stood at. */
final class ConfigFile {

  private ConfigFile() {}

  /**
   * Reads the file.
   *
   * @throws ConfigException if it can not be read, is not YAML, or holds anything but maps of
   *     values
   */
  static Map<String, Configuration.Entry> read(Path file) {
    LoadSettings settings = LoadSettings.builder().setLabel(file.toString()).build();
    Map<String, Configuration.Entry> entries = new LinkedHashMap<>();
    try (Reader reader = Files.newBufferedReader(file)) {
      Optional<Node> root = new Compose(settings).composeReader(reader);
      root.ifPresent(node -> collect(file, "", node, entries));
    } catch (MarkedYamlEngineException e) {
      String line = e.getProblemMark().map(mark -> ":" + (mark.getLine() + 1)).orElse("");
      throw rejected(file + line + ": " + e.getProblem());
    } catch (YamlEngineException e) {
      throw rejected(file + ": " + e.getMessage());
    } catch (IOException e) {
      throw rejected(file + ": can not be read (" + e + "); name another with --config FILE");
    }
    return entries;
  }

  private static void collect(
      Path file, String prefix, Node node, Map<String, Configuration.Entry> entries) {
    String origin = origin(file, node);
    if (node instanceof MappingNode map) {
      for (NodeTuple tuple : map.getValue()) {
        String name = ((ScalarNode) tuple.getKeyNode()).getValue();
        collect(file, prefix.isEmpty() ? name : prefix + "." + name, tuple.getValueNode(), entries);
      }
    } else if (node instanceof ScalarNode scalar && !prefix.isEmpty()) {
      if (entries.put(prefix, new Configuration.Entry(scalar.getValue(), origin)) != null) {
        throw rejected(origin + ": '" + prefix + "' stands here a second time; keep one of them");
      }
    } else {
      throw rejected(
          origin
              + ": "
              + (prefix.isEmpty() ? "the file" : "'" + prefix + "'")
              + " should be key: value, found a "
              + node.getNodeType().toString().toLowerCase(java.util.Locale.ROOT));
    }
  }

  private static String origin(Path file, Node node) {
    return file + node.getStartMark().map(mark -> ":" + (mark.getLine() + 1)).orElse("");
  }

  private static ConfigException rejected(String mistake) {
    return new ConfigException(List.of(mistake));
  }
}
