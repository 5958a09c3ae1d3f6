package io.sluice.remoting;

import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A listener with its connections: finds the handler of each request and sees to it that every
 * request gets its answer. Several listeners may share one set of handlers. Event loop of its
 * verticle only.
 */
final class RemotingServer {

  private static final System.Logger LOG = System.getLogger(RemotingServer.class.getName());

  private final Vertx vertx;
  private final RemotingOptions options;
  private final HandlerRegistry handlers;
  private final String name;
  private final String frontId;
  private final Consumer<ClientConnection> onClosed;
  private final Map<String, ClientConnection> connections = new HashMap<>();
  private NetServer server;
  private Tls tls;
  private long nextConnection;

  /**
   * A listener that is not open yet.
   *
   * @param name what it is, for the log and for the names of its connections
   * @param frontId names the front in the whole process
   * @param onClosed hears of each connection that is gone
   */
  RemotingServer(
      Vertx vertx,
      RemotingOptions options,
      HandlerRegistry handlers,
      String name,
      String frontId,
      Consumer<ClientConnection> onClosed) {
    this.vertx = vertx;
    this.options = options;
    this.handlers = handlers;
    this.name = name;
    this.frontId = frontId;
    this.onClosed = onClosed;
  }

  /** Opens the listener; the future brings the port it got. */
  Future<Integer> listen(int port) {
    NetServerOptions netOptions =
        new NetServerOptions()
            .setHost(options.getHost())
            .setPort(port)
            .setIdleTimeout(options.getIdleSeconds());
    server = vertx.createNetServer(netOptions).connectHandler(this::connected);
    Future<Tls> loaded =
        options.hasTls()
            ? vertx.executeBlocking(() -> Tls.load(options))
            : Future.succeededFuture();
    return loaded
        .compose(
            tls -> {
              this.tls = tls;
              return server.listen();
            })
        .map(NetServer::actualPort);
  }

  /** The connection with this name, or null if it is gone or another listener's. */
  ClientConnection connection(String holder) {
    return connections.get(holder);
  }

  /** Closes the listener and its connections. */
  Future<Void> close() {
    List.copyOf(connections.values()).forEach(ClientConnection::close);
    return server == null ? Future.succeededFuture() : server.close();
  }

  private void connected(NetSocket socket) {
    if (connections.size() >= options.getMaxConnections()) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: closing the connection of {1}: {2} connections are open, no more are allowed"
              + " (maxConnections)",
          name,
          socket.remoteAddress(),
          connections.size());
      socket.close();
      return;
    }
    if (tls != null) {
      tls.apply((NetSocketInternal) socket);
    }
    String holder = frontId + ":" + name + "-" + nextConnection++;
    ClientConnection connection =
        new ClientConnection(
            vertx, (NetSocketInternal) socket, holder, options.getMaxFrameBytes(), this::dispatch);
    connections.put(holder, connection);
    socket.exceptionHandler(
        failure ->
            LOG.log(
                System.Logger.Level.DEBUG,
                "{0}: connection of {1}: {2}",
                name,
                connection.remoteAddress(),
                failure.toString()));
    socket.closeHandler(
        nothing -> {
          connections.remove(holder);
          connection.closed();
          onClosed.accept(connection);
        });
  }

  private void dispatch(Exchange exchange) {
    int code = exchange.request().code;
    RequestHandler handler = handlers.find(code);
    if (handlers.isEmpty()) {
      exchange.fail(ResponseCode.SYSTEM_BUSY, "the " + name + " is starting");
      return;
    }
    if (handler == null) {
      exchange.fail(
          ResponseCode.NOT_SUPPORTED,
          " request type " + code + " not supported by the " + name + " of Sluice");
      return;
    }
    try {
      handler.handle(exchange);
    } catch (SluiceException | MalformedFrameException refused) {
      exchange.fail(refused);
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, name + ": request code " + code + " failed", e);
      exchange.fail(e);
    }
  }
}
