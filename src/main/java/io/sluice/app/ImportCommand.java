package io.sluice.app;

import io.sluice.broker.RocketMqImport;
import io.sluice.broker.RocketMqImport.Report;
import io.sluice.util.ByteSizes;
import io.sluice.util.Clock;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a data directory out of a store that RocketMQ wrote. */
@Command(
    name = "import",
    mixinStandardHelpOptions = true,
    description =
        "Takes over a store of RocketMQ: messages at their offsets, topics, groups, positions, and"
            + " delayed messages that still wait. The store is only read, and its Broker must be"
            + " stopped. An import that is broken off leaves nothing behind.",
    footer = {
      "",
      "Example:",
      "  sluice import ~/store --data /var/lib/sluice",
      "  sluice --data /var/lib/sluice"
    })
final class ImportCommand implements Callable<Integer> {

  @Parameters(paramLabel = "DIR", description = "RocketMQ's storePathRootDir.")
  private Path from;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "./data",
      description = "The data directory to make. Default: ./data.")
  private Path to;

  @Option(
      names = "--message-delay-levels",
      paramLabel = "DURATIONS",
      description = "The Broker's messageDelayLevel, if it was not RocketMQ's default.")
  private String delayLevels;

  @Option(names = "--json", description = "Show the result as one line of JSON.")
  private boolean json;

  private final CommandContext context;

  ImportCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Progress progress = new Progress(context.err());
    try {
      Report report =
          new RocketMqImport(from, to, delayLevelsMs(), Clock.system(), progressTo(progress)).run();
      progress.clear();
      tell(report);
      return ExitCode.OK.number();
    } catch (IOException e) {
      progress.clear();
      throw new CommandFailure(ExitCode.FAILED, e.getMessage() + "; nothing was imported");
    }
  }

  @SuppressWarnings("unchecked") // what the key's parser makes
  private List<Long> delayLevelsMs() {
    ConfigKey key = ConfigTable.MESSAGE_DELAY_LEVELS;
    try {
      return (List<Long>) key.parse(delayLevels == null ? key.defaultText() : delayLevels);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.USAGE, "--message-delay-levels: " + e.getMessage());
    }
  }

  private static RocketMqImport.Listener progressTo(Progress progress) {
    return (step, done, total) ->
        progress.show(() -> total == 0 ? step : step + ": " + 100 * done / total + " %");
  }

  private void tell(Report report) {
    if (json) {
      context.json(
          new JsonObject()
              .put("messages", report.messages())
              .put("bytes", report.bytes())
              .put("topics", report.topics())
              .put("groups", report.groups())
              .put("positions", report.positions())
              .put("delayed", report.delayed())
              .put("halfMessages", report.halfMessages())
              .put("halfMessageIds", new JsonArray(report.halfMessageIds()))
              .put("data", to.toString()));
      return;
    }
    context
        .out()
        .printf(
            "imported %,d messages (%s of log), %d topics, %d groups with %d positions, %,d delayed"
                + " messages%n",
            report.messages(),
            ByteSizes.format(report.bytes()),
            report.topics(),
            report.groups(),
            report.positions(),
            report.delayed());
    if (report.halfMessages() > 0) {
      context
          .out()
          .printf(
              "not taken over: %,d transactional messages that were neither committed nor rolled"
                  + " back, such as%n",
              report.halfMessages());
      report.halfMessageIds().forEach(id -> context.out().println("  " + id));
    }
    context.out().println("start it with: sluice --data " + to);
  }
}
