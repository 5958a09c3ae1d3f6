package io.sluice.app;

import io.sluice.controller.ControllerOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

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

  /** With three one may be away. */
  private static final int MIN_MEMBERS = 3;

  /** Checks. */
  public ControllerConfig {
    members = List.copyOf(members);
    Set<String> known = new HashSet<>();
    for (String member : members) {
      if (!member.matches(".+:[0-9]{1,5}")) {
        throw new IllegalArgumentException(
            ConfigTable.CONTROLLER_MEMBERS.name()
                + " names '"
                + member
                + "'; allowed is host:port, several parted by commas");
      }
      if (!known.add(member)) {
        throw new IllegalArgumentException(
            ConfigTable.CONTROLLER_MEMBERS.name()
                + " names '"
                + member
                + "' twice; each controller counts once, so name it once");
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

  /**
   * What is to be said of so many controllers; null where three or more, an odd number, are named.
   * Fewer are allowed for tests and trials: they elect, but none of them may be away.
   */
  String warning() {
    int count = members.size();
    if (count == 0 || (count > MIN_MEMBERS - 1 && count % 2 == 1)) {
      return null;
    }
    int mayBeAway = (count - 1) / 2;
    return ConfigTable.CONTROLLER_MEMBERS.name()
        + " names "
        + count
        + ": "
        + (mayBeAway == 0
            ? "while one is away no master is elected, and those there are stop acking"
            : "only " + mayBeAway + " of them may be away, as of " + (count - 1))
        + "; name "
        + (count < MIN_MEMBERS ? MIN_MEMBERS : count + 1)
        + ", so that "
        + Math.max(1, count / 2)
        + " may be";
  }

  /** Whether masters are elected. */
  boolean elects() {
    return !members.isEmpty();
  }
}
