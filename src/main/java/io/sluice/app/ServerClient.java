package io.sluice.app;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * Talks to a server over its HTTP and WebSocket contract, for the commands. Blocks the calling
 * thread; the WebSocket's handlers run on an event loop of its own.
 */
final class ServerClient implements AutoCloseable {

  /** A long poll of 30 s and its way must fit. */
  private static final long ANSWER_SECONDS = 60;

  private static final int CONNECT_MS = 5_000;

  /** So many pings without an answer say that the server is gone. */
  static final int PINGS = 3;

  /** A server that is gone does not answer a close frame either. */
  private static final int CLOSE_SECONDS = 1;

  /** Batches of consumed messages come in frames of up to the server's limit. */
  private static final int MAX_FRAME_BYTES = 16 << 20;

  private final URI server;
  private final String authorization;
  private final Vertx vertx;
  // Fields, since Vert.x closes the connections of a client that is no longer reachable.
  private final HttpClient http;
  private WebSocketClient sockets;

  /**
   * Connects when something is asked for.
   *
   * @param authorization says to the server who asks, as that header; or null
   */
  ServerClient(URI server, String authorization) {
    this.server = server;
    this.authorization = authorization;
    this.vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setWorkerPoolSize(1));
    this.http =
        vertx.createHttpClient(
            new HttpClientOptions()
                .setDefaultHost(server.getHost())
                .setDefaultPort(port())
                .setSsl(isTls())
                .setConnectTimeout(CONNECT_MS));
  }

  /** An answer. */
  record Answer(int status, Buffer body) {

    JsonObject json() {
      return body.length() == 0 ? new JsonObject() : body.toJsonObject();
    }
  }

  /** A path of literal parts and of names that are escaped: {@code path("/v1/topics/", topic)}. */
  static String path(String... parts) {
    StringBuilder path = new StringBuilder();
    for (int i = 0; i < parts.length; i++) {
      path.append(
          i % 2 == 0
              ? parts[i]
              : URLEncoder.encode(parts[i], StandardCharsets.UTF_8).replace("+", "%20"));
    }
    return path.toString();
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws CommandFailure if nobody answers, or the answer is an error
   */
  Answer call(HttpMethod method, String path, Map<String, ?> headers, Buffer body) {
    RequestOptions options = new RequestOptions().setMethod(method).setURI(path);
    if (authorization != null) {
      options.putHeader(HttpHeaders.AUTHORIZATION, authorization);
    }
    headers.forEach(
        (name, value) -> {
          if (value instanceof Iterable<?> many) {
            many.forEach(one -> options.addHeader(name, one.toString()));
          } else if (value != null) {
            options.putHeader(name, value.toString());
          }
        });
    Answer answer =
        await(
            http.request(options)
                .compose(request -> body == null ? request.send() : request.send(body))
                .compose(r -> r.body().map(received -> new Answer(r.statusCode(), received))));
    if (answer.status() >= 400) {
      throw refused(answer);
    }
    return answer;
  }

  Answer get(String path) {
    return call(HttpMethod.GET, path, Map.of(), null);
  }

  Answer put(String path, JsonObject body) {
    return call(HttpMethod.PUT, path, Map.of("Content-Type", "application/json"), body.toBuffer());
  }

  /**
   * Opens a WebSocket; its handlers are to be set in {@code opened}, before anything arrives.
   *
   * @param pingMs how often the server is pinged
   * @param lost called once when the server has answered no ping for {@link #PINGS} of them: it is
   *     gone, although the connection did not end
   */
  WebSocket webSocket(Consumer<WebSocket> opened, long pingMs, Runnable lost) {
    WebSocketClientOptions options =
        new WebSocketClientOptions()
            .setSsl(isTls())
            .setConnectTimeout(CONNECT_MS)
            .setMaxFrameSize(MAX_FRAME_BYTES)
            .setMaxMessageSize(MAX_FRAME_BYTES)
            .setClosingTimeout(CLOSE_SECONDS);
    WebSocketConnectOptions target =
        new WebSocketConnectOptions()
            .setHost(server.getHost())
            .setPort(port())
            .setURI("/v1/ws")
            .setSubProtocols(List.of("sluice.v1.json"));
    if (authorization != null) {
      target.putHeader(HttpHeaders.AUTHORIZATION, authorization);
    }
    sockets = vertx.createWebSocketClient(options);
    return await(
        sockets
            .connect(target)
            .map(
                socket -> {
                  opened.accept(socket);
                  ping(socket, pingMs, lost);
                  return socket;
                }));
  }

  private void ping(WebSocket socket, long pingMs, Runnable lost) {
    int[] unanswered = new int[1];
    socket.pongHandler(ignored -> unanswered[0] = 0);
    vertx.setPeriodic(
        pingMs,
        timer -> {
          if (socket.isClosed()) {
            vertx.cancelTimer(timer);
          } else if (unanswered[0] == PINGS) {
            vertx.cancelTimer(timer);
            lost.run();
          } else {
            unanswered[0]++;
            socket.writePing(Buffer.buffer());
          }
        });
  }

  private <T> T await(Future<T> future) {
    try {
      return future.toCompletionStage().toCompletableFuture().get(ANSWER_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new CommandFailure(
          ExitCode.UNREACHABLE,
          "no server answers at "
              + server
              + " ("
              + e.getCause().getMessage()
              + "); start one with scripts/run or name it with --server");
    } catch (TimeoutException e) {
      throw new CommandFailure(
          ExitCode.TIMED_OUT, server + " did not answer within " + ANSWER_SECONDS + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.TIMED_OUT, "interrupted");
    }
  }

  private static CommandFailure refused(Answer answer) {
    String text;
    try {
      JsonObject problem = answer.json();
      text = problem.getString("code") + ": " + problem.getString("detail");
    } catch (DecodeException | ClassCastException e) {
      text = answer.body().toString();
    }
    return new CommandFailure(ExitCode.REFUSED, "refused (" + answer.status() + ") " + text);
  }

  private boolean isTls() {
    return "https".equals(server.getScheme());
  }

  private int port() {
    return server.getPort() >= 0 ? server.getPort() : isTls() ? 443 : 80;
  }

  /**
   * Whether something listens there. By a connection of its own: a request on a pooled one that the
   * server closes at that moment is answered only by the timeout (Vert.x 5.0.7).
   */
  boolean isListening() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(server.getHost(), port()), CONNECT_MS);
      return true;
    } catch (IOException nobody) {
      return false;
    }
  }

  @Override
  public void close() {
    // Not await(): a worker of another Vert.x may be the one that closes.
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }
}
