package io.sluice.app;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks after a group's dead letters. */
@Command(
    name = "dead-letters",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Lists, redrives and purges the messages that a group gave up.",
    footer = {
      "",
      "Examples:",
      "  sluice group dead-letters list billing",
      "  sluice group dead-letters redrive billing --rate 100",
      "  sluice group dead-letters redrive billing --sql \"amount > 100\" --max 10",
      "  sluice group dead-letters purge billing --tag test",
      "  sluice group dead-letters status billing",
      "",
      "A redriven message goes to this group alone, with all its attempts.",
      "",
      "Exit codes: 0 done; 1 the job failed or was cancelled; 2 wrong usage; 3 no server answers;",
      "4 the server refused."
    })
final class DeadLettersCommand {

  private static final long ASK_EVERY_MS = 200;

  private final CommandContext context;

  DeadLettersCommand(CommandContext context) {
    this.context = context;
  }

  /** Which letters. */
  static final class Choice {
    @Option(names = "--tag", paramLabel = "TAGS", description = "Only these tags: A || B.")
    private String tag;

    @Option(
        names = "--sql",
        paramLabel = "CONDITION",
        description = "Only letters whose properties fulfil this condition.")
    private String sql;

    private void putInto(JsonObject body) {
      if (tag != null || sql != null) {
        JsonObject filter = new JsonObject();
        Administration.putIfGiven(filter, "tag", tag);
        Administration.putIfGiven(filter, "sql", sql);
        body.put("filter", filter);
      }
    }

