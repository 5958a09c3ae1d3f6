package io.sluice.app.load;

import java.util.concurrent.locks.LockSupport;

/**
 * Calls at a steady rate. A call that is late is made at once and those behind it as well, so
 * nothing that a slow server holds up is left out; latency counts from the time a call was meant
 * for ("coordinated omission" is thereby corrected). One thread.
 */
final class Pace {

  /** What is done at each beat. */
  interface Beat {
    /**
     * One call.
     *
     * @param index from 0
     */
    void at(long index) throws java.io.IOException;
  }

  private final long startNs;
  private final double intervalNs;

  /** A pace that begins at a time of {@link System#nanoTime}. */
  Pace(long startNs, double perSecond) {
    this.startNs = startNs;
    this.intervalNs = 1e9 / perSecond;
  }

  /** When the call with this index is meant for. */
  long intendedNs(long index) {
    return startNs + (long) (index * intervalNs);
  }

  /** Calls so many times. */
  void run(long count, Beat beat) throws java.io.IOException {
    for (long index = 0; index < count; index++) {
      long dueNs = intendedNs(index);
      for (long now = System.nanoTime(); now < dueNs; now = System.nanoTime()) {
        LockSupport.parkNanos(dueNs - now);
      }
      beat.at(index);
    }
  }
}
