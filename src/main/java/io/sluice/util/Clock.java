package io.sluice.util;

/** The time, passed in wherever it is needed so that tests can move it by hand. */
public interface Clock {

  /** Wall-clock time in milliseconds since the epoch. May jump when the machine's clock is set. */
  long nowMs();

  /** A steady time in nanoseconds with an arbitrary origin: only differences mean anything. */
  long nowNs();

  /** The machine's own clock. Safe for any thread. */
  static Clock system() {
    return SystemClock.INSTANCE;
  }

  /** The machine's clock. */
  enum SystemClock implements Clock {
    /** The only one. */
    INSTANCE;

    @Override
    public long nowMs() {
      return System.currentTimeMillis();
    }

    @Override
    public long nowNs() {
      return System.nanoTime();
    }
  }
}