    private String query() {
      return (tag == null ? "" : ServerClient.path("&tag=", tag))
          + (sql == null ? "" : ServerClient.path("&sql=", sql));
    }
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "Lists dead letters, the oldest first.")
  int list(
      @Parameters(paramLabel = "GROUP", description = "The group.") String group,
      @Option(
              names = "--max",
              paramLabel = "N",
              defaultValue = "100",
              description = "At most so many (${DEFAULT-VALUE}).")
          int max,
      @Mixin Choice choice,
      @Mixin ServerOptions options) {
    Table table = new Table("DIED AT", "MESSAGE ID", "TOPIC", "ATTEMPTS", "REASON", "LAST ERROR");
    int count = 0;
    try (ServerClient client = client(options)) {
      String after = "";
      while (after != null && count < max) {
        String path = path(group) + "?limit=" + Math.min(1_000, max - count);
        JsonObject page = client.get(path + after + choice.query()).json();
        JsonArray messages = page.getJsonArray("messages");
        for (int i = 0; i < messages.size(); i++) {
          show(messages.getJsonObject(i), table, options.json);
        }
        count += messages.size();
        String next = page.getString("next");
        after = next == null ? null : ServerClient.path("&after=", next);
      }
    }
    if (!options.json) {
      table.print(context.out());
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "redrive",
      mixinStandardHelpOptions = true,
      description = "Hands dead letters to their group again, and waits until it is done.")
  int redrive(
      @Parameters(paramLabel = "GROUP", description = "The group.") String group,
      @Option(names = "--max", paramLabel = "N", description = "At most so many.") Long max,
      @Option(names = "--rate", paramLabel = "N", description = "At most so many in a second.")
          Long rate,
      @Mixin Choice choice,
      @Option(names = "--no-wait", description = "Start it and do not wait.") boolean noWait,
      @Mixin ServerOptions options) {
    JsonObject body = new JsonObject();
    Administration.putIfGiven(body, "max", max);
    Administration.putIfGiven(body, "ratePerSecond", rate);
    choice.putInto(body);
    return run(group, "/redrive", body, noWait, options);
  }

  @Command(
      name = "purge",
      mixinStandardHelpOptions = true,
      description = "Forgets dead letters, and waits until it is done.")
  int purge(
      @Parameters(paramLabel = "GROUP", description = "The group.") String group,
      @Option(names = "--max", paramLabel = "N", description = "At most so many.") Long max,
      @Mixin Choice choice,
      @Option(names = "--no-wait", description = "Start it and do not wait.") boolean noWait,
      @Mixin ServerOptions options) {
    JsonObject body = new JsonObject();
    Administration.putIfGiven(body, "max", max);
    choice.putInto(body);
    return run(group, "/purge", body, noWait, options);
  }

  @Command(
      name = "status",
      mixinStandardHelpOptions = true,
      description = "Shows how many dead letters there are and how far the last job is.")
  int status(
      @Parameters(paramLabel = "GROUP", description = "The group.") String group,
      @Mixin ServerOptions options) {
    try (ServerClient client = client(options)) {
      Answers.print(context, client.get(path(group) + "/job").json(), options.json);
    }
    return ExitCode.OK.number();
  }

  @Command(
      name = "cancel",
      mixinStandardHelpOptions = true,
      description = "Ends the job that runs; what it has done stays done.")
  int cancel(
      @Parameters(paramLabel = "GROUP", description = "The group.") String group,
      @Mixin ServerOptions options) {
    try (ServerClient client = client(options)) {
      JsonObject status =
          client.call(HttpMethod.DELETE, path(group) + "/job", Map.of(), null).json();
      return tell(status, options.json);
    }
  }

  private int run(
      String group, String what, JsonObject body, boolean noWait, ServerOptions options) {
    try (ServerClient client = client(options)) {
      Map<String, String> headers = Map.of("Content-Type", "application/json");
      Buffer bytes = body.toBuffer();
      JsonObject status = client.call(HttpMethod.POST, path(group) + what, headers, bytes).json();
      long id = status.getJsonObject("job").getLong("id");
      Progress progress = new Progress(context.err());
      while (!noWait && isRunning(status, id)) {
        JsonObject job = status.getJsonObject("job");
        progress.show(() -> progressLine(job));
        pause();
        status = client.get(path(group) + "/job").json();
      }
      progress.clear();
      return tell(status, options.json);
    }
  }

  private static boolean isRunning(JsonObject status, long id) {
    JsonObject job = status.getJsonObject("job");
    return job != null && job.getLong("id") == id && job.getString("state").equals("running");
  }

  private static String progressLine(JsonObject job) {
    return job.getString("kind")
        + ": "
        + job.getLong("moved")
        + " done, "
        + job.getLong("passed")
        + " not wanted, "
        + job.getLong("left")
        + " to look at";
  }

  private int tell(JsonObject status, boolean json) {
    JsonObject job = status.getJsonObject("job");
    String state = job == null ? "done" : job.getString("state");
    if (json) {
      context.json(status);
    } else if (job != null) {
      boolean redrive = job.getString("kind").equals("redrive");
      String stuck =
          job.getLong("stuck") == 0
              ? ""
              : ", " + job.getLong("stuck") + " stay as their topic is gone";
      String detail = job.getString("detail") == null ? "" : ": " + job.getString("detail");
      context
          .out()
          .println(
              (redrive ? "redriven " : "purged ")
                  + job.getLong("moved")
                  + stuck
                  + ", "
                  + status.getLong("waiting")
                  + " dead letters left ("
                  + state
                  + detail
                  + ")");
    }
    boolean well = state.equals("done") || state.equals("running");
    return well ? ExitCode.OK.number() : ExitCode.FAILED.number();
  }

  private void show(JsonObject letter, Table table, boolean json) {
    if (json) {
      context.json(letter);
      return;
    }
    table.row(
        Instant.ofEpochMilli(letter.getLong("storedAt")),
        letter.getString("messageId"),
        letter.getJsonObject("origin").getString("topic"),
        letter.getLong("attempts"),
        letter.getString("reason"),
        letter.getString("lastError"));
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(ASK_EVERY_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.TIMED_OUT, "interrupted; the job goes on");
    }
  }

  private ServerClient client(ServerOptions options) {
    return context.client(options);
  }

  private static String path(String group) {
    return ServerClient.path("/v1/groups/", group, "/dead-letters");
  }
}
