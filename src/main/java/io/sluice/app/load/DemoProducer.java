package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;

/**
 * Sends numbered messages over HTTP at a steady rate, each in a request of its own, on some kept
 * connections in turn: HTTP/1.1 answers a connection's requests one after the other, so on a single
 * one each send would wait for the force of the one before. Owned by the event loop of the demo.
 */
final class DemoProducer {

  private static final long HIGHEST_NS = 60_000_000_000L;
  private static final int BODY_BYTES = 128;

  /**
   * Senders that are there at the same time; as many as ordering keys, so that each has its own.
   */
  static final int CONNECTIONS = 64;

  private final Vertx vertx;
  // A field, since Vert.x closes the connections of a client that is no longer reachable.
  private final NetClient client;
  private final List<HttpConnection> connections;
  private final byte[][] requests;
  private final Histogram latency = new Histogram(HIGHEST_NS, 3);
  private final BitSet acked = new BitSet();
  private long sent;
  private long refused;

  private DemoProducer(
      Vertx vertx, NetClient client, List<HttpConnection> connections, byte[][] requests) {
    this.vertx = vertx;
    this.client = client;
    this.connections = connections;
    this.requests = requests;
  }

  /**
   * Connects.
   *
   * @param hasKeys whether message n has the ordering key n modulo the number of connections
   */
  static Future<DemoProducer> connect(
      Vertx vertx, Endpoint server, String topic, String ack, boolean hasKeys) {
    byte[][] requests = new byte[CONNECTIONS][];
    for (int key = 0; key < requests.length; key++) {
      String headers =
          "Sluice-Ack: "
              + ack
              + "\r\n"
              + (hasKeys ? "Sluice-Ordering-Key: key-" + key + "\r\n" : "");
      requests[key] =
          HttpConnection.post(
              server, "/v1/topics/" + topic + "/messages", headers, Payload.of(BODY_BYTES));
    }
    NetClient client = vertx.createNetClient();
    List<Future<HttpConnection>> connecting =
        Stream.generate(() -> HttpConnection.connect(client, server)).limit(CONNECTIONS).toList();
    return Future.all(connecting)
        .map(
            connected ->
                new DemoProducer(
                    vertx, client, connecting.stream().map(Future::result).toList(), requests));
  }

  /** Sends at this rate for so long; completes when the last one has left. */
  Future<Void> run(double perSecond, long durationMs) {
    Promise<Void> done = Promise.promise();
    Pace pace = new Pace(System.nanoTime(), perSecond);
    long base = sent;
    long count = Math.round(perSecond * durationMs / 1000);
    // A timer's tick is a millisecond; what is due by then leaves together.
    vertx.setPeriodic(
        1,
        timer -> {
          while (sent - base < count && pace.intendedNs(sent - base) <= System.nanoTime()) {
            send();
          }
          connections.forEach(HttpConnection::flush);
          if (sent - base == count) {
            vertx.cancelTimer(timer);
            done.complete();
          }
        });
    return done.future();
  }

  private void send() {
    int number = Math.toIntExact(sent++);
    byte[] request = requests[number % requests.length];
    Payload.number(request, request.length - BODY_BYTES, number);
    long startNs = System.nanoTime();
    connections
        .get(number % CONNECTIONS)
        .request(
            request,
            (status, bytes, from, to) -> {
              if (status == 201) {
                latency.recordValue(Math.min(System.nanoTime() - startNs, HIGHEST_NS));
                acked.set(number);
              } else {
                refused++;
              }
            });
  }

  /** Forgets the latencies so far. */
  void resetLatency() {
    latency.reset();
  }

  /** A percentile of the time from a send to its answer, in milliseconds. */
  double latencyMs(double percentile) {
    return latency.getValueAtPercentile(percentile) / 1e6;
  }

  long sent() {
    return sent;
  }

  BitSet acked() {
    return acked;
  }

  long refused() {
    return refused;
  }

  boolean isAllAnswered() {
    return acked.cardinality() + refused == sent;
  }

  Future<Void> close() {
    return client.close();
  }
}
