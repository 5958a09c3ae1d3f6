package io.sluice.gateway;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.util.Clock;
import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the HTTP connections of a gateway from the moment they are taken, also those that have
 * said nothing yet, and knows which are too many. WebSockets have a bound of their own and are not
 * counted here. Safe for any thread.
 */
final class ConnectionLimit {

  /** On a channel that is one too many. */
  private static final AttributeKey<Boolean> OVER =
      AttributeKey.valueOf(ConnectionLimit.class, "over");

  private static final System.Logger LOG = System.getLogger(ConnectionLimit.class.getName());

  private static final long LOG_MS = 60_000;

  private final int most;
  private final int mostWithRefused;
  private final AtomicInteger sockets;
  private final GatewayCounters counters;
  private final Clock clock;
  private final AtomicInteger channels = new AtomicInteger();
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong nextLogMs = new AtomicLong();

  /**
   * A limit.
   *
   * @param sockets how many of the channels are WebSockets
   */
  ConnectionLimit(int most, AtomicInteger sockets, GatewayCounters counters, Clock clock) {
    this.most = most;
    this.sockets = sockets;
    this.counters = counters;
    this.clock = clock;
    // So many more are kept until they have heard why they are refused.
    mostWithRefused = most + Math.max(8, most / 16);
  }

  /** HTTP connections open now. */
  int open() {
    return Math.max(0, channels.get() - sockets.get());
  }

  /**
   * A channel has opened.
   *
   * @return false if it has to be closed without a word
   */
  boolean admit(Channel channel) {
    channels.incrementAndGet();
    channel.closeFuture().addListener(closed -> channels.decrementAndGet());
    int now = open();
    if (now <= most) {
      return true;
    }
    channel.attr(OVER).set(true);
    counters.connectionsRefused.increment();
    refused.incrementAndGet();
    maybeLog();
    return now <= mostWithRefused;
  }

  /** Whether a channel is kept only to be told that it is one too many. */
  static boolean isOver(Channel channel) {
    return channel.hasAttr(OVER);
  }

  /** What it is told. */
  SluiceException refusal() {
    return new SluiceException(
        ErrorCode.TOO_MANY_CONNECTIONS,
        "there are "
            + most
            + " HTTP connections open, which is the most (http.max-connections, or the heap);"
            + " connect to another gateway, or keep fewer open");
  }

  private void maybeLog() {
    long nowMs = clock.nowMs();
    long dueMs = nextLogMs.get();
    if (nowMs >= dueMs && nextLogMs.compareAndSet(dueMs, nowMs + LOG_MS)) {
      LOG.log(
          Level.WARNING,
          "{0} HTTP connections are open, which is the most (http.max-connections, or the heap);"
              + " {1} more were refused since the last time this was said",
          most,
          refused.getAndSet(0));
    }
  }
}
