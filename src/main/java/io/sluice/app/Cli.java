package io.sluice.app;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * The command line. The commands that start a server are built without the others: what a server
 * does not need is not loaded when it starts.
 */
final class Cli {

  private static final Set<String> OF_ALL_COMMANDS = Set.of("--help", "-h", "--version", "-V");

  private final PrintStream out;
  private final PrintStream err;
  private final Map<String, String> environment;

  Cli(PrintStream out, PrintStream err, Map<String, String> environment) {
    this.out = out;
    this.err = err;
    this.environment = environment;
  }

  /**
   * Runs one command to its end; a server's end is its stop.
   *
   * @param args without a command's name in front they are those of {@code standalone}
   * @return the exit code
   */
  int run(String... args) {
    boolean flagsOnly =
        args.length == 0 || (args[0].startsWith("-") && !OF_ALL_COMMANDS.contains(args[0]));
    if (flagsOnly) {
      return server("standalone", args);
    }
    boolean asksControllers =
        args[0].equals("controller") && args.length > 1 && !args[1].startsWith("-");
    return ServerCommand.ROLES.containsKey(args[0]) && !asksControllers
        ? server(args[0], Arrays.copyOfRange(args, 1, args.length))
        : Commands.run(out, err, environment, args);
  }

  private int server(String name, String[] args) {
    return new ServerCommand(name, out, err, environment).run(args).number();
  }
}
