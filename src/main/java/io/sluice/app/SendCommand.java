package io.sluice.app;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sends messages: one, or each line of a stream. */
@Command(
    name = "send",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Sends a message, or each line of the input as a message.",
    footer = {
      "",
      "Examples:",
      "  sluice send orders 'hello'",
      "  sluice send orders --tag paid --key 4711 --ack memory '{\"id\":4711}'",
      "  sluice send pictures --content-type image/png --file cat.png",
      "  seq 1 100000 | sluice send numbers --lines",
      "",
      "Exit codes: 0 sent; 2 wrong usage; 3 no server answers; 4 the server refused."
    })
final class SendCommand implements Callable<Integer> {

  /** Lines that go in one request: large enough to be quick, small enough to show progress. */
  private static final int LINES_A_REQUEST = 1_000;

  private final CommandContext context;

  @Parameters(index = "0", paramLabel = "TOPIC", description = "Topic to send to.")
  private String topic;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "BODY",
      description = "The message as text; without it, and for -, standard input is the message.")
  private String body;

  @Option(names = "--file", paramLabel = "FILE", description = "The message is this file.")
  private Path file;

  @Option(names = "--lines", description = "Each line of standard input or the file is a message.")
  private boolean lines;

  @Option(names = "--tag", paramLabel = "TAG", description = "Tag, for filters.")
  private String tag;

  @Option(names = "--key", paramLabel = "KEY", description = "Key to find it by; may repeat.")
  private List<String> keys = List.of();

  @Option(
      names = "--ordering-key",
      paramLabel = "KEY",
      description = "Messages of one ordering key stay in order.")
  private String orderingKey;

  @Option(
      names = "--property",
      paramLabel = "NAME=VALUE",
      description = "A property of your own; may repeat.")
  private Map<String, String> properties = Map.of();

  @Option(names = "--content-type", paramLabel = "TYPE", description = "Kept with the message.")
  private String contentType;

  @Option(names = "--delay", paramLabel = "DURATION", description = "Deliver later, such as 30s.")
  private String delay;

  @Option(
      names = "--ttl",
      paramLabel = "DURATION",
      description = "How long it may wait for a consumer, such as 5m.")
  private String ttl;

  @Option(
      names = "--transaction",
      paramLabel = "GROUP",
      description = "Nobody sees it until it is committed; who can say so is this producer group.")
  private String transaction;

  @Option(
      names = "--idempotency-key",
      paramLabel = "KEY",
      description = "A repeated send with the same key stores nothing; not with --lines.")
  private String idempotencyKey;

  @Option(
      names = "--ack",
      paramLabel = "LEVEL",
      description = "memory, disk or replicated: what must have happened. Default: the server's.")
  private String ack;

  @Mixin private ServerOptions options;

  SendCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException {
    try (ServerClient client = context.client(options);
        InputStream input = input()) {
      if (lines && idempotencyKey != null) {
        throw new CommandFailure(
            ExitCode.USAGE,
            "--idempotency-key is for one message; with --lines each would repeat the first");
      }
      if (lines) {
        sendLines(client, input);
      } else {
        sendOne(client, Buffer.buffer(input.readAllBytes()));
      }
    }
    return ExitCode.OK.number();
  }

  private InputStream input() throws IOException {
    if (file != null) {
      return Files.newInputStream(file);
    }
    return body == null || body.equals("-")
        ? System.in
        : new java.io.ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8));
  }

  private void sendOne(ServerClient client, Buffer message) {
    Map<String, Object> headers = new LinkedHashMap<>();
    headers.put("Content-Type", contentType == null ? "text/plain" : contentType);
    headers.put("Sluice-Tag", tag);
    headers.put("Sluice-Key", keys);
    headers.put("Sluice-Ordering-Key", orderingKey);
    headers.put("Sluice-Delay", delay);
    headers.put("Sluice-Ttl", ttl);
    headers.put("Sluice-Transaction", transaction);
    headers.put("Idempotency-Key", idempotencyKey);
    headers.put("Sluice-Ack", ack);
    properties.forEach((name, value) -> headers.put("Sluice-Property-" + name, value));
    JsonObject sent = client.call(HttpMethod.POST, path(), headers, message).json();
    if (options.json) {
      context.json(sent);
    } else {
      context
          .out()
          .printf(
              "sent %s to %s, %s (%s%s)%n",
              sent.getString("messageId"),
              topic,
              place(sent),
              sent.getString("ack"),
              sent.getBoolean("duplicate") ? ", a duplicate: it was there before" : "");
    }
  }

  private static String place(JsonObject sent) {
    if (sent.containsKey("transactionId")) {
      return "to be committed";
    }
    return sent.containsKey("deliverAt")
        ? "to be delivered at " + Instant.ofEpochMilli(sent.getLong("deliverAt"))
        : "queue " + sent.getValue("queueId") + " offset " + sent.getValue("queueOffset");
  }

  private void sendLines(ServerClient client, InputStream input) throws IOException {
    Progress progress = new Progress(context.err());
    BufferedReader reader =
        new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8));
    Buffer batch = Buffer.buffer();
    int inBatch = 0;
    long sent = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      batch.appendBuffer(item(line).toBuffer()).appendString("\n");
      if (++inBatch == LINES_A_REQUEST) {
        sent += sendBatch(client, batch, sent);
        batch = Buffer.buffer();
        inBatch = 0;
        long count = sent;
        progress.show(() -> "sent " + count + " messages");
      }
    }
    if (inBatch > 0) {
      sent += sendBatch(client, batch, sent);
    }
    progress.clear();
    if (options.json) {
      context.json(new JsonObject().put("sent", sent).put("topic", topic));
    } else {
      context.out().println("sent " + sent + " messages to " + topic);
    }
  }

  private JsonObject item(String line) {
    JsonObject item = new JsonObject().put("body", line);
    Administration.putIfGiven(item, "tag", tag);
    Administration.putIfGiven(item, "keys", keys.isEmpty() ? null : new JsonArray(keys));
    Administration.putIfGiven(item, "orderingKey", orderingKey);
    Administration.putIfGiven(item, "delay", delay);
    Administration.putIfGiven(item, "ttl", ttl);
    Administration.putIfGiven(item, "transaction", transaction);
    Administration.putIfGiven(item, "contentType", contentType);
    if (!properties.isEmpty()) {
      item.put("properties", new JsonObject(new LinkedHashMap<>(properties)));
    }
    return item;
  }

  private long sendBatch(ServerClient client, Buffer batch, long before) {
    Map<String, Object> headers = new LinkedHashMap<>();
    headers.put("Content-Type", "application/x-ndjson");
    headers.put("Sluice-Ack", ack);
    JsonArray results =
        client.call(HttpMethod.POST, path(), headers, batch).json().getJsonArray("results");
    for (int i = 0; i < results.size(); i++) {
      JsonObject error = results.getJsonObject(i).getJsonObject("error");
      if (error != null) {
        throw new CommandFailure(
            ExitCode.REFUSED,
            "line " + (before + i + 1) + " was refused: " + error.getString("detail"));
      }
    }
    return results.size();
  }

  private String path() {
    return ServerClient.path("/v1/topics/", topic, "/messages");
  }
}
