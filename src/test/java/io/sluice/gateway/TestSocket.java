package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.WebSocket;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A client of the WebSocket protocol for tests: frames come out as objects, in both subprotocols.
 */
final class TestSocket {

  private final WebSocket socket;
  private final boolean binary;
  private final BlockingQueue<JsonObject> frames = new LinkedBlockingQueue<>();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();

  private TestSocket(WebSocket socket, boolean binary) {
    this.socket = socket;
    this.binary = binary;
    socket.textMessageHandler(text -> frames.add(new JsonObject(text)));
    socket.binaryMessageHandler(data -> frames.add(decode(data)));
    socket.exceptionHandler(ignored -> {});
    socket.closeHandler(ignored -> closed.complete(null));
  }

  static TestSocket open(GatewayTestBase test, String uri, boolean binary) throws Exception {
    var options =
        new io.vertx.core.http.WebSocketConnectOptions()
            .setHost("127.0.0.1")
            .setPort(test.port)
            .setURI(uri)
            .addSubProtocol(binary ? "sluice.v1.bin" : "sluice.v1.json");
    CompletableFuture<TestSocket> opened = new CompletableFuture<>();
    test.webSockets
        .connect(options)
        .onSuccess(socket -> opened.complete(new TestSocket(socket, binary)))
        .onFailure(opened::completeExceptionally);
    TestSocket socket = opened.get(10, TimeUnit.SECONDS);
    JsonObject welcome = socket.next("welcome");
    assertNotNull(welcome.getString("session"));
    assertNotNull(welcome.getJsonObject("limits"));
    return socket;
  }

  WebSocket raw() {
    return socket;
  }

  void send(String json) {
    send(json, Buffer.buffer());
  }

  void send(JsonObject json) {
    send(json.encode());
  }

  void send(String json, Buffer body) {
    if (binary) {
      byte[] header = json.getBytes(java.nio.charset.StandardCharsets.UTF_8);
      socket.writeBinaryMessage(
          Buffer.buffer().appendInt(header.length).appendBytes(header).appendBuffer(body));
    } else {
      socket.writeTextMessage(json);
    }
  }

  /** The next frame, whatever it is. */
  JsonObject next() throws Exception {
    JsonObject frame = frames.poll(10, TimeUnit.SECONDS);
    assertNotNull(frame, () -> "no frame came; closed: " + closed.isDone());
    return frame;
  }

  /** The next frame, which has this type. */
  JsonObject next(String type) throws Exception {
    JsonObject frame = next();
    assertEquals(type, frame.getString("type"), frame::encode);
    return frame;
  }

  /** The next frame of this type; others are passed over. */
  JsonObject find(String type) throws Exception {
    while (true) {
      JsonObject frame = next();
      if (frame.getString("type").equals(type)) {
        return frame;
      }
    }
  }

  /** Whether nothing comes for a short while. */
  boolean isQuiet() throws Exception {
    JsonObject frame = frames.poll(150, TimeUnit.MILLISECONDS);
    if (frame != null) {
      frames.add(frame);
    }
    return frame == null;
  }

  int closeCode() throws Exception {
    closed.get(10, TimeUnit.SECONDS);
    return socket.closeStatusCode();
  }

  void close() throws Exception {
    socket.close();
    closed.get(10, TimeUnit.SECONDS);
  }

  /** Header and bodies as one object: the bodies as text under {@code raw}. */
  private static JsonObject decode(Buffer data) {
    int length = data.getInt(0);
    JsonObject header = new JsonObject(data.getString(4, 4 + length));
    int at = 4 + length;
    if (header.getString("type").equals("messages")) {
      JsonArray items = header.getJsonArray("items");
      for (int i = 0; i < items.size(); i++) {
        JsonObject item = items.getJsonObject(i);
        int size = item.getInteger("size");
        item.put("raw", data.getString(at, at + size));
        at += size;
      }
      assertEquals(data.length(), at);
    } else {
      header.put("raw", data.getString(at, data.length()));
    }
    return header;
  }
}
