package io.sluice.metrics;

/** A number that only rises. Any thread may call. */
public interface Counter {

  /** Counts nothing. */
  Counter NONE = new Counter() {};

  /**
   * Adds to the counter.
   *
   * @param amount how much, 0 or more
   */
  default void add(long amount) {}

  /** Adds one. */
  default void increment() {
    add(1);
  }
}
