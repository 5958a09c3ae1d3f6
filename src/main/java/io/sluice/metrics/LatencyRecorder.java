package io.sluice.metrics;

/**
 * Takes the time each stage took. Any thread may call; an implementation must not lock or allocate.
 */
public interface LatencyRecorder {

  /** Records nothing. */
  LatencyRecorder NONE = new LatencyRecorder() {};

  /**
   * Records one duration.
   *
   * @param stage which stage
   * @param durationNs how long it took in nanoseconds; negative counts as 0
   */
  default void record(Stage stage, long durationNs) {}

  /**
   * Records the same duration for many messages that went together.
   *
   * @param count how many, 0 or more
   */
  default void record(Stage stage, long durationNs, int count) {}
}
