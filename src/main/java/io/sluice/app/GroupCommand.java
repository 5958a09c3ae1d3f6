package io.sluice.app;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
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
        "Lists, shows, makes, changes and deletes groups; shows and moves their positions; looks"
            + " after their dead letters.",
    subcommands = DeadLettersCommand.class,
    footer = {
      "",
      "Examples:",
      "  sluice group lag billing",
      "  sluice group put billing --max-attempts 5 --retry-delays 1s,10s,1m",
      "  sluice group seek billing orders --to earliest",
      "  sluice group dead-letters redrive billing --rate 100",
      "  sluice group delete billing",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 4 the server refused."
    })
final class GroupCommand {

  private static final String OFFSETS = "\\d{1,5}=\\d{1,18}(,\\d{1,5}=\\d{1,18})*";

  private final Administration administration;

  GroupCommand(CommandContext context) {
    administration = new Administration(context);
  }

  @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists all groups.")
  int list(@Mixin ServerOptions options) {
    return administration.list(options, "/v1/groups", "groups", "name", "maxAttempts");
  }

  @Command(name = "show", mixinStandardHelpOptions = true, description = "Shows one group.")
  int show(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Mixin ServerOptions options) {
    return administration.show(options, path(group));
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
    Administration.putIfGiven(body, "maxAttempts", maxAttempts);
    Administration.putIfGiven(
        body, "retryDelays", retryDelays == null ? null : new JsonArray(retryDelays));
    return administration.put(options, path(group), body);
  }

  @Command(
      name = "delete",
      mixinStandardHelpOptions = true,
      description = "Deletes a group and its positions.")
  int delete(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Mixin ServerOptions options) {
    return administration.delete(options, path(group), group);
  }

  @Command(
      name = "lag",
      mixinStandardHelpOptions = true,
      description = "Shows how far a group is behind.")
  int lag(
      @Parameters(paramLabel = "GROUP", description = "Its name.") String group,
      @Option(names = "--detail", description = "Queue by queue.") boolean detail,
      @Mixin ServerOptions options) {
    return administration.show(options, path(group) + "/lag" + (detail ? "?detail=true" : ""));
  }

  @Command(
      name = "position",
      aliases = "seek",
      mixinStandardHelpOptions = true,
      description = "Moves a group to another place in a topic; live consumers follow at once.")
  int position(
      @Parameters(index = "0", paramLabel = "GROUP", description = "Its name.") String group,
      @Parameters(index = "1", paramLabel = "TOPIC", description = "Topic.") String topic,
      @Option(
              names = "--to",
              required = true,
              paramLabel = "WHERE",
              description =
                  "earliest, latest, a time such as 2026-01-31T12:00:00Z, or offsets by queue such"
                      + " as 0=42,3=17.")
          String to,
      @Mixin ServerOptions options) {
    Object where =
        to.equals("earliest") || to.equals("latest")
            ? to
            : to.matches(OFFSETS) ? offsets(to) : new JsonObject().put("time", to);
    return administration.put(
        options,
        ServerClient.path("/v1/groups/", group, "/topics/", topic, "/position"),
        new JsonObject().put("to", where));
  }

  private static JsonObject offsets(String text) {
    JsonObject offsets = new JsonObject();
    for (String pair : text.split(",")) {
      int at = pair.indexOf('=');
      offsets.put(pair.substring(0, at), Long.parseLong(pair.substring(at + 1)));
    }
    return new JsonObject().put("offsets", offsets);
  }

  private static String path(String group) {
    return ServerClient.path("/v1/groups/", group);
  }
}
