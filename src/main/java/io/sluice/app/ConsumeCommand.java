package io.sluice.app;

import io.sluice.util.Durations;
import io.vertx.core.http.WebSocket;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows messages as they are pushed, and acks each one after it was shown. */
@Command(
    name = "consume",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Shows messages as they arrive; each is acked after it was shown.",
    footer = {
      "",
      "Examples:",
      "  sluice consume orders --group billing",
      "  sluice consume orders --group billing --tag 'paid || sent' --max 10",
      "  sluice consume orders --from earliest --until-idle --json   # a reader, without a group",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 4 the server refused;",
      "            6 --wait ran out before --max messages came."
    })
final class ConsumeCommand implements Callable<Integer> {

  /** Messages that may be on their way to a terminal: bounds the memory. */
  private static final int CREDIT = 1_000;

  private final CommandContext context;
  // Frames from the event loop to the thread that prints; bounded by the credit. Null text: closed.
  private final BlockingQueue<JsonObject> frames = new LinkedBlockingQueue<>();

  @Parameters(index = "0", paramLabel = "TOPIC", description = "Topic to read.")
  private String topic;

  @Option(
      names = "--group",
      paramLabel = "GROUP",
      description = "Group to consume as; without one everything is read and nothing is settled.")
  private String group;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description =
          "shared, ordered, broadcast or reader. Default: shared, without a group reader.")
  private String mode;

  @Option(
      names = "--from",
      paramLabel = "WHERE",
      description = "latest, earliest or a time: where a new group or a reader begins.")
  private String from;

  @Option(names = "--tag", paramLabel = "TAGS", description = "Only these tags: 'A || B'.")
  private String tag;

  @Option(
      names = "--sql",
      paramLabel = "CONDITION",
      description = "Only messages whose properties fulfil it: 'price > 10'.")
  private String sql;

  @Option(names = "--max", paramLabel = "N", description = "End after so many messages.")
  private long max = Long.MAX_VALUE;

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      description = "End when nothing came for so long, such as 5s.")
  private String wait;

  @Option(
      names = "--ping",
      paramLabel = "DURATION",
      description =
          "How often the server is asked whether it is there; it ends when three are not answered."
              + " Default: 20s.")
  private String ping = "20s";

  @Option(names = "--until-idle", description = "End when the backlog is drained.")
  private boolean untilIdle;

  @Mixin private ServerOptions options;

  ConsumeCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws Exception {
    long waitMs = wait == null ? Long.MAX_VALUE : Durations.parseMs(wait);
    try (ServerClient client = context.client(options)) {
      WebSocket socket =
          client.webSocket(
              opened -> {
                opened.textMessageHandler(text -> frames.add(new JsonObject(text)));
                opened.closeHandler(closed -> frames.add(new JsonObject().put("type", "closed")));
              },
              Durations.parseMs(ping),
              () -> frames.add(new JsonObject().put("type", "lost")));
      socket.writeTextMessage(subscribe().encode());
      return show(socket, waitMs).number();
    }
  }

  private JsonObject subscribe() {
    JsonObject frame =
        new JsonObject().put("type", "subscribe").put("sub", "s").put("topic", topic);
    if (group != null) {
      frame.put("group", group);
    }
    frame.put("mode", mode != null ? mode : group == null ? "reader" : "shared");
    if (from != null) {
      frame.put("from", from);
    }
    if (tag != null) {
      frame.put("filter", new JsonObject().put("tag", tag));
    }
    if (sql != null) {
      frame.put("filter", new JsonObject().put("sql", sql));
    }
    return frame.put("credit", Math.min(CREDIT, max));
  }

  private ExitCode show(WebSocket socket, long waitMs) throws InterruptedException, IOException {
    long shown = 0;
    long unsettled = 0;
    boolean ending = false;
    while (!ending || unsettled > 0) {
      JsonObject frame = frames.poll(waitMs, TimeUnit.MILLISECONDS);
      if (frame == null) {
        return max == Long.MAX_VALUE ? ExitCode.OK : ExitCode.TIMED_OUT;
      }
      switch (frame.getString("type")) {
        case "message" -> {
          print(frame);
          shown++;
          if (frame.containsKey("receipt")) {
            socket.writeTextMessage(settle(frame).encode());
            unsettled++;
          } else {
            socket.writeTextMessage(credit().encode());
          }
          ending |= shown >= max;
        }
        case "settled" -> unsettled--;
        case "idle" -> ending |= untilIdle;
        case "error", "closed" -> throw refused(socket, frame);
        case "lost" -> throw lost();
        default -> {
          // welcome, subscribed, pong, drain: nothing to do for a command that ends anyway.
        }
      }
    }
    return ExitCode.OK;
  }

  private static JsonObject settle(JsonObject message) {
    String receipt = message.getString("receipt");
    return new JsonObject()
        .put("type", "settle")
        .put("id", receipt)
        .put("ack", new JsonArray().add(receipt));
  }

  private static JsonObject credit() {
    return new JsonObject().put("type", "credit").put("sub", "s").put("messages", 1);
  }

  private void print(JsonObject message) throws IOException {
    if (options.json) {
      message.remove("type");
      message.remove("sub");
      context.json(message);
      return;
    }
    if (message.containsKey("bodyBase64")) {
      context.out().write(Base64.getDecoder().decode(message.getString("bodyBase64")));
    } else {
      Object body =
          message.containsKey("json") ? message.getValue("json") : message.getValue("body");
      String text = body instanceof String s ? s : io.vertx.core.json.Json.encode(body);
      context.out().write(text.getBytes(StandardCharsets.UTF_8));
    }
    context.out().println();
    context.out().flush();
  }

  private CommandFailure lost() {
    return new CommandFailure(
        ExitCode.UNREACHABLE,
        "the server answered no ping for "
            + ServerClient.PINGS
            + " times "
            + ping
            + ", so it is gone or the way to it is; start again, what was not acked comes again");
  }

  private static CommandFailure refused(WebSocket socket, JsonObject frame) {
    if (frame.getString("type").equals("error")) {
      return new CommandFailure(
          ExitCode.REFUSED, frame.getString("code") + ": " + frame.getString("detail"));
    }
    return new CommandFailure(
        ExitCode.UNREACHABLE,
        "the server closed the connection ("
            + socket.closeStatusCode()
            + (socket.closeReason() == null ? "" : " " + socket.closeReason())
            + ")");
  }
}
