package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;

/**
 * One HTTP/1.1 connection with requests pipelined on it. Requests are bytes made beforehand; those
 * of one turn of the event loop leave in one write. Owned by the event loop it was connected on.
 */
final class HttpConnection {

  /** Hears what becomes of a request. */
  interface Handler {

    /**
     * The request was answered.
     *
     * @param status of HTTP, or -1 if the connection was lost before
     */
    void onAnswer(int status, byte[] bytes, int from, int to);
  }

  private final NetSocket socket;
  private final Inbound inbound = new Inbound();
  private final ArrayDeque<Handler> waiting = new ArrayDeque<>();
  private final HttpResponses responses =
      new HttpResponses(
          (status, bytes, from, to) -> waiting.poll().onAnswer(status, bytes, from, to));
  private Buffer pending = Buffer.buffer();
  private boolean closed;

  private HttpConnection(NetSocket socket) {
    this.socket = socket;
    socket.handler(this::received);
    socket.exceptionHandler(failure -> socket.close());
    socket.closeHandler(nothing -> lost());
  }

  /** Connects. To be called on the event loop that will own it. */
  static Future<HttpConnection> connect(NetClient client, Endpoint server) {
    return client.connect(server.port(), server.host()).map(HttpConnection::new);
  }

  /** A POST as bytes, ready to be sent again and again. */
  static byte[] post(Endpoint server, String path, String headers, byte[] body) {
    byte[] head =
        ("POST "
                + path
                + " HTTP/1.1\r\n"
                + server.headers()
                + headers
                + "Content-Length: "
                + body.length
                + "\r\n\r\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] request = new byte[head.length + body.length];
    System.arraycopy(head, 0, request, 0, head.length);
    System.arraycopy(body, 0, request, head.length, body.length);
    return request;
  }

  /** Puts a request behind those before it; {@link #flush} lets it go. */
  void request(byte[] request, Handler handler) {
    if (closed) {
      handler.onAnswer(-1, request, 0, 0);
      return;
    }
    waiting.add(handler);
    pending.appendBytes(request);
  }

  void flush() {
    if (pending.length() > 0) {
      socket.write(pending);
      pending = Buffer.buffer(pending.length());
    }
  }

  int inFlight() {
    return waiting.size();
  }

  Future<Void> close() {
    return socket.close();
  }

  private void received(Buffer data) {
    int length = data.length();
    data.getBytes(0, length, inbound.room(length), inbound.end());
    inbound.add(length);
    responses.parse(inbound);
    flush();
  }

  private void lost() {
    closed = true;
    for (Handler handler = waiting.poll(); handler != null; handler = waiting.poll()) {
      handler.onAnswer(-1, inbound.bytes(), 0, 0);
    }
  }
}
