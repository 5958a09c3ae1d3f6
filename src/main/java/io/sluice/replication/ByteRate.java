package io.sluice.replication;

/**
 * Bytes per second of a stream, over the last whole stretch of a second or more. Whoever counts
 * looks at it each heartbeat too, so that a stream that stands still is told as such. For one
 * thread.
 */
final class ByteRate {

  private static final long STRETCH_MS = 1_000;

  private long sinceMs;
  private long bytes;
  private long perSecond;

  ByteRate(long nowMs) {
    sinceMs = nowMs;
  }

  void add(long count, long nowMs) {
    look(nowMs);
    bytes += count;
  }

  long perSecond(long nowMs) {
    look(nowMs);
    return perSecond;
  }

  /** Ends the stretch if it is over; for a clock that was set back it begins anew. */
  void look(long nowMs) {
    long lastedMs = nowMs - sinceMs;
    if (lastedMs >= STRETCH_MS || lastedMs < 0) {
      perSecond = lastedMs < 0 ? 0 : bytes * 1_000 / lastedMs;
      sinceMs = nowMs;
      bytes = 0;
    }
  }
}
