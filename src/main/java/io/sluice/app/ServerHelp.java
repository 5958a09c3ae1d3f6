package io.sluice.app;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Help for the commands that start a server. Apart from {@link ServerCommand}, so that the library
 * of the command line is not loaded by a server that starts.
 */
final class ServerHelp {

  private ServerHelp() {}

  /** Its flags, made from the table of configuration. */
  static CommandSpec spec(String name) {
    CommandSpec spec = CommandSpec.create().name("sluice " + name);
    spec.usageMessage()
        .description(description(name))
        .sortOptions(false)
        .footer(footer(name))
        .width(100);
    spec.addOption(
        OptionSpec.builder("--config")
            .type(Path.class)
            .paramLabel("FILE")
            .description("YAML file to read instead of conf/sluice.yaml.")
            .build());
    spec.addOption(
        OptionSpec.builder("-c", "--rocketmq-config")
            .type(List.class)
            .auxiliaryTypes(Path.class)
            .paramLabel("FILE")
            .description(
                "RocketMQ's broker.conf or namesrv.conf as it is; what has no meaning here is"
                    + " logged with the reason. May be given more than once.")
            .build());
    spec.addOption(
        OptionSpec.builder("--json")
            .type(boolean.class)
            .description("Say that the server is ready as one line of JSON.")
            .build());
    spec.addOption(
        OptionSpec.builder(ServerFlags.CLUSTER)
            .type(boolean.class)
            .description("Join the other processes of the cluster; see --cluster-hosts.")
            .build());
    for (ConfigKey key : ConfigTable.KEYS) {
      spec.addOption(
          OptionSpec.builder(names(key))
              .type(String.class)
              .paramLabel(key.type().word().toUpperCase(Locale.ROOT))
              // A description is a format.
              .description(sentence(key).replace("%", "%%"))
              .build());
    }
    return spec.addOption(
        OptionSpec.builder("-h", "--help")
            .usageHelp(true)
            .type(boolean.class)
            .description("Show this help.")
            .build());
  }

  private static String[] names(ConfigKey key) {
    return key == ConfigTable.ADVERTISED_HOST
        ? new String[] {ServerFlags.ADVERTISE, key.flag()}
        : new String[] {key.flag()};
  }

  static String description(String name) {
    return switch (name) {
      case "nameserver" -> "Starts a NameServer: it records Brokers and topics and answers routes.";
      case "broker" -> "Starts a Broker: it stores and forwards messages.";
      case "controller" ->
          "Starts a controller: three or more elect the master of each group of Brokers.";
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
      "  sluice " + name + " -c /opt/rocketmq/conf/broker.conf --advertise 10.0.0.5",
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

  /** Shows the help that was asked for, or says what is wrong with the flags. */
  static ExitCode explain(String name, String[] args, PrintStream out, PrintStream err) {
    CommandLine commandLine = new CommandLine(spec(name));
    try {
      commandLine.parseArgs(args);
      commandLine.usage(out);
      return ExitCode.OK;
    } catch (CommandLine.ParameterException e) {
      err.println("sluice: " + Commands.explain(e));
      err.println("Try: sluice " + name + " --help");
      return ExitCode.USAGE;
    }
  }
}
