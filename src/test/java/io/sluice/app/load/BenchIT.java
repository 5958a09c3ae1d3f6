package io.sluice.app.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That each scenario of the benchmark works and loses nothing; not how quick it is. */
class BenchIT {

  private static final Bench.Size SMALL =
      new Bench.Size(128, 100, 1_000, 2, 4, 200, 20, 50, 20_000);

  @TempDir Path directory;

  @Test
  void shouldMeasureEveryScenario() throws Exception {
    List<Figures> all = new ArrayList<>();
    try (ServerProcess server = ServerProcess.start(directory.resolve("data"), List.of());
        Bench bench = new Bench(SMALL, text -> {})) {
      for (Bench.Scenario scenario : Bench.Scenario.values()) {
        if (scenario == Bench.Scenario.START) {
          continue;
        }
        Figures figures = bench.run(scenario, server.endpoint());
        assertEquals(scenario.word(), figures.name());
        assertEquals(0, figures.failed(), figures::toString);
        assertTrue(figures.messages() > 0, figures::toString);
        all.add(figures);
      }
    }
    BenchFiles.write(directory.resolve("out"), all);
    String picture = Files.readString(directory.resolve("out/latency.svg"));
    assertTrue(picture.startsWith("<svg") && picture.contains("latency-ws"), picture);
    assertTrue(Files.readString(directory.resolve("out/latency-ws.hgrm")).contains("Percentile"));
    assertTrue(Files.readString(directory.resolve("out/latency-ws.hlog")).contains("HIST"));
  }
}
