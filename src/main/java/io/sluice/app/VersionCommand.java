package io.sluice.app;

import io.vertx.core.json.JsonObject;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says which version this is, and of what it is made. */
@Command(
    name = "version",
    mixinStandardHelpOptions = true,
    description = "Shows the version.",
    footer = {"", "Examples:", "  sluice version", "  sluice version --json"})
final class VersionCommand implements Callable<Integer> {

  private final CommandContext context;

  @Option(names = "--json", description = "Answer as JSON.")
  private boolean json;

  VersionCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    String java = System.getProperty("java.vm.name") + " " + Runtime.version();
    if (json) {
      context.json(new JsonObject().put("version", Version.of()).put("java", java));
    } else {
      context.out().println("sluice " + Version.of() + " on " + java);
    }
    return ExitCode.OK.number();
  }
}
