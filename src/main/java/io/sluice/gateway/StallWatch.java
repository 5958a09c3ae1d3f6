package io.sluice.gateway;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;

/**
 * Notices a client that takes nothing of what is written to it. How many bytes wait does not tell:
 * they grow with every further answer. So it looks at the first buffer that waits, and at how much
 * of it has gone. Owned by the event loop.
 */
final class StallWatch {

  /** What waits first; only compared. */
  private Object first;

  private long taken;
  private long pendingBytes;
  private long sinceMs;

  /** For how long nothing was taken, in milliseconds; 0 if nothing waits. */
  long stalledMs(Channel channel, long nowMs) {
    ChannelOutboundBuffer waiting = channel.unsafe().outboundBuffer();
    Object nowFirst = waiting == null ? null : waiting.current();
    long nowTaken = nowFirst == null ? 0 : waiting.currentProgress();
    long nowPendingBytes = nowFirst == null ? 0 : waiting.totalPendingWriteBytes();
    boolean moved = nowFirst != first || nowTaken != taken || nowPendingBytes < pendingBytes;
    first = nowFirst;
    taken = nowTaken;
    pendingBytes = nowPendingBytes;
    if (moved || nowFirst == null) {
      sinceMs = nowMs;
    }
    return nowMs - sinceMs;
  }
}
