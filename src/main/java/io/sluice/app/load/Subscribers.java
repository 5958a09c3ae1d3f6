package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * Many subscribers of one topic, each in a group of its own: what a message costs that everybody
 * gets, and what a subscriber costs that gets nothing. Runs on one event loop.
 */
final class Subscribers {

  private static final long HIGHEST_NS = 60_000_000_000L;

  /** Connections opened at a time: more would only wait in the server's backlog. */
  private static final int AT_A_TIME = 100;

  private final Endpoint server;
  private final NetClient client;
  private final String topic;
  private final List<WebSocketConnection> sockets = new ArrayList<>();
  private final Histogram latency = new Histogram(HIGHEST_NS, 3);
  private Pace pace;
  private long received;
  private long closed;

  Subscribers(Vertx vertx, Endpoint server, String topic) {
    this.server = server;
    this.topic = topic;
    this.client = vertx.createNetClient();
  }

  /** Opens so many more subscribers. */
  Future<Void> open(int count) {
    if (count <= 0) {
      return Future.succeededFuture();
    }
    int now = Math.min(AT_A_TIME, count);
    List<Future<Void>> opened = new ArrayList<>();
    for (int i = 0; i < now; i++) {
      opened.add(openOne(sockets.size() + i));
    }
    return Future.all(opened).compose(done -> open(count - now));
  }

  private Future<Void> openOne(int number) {
    Promise<Void> subscribed = Promise.promise();
    String path = "/v1/ws?topic=" + topic + "&group=bench-" + number + "&ack=auto&from=latest";
    WebSocketConnection.connect(
            client,
            server,
            path,
            "sluice.v1.bin",
            (opcode, bytes, from, to) -> onMessage(subscribed, bytes, from, to))
        .onFailure(subscribed::tryFail)
        .onSuccess(
            socket -> {
              sockets.add(socket);
              socket.onClose(
                  () -> {
                    closed++;
                    subscribed.tryFail("the server closed subscriber " + number);
                  });
            });
    return subscribed.future();
  }

  private void onMessage(Promise<Void> subscribed, byte[] bytes, int from, int to) {
    int messages = Bytes.messages(bytes, from, to);
    if (messages > 0 && pace != null) {
      received += messages;
      long index = Payload.number(bytes, Payload.bodyOf(bytes, from));
      latency.recordValue(
          Math.min(Math.max(0, System.nanoTime() - pace.intendedNs(index)), HIGHEST_NS));
    } else if (!subscribed.future().isComplete()
        && Bytes.contains(bytes, from, to, "\"subscribed\"")) {
      subscribed.tryComplete();
    }
  }

  /** From now on messages are measured against this pace. */
  void measure(Pace pace) {
    this.pace = pace;
  }

  Histogram latency() {
    return latency;
  }

  long received() {
    return received;
  }

  long closed() {
    return closed;
  }

  Future<Void> close() {
    return Future.join(sockets.stream().map(WebSocketConnection::close).toList()).mapEmpty();
  }
}
