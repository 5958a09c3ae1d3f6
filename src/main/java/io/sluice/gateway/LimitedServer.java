package io.sluice.gateway;

import io.netty.channel.Channel;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.impl.HttpServerImpl;
import io.vertx.core.internal.VertxInternal;
import io.vertx.core.internal.VertxWrapper;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.impl.NetServerImpl;
import io.vertx.core.net.impl.NetServerInternal;
import java.util.function.Predicate;

/**
 * Makes HTTP servers that ask before they take a connection. Vert.x tells of a connection with its
 * first request only: those that say nothing, which take more of the heap than those that have,
 * would not be seen.
 */
final class LimitedServer extends VertxWrapper {

  private final Predicate<Channel> admission;

  private LimitedServer(VertxInternal vertx, Predicate<Channel> admission) {
    super(vertx);
    this.admission = admission;
  }

  /**
   * A server.
   *
   * @param admission called on the event loop that the connection will have; what it says no to is
   *     closed
   */
  static HttpServer create(Vertx vertx, HttpServerOptions options, Predicate<Channel> admission) {
    VertxInternal real = (VertxInternal) vertx;
    return new HttpServerImpl(new LimitedServer(real, admission), options);
  }

  @Override
  public NetServerInternal createNetServer(NetServerOptions options) {
    return new NetServerImpl(delegate, options.copy()) {
      @Override
      public synchronized NetServerInternal connectHandler(Handler<NetSocket> handler) {
        return super.connectHandler(socket -> admitted(socket, handler));
      }
    };
  }

  private void admitted(NetSocket socket, Handler<NetSocket> handler) {
    Channel channel = ((NetSocketInternal) socket).channelHandlerContext().channel();
    if (admission.test(channel)) {
      handler.handle(socket);
    } else {
      channel.close();
    }
  }
}
