package io.sluice.app;

import io.sluice.app.load.Bench;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * Starts a server as {@code standalone} does, takes a message in and out of it, and ends: run once
 * with {@code -XX:ArchiveClassesAtExit}, so that the JVM knows which classes a start needs.
 */
@Command(name = "train", hidden = true, description = "Loads what a start needs, and ends.")
final class TrainCommand implements Callable<Integer> {

  private final CommandContext context;

  TrainCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException {
    Path directory = Files.createTempDirectory("sluice-train");
    try {
      ServerCommand server =
          new ServerCommand("standalone", context.out(), context.err(), context.environment());
      String[] flags = {
        "--data",
        directory.resolve("data").toString(),
        "--json",
        "--host",
        "127.0.0.1",
        "--http-port",
        "0",
        "--nameserver-port",
        "0",
        "--broker-port",
        "0"
      };
      return server.serveFor(flags, TrainCommand::use).number();
    } finally {
      Bench.deleteAll(directory);
    }
  }

  private static void use(Sluice sluice) {
    URI uri = URI.create("http://127.0.0.1:" + sluice.httpPort());
    try (ServerClient client = new ServerClient(uri, null)) {
      client.call(HttpMethod.POST, "/v1/topics/train/messages", Map.of(), Buffer.buffer("train"));
      client.call(
          HttpMethod.POST, "/v1/groups/train/topics/train/receive", Map.of(), Buffer.buffer());
    }
  }
}
