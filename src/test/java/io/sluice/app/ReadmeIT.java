package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.Servers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Walks the README's five minutes word by word: runs what stands in its blocks and compares what
 * comes out with what it says comes out, ids and numbers aside. Only the port and the data
 * directory are others, so that it disturbs nobody.
 */
class ReadmeIT {

  private static final Pattern BLOCK = Pattern.compile("```(sh|text)\n(.*?)```", Pattern.DOTALL);

  @TempDir Path directory;

  @Test
  void shouldWorkAsTheReadmeSays() throws Exception {
    assumeTrue(System.getProperty("sluice.jar") != null, "the README's scripts run the jar");
    String readme = Files.readString(Path.of("README.md"));
    String tour =
        readme.substring(readme.indexOf("## Five minutes"), readme.indexOf("See it at work"));
    String output = "";
    ServerProcess server = null;
    try {
      Matcher block = BLOCK.matcher(tour);
      while (block.find()) {
        String text = block.group(2);
        if (block.group(1).equals("text")) {
          assertEquals(withoutNumbers(text), withoutNumbers(output), "what the README shows");
        } else if (text.equals("scripts/run\n")) {
          if (server != null) {
            ServerProcess killed = server;
            Await.until("the server is killed", () -> !killed.process().isAlive());
          }
          server = start();
        } else {
          output = shell(text, server);
        }
      }
    } finally {
      if (server != null) {
        server.close();
      }
    }
  }

  private ServerProcess start() throws IOException {
    List<String> command =
        List.of(
            "scripts/run",
            "--json",
            "--host",
            "127.0.0.1",
            "--http-port",
            "0",
            "--data",
            directory.resolve("data").toString(),
            "--nameserver-port",
            "0",
            "--broker-port",
            "0");
    return Servers.run(new ArrayList<>(command), directory.resolve("log"));
  }

  private String shell(String text, ServerProcess server) throws Exception {
    String port = Integer.toString(server.endpoint().port());
    // The tour's kill would find every server of the machine; here it means this one.
    String commands =
        text.replace("8080", port)
            .replace("$(pgrep -f 'sluice[.]jar')", Long.toString(server.process().pid()));
    ProcessBuilder builder =
        new ProcessBuilder("bash", "-euo", "pipefail", "-c", commands)
            .redirectError(directory.resolve("errors").toFile());
    builder.environment().put("SLUICE_SERVER", server.url());
    Process shell = builder.start();
    String output = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(shell.waitFor(60, TimeUnit.SECONDS), commands);
    String errors = Files.readString(directory.resolve("errors"));
    assertEquals(0, shell.exitValue(), () -> commands + output + errors);
    return output;
  }

  /** Ids, offsets and the like differ from run to run. */
  private static String withoutNumbers(String text) {
    return text.replaceAll("[0-9A-F]{32}", "ID").replaceAll("\\d+", "N").trim();
  }
}
