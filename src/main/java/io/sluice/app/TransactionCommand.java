package io.sluice.app;

import io.vertx.core.json.JsonObject;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks after transactions. */
@Command(
    name = "transaction",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Lists and shows transactions; commits and rolls back open ones by hand.",
    footer = {
      "",
      "Examples:",
      "  sluice transaction list --group shop",
      "  sluice transaction list --state expired",
      "  sluice transaction show 7F00000100002A9F00000000000001C8",
      "  sluice transaction commit 7F00000100002A9F00000000000001C8",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 4 the server refused."
    })
final class TransactionCommand {

  private final Administration administration;

  TransactionCommand(CommandContext context) {
    administration = new Administration(context);
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "Lists transactions: open ones with the oldest first, others the newest.")
  int list(
      @Option(names = "--group", paramLabel = "GROUP", description = "Of this producer group only.")
          String group,
      @Option(
              names = "--state",
              paramLabel = "STATE",
              description = "open (the default), committed, rolled-back or expired.")
          String state,
      @Option(names = "--limit", paramLabel = "N", description = "At most so many, up to 1000.")
          Integer limit,
      @Mixin ServerOptions options) {
    StringBuilder path = new StringBuilder("/v1/transactions");
    add(path, "group", group);
    add(path, "state", state);
    add(path, "limit", limit);
    return administration.list(
        options,
        path.toString(),
        "transactions",
        "transactionId",
        "group",
        "topic",
        "state",
        "begunAt",
        "checks");
  }

  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description = "Shows one transaction with its message.")
  int show(
      @Parameters(paramLabel = "ID", description = "Its id.") String id,
      @Mixin ServerOptions options) {
    return administration.show(options, path(id));
  }

  @Command(
      name = "commit",
      mixinStandardHelpOptions = true,
      description = "Lets the message of an open transaction be seen.")
  int commit(
      @Parameters(paramLabel = "ID", description = "Its id.") String id,
      @Mixin ServerOptions options) {
    return end(id, "commit", options);
  }

  @Command(
      name = "rollback",
      mixinStandardHelpOptions = true,
      description = "Drops the message of an open transaction.")
  int rollback(
      @Parameters(paramLabel = "ID", description = "Its id.") String id,
      @Mixin ServerOptions options) {
    return end(id, "rollback", options);
  }

  private int end(String id, String outcome, ServerOptions options) {
    return administration.post(options, path(id), new JsonObject().put("outcome", outcome));
  }

  private static String path(String id) {
    return ServerClient.path("/v1/transactions/", id);
  }

  private static void add(StringBuilder path, String name, Object value) {
    if (value != null) {
      path.append(path.indexOf("?") < 0 ? '?' : '&')
          .append(name)
          .append('=')
          .append(URLEncoder.encode(value.toString(), StandardCharsets.UTF_8));
    }
  }
}
