package io.sluice.app;

import java.util.ArrayList;
import java.util.List;

/** Makes the reference page and the commented file from the table of configuration. */
final class ConfigDocuments {

  private static final int WIDTH = 98;

  private ConfigDocuments() {}

  static String markdown() {
    StringBuilder out = new StringBuilder();
    out.append(
        """
        # Configuration

        Each value has one name and three places, the later the stronger:

        | place | form |
        |---|---|
        | `conf/sluice.yaml`, or the file named by `--config FILE` or `SLUICE_CONFIG` | `http: {port: 8080}`, nested by the dots of the name |
        | environment | `SLUICE_HTTP_PORT=8080` |
        | flag | `--http-port 8080` |

        A key that does not exist, or a value that can not be, stops the start with exit code 2 and is named with the place
        where it stood and the nearest that is right. The effective configuration is logged once at the start.
        Sizes are bytes with `k`, `m`, `g` or `t` (powers of 1024); durations are such as `250ms`, `30s`, `1h30m`, `7d`.

        | key | type | default | allowed | what it does |
        |---|---|---|---|---|
        """);
    for (ConfigKey key : ConfigTable.KEYS) {
      String defaultText = key.defaultText().isEmpty() ? "empty" : "`" + key.defaultText() + "`";
      out.append(
          String.format(
              "| `%s` | %s | %s | %s | %s |%n",
              key.name(), key.type().word(), defaultText, key.allowed(), key.sentence()));
    }
    return out.toString();
  }

  /** Every key with its default, commented out, nested by the dots. */
  static String yaml() {
    StringBuilder out = new StringBuilder();
    out.append(
        "# Configuration of Sluice. All values shown are the defaults; take the # away and\n");
    out.append("# change what you need. The environment and flags are stronger than this file;\n");
    out.append("# docs/configuration.md says how.\n");
    String section = "";
    for (ConfigKey key : ConfigTable.KEYS) {
      int dot = key.name().indexOf('.');
      String head = dot < 0 ? "" : key.name().substring(0, dot);
      out.append('\n');
      if (!head.equals(section) && dot >= 0) {
        out.append('#').append(head).append(":\n");
      }
      section = head;
      String indent = dot < 0 ? "" : "  ";
      String text = key.sentence() + " Allowed: " + key.allowed() + ".";
      wrap(text, WIDTH - indent.length())
          .forEach(l -> out.append("# ").append(indent).append(l).append('\n'));
      String value = key.defaultText().isEmpty() ? "\"\"" : key.defaultText();
      out.append('#')
          .append(indent)
          .append(key.name().substring(dot + 1))
          .append(": ")
          .append(value)
          .append('\n');
    }
    return out.toString();
  }

  private static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : text.split(" ")) {
      if (line.length() + word.length() + 1 > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.length() == 0 ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }
}
