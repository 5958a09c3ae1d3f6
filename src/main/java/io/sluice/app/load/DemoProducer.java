package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import java.util.BitSet;
import org.HdrHistogram.Histogram;

/**
 * Sends numbered messages over HTTP at a steady rate, each in a request of its own on one kept
 * connection. Owned by the event loop of the demo.
 */
final class DemoProducer {

  private static final long HIGHEST_NS = 60_000_000_000L;
  private static final int BODY_BYTES = 128;

  private final Vertx vertx;
  // A field, since Vert.x closes the connections of a client that is no longer reachable.
  private final NetClient client;
  private final HttpConnection connection;
  private final byte[][] requests;
  private final Histogram latency = new Histogram(HIGHEST_NS, 3);
  private final BitSet acked = new BitSet();
  private long sent;
  private long refused;

  private DemoProducer(
      Vertx vertx, NetClient client, HttpConnection connection, byte[][] requests) {
    this.vertx = vertx;
    this.client = client;
    this.connection = connection;
    this.requests = requests;
  }

  /**
   * Connects.
   *
   * @param keys the messages go to so many ordering keys in turn; 0 for no keys
   */
  static Future<DemoProducer> connect(
      Vertx vertx, Endpoint server, String topic, String ack, int keys) {
    byte[][] requests = new byte[Math.max(1, keys)][];
    for (int key = 0; key < requests.length; key++) {
      String headers =
          "Sluice-Ack: "
              + ack
              + "\r\n"
              + (keys > 0 ? "Sluice-Ordering-Key: key-" + key + "\r\n" : "");
      requests[key] =
          HttpConnection.post(
              server, "/v1/topics/" + topic + "/messages", headers, Payload.of(BODY_BYTES));
    }
    NetClient client = vertx.createNetClient();
    return HttpConnection.connect(client, server)
        .map(connection -> new DemoProducer(vertx, client, connection, requests));
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
          connection.flush();
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
    connection.request(
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
    return connection.close().eventually(client::close);
  }
}
