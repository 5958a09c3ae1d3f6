package io.sluice.app.load;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

/** Writes what was measured: histograms in HdrHistogram's two formats, and a picture of all. */
public final class BenchFiles {

  private static final double NS_PER_MS = 1e6;

  private BenchFiles() {}

  /** Writes {@code <scenario>.hgrm}, {@code <scenario>.hlog} and {@code latency.svg}. */
  public static void write(Path directory, List<Figures> all) throws IOException {
    Files.createDirectories(directory);
    for (Figures figures : all) {
      if (figures.latency() != null) {
        String name = figures.name().replaceAll("[^a-z0-9]+", "-");
        percentiles(directory.resolve(name + ".hgrm"), figures.latency());
        log(directory.resolve(name + ".hlog"), figures);
      }
    }
    Files.writeString(directory.resolve("latency.svg"), PercentilePicture.of(all));
  }

  private static void percentiles(Path file, Histogram latency) throws IOException {
    try (PrintStream out =
        new PrintStream(Files.newOutputStream(file), false, StandardCharsets.UTF_8)) {
      latency.outputPercentileDistribution(out, NS_PER_MS);
    }
  }

  private static void log(Path file, Figures figures) throws IOException {
    try (PrintStream out =
        new PrintStream(Files.newOutputStream(file), false, StandardCharsets.UTF_8)) {
      HistogramLogWriter writer = new HistogramLogWriter(out);
      writer.outputLogFormatVersion();
      writer.outputLegend();
      writer.outputIntervalHistogram(0, figures.elapsedNs() / 1e9, figures.latency(), NS_PER_MS);
    }
  }
}
