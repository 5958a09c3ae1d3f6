package io.sluice.app.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.TestServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The three jobs of a message queue, in less time and with fewer messages than the demos take. */
class DemoTest {

  private static final double SCALE = 0.2;

  /** A burst of 2,000/s: no load for any machine, so it is the promises that are tested. */
  private static final double RATES = 0.2;

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource
  void shouldKeepItsPromises(Demo.Job job) throws InterruptedException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (TestServer server =
            TestServer.start(
                directory.resolve("data"),
                options -> {
                  options.store().segmentBytes(8 << 20);
                  return options;
                });
        Demo demo =
            new Demo(
                Endpoint.of(server.uri(), -1),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                SCALE,
                RATES)) {
      List<String> broken = demo.run(job);
      String told = out.toString(StandardCharsets.UTF_8);
      assertEquals(List.of(), broken, told);
      assertTrue(told.contains("█") && told.contains("All promises were kept."), told);
    }
  }
}
