package io.sluice.gateway;

import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.net.impl.VertxConnection;
import io.vertx.core.net.impl.VertxHandler;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;

/**
 * Takes the queue between threads away from a WebSocket's connection.
 *
 * <p>Vert.x 5.0.7 honours strict thread mode for HTTP connections but not for the WebSockets they
 * become: each keeps Netty's MPSC queue with a first chunk of 1024 places, 4.5 KB, which is half of
 * what an idle socket costs here and 45 MB for 10,000 of them. Every write to a socket is made on
 * its own event loop, so Vert.x' own direct variant does. Where its private names are others, as in
 * another version, the queue stays: correct, only larger.
 */
final class DirectWrites {

  private static final Field QUEUE;
  private static final Constructor<?> DIRECT;

  static {
    Field queue = null;
    Constructor<?> direct = null;
    try {
      queue = VertxConnection.class.getDeclaredField("outboundMessageQueue");
      queue.setAccessible(true);
      direct =
          Class.forName(VertxConnection.class.getName() + "$DirectOutboundMessageQueue")
              .getDeclaredConstructor(VertxConnection.class);
      direct.setAccessible(true);
    } catch (ReflectiveOperationException | RuntimeException e) {
      queue = null;
    }
    QUEUE = queue;
    DIRECT = direct;
  }

  private DirectWrites() {}

  /** Applies it to a connection that has just become a WebSocket; on its event loop. */
  static boolean apply(ChannelHandlerContext handler) {
    if (QUEUE == null || !(handler.handler() instanceof VertxHandler<?> vertx)) {
      return false;
    }
    try {
      VertxConnection connection = vertx.getConnection();
      QUEUE.set(connection, DIRECT.newInstance(connection));
      return true;
    } catch (ReflectiveOperationException | RuntimeException e) {
      return false;
    }
  }
}
