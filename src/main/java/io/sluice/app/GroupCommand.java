package io.sluice.app;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks after consumer groups. */
@Command(
    name = "group",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description =
        "Lists, shows, makes, changes and deletes groups; shows and moves their positions.",
    footer = {
      "",
      "Examples:",
      "  sluice group lag billing",
      "  sluice group put billing --max-attempts 5 --retry-delays 1s,10s,1m",
      "  sluice group position billing orders --to earliest",
      "  sluice group delete billing"
    })
final class GroupCommand {

  private final CommandContext context;

  GroupCommand(CommandContext context) {
    this.context = context;
  }

  @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists all groups.")
  int list(@Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      JsonObject answer = client.get("/v1/groups").json();
      if (options.json) {
        context.json(answer);
        return ExitCode.OK.number();
      }
      Table table = new Table("GROUP", "MAX ATTEMPTS");
      JsonArray groups = answer.getJsonArray("groups");
      for (int i = 0; i < groups.size(); i++) {
        JsonObject group = groups.getJsonObject(i);
        table.row(group.getValue("group", group.getValue("name")), group.getValue("maxAttempts"));
      }
      table.print(context.out());
    }
    return ExitCode.OK.number();
  }

  @Command(name = "show", mixinStandardHelpOptions = true, description = "Shows one group.")
  int show(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      Answers.print(context, client.get(path(group, "")).json(), options.json);
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "put",
      mixinStandardHelpOptions = true,
      description = "Makes a group, or changes what is given.")
  int put(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Option(
              names = "--max-attempts",
              paramLabel = "N",
              description = "How often a message is handed out before it is a dead letter.")
          Integer maxAttempts,
      @Option(
              names = "--retry-delays",
              split = ",",
              paramLabel = "DURATION",
              description = "Before the second attempt, the third, ...; the last repeats.")
          List<String> retryDelays,
      @Mixin ServerOptions options) {
    JsonObject body = new JsonObject();
    if (maxAttempts != null) {
      body.put("maxAttempts", maxAttempts);
    }
    if (retryDelays != null) {
      body.put("retryDelays", new JsonArray(retryDelays));
    }
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      Answers.print(context, client.put(path(group, ""), body).json(), options.json);
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "delete",
      mixinStandardHelpOptions = true,
      description = "Deletes a group and its positions.")
  int delete(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      client.call(HttpMethod.DELETE, path(group, ""), Map.of(), null);
    }
    if (options.json) {
      context.json(new JsonObject().put("deleted", group));
    } else {
      context.out().println("deleted " + group);
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "lag",
      mixinStandardHelpOptions = true,
      description = "Shows how far a group is behind.")
  int lag(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Option(names = "--detail", description = "Queue by queue.") boolean detail,
      @Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      String path = path(group, "/lag") + (detail ? "?detail=true" : "");
      Answers.print(context, client.get(path).json(), options.json);
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "position",
      mixinStandardHelpOptions = true,
      description = "Moves a group to another place in a topic; live consumers follow at once.")
  int position(
      @Parameters(index = "0", paramLabel = "GROUP", description = "Its name.") String group,
      @Parameters(index = "1", paramLabel = "TOPIC", description = "Topic.") String topic,
      @Option(
              names = "--to",
              required = true,
              paramLabel = "WHERE",
              description = "earliest, latest or a time such as 2026-01-31T12:00:00Z.")
          String to,
      @Mixin ServerOptions options) {
    Object where =
        to.equals("earliest") || to.equals("latest") ? to : new JsonObject().put("time", to);
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      String path = ServerClient.path("/v1/groups/", group, "/topics/", topic, "/position");
      JsonObject answer = client.put(path, new JsonObject().put("to", where)).json();
      Answers.print(context, answer, options.json);
    }
    return ExitCode.OK.number();
  }

  private static String path(String group, String rest) {
    return ServerClient.path("/v1/groups/", group, rest);
  }
}
