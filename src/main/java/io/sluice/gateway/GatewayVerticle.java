package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One event loop of a {@link Gateway}: opens the shared port and a timer, and closes in reverse.
 */
final class GatewayVerticle extends VerticleBase {

  /** Body bytes come in pieces of this size: an NDJSON stream makes one request of each. */
  private static final int CHUNK_BYTES = 64 << 10;

  /** Streams a client may have open on one HTTP/2 connection: long polls and sends in flight. */
  private static final int HTTP2_STREAMS = 1_000;

  /** What a client may send on one HTTP/2 stream before it is read: a chunk each way and some. */
  private static final int HTTP2_WINDOW_BYTES = 1 << 20;

  private final Gateway gateway;
  private Loop loop;
  private Connections connections;
  private Sockets sockets;
  private EventStreams streams;
  private HttpServer server;
  private long timer = -1;

  GatewayVerticle(Gateway gateway) {
    this.gateway = gateway;
  }

  @Override
  public Future<?> start() {
    GatewayOptions options = gateway.options();
    loop = new Loop(vertx, context, gateway);
    connections = new Connections(loop);
    streams = new EventStreams(loop);
    sockets = new Sockets(loop);
    Front front = new Front(loop, connections, streams, sockets);
    long periodMs = periodMs(options);
    timer =
        vertx.setPeriodic(
            periodMs,
            ignored -> {
              long nowMs = loop.clock.nowMs();
              connections.tick(nowMs);
              streams.tick(nowMs);
              sockets.tick(nowMs);
              gateway.latencyFigures().tick();
            });
    server =
        LimitedServer.create(vertx, serverOptions(options), connections::admit)
            .connectionHandler(connections::opened)
            .requestHandler(front::handle)
            .invalidRequestHandler(front::handleInvalid)
            .exceptionHandler(ignored -> {});
    return server
        .listen(gateway.listenPort(), options.host())
        .onSuccess(opened -> gateway.actualPort(opened.actualPort()));
  }

  @Override
  public Future<?> stop() {
    gateway.drain();
    loop.requests.close(
        new SluiceException(
            ErrorCode.SHUTTING_DOWN,
            "the server is stopping; the request is stored, a reply will not be heard"));
    loop.appends.end();
    streams.endAll();
    return sockets
        .drain()
        .eventually(
            () -> {
              connections.endUnheard();
              return server.shutdown(
                  gateway.options().drainTimeout().toMillis(), TimeUnit.MILLISECONDS);
            })
        .onComplete(ignored -> vertx.cancelTimer(timer));
  }

  static HttpServerOptions serverOptions(GatewayOptions options) {
    HttpServerOptions server = new HttpServerOptions();
    server
        .setMaxHeaderSize(options.maxHeaderBytes())
        .setMaxInitialLineLength(options.maxRequestLineBytes())
        .setMaxChunkSize(CHUNK_BYTES)
        .setInitialSettings(
            new Http2Settings()
                .setMaxConcurrentStreams(HTTP2_STREAMS)
                .setInitialWindowSize(HTTP2_WINDOW_BYTES)
                .setMaxHeaderListSize(options.maxHeaderBytes()))
        .setMaxWebSocketFrameSize(options.maxFrameBytes())
        .setMaxWebSocketMessageSize(options.maxFrameBytes())
        .setWebSocketSubProtocols(List.of(Sockets.JSON, Sockets.BINARY))
        .setPerMessageWebSocketCompressionSupported(false)
        .setPerFrameWebSocketCompressionSupported(false)
        .setRegisterWebSocketWriteHandlers(false)
        .setWebSocketClosingTimeout(5)
        // Everything runs on the verticle's own loop, so no write needs a queue between threads.
        .setStrictThreadMode(true)
        // A connection's first answer is written within this time, or it never said a whole
        // request.
        .setWriteIdleTimeout((int) options.firstRequestTimeout().toMillis())
        .setIdleTimeoutUnit(TimeUnit.MILLISECONDS)
        .setTcpNoDelay(true)
        .setTcpFastOpen(false)
        .setReuseAddress(true)
        .setAcceptBacklog(1024);
    return server;
  }

  /**
   * A quarter of the shortest timeout, but not busier than 40 times and not lazier than once a
   * second.
   */
  private static long periodMs(GatewayOptions options) {
    long shortest = Long.MAX_VALUE;
    for (Duration timeout :
        List.of(
            options.idleTimeout(),
            options.pingInterval(),
            options.socketTimeout(),
            options.commentInterval(),
            options.stallTimeout())) {
      shortest = Math.min(shortest, timeout.toMillis());
    }
    return Math.max(25, Math.min(1_000, shortest / 4));
  }
}
