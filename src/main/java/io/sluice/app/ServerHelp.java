package io.sluice.app;

import io.vertx.core.json.JsonObject;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** What the commands that start a server say to people and programs. */
final class ServerHelp {

  private ServerHelp() {}

  static String description(String name) {
    return switch (name) {
      case "nameserver" -> "Starts a NameServer: it records Brokers and topics and answers routes.";
      case "broker" -> "Starts a Broker: it stores and forwards messages.";
      case "gateway" -> "Starts a gateway: it speaks HTTP and WebSocket.";
      default -> "Starts NameServer, Broker and gateway in one process.";
    };
  }

  static String[] footer(String name) {
    return new String[] {
      "",
      "Each value may stand in conf/sluice.yaml (http: {port: 8080}), in the environment"
          + " (SLUICE_HTTP_PORT), or here; the later is the stronger.",
      "",
      "Examples:",
      "  sluice " + name + " --data /var/lib/sluice",
      "  sluice "
          + name
          + " --data /tmp/try --http-port 0 --broker-port 0 --nameserver-port 0 --json",
      "  SLUICE_ACK=memory sluice " + name + " --config /etc/sluice.yaml",
      "",
      exitCodes(
          ExitCode.OK,
          ExitCode.USAGE,
          ExitCode.PORT_IN_USE,
          ExitCode.NOT_WRITABLE,
          ExitCode.LOCKED,
          ExitCode.NEWER_VERSION,
          ExitCode.DAMAGED,
          ExitCode.DISK_FULL)
    };
  }

  /** A line of codes with their sentences, for the foot of a help text. */
  static String exitCodes(ExitCode... codes) {
    StringBuilder line = new StringBuilder("Exit codes:");
    for (ExitCode code : codes) {
      line.append(System.lineSeparator())
          .append(String.format("  %2d  %s", code.number(), code.sentence()));
    }
    return line.toString();
  }

  static String sentence(ConfigKey key) {
    String defaultText = key.defaultText().isEmpty() ? "empty" : key.defaultText();
    String text = key.sentence() + " Default: " + defaultText + ".";
    return key.type() == ConfigKey.Type.TEXT ? text : text + " Allowed: " + key.allowed() + ".";
  }

  static String readyJson(Sluice sluice) {
    JsonObject line = new JsonObject().put("ready", true);
    putPort(line, "http", sluice.httpPort());
    putPort(line, "nameserver", sluice.nameServerPort());
    putPort(line, "broker", sluice.brokerPort());
    if (sluice.recoveredMs() >= 0) {
      line.put("recoveredMs", sluice.recoveredMs());
    }
    return line.encode();
  }

  private static void putPort(JsonObject line, String name, int port) {
    if (port >= 0) {
      line.put(name, port);
    }
  }

  static String ready(Sluice sluice, SluiceOptions options) {
    StringBuilder line = new StringBuilder("ready after ");
    long upMs = ManagementFactory.getRuntimeMXBean().getUptime();
    line.append(String.format(Locale.ROOT, "%.2f s", upMs / 1000.0));
    if (sluice.httpPort() >= 0) {
      String host = options.host().equals("0.0.0.0") ? "127.0.0.1" : options.host();
      line.append(": http://").append(host).append(':').append(sluice.httpPort());
    }
    if (sluice.nameServerPort() >= 0) {
      line.append(", NameServer at port ").append(sluice.nameServerPort());
    }
    if (sluice.brokerPort() >= 0) {
      line.append(", Broker at port ").append(sluice.brokerPort());
    }
    if (sluice.recoveredMs() >= 0) {
      line.append(", data in ").append(options.dataDirectory());
      line.append(" (recovered in ").append(sluice.recoveredMs()).append(" ms)");
    }
    return line.toString();
  }
}
