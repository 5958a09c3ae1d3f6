package io.sluice.app;

import io.vertx.core.json.JsonObject;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a slave the master, or shows how a Broker's log is replicated. */
@Command(
    name = "promote",
    mixinStandardHelpOptions = true,
    description = "Makes a slave the master, or shows how a Broker's log is replicated.",
    footer = {
      "",
      "Ask the slave's own server. Before: make sure that the old master is down, or that nobody",
      "sends to it any more.",
      "",
      "Examples:",
      "  sluice promote broker-a --show --server http://slave:8080",
      "  sluice promote broker-a --server http://slave:8080",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 4 the server refused."
    })
final class PromoteCommand implements Callable<Integer> {

  private final Administration administration;

  @Parameters(paramLabel = "BROKER", description = "Its name, such as broker-a.")
  private String broker;

  @Option(names = "--show", description = "Only shows role, epoch, and who is in sync.")
  private boolean show;

  @Option(
      names = "--force",
      description = "Also where the slave was not in sync: messages that were acked may be lost.")
  private boolean force;

  @Mixin private ServerOptions options;

  PromoteCommand(CommandContext context) {
    administration = new Administration(context);
  }

  @Override
  public Integer call() {
    String path = ServerClient.path("/v1/brokers/", broker);
    return show
        ? administration.show(options, path)
        : administration.post(
            options, path + "/promote" + (force ? "?force=true" : ""), new JsonObject());
  }
}
