package io.sluice.controller;

import io.sluice.util.Clock;

/**
 * A master's right to ack, as the master sees it: it ends a lease after the <i>sending</i> of the
 * renewal that was granted last.
 *
 * <p>Both clocks of the machine must agree that it holds: the steady one may stand still while the
 * machine is suspended, the wall clock may be set back.
 *
 * <p>One thread grants; any may ask.
 */
final class Lease {

  private final Clock clock;
  private volatile End end = new End(0, Long.MIN_VALUE, Long.MIN_VALUE);

  /** Of one epoch. */
  private record End(long epoch, long ns, long ms) {}

  /** The moment at which a renewal was sent. */
  record Sent(long ns, long ms) {}

  Lease(Clock clock) {
    this.clock = clock;
  }

  /** To be taken just before a renewal is sent. */
  Sent now() {
    return new Sent(clock.nowNs(), clock.nowMs());
  }

  /** The renewal that was sent then is granted. */
  void granted(long epoch, Sent sent, long leaseMs) {
    long ns = sent.ns() + leaseMs * 1_000_000;
    if (end.epoch != epoch || ns - end.ns > 0) {
      end = new End(epoch, ns, sent.ms() + leaseMs);
    }
  }

  /** It is over, whatever was granted. */
  void drop() {
    end = new End(0, Long.MIN_VALUE, Long.MIN_VALUE);
  }

  /** How long it holds yet for a master of this epoch, by the steady clock; 0 if it does not. */
  long leftMs(long epoch) {
    End now = end;
    return holds(epoch) ? (now.ns - clock.nowNs()) / 1_000_000 : 0;
  }

  /** Whether it holds now, for a master of this epoch. */
  boolean holds(long epoch) {
    End now = end;
    return now.epoch == epoch && epoch != 0 && clock.nowNs() - now.ns < 0 && clock.nowMs() < now.ms;
  }
}
