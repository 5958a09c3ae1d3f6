package io.sluice.metrics;

import java.util.function.LongSupplier;

/**
 * Where a component registers what it counts. The methods do nothing by default, so a component
 * that is not measured pays nothing. Names follow Prometheus: {@code sluice_..._total} for
 * counters, the unit last.
 */
public interface Metrics {

  /** Keeps nothing. */
  Metrics NONE = new Metrics() {};

  /**
   * A counter; the same one for the same name and labels.
   *
   * @param name the metric's name, ending in {@code _total}
   * @param help a sentence for people
   * @param labels names and values in turn; may be empty
   */
  default Counter counter(String name, String help, String... labels) {
    return Counter.NONE;
  }

  /**
   * A value that is asked for when it is read; a later registration replaces an earlier one.
   *
   * @param value called by any thread; must not block
   * @param labels names and values in turn; may be empty
   */
  default void gauge(String name, String help, LongSupplier value, String... labels) {}

  /** Takes a gauge away, such as that of a component that was stopped. */
  default void removeGauge(String name, String... labels) {}
}
