package io.sluice.app.load;

import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * What one scenario measured.
 *
 * @param name of the scenario
 * @param messages how many went through in the time measured
 * @param elapsedNs the time measured
 * @param serverCpuNs processor time of the server in that time, or -1 if that is not known
 * @param latency of each message or request in nanoseconds, or null if there is none
 * @param failed how many were refused or lost
 * @param note anything that must be known to read the figures, or empty
 */
public record Figures(
    String name,
    long messages,
    long elapsedNs,
    long serverCpuNs,
    Histogram latency,
    long failed,
    String note) {

  /** Messages a second. */
  public double perSecond() {
    return elapsedNs == 0 ? 0 : messages * 1e9 / elapsedNs;
  }

  /** Processor time of the server for a million messages, in seconds; -1 if not known. */
  public double cpuSecondsPerMillion() {
    return serverCpuNs < 0 || messages == 0 ? -1 : serverCpuNs / 1e9 / messages * 1e6;
  }

  /** A percentile of the latency in milliseconds; -1 if there is none. */
  public double latencyMs(double percentile) {
    return latency == null ? -1 : latency.getValueAtPercentile(percentile) / 1e6;
  }

  /** A number for people: three digits that count. */
  public static String readable(double value) {
    if (value < 0) {
      return "-";
    }
    return value >= 100
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, value >= 10 ? "%.1f" : "%.3f", value);
  }
}
