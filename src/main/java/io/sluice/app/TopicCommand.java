package io.sluice.app;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks after topics. */
@Command(
    name = "topic",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Lists, shows, makes, changes and deletes topics.",
    footer = {
      "",
      "Examples:",
      "  sluice topic list",
      "  sluice topic put orders --queues 16 --retention 7d",
      "  sluice topic show orders --json",
      "  sluice topic delete orders"
    })
final class TopicCommand {

  private final CommandContext context;

  TopicCommand(CommandContext context) {
    this.context = context;
  }

  @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists all topics.")
  int list(@Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      JsonObject answer = client.get("/v1/topics").json();
      if (options.json) {
        context.json(answer);
        return ExitCode.OK.number();
      }
      Table table = new Table("TOPIC", "QUEUES");
      JsonArray topics = answer.getJsonArray("topics");
      for (int i = 0; i < topics.size(); i++) {
        JsonObject topic = topics.getJsonObject(i);
        table.row(topic.getValue("topic", topic.getValue("name")), topic.getValue("queues"));
      }
      table.print(context.out());
    }
    return ExitCode.OK.number();
  }

  @Command(name = "show", mixinStandardHelpOptions = true, description = "Shows one topic.")
  int show(
      @Parameters(paramLabel = "TOPIC", description = "Its name.") String topic,
      @Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      return answer(client.get(path(topic)).json(), options);
    }
  }

  @Command(
      name = "put",
      mixinStandardHelpOptions = true,
      description = "Makes a topic, or changes what is given.")
  int put(
      @Parameters(paramLabel = "TOPIC", description = "Its name.") String topic,
      @Option(names = "--queues", paramLabel = "N", description = "MessageQueues, 1 to 65536.")
          Integer queues,
      @Option(
              names = "--retention",
              paramLabel = "DURATION",
              description = "How long messages are kept, such as 7d.")
          String retention,
      @Mixin ServerOptions options) {
    JsonObject body = new JsonObject();
    if (queues != null) {
      body.put("queues", queues);
    }
    if (retention != null) {
      body.put("retention", retention);
    }
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      return answer(client.put(path(topic), body).json(), options);
    }
  }

  @Command(
      name = "delete",
      mixinStandardHelpOptions = true,
      description = "Deletes a topic with its messages and every group's position in it.")
  int delete(
      @Parameters(paramLabel = "TOPIC", description = "Its name.") String topic,
      @Mixin ServerOptions options) {
    try (ServerClient client = new ServerClient(context.server(options.server))) {
      client.call(HttpMethod.DELETE, path(topic), Map.of(), null);
    }
    if (options.json) {
      context.json(new JsonObject().put("deleted", topic));
    } else {
      context.out().println("deleted " + topic);
    }
    return ExitCode.OK.number();
  }

  private int answer(JsonObject answer, ServerOptions options) {
    Answers.print(context, answer, options.json);
    return ExitCode.OK.number();
  }

  private static String path(String topic) {
    return ServerClient.path("/v1/topics/", topic);
  }
}
