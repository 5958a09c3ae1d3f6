package io.sluice.app;

import io.vertx.core.json.JsonObject;
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
      "  sluice topic put orders --queues 16 --retention 2d",
      "  sluice topic put orders --broker broker-b",
      "  sluice topic show orders --json",
      "  sluice topic delete orders",
      "",
      "Exit codes: 0 done; 2 wrong usage; 3 no server answers; 4 the server refused."
    })
final class TopicCommand {

  private final Administration administration;

  TopicCommand(CommandContext context) {
    administration = new Administration(context);
  }

  @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists all topics.")
  int list(@Mixin ServerOptions options) {
    return administration.list(options, "/v1/topics", "topics", "name", "queues");
  }

  @Command(name = "show", mixinStandardHelpOptions = true, description = "Shows one topic.")
  int show(
      @Parameters(paramLabel = "TOPIC", description = "Its name.") String topic,
      @Mixin ServerOptions options) {
    return administration.show(options, path(topic));
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
              description =
                  "How long messages are kept, such as 2d; at most as long as the Broker does.")
          String retention,
      @Option(
              names = "--duplicate-window",
              paramLabel = "DURATION",
              description = "How long a repeated send is recognised, such as 10m; 0 for not.")
          String duplicateWindow,
      @Option(
              names = "--duplicate-entries",
              paramLabel = "N",
              description = "How many sends are remembered to recognise repeats.")
          Integer duplicateEntries,
      @Option(
              names = "--ttl",
              paramLabel = "DURATION",
              description = "How long a message may wait for a consumer, such as 1h.")
          String ttl,
      @Option(
              names = "--expired-to-dead-letters",
              paramLabel = "true|false",
              description = "Whether expired messages go to the group's dead letters.")
          Boolean expiredToDeadLetters,
      @Option(
              names = "--permission",
              paramLabel = "rw|r|w|none",
              description = "What may be done with it; r keeps sends away.")
          String permission,
      @Option(
              names = "--broker",
              paramLabel = "NAME",
              description = "At this master, whether it has the topic or not; else at all that do.")
          String broker,
      @Mixin ServerOptions options) {
    JsonObject body = new JsonObject();
    Administration.putIfGiven(body, "queues", queues);
    Administration.putIfGiven(body, "duplicateWindow", duplicateWindow);
    Administration.putIfGiven(body, "duplicateEntries", duplicateEntries);
    Administration.putIfGiven(body, "ttl", ttl);
    Administration.putIfGiven(body, "expiredToDeadLetters", expiredToDeadLetters);
    Administration.putIfGiven(body, "retention", retention);
    Administration.putIfGiven(body, "permission", permission);
    return administration.put(options, path(topic, broker), body);
  }

  @Command(
      name = "delete",
      mixinStandardHelpOptions = true,
      description = "Deletes a topic with its messages and every group's position in it.")
  int delete(
      @Parameters(paramLabel = "TOPIC", description = "Its name.") String topic,
      @Option(
              names = "--broker",
              paramLabel = "NAME",
              description = "At this master alone; else at all that have it.")
          String broker,
      @Mixin ServerOptions options) {
    return administration.delete(options, path(topic, broker), topic);
  }

  private static String path(String topic, String broker) {
    return broker == null
        ? path(topic)
        : ServerClient.path("/v1/topics/", topic, "?broker=", broker);
  }

  private static String path(String topic) {
    return ServerClient.path("/v1/topics/", topic);
  }
}
