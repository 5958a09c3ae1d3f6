package io.sluice.metrics;

import io.sluice.util.Clock;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;
import org.HdrHistogram.Recorder;

/**
 * The latencies of each stage, by intervals. Recording is wait-free and allocates nothing. Reading
 * shows the last whole interval and the one that runs now, so that two readers never take each
 * other's figures away and a reader never sees an empty interval just because it came early.
 *
 * <p>Any thread may record; reading takes a lock that recording does not know.
 */
public final class Latencies implements LatencyRecorder {

  /** Default length of an interval: short enough to see a change, long enough for a p99.9. */
  public static final long DEFAULT_INTERVAL_MS = 30_000;

  /** One minute: what takes longer is counted as that. */
  static final long HIGHEST_NS = 60_000_000_000L;

  /** 2 digits: errors under 1 %, and 30 KB a histogram instead of 250 KB with 3. */
  private static final int DIGITS = 2;

  private static final double NS_PER_MS = 1_000_000.0;
  private static final Stage[] STAGES = Stage.values();

  private final Clock clock;
  private final long intervalMs;
  private final Recorder[] recorders = new Recorder[STAGES.length];

  // Guarded by this.
  private final Histogram[] whole = new Histogram[STAGES.length];
  private final Histogram[] running = new Histogram[STAGES.length];
  private final Histogram[] spare = new Histogram[STAGES.length];
  private final long[] totalCounts = new long[STAGES.length];
  private final double[] totalSumsNs = new double[STAGES.length];
  private long wholeStartMs;
  private long runningStartMs;

  /** Latencies with the default interval. */
  public Latencies(Clock clock) {
    this(clock, DEFAULT_INTERVAL_MS);
  }

  /**
   * Latencies.
   *
   * @param intervalMs length of an interval in milliseconds, 1 or more
   */
  public Latencies(Clock clock, long intervalMs) {
    if (intervalMs < 1) {
      throw new IllegalArgumentException(
          "intervalMs: found " + intervalMs + ", allowed is 1 or more");
    }
    this.clock = clock;
    this.intervalMs = intervalMs;
    for (int i = 0; i < STAGES.length; i++) {
      recorders[i] = new Recorder(1, HIGHEST_NS, DIGITS);
      whole[i] = new Histogram(1, HIGHEST_NS, DIGITS);
      running[i] = new Histogram(1, HIGHEST_NS, DIGITS);
    }
    wholeStartMs = clock.nowMs();
    runningStartMs = wholeStartMs;
  }

  @Override
  public void record(Stage stage, long durationNs) {
    recorders[stage.ordinal()].recordValue(clamp(durationNs));
  }

  @Override
  public void record(Stage stage, long durationNs, int count) {
    if (count > 0) {
      recorders[stage.ordinal()].recordValueWithCount(clamp(durationNs), count);
    }
  }

  /**
   * The figures of one stage over the last whole interval and the running one. Durations in
   * nanoseconds, 0 where nothing was recorded.
   *
   * @param fromMs start of the time covered, ms since the epoch
   */
  public record Figures(
      Stage stage,
      long fromMs,
      long toMs,
      long count,
      double meanNs,
      long p50Ns,
      long p90Ns,
      long p99Ns,
      long p999Ns,
      long maxNs) {}

  /** Closes the running interval if its time is over; to be called now and then, as by a timer. */
  public synchronized void tick() {
    collect();
  }

  /** How long an interval lasts, in milliseconds. */
  public long intervalMs() {
    return intervalMs;
  }

  /** The figures of every stage, in the order of the stages. */
  public synchronized List<Figures> figures() {
    long nowMs = collect();
    List<Figures> figures = new ArrayList<>(STAGES.length);
    for (Stage stage : STAGES) {
      Histogram both = whole[stage.ordinal()].copy();
      both.add(running[stage.ordinal()]);
      boolean empty = both.getTotalCount() == 0;
      figures.add(
          new Figures(
              stage,
              wholeStartMs,
              nowMs,
              both.getTotalCount(),
              empty ? 0 : both.getMean(),
              both.getValueAtPercentile(50),
              both.getValueAtPercentile(90),
              both.getValueAtPercentile(99),
              both.getValueAtPercentile(99.9),
              both.getMaxValue()));
    }
    return figures;
  }

