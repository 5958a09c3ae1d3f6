package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;

/**
 * Drains a topic that was filled beforehand over one binary WebSocket, as fast as the server
 * pushes. Measured from the first message after the warm-up to the last. Runs on one event loop.
 */
final class PushLoad {

  private final Endpoint server;
  private final long total;
  private final long skipped;
  private final Promise<Figures> result = Promise.promise();
  private final String name;
  // A field, since Vert.x closes the connections of a client that is no longer reachable.
  private NetClient client;
  private long seen;
  private long startNs;
  private long cpuNs;

  /**
   * @param total messages in the topic
   * @param skipped of those, how many are not measured
   */
  PushLoad(String name, Endpoint server, long total, long skipped) {
    this.name = name;
    this.server = server;
    this.total = total;
    this.skipped = skipped;
  }

  /**
   * Subscribes and drains.
   *
   * @param batch messages that may stand in one frame; 1 for one each
   */
  Future<Figures> run(Vertx vertx, String topic, String group, int batch) {
    client = vertx.createNetClient();
    WebSocketConnection.connect(client, server, "/v1/ws", "sluice.v1.bin", this::onMessage)
        .onFailure(result::fail)
        .onSuccess(
            socket -> {
              socket.onClose(() -> result.tryFail("closed after " + seen + " of " + total));
              socket.frame(WebSocketFrames.binary(subscribe(topic, group, batch), new byte[0]));
              result.future().onComplete(done -> socket.close());
            });
    return result.future();
  }

  private static String subscribe(String topic, String group, int batch) {
    return "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\""
        + topic
        + "\",\"group\":\""
        + group
        + "\",\"from\":\"earliest\",\"ack\":\"auto\",\"credit\":10000,\"creditBytes\":16777216"
        + (batch > 1 ? ",\"batch\":" + batch : "")
        + "}";
  }

  private void onMessage(int opcode, byte[] bytes, int from, int to) {
    if (opcode == WebSocketFrames.CLOSE) {
      result.tryFail("the server closed the socket after " + seen + " of " + total);
      return;
    }
    if (Bytes.contains(bytes, from, Math.min(to, from + 64), "\"error\"")) {
      result.tryFail(new String(bytes, from + 4, to - from - 4));
      return;
    }
    long before = seen;
    seen += Bytes.messages(bytes, from, to);
    if (before < skipped && seen >= skipped) {
      startNs = System.nanoTime();
      cpuNs = ProcessFigures.cpuNs(server.pid());
    }
    if (before < total && seen >= total) {
      long elapsedNs = System.nanoTime() - startNs;
      long usedNs = cpuNs < 0 ? -1 : ProcessFigures.cpuNs(server.pid()) - cpuNs;
      result.tryComplete(
          new Figures(name, total - skipped, elapsedNs, usedNs, null, seen - total, ""));
    }
  }
}
