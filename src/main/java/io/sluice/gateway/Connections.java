package io.sluice.gateway;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http2.Http2Error;
import io.sluice.message.MessageLayout;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.impl.HttpServerConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The HTTP connections of one event loop, and when each last did something. One timer looks at all
 * of them, so a connection costs no timer of its own. Owned by the event loop.
 */
final class Connections {

  /** With more bytes written and not taken, the next request of a connection waits. */
  private static final int MAX_UNWRITTEN_BYTES = 1 << 20;

  /** Bytes of a refused body are read and dropped for this time, so that the answer arrives. */
  private static final long LINGER_MS = 2_000;

  /** Refused requests of one HTTP/2 connection whose bodies may still come. */
  private static final int MAX_REFUSED = 100;

  private final Loop loop;
  private final Map<HttpConnection, Tracked> all = new IdentityHashMap<>();

  /** Channels that have not said a whole request yet; some of them may be closed. */
  private final Set<Channel> unheard = Collections.newSetFromMap(new IdentityHashMap<>());

  private boolean ending;

  Connections(Loop loop) {
    this.loop = loop;
  }

  /** Something that waits for the client and gives up at some time. */
  interface Expirable {

    /** Since when nothing came from the client, or -1 if it is not the client we wait for. */
    long idleSinceMs();

    /** Answers that it took too long. */
    void expire();
  }

  /**
   * A channel has opened.
   *
   * @return false if it has to be closed without a word
   */
  boolean admit(Channel channel) {
    if (ending || !loop.gateway.connections().admit(channel)) {
      return false;
    }
    unheard.add(channel);
    return true;
  }

  /**
   * Closes what has not said a request, from now on at once. The server's own stop tells the
   * others, which close when they have their answer; of these it does not know, and would wait for
   * them.
   */
  void endUnheard() {
    ending = true;
    unheard.forEach(Channel::close);
    unheard.clear();
  }

  /** A connection has said its first request. */
  void opened(HttpConnection connection) {
    Tracked tracked = new Tracked(connection);
    unheard.remove(tracked.channel);
    all.put(connection, tracked);
    // From here on this class watches; Vert.x' own handler costs a timer for each connection.
    ChannelPipeline pipeline = tracked.channel.pipeline();
    if (pipeline.get("idle") != null) {
      pipeline.remove("idle");
    }
    connection.closeHandler(ignored -> all.remove(connection));
  }

  Tracked of(HttpConnection connection) {
    Tracked tracked = all.get(connection);
    if (tracked == null) {
      opened(connection);
      tracked = all.get(connection);
    }
    return tracked;
  }

  /** A connection has become a WebSocket, which is watched elsewhere. */
  void upgraded(HttpConnection connection) {
    all.remove(connection);
  }

  /** Closes what has been silent for too long. Called by the verticle's timer. */
  void tick(long nowMs) {
    for (Tracked tracked : List.copyOf(all.values())) {
      tracked.tick(nowMs);
    }
    unheard.removeIf(channel -> !channel.isOpen());
  }

  int count() {
    return all.size();
  }

  /** One connection. */
  final class Tracked {

    private final HttpConnection connection;
    private final ChannelHandlerContext handler;
    private final Channel channel;
    private final List<Expirable> readers = new ArrayList<>(1);
    private byte[] bornHost;
    private long lastMs;
    private int open;
    private final Deque<Refused> refused = new ArrayDeque<>(0);
    private long closeAtMs = Long.MAX_VALUE;
    private final StallWatch stall = new StallWatch();

    Tracked(HttpConnection connection) {
      this.connection = connection;
      handler = ((HttpServerConnection) connection).channelHandlerContext();
      channel = handler.channel();
      lastMs = loop.clock.nowMs();
    }

    /** Bytes came or went. */
    void touch() {
      lastMs = loop.clock.nowMs();
    }

    /** A request waits for its answer, which may take longer than the idle timeout. */
    void begin() {
      open++;
    }

    /** It was answered. */
    void end() {
      open--;
      touch();
    }

    /** Whether the client has to take answers before its next request is looked at. */
    boolean isFull() {
      return pendingBytes(channel) >= MAX_UNWRITTEN_BYTES;
    }

