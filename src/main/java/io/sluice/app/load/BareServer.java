package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;

/**
 * The least a Vert.x server can do with a send: read the body and answer 201. What Sluice's sends
 * are compared with, in the same run.
 */
public final class BareServer {

  private static final String ANSWER = "{\"messageId\":\"00000000000000000000000000000000\"}";

  private BareServer() {}

  /** Starts it on any free port; it lives as long as its process. */
  public static Future<HttpServer> start() {
    Vertx vertx =
        Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(1));
    HttpServer server =
        vertx.createHttpServer(new HttpServerOptions().setPort(0).setHost("127.0.0.1"));
    server.requestHandler(
        request ->
            request
                .body()
                .onSuccess(
                    body ->
                        request
                            .response()
                            .setStatusCode(201)
                            .putHeader("content-type", "application/json")
                            .end(ANSWER)));
    // As a verticle, since Vert.x closes a server that is no longer reachable.
    return vertx.deployVerticle(context -> server.listen()).map(server);
  }
}
