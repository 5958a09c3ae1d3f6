package io.sluice.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.util.Clock;
import org.junit.jupiter.api.Test;

class LatenciesTest {

  private long nowMs = 1_000;
  private final Clock clock =
      new Clock() {
        @Override
        public long nowMs() {
          return nowMs;
        }

        @Override
        public long nowNs() {
          return nowMs * 1_000_000;
        }
      };

  @Test
  void shouldShowTheLastWholeIntervalAndTheRunningOne() {
    Latencies latencies = new Latencies(clock, 100);
    latencies.record(Stage.APPEND, 1_000_000, 99);
    latencies.record(Stage.APPEND, 50_000_000);
    assertFigures(latencies, 100, 1_000_000, 50_000_000);
    nowMs += 100;
    latencies.tick();
    latencies.record(Stage.APPEND, -5);
    assertFigures(latencies, 101, 1_000_000, 50_000_000);
    nowMs += 100;
    latencies.tick();
    assertFigures(latencies, 1, 0, 0);
    nowMs += 100;
    latencies.tick();
    nowMs += 100;
    assertFigures(latencies, 0, 0, 0);
    StringBuilder text = new StringBuilder();
    latencies.writePrometheus(text);
    assertTrue(text.toString().contains("sluice_latency_seconds_count{stage=\"append\"} 101\n"));
  }

  @Test
  void shouldWriteMetricsAsPrometheusReadsThem() {
    MetricRegistry registry = new MetricRegistry();
    Counter counter = registry.counter("a_total", "Counts.", "x", "y\"z");
    counter.add(3);
    registry.counter("a_total", "Counts.", "x", "y\"z").increment();
    registry.gauge("b", "A value.", () -> 7);
    registry.gauge("c", "Gone.", () -> 1);
    registry.removeGauge("c");
    StringBuilder text = new StringBuilder();
    registry.writePrometheus(text);
    assertEquals(
        "# HELP a_total Counts.\n# TYPE a_total counter\na_total{x=\"y\\\"z\"} 4\n"
            + "# HELP b A value.\n# TYPE b gauge\nb 7\n",
        text.toString());
  }

  private static void assertFigures(Latencies latencies, long count, long p50Ns, long maxNs) {
    Latencies.Figures figures = latencies.figures().get(Stage.APPEND.ordinal());
    assertEquals(count, figures.count());
    // Two digits: right to one in a hundred.
    assertEquals(p50Ns, figures.p50Ns(), p50Ns / 100.0);
    assertEquals(maxNs, figures.maxNs(), maxNs / 100.0);
  }
}
