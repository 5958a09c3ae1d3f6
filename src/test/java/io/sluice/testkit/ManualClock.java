package io.sluice.testkit;

import io.sluice.util.Clock;
import java.util.concurrent.TimeUnit;

/** A clock that stands still until a test moves it. */
public final class ManualClock implements Clock {

  private volatile long nowMs;

  public ManualClock(long nowMs) {
    this.nowMs = nowMs;
  }

  @Override
  public long nowMs() {
    return nowMs;
  }

  @Override
  public long nowNs() {
    return TimeUnit.MILLISECONDS.toNanos(nowMs);
  }

  /** Moves the clock on. */
  public void advanceMs(long ms) {
    nowMs += ms;
  }
}
