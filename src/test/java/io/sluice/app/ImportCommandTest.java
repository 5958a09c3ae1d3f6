package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command that takes over a store of RocketMQ, and what points to it. */
class ImportCommandTest {

  private static final Path STORE = Path.of("src", "test", "resources", "rocketmq-store");

  @TempDir Path directory;

  @Test
  void shouldSayHowAtACommandLineThatPointsToAStoreOfRocketMq() throws Exception {
    Path store = directory.resolve("store");
    copy(STORE, store);
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        new Cli(System.out, new PrintStream(err, true, StandardCharsets.UTF_8), Map.of())
            .run(
                "standalone",
                "--data",
                store.toString(),
                "--http-port=0",
                "--broker-port=0",
                "--nameserver-port=0",
                "--log-level=error");
    assertEquals(ExitCode.USAGE.number(), code);
    assertTrue(err.toString(StandardCharsets.UTF_8).contains("sluice import " + store));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Path data = directory.resolve("data");
    code =
        new Cli(new PrintStream(out, true, StandardCharsets.UTF_8), System.err, Map.of())
            .run("import", store.toString(), "--data", data.toString());
    assertEquals(ExitCode.OK.number(), code);
    assertTrue(out.toString(StandardCharsets.UTF_8).contains("6 delayed messages"));
    ByteArrayOutputStream again = new ByteArrayOutputStream();
    code =
        new Cli(System.out, new PrintStream(again, true, StandardCharsets.UTF_8), Map.of())
            .run("import", store.toString(), "--data", data.toString());
    assertEquals(ExitCode.FAILED.number(), code);
    assertTrue(again.toString(StandardCharsets.UTF_8).contains("is not empty"));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
