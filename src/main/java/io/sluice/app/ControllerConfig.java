package io.sluice.app;

import io.sluice.controller.ControllerOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Who elects masters; see docs/configuration.md.
 *
 * @param members {@code host:port} of all controllers; none where masters are promoted by hand
 * @param enabled whether a NameServer's process is a controller too
 * @param host at which Brokers and the other controllers reach the one of this process
 * @param port its own
 * @param lease of a master
 */
public record ControllerConfig(
    List<String> members, boolean enabled, String host, int port, Duration lease) {

  /** Checks. */
  public ControllerConfig {
    members = List.copyOf(members);
    for (String member : members) {
      if (!member.matches(".+:[0-9]{1,5}")) {
        throw new IllegalArgumentException(
            ConfigTable.CONTROLLER_MEMBERS.name()
                + " names '"
                + member
                + "'; allowed is host:port, several parted by commas");
      }
    }
  }

  ControllerConfig(Configuration from) {
    this(
        members(from.text(ConfigTable.CONTROLLER_MEMBERS)),
        from.isOn(ConfigTable.CONTROLLER_ENABLED),
        OwnAddress.choose(from.text(ConfigTable.CONTROLLER_HOST), from.text(ConfigTable.HOST)),
        from.integer(ConfigTable.CONTROLLER_PORT),
        from.duration(ConfigTable.CONTROLLER_LEASE));
  }

  /** The parts of a list, a default port put to those that have none. */
  static List<String> members(String text) {
    List<String> members = new ArrayList<>();
    for (String part : text.split(",")) {
      String member = part.trim();
      if (!member.isEmpty()) {
        members.add(member.contains(":") ? member : member + ":" + ControllerOptions.DEFAULT_PORT);
      }
    }
    return members;
  }

  /** Whether masters are elected. */
  boolean elects() {
    return !members.isEmpty();
  }
}