    /** Whether there is one connection too many with it. */
    boolean isOver() {
      return ConnectionLimit.isOver(channel);
    }

    /** Ends the connection a little later, so that the answer arrives; called before the answer. */
    void endSoon(HttpServerRequest request) {
      if (request.version() != HttpVersion.HTTP_2) {
        request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
      }
      closeAtMs = Math.min(closeAtMs, loop.clock.nowMs() + LINGER_MS);
    }

    /** Does something once all that was written is taken; never, if the connection ends before. */
    void whenWritten(Runnable then) {
      handler
          .writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(
              written -> {
                if (written.isSuccess()) {
                  loop.run(then);
                }
              });
    }

    void reading(Expirable reader) {
      readers.add(reader);
    }

    void read(Expirable reader) {
      readers.remove(reader);
    }

    /**
     * Closes at once. Vert.x' own close waits until everything is written, which is never where the
     * client does not read; from its handler's place in the pipeline a close goes past it.
     */
    void abort() {
      handler.close();
    }

    /** Breaks one answer off: with its connection, or on HTTP/2 its stream alone. */
    void abort(HttpServerRequest request) {
      if (request.version() == HttpVersion.HTTP_2) {
        request.response().reset(Http2Error.CANCEL.code());
      } else {
        abort();
      }
    }

    /**
     * Ends what a refused request came on a little later, so that its answer arrives although more
     * of the body comes: its connection, or on HTTP/2 its stream alone. Called before the answer;
     * the caller drops what comes.
     */
    void linger(HttpServerRequest request) {
      if (request.version() != HttpVersion.HTTP_2) {
        endSoon(request);
        return;
      }
      if (refused.size() >= MAX_REFUSED) {
        refused.poll().end();
      }
      refused.add(new Refused(request, loop.clock.nowMs() + LINGER_MS));
    }

    /** The client's address as a record keeps it. */
    byte[] bornHost() {
      if (bornHost == null) {
        bornHost = hostBytes(channel);
      }
      return bornHost;
    }

    private void tick(long nowMs) {
      if (nowMs >= closeAtMs) {
        abort();
        return;
      }
      while (!refused.isEmpty() && nowMs >= refused.peek().endAtMs) {
        refused.poll().end();
      }
      long idleMs = loop.options.idleTimeout().toMillis();
      if (stall.stalledMs(channel, nowMs) > loop.options.stallTimeout().toMillis()) {
        loop.counters.timedOut.increment();
        abort();
        return;
      }
      for (Expirable reader : List.copyOf(readers)) {
        long sinceMs = reader.idleSinceMs();
        if (sinceMs >= 0 && nowMs - sinceMs > idleMs) {
          loop.counters.timedOut.increment();
          reader.expire();
        }
      }
      boolean busy = open > 0 || !readers.isEmpty() || pendingBytes(channel) > 0;
      if (!busy && nowMs - lastMs > idleMs) {
        connection.close();
      }
    }
  }

  /** A request on HTTP/2 that was answered before its body had come. */
  private record Refused(HttpServerRequest request, long endAtMs) {

    /** RFC 9113, 8.1: asks the client to stop sending, where it has not. */
    void end() {
      if (!request.isEnded()) {
        request.response().reset(Http2Error.NO_ERROR.code());
      }
    }
  }

  /** Bytes given to a channel and not taken by the kernel yet. */
  static long pendingBytes(Channel channel) {
    ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
    return buffer == null ? 0 : buffer.totalPendingWriteBytes();
  }

  private static byte[] hostBytes(InetAddress ip, int port) {
    byte[] host = ip == null ? new byte[4] : ip.getAddress();
    return ByteBuffer.allocate(host.length + 4).put(host).putInt(port).array();
  }

  /** The client's address in the log's form: 8 bytes for IPv4, 20 for IPv6. */
  static byte[] hostBytes(Channel channel) {
    return channel.remoteAddress() instanceof InetSocketAddress inet
        ? hostBytes(inet.getAddress(), inet.getPort())
        : new byte[MessageLayout.HOST_V4_BYTES];
  }
}
