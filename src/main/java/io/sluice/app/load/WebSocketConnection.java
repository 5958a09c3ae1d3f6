package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;

/**
 * One WebSocket, spoken straight on TCP: what is received is handed on without a copy or an object
 * a message. Owned by the event loop it was connected on.
 */
final class WebSocketConnection {

  private final NetSocket socket;
  private final Inbound inbound = new Inbound();
  private final WebSocketFrames frames;
  private final Promise<WebSocketConnection> upgraded = Promise.promise();
  private final HttpResponses handshake = new HttpResponses(this::answered);
  private boolean open;

  private WebSocketConnection(NetSocket socket, WebSocketFrames.Listener listener) {
    this.socket = socket;
    this.frames =
        new WebSocketFrames(
            (opcode, bytes, from, to) -> {
              if (opcode == WebSocketFrames.PING) {
                pong(bytes, from, to);
              } else {
                listener.onMessage(opcode, bytes, from, to);
              }
            });
    socket.handler(this::received);
    socket.exceptionHandler(failure -> socket.close());
  }

  /**
   * Connects and upgrades. To be called on the event loop that will own it.
   *
   * @param subprotocol {@code sluice.v1.json} or {@code sluice.v1.bin}
   * @param listener hears of every message and of close frames
   */
  static Future<WebSocketConnection> connect(
      NetClient client,
      Endpoint server,
      String path,
      String subprotocol,
      WebSocketFrames.Listener listener) {
    return client
        .connect(server.port(), server.host())
        .compose(
            socket -> {
              WebSocketConnection connection = new WebSocketConnection(socket, listener);
              socket.write(upgrade(server, path, subprotocol));
              return connection.upgraded.future();
            });
  }

  /** The request of RFC 6455, section 4.1. The key need not be random where nobody caches. */
  static String upgrade(Endpoint server, String path, String subprotocol) {
    return "GET "
        + path
        + " HTTP/1.1\r\n"
        + server.headers()
        + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: c2x1aWNlIGxvYWQgdGVzdA==\r\n"
        + "Sec-WebSocket-Protocol: "
        + subprotocol
        + "\r\n\r\n";
  }

  void text(String text) {
    socket.write(Buffer.buffer(WebSocketFrames.text(text)));
  }

  void frame(byte[] frame) {
    socket.write(Buffer.buffer(frame));
  }

  void onClose(Runnable handler) {
    socket.closeHandler(nothing -> handler.run());
  }

  Future<Void> close() {
    return socket.close();
  }

  private void received(Buffer data) {
    int length = data.length();
    data.getBytes(0, length, inbound.room(length), inbound.end());
    inbound.add(length);
    if (!open) {
      handshake.parse(inbound);
    }
    if (open) {
      frames.parse(inbound);
    }
  }

  private void answered(int status, byte[] bytes, int from, int to) {
    if (status == 101) {
      open = true;
      upgraded.complete(this);
    } else {
      upgraded.fail("the server answered the upgrade with " + status);
      socket.close();
    }
  }

  private void pong(byte[] bytes, int from, int to) {
    byte[] payload = java.util.Arrays.copyOfRange(bytes, from, to);
    socket.write(Buffer.buffer(WebSocketFrames.frame(WebSocketFrames.PONG, payload)));
  }
}
