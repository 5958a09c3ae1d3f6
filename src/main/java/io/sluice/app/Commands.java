package io.sluice.app;

import io.sluice.util.NearestName;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** All commands but the start of a server: those that talk to one. */
@Command(
    name = "sluice",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.Versions.class,
    synopsisSubcommandLabel = "[COMMAND]",
    description = "A message queue: send over HTTP, receive over WebSocket, keep everything.",
    footer = {
      "",
      "Without a command a whole server is started (standalone).",
      "",
      "Examples:",
      "  sluice                                  # server at port 8080, data in ./data",
      "  sluice send orders 'hello'",
      "  sluice consume orders --group billing",
      "  sluice group lag billing"
    },
    subcommands = {
      SendCommand.class,
      ConsumeCommand.class,
      TopicCommand.class,
      GroupCommand.class,
      ImportCommand.class,
      PromoteCommand.class,
      DrainCommand.class,
      TransactionCommand.class,
      BenchCommand.class,
      DemoCommand.class,
      BareCommand.class,
      TrainCommand.class,
      VersionCommand.class,
      HelpCommand.class
    })
final class Commands implements Runnable {

  private static final List<String> SERVERS =
      List.of("standalone", "nameserver", "broker", "gateway", "controller");

  private final CommandContext context;

  @CommandLine.Spec private CommandSpec spec;

  private Commands(CommandContext context) {
    this.context = context;
  }

  /** Runs one command; the result is the exit code. */
  static int run(PrintStream out, PrintStream err, Map<String, String> environment, String[] args) {
    // What libraries log is of no use to whoever types a command; failures are told in its own
    // words.
    Logging.configure("error");
    CommandLine line = commandLine(new CommandContext(out, err, environment));
    line.setOut(writer(out));
    line.setErr(writer(err));
    return line.execute(args);
  }

  /** The whole tree of commands. */
  static CommandLine commandLine(CommandContext context) {
    CommandLine line = new CommandLine(new Commands(context), context.factory());
    for (String server : SERVERS) {
      line.addSubcommand(server, ServerHelp.spec(server));
    }
    CommandLine controller = line.getSubcommands().get("controller");
    controller.addSubcommand(
        "status", new CommandLine(new ControllerCommand.Status(context), context.factory()));
    controller.addSubcommand(
        "elect", new CommandLine(new ControllerCommand.Elect(context), context.factory()));
    line.setUsageHelpWidth(100);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(
        (e, args) -> {
          context.err().println("sluice: " + explain(e));
          context.err().println("Try: " + e.getCommandLine().getCommandName() + " --help");
          return ExitCode.USAGE.number();
        });
    line.setExecutionExceptionHandler((e, command, result) -> context.report(e));
    return line;
  }

  /** A usage mistake in one line, with what may have been meant. */
  static String explain(ParameterException e) {
    if (!(e instanceof UnmatchedArgumentException unmatched)) {
      return e.getMessage();
    }
    String word = unmatched.getUnmatched().get(0);
    CommandSpec command = e.getCommandLine().getCommandSpec();
    Stream<String> known =
        word.startsWith("-")
            ? command.optionsMap().keySet().stream()
            : command.subcommands().entrySet().stream()
                .filter(entry -> !entry.getValue().getCommandSpec().usageMessage().hidden())
                .map(Map.Entry::getKey);
    return "there is no "
        + word
        + NearestName.find(word, known.toList())
            .map(near -> "; did you mean " + near + "?")
            .orElse("");
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  /** Says what {@code --version} says. */
  static final class Versions implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"sluice " + Version.of()};
    }
  }
}
