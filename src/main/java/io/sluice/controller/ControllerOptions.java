package io.sluice.controller;

import io.vertx.core.net.PfxOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jgroups.util.SocketFactory;

/**
 * How a controller is set up.
 *
 * @param cluster its name; controllers of another are not joined
 * @param host address at which Brokers and the other controllers reach it
 * @param port for Brokers; the next is for the consensus, the one after it tells at once that a
 *     process died
 * @param members {@code host:port} of all controllers, this one among them
 * @param directory where the log, the term and the vote are kept
 * @param lease of a master
 * @param tls key and certificate of the cluster's secret, or null for none
 * @param sockets the same for the consensus, or null
 */
public record ControllerOptions(
    String cluster,
    String host,
    int port,
    List<String> members,
    Path directory,
    Duration lease,
    PfxOptions tls,
    SocketFactory sockets) {

  /** Beside 9876 of the NameServer. */
  public static final int DEFAULT_PORT = 9878;

  /**
   * Checks.
   *
   * @throws IllegalArgumentException if this controller is not among the members
   */
  public ControllerOptions {
    members = List.copyOf(members);
    if (!members.contains(host + ":" + port)) {
      throw new IllegalArgumentException(
          "this controller is "
              + host
              + ":"
              + port
              + ", which is not in controller.members ("
              + String.join(",", members)
              + "); set controller.host and controller.port to those of one of them");
    }
  }

  /** Its name among the members. */
  String self() {
    return host + ":" + port;
  }

  static String hostOf(String member) {
    return member.substring(0, member.lastIndexOf(':'));
  }

  static int portOf(String member) {
    return Integer.parseInt(member.substring(member.lastIndexOf(':') + 1));
  }
}
