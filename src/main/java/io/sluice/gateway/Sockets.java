package io.sluice.gateway;

import io.netty.channel.ChannelHandlerContext;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.internal.http.WebSocketInternal;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The WebSockets of one event loop: opened, watched by one timer, and told to go. Owned by it. */
final class Sockets {

  /** Text frames; the default. */
  static final String JSON = "sluice.v1.json";

  /** Binary frames: length, header, raw body. */
  static final String BINARY = "sluice.v1.bin";

  private static final int MAX_OPEN_SECONDS = 10;

  private final Loop loop;
  private final Set<Socket> open = new LinkedHashSet<>();
  private Promise<Void> drained;

  Sockets(Loop loop) {
    this.loop = loop;
  }

  /** Makes a WebSocket of a request, or answers why not. */
  void open(HttpServerRequest request, Connections connections, Connections.Tracked connection) {
    SluiceHeaders.readPlain(request.headers());
    if (loop.gateway.draining()) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; connect to another gateway");
    }
    if (request.version() != HttpVersion.HTTP_1_1
        || !request.headers().contains(HttpHeaders.UPGRADE, HttpHeaders.WEBSOCKET, true)) {
      throw new SluiceException(
          ErrorCode.MALFORMED_REQUEST,
          "this path speaks WebSocket over HTTP/1.1; ask for an upgrade, with "
              + JSON
              + " or "
              + BINARY
              + " as the subprotocol");
    }
    // A browser cannot send headers: it says who it is in a frame.
    boolean says = loop.access.isOpen() || request.headers().contains(HttpHeaders.AUTHORIZATION);
    Caller caller = says ? loop.access.of(request, loop.clock.nowMs()) : null;
    SubscribeFields oneLine =
        SubscribeFields.fromQuery(Query.read(request.query(), List.of(SubscribeFields.PARAMETERS)));
    if (loop.gateway.sockets().incrementAndGet() > loop.options.maxSockets()) {
      loop.gateway.sockets().decrementAndGet();
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are "
              + loop.options.maxSockets()
              + " sockets open, which is the most (websocket.max-sockets, or the heap); connect to"
              + " another gateway");
    }
    request
        .toWebSocket()
        .onComplete(
            upgraded -> {
              if (upgraded.succeeded()) {
                connections.upgraded(request.connection());
                opened(upgraded.result(), connection.bornHost(), caller, oneLine);
              } else {
                // Vert.x has answered why.
                loop.gateway.sockets().decrementAndGet();
              }
            });
  }

  /** Looks after every socket. */
  void tick(long nowMs) {
    for (Socket socket : new ArrayList<>(open)) {
      socket.tick(nowMs);
    }
    loop.checkbacks.tick(nowMs);
  }

  /** Tells every socket to go, and closes those that are still there after a while. */
  Future<Void> drain() {
    drained = Promise.promise();
    if (open.isEmpty()) {
      drained.complete();
      return drained.future();
    }
    long timeoutMs = loop.options.drainTimeout().toMillis();
    new ArrayList<>(open).forEach(socket -> socket.drain(timeoutMs));
    long timer =
        loop.vertx.setTimer(
            timeoutMs,
            ignored ->
                new ArrayList<>(open)
                    .forEach(
                        socket ->
                            socket.close(
                                SocketClose.DRAINING, "the server is stopping; connect again")));
    // A client that does not answer the close frame is not waited for.
    long last =
        loop.vertx.setTimer(timeoutMs + MAX_OPEN_SECONDS * 100L, ignored -> drained.tryComplete());
    return drained
        .future()
        .onComplete(
            ignored -> {
              loop.vertx.cancelTimer(timer);
              loop.vertx.cancelTimer(last);
            });
  }

  private void opened(
      ServerWebSocket webSocket, byte[] bornHost, Caller caller, SubscribeFields oneLine) {
    loop.counters.socketsOpened.increment();
    ChannelHandlerContext channel = ((WebSocketInternal) webSocket).channelHandlerContext();
    channel
        .pipeline()
        .addBefore(channel.name(), "frameErrors", new FrameErrors(loop.options.maxFrameBytes()));
    DirectWrites.apply(channel);
    // Read already; they would stay as long as the socket does, about 1 KB.
    webSocket.headers().clear();
    boolean binary = BINARY.equals(webSocket.subProtocol());
    Socket socket = new Socket(loop, webSocket, channel, binary, bornHost, this::closed);
    open.add(socket);
    socket.open(caller, oneLine);
  }

  private void closed(Socket socket) {
    if (open.remove(socket)) {
      loop.gateway.sockets().decrementAndGet();
      if (drained != null && open.isEmpty()) {
        drained.tryComplete();
      }
    }
  }
}