  /**
   * The last whole interval and the running one in HdrHistogram's log format 1.3: a line for each
   * stage and interval, the stage as tag, values in milliseconds.
   */
  public synchronized String log() {
    long nowMs = collect();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(bytes, false, StandardCharsets.UTF_8);
    HistogramLogWriter writer = new HistogramLogWriter(stream);
    writer.outputLogFormatVersion();
    writer.outputStartTime(wholeStartMs);
    writer.setBaseTime(wholeStartMs);
    writer.outputLegend();
    for (int i = 0; i < STAGES.length; i++) {
      if (runningStartMs > wholeStartMs) {
        outputInterval(writer, STAGES[i], whole[i], wholeStartMs, runningStartMs);
      }
      outputInterval(writer, STAGES[i], running[i], runningStartMs, nowMs);
    }
    stream.flush();
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** Writes a Prometheus summary: quantiles of the time covered, count and sum since the start. */
  public synchronized void writePrometheus(StringBuilder out) {
    List<Figures> figures = figures();
    String name = "sluice_latency_seconds";
    MetricRegistry.writeHead(
        out, name, "Time that each stage of a message's way takes.", "summary");
    for (Figures f : figures) {
      String stage = name(f.stage());
      quantile(out, name, stage, "0.5", f.p50Ns());
      quantile(out, name, stage, "0.9", f.p90Ns());
      quantile(out, name, stage, "0.99", f.p99Ns());
      quantile(out, name, stage, "0.999", f.p999Ns());
      int i = f.stage().ordinal();
      String label = MetricRegistry.labelText("stage", stage);
      double sumNs = totalSumsNs[i] + sumNs(running[i]);
      long count = totalCounts[i] + running[i].getTotalCount();
      out.append(name).append("_sum").append(label).append(' ').append(sumNs / 1e9).append('\n');
      out.append(name).append("_count").append(label).append(' ').append(count).append('\n');
    }
  }

  /** A stage's name as it is shown: lower case, such as {@code end_to_end}. */
  public static String name(Stage stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }

  /** Brings in what was recorded since, and closes the interval if its time is over. */
  private long collect() {
    long nowMs = clock.nowMs();
    for (int i = 0; i < STAGES.length; i++) {
      spare[i] = recorders[i].getIntervalHistogram(spare[i]);
      running[i].add(spare[i]);
    }
    if (nowMs - runningStartMs >= intervalMs) {
      for (int i = 0; i < STAGES.length; i++) {
        totalCounts[i] += running[i].getTotalCount();
        totalSumsNs[i] += sumNs(running[i]);
        Histogram oldest = whole[i];
        whole[i] = running[i];
        oldest.reset();
        running[i] = oldest;
      }
      wholeStartMs = runningStartMs;
      runningStartMs = nowMs;
    }
    return nowMs;
  }

  private static double sumNs(Histogram histogram) {
    return histogram.getTotalCount() == 0 ? 0 : histogram.getMean() * histogram.getTotalCount();
  }

  private static void outputInterval(
      HistogramLogWriter writer, Stage stage, Histogram histogram, long startMs, long endMs) {
    histogram.setTag(name(stage));
    writer.outputIntervalHistogram((startMs) / 1000.0, endMs / 1000.0, histogram, NS_PER_MS);
  }

  private static void quantile(
      StringBuilder out, String name, String stage, String quantile, long valueNs) {
    out.append(name)
        .append(MetricRegistry.labelText("stage", stage, "quantile", quantile))
        .append(' ')
        .append(valueNs / 1e9)
        .append('\n');
  }

  private static long clamp(long durationNs) {
    return Math.max(0, Math.min(durationNs, HIGHEST_NS));
  }
}
