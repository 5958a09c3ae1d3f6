package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * CloudEvents as a program in JavaScript has them, with the official SDK of npm: {@code
 * cloudevents/client.mjs} sends in every mode and compares what comes back. Needs Node.js, npm and,
 * the first time, npm's registry; without one of them it is skipped and says so.
 */
class CloudEventsNodeIT {

  private static final String SDK = "cloudevents";
  private static final String SDK_VERSION = "10.0.0";
  private static final Path MODULES = Path.of("target", "node-cloudevents");
  private static final long LIMIT_SECONDS = 300;

  /** What npm says when its registry can not be reached; anything else is a failure of the test. */
  private static final Pattern NO_REGISTRY =
      Pattern.compile(
          "code (ENOTFOUND|EAI_AGAIN|ECONN\\w+|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH"
              + "|ERR_SOCKET_TIMEOUT|E401|E403|E407|E5\\d\\d)");

  @TempDir Path directory;

  private record Run(int exitCode, String output) {}

  @Test
  void shouldExchangeEventsWithTheSdkOfNpm() throws Exception {
    assumeRuns("node");
    installSdk();
    try (InputStream script = getClass().getResourceAsStream("/cloudevents/client.mjs")) {
      Files.copy(script, MODULES.resolve("client.mjs"), StandardCopyOption.REPLACE_EXISTING);
    }
    List<String> command = new ArrayList<>(List.of("node"));
    // Before version 22 Node.js has its WebSocket behind this flag.
    String webSocket = "--experimental-websocket";
    if (run(directory, List.of("node", webSocket, "--eval", "0")).exitCode == 0) {
      command.add(webSocket);
    }
    String probe = "console.log(typeof WebSocket)";
    List<String> ask = new ArrayList<>(command);
    ask.addAll(List.of("--eval", probe));
    JsonArray expected = new JsonArray().add("binary").add("structured").add("batch");
    if (run(directory, ask).output.contains("function")) {
      expected.add("socket");
    }
    command.add("client.mjs");
    try (TestServer server = TestServer.start(directory.resolve("data"))) {
      command.add(server.uri().toString());
      Run client = run(MODULES, command);
      assertEquals(0, client.exitCode, client.output);
      String last = client.output.lines().reduce((first, second) -> second).orElse("");
      assertEquals(expected.encode(), last, client.output);
    }
  }

  /** Once for all runs of the build: the SDK stays in the target directory. */
  private void installSdk() throws Exception {
    if (isInstalled()) {
      return;
    }
    assumeRuns("npm");
    Files.createDirectories(MODULES);
    Run npm =
        run(
            MODULES,
            List.of(
                "npm",
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--fetch-retries=1",
                "--prefix",
                ".",
                SDK + "@" + SDK_VERSION));
    if (npm.exitCode != 0 && NO_REGISTRY.matcher(npm.output).find()) {
      abort("npm's registry can not be reached, so the SDK is not there: " + npm.output);
    }
    assertEquals(0, npm.exitCode, npm.output);
  }

  private static boolean isInstalled() throws IOException {
    Path modules = MODULES.resolve("node_modules");
    Path manifest = modules.resolve(SDK).resolve("package.json");
    // npm writes the first of them last.
    return Files.exists(modules.resolve(".package-lock.json"))
        && Files.exists(manifest)
        && new JsonObject(Files.readString(manifest)).getString("version").equals(SDK_VERSION);
  }

  private void assumeRuns(String program) throws Exception {
    try {
      Run run = run(directory, List.of(program, "--version"));
      assumeTrue(run.exitCode == 0, () -> program + " does not run here: " + run.output);
    } catch (IOException e) {
      abort(program + " is not installed: " + e.getMessage());
    }
  }

  /** Both streams go to a file, so that a program that says nothing and hangs is ended too. */
  private Run run(Path where, List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile(directory, "run", ".txt");
    Process process =
        new ProcessBuilder(command)
            .directory(where.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(command + " did not end: " + Files.readString(output));
      }
      return new Run(process.exitValue(), Files.readString(output));
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }
}
