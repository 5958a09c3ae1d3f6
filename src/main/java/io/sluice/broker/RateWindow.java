package io.sluice.broker;

import io.sluice.bus.OperatorRequest.Rate;

/**
 * The last samples of a count that only rises, taken at even intervals; gives how much it rose over
 * all of them. For one thread.
 */
final class RateWindow {

  private final long[] samples;
  private final long intervalMs;
  private long taken;

  /**
   * A window without samples.
   *
   * @param intervals how many intervals it spans
   */
  RateWindow(int intervals, long intervalMs) {
    samples = new long[intervals + 1];
    this.intervalMs = intervalMs;
  }

  /** Takes the count as it is now. */
  void sample(long count) {
    samples[(int) (taken++ % samples.length)] = count;
  }

  /** What came since the oldest sample. */
  Rate rate() {
    return rate(samples.length - 1);
  }

  /** What came in the last so many intervals, or as many as there are. */
  Rate rate(int lastIntervals) {
    int intervals = (int) Math.min(Math.min(taken, samples.length) - 1, lastIntervals);
    if (intervals < 1) {
      return Rate.NONE;
    }
    long count = at(taken - 1) - at(taken - 1 - intervals);
    return new Rate(count, count * 1_000.0 / (intervals * intervalMs));
  }

  private long at(long sample) {
    return samples[(int) (sample % samples.length)];
  }
}
