package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * Sends one request again and again on some connections, each with so many in flight: as much as
 * the server takes. Says nothing of latency at a given rate; for that see {@link Pace}. Runs on one
 * event loop, which owns everything in here.
 */
final class ClosedLoop {

  private static final long HIGHEST_NS = 60_000_000_000L;

  private final Vertx vertx;
  // A field, since Vert.x closes the connections of a client that is no longer reachable.
  private final NetClient client;
  private final Endpoint server;
  private final byte[] request;
  private final int okStatus;
  private final int messagesARequest;
  private final Histogram latency = new Histogram(HIGHEST_NS, 3);
  private long answered;
  private long failed;
  private Runnable onFirstAnswer = () -> {};
  private String firstFailure = "";
  private long remaining = Long.MAX_VALUE;
  private int active;
  private Promise<Void> drained;

  /**
   * @param request bytes of one request
   * @param okStatus what a good answer has
   * @param messagesARequest how many messages a request carries
   */
  ClosedLoop(Vertx vertx, Endpoint server, byte[] request, int okStatus, int messagesARequest) {
    this.vertx = vertx;
    this.client = vertx.createNetClient();
    this.server = server;
    this.request = request;
    this.okStatus = okStatus;
    this.messagesARequest = messagesARequest;
  }

  /** Runs for a time, of which the first part is not measured. */
  Future<Figures> run(String name, int connections, int inFlight, long warmupMs, long measureMs) {
    Promise<Figures> result = Promise.promise();
    // The warm-up begins with the first answer: connecting and the first classes are before it.
    onFirstAnswer = () -> vertx.setTimer(warmupMs, warm -> measure(name, measureMs, result));
    onLoop(connections, inFlight, result::fail);
    return result.future();
  }

  /** Sends so many requests and waits for their answers. */
  Future<Long> send(long requests, int connections, int inFlight) {
    remaining = requests;
    drained = Promise.promise();
    onLoop(connections, inFlight, drained::fail);
    return drained
        .future()
        .map(
            ignored -> {
              if (failed > 0) {
                throw new IllegalStateException(
                    failed + " of " + requests + " requests failed: " + firstFailure);
              }
              return answered;
            });
  }

  private void measure(String name, long measureMs, Promise<Figures> result) {
    latency.reset();
    answered = 0;
    failed = 0;
    long cpuNs = ProcessFigures.cpuNs(server.pid());
    long startNs = System.nanoTime();
    vertx.setTimer(measureMs, done -> finish(name, startNs, cpuNs, result));
  }

  private void finish(String name, long startNs, long cpuNs, Promise<Figures> result) {
    long elapsedNs = System.nanoTime() - startNs;
    long usedNs = cpuNs < 0 ? -1 : ProcessFigures.cpuNs(server.pid()) - cpuNs;
    Figures figures =
        new Figures(
            name,
            answered * messagesARequest,
            elapsedNs,
            usedNs,
            latency.copy(),
            failed,
            firstFailure);
    remaining = 0;
    drained = Promise.promise();
    // What is in flight is answered before the next scenario begins.
    drained.future().onComplete(ignored -> result.complete(figures));
    if (active == 0) {
      drained.complete();
    }
  }

  private void onLoop(int connections, int inFlight, io.vertx.core.Handler<Throwable> failure) {
    List<Future<HttpConnection>> all = new ArrayList<>();
    for (int i = 0; i < connections; i++) {
      all.add(HttpConnection.connect(client, server));
    }
    Future.all(all)
        .onFailure(failure)
        .onSuccess(
            connected -> {
              for (Future<HttpConnection> connection : all) {
                for (int i = 0; i < inFlight; i++) {
                  new Slot(connection.result()).next();
                }
                connection.result().flush();
              }
            });
  }

  /** One request in flight. */
  private final class Slot implements HttpConnection.Handler {

    private final HttpConnection connection;
    private long startNs;

    Slot(HttpConnection connection) {
      this.connection = connection;
    }

    void next() {
      if (remaining == 0) {
        if (active == 0 && drained != null) {
          drained.tryComplete();
        }
        return;
      }
      remaining--;
      active++;
      startNs = System.nanoTime();
      connection.request(request, this);
    }

    @Override
    public void onAnswer(int status, byte[] bytes, int from, int to) {
      active--;
      onFirstAnswer.run();
      onFirstAnswer = () -> {};
      if (status == okStatus) {
        latency.recordValue(Math.min(System.nanoTime() - startNs, HIGHEST_NS));
        answered++;
      } else {
        failed++;
        firstFailure =
            firstFailure.isEmpty()
                ? status + " " + new String(bytes, from, to - from, StandardCharsets.UTF_8)
                : firstFailure;
      }
      if (status >= 0) {
        next();
      } else if (active == 0 && drained != null) {
        drained.tryComplete();
      }
    }
  }
}
