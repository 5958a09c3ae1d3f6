package io.sluice.gateway;

import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.metrics.Latencies;
import io.sluice.metrics.MetricRegistry;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.List;

/** Health, metrics, latencies and the documents. Static; each call is owned by its event loop. */
final class OperateHandlers {

  private static final Buffer OPEN_API = resource("/openapi.json");
  private static final Buffer ASYNC_API = resource("/asyncapi.json");

  private static final String WELCOME =
      """
      Sluice, a message queue.

      send       POST /v1/topics/{topic}/messages
      receive    POST /v1/groups/{group}/topics/{topic}/receive
      push       GET  /v1/ws?topic={topic}&group={group}&ack=auto   (WebSocket)
      stream     GET  /v1/topics/{topic}/stream                     (server-sent events)
      decide     POST /v1/transactions/{transactionId}
      topics     GET  /v1/topics
      groups     GET  /v1/groups
      cluster    GET  /v1/cluster
      latency    GET  /v1/latency
      health     GET  /health/live, /health/ready
      metrics    GET  /metrics
      documents  GET  /openapi.json, /asyncapi.json
      """;

  private OperateHandlers() {}

  /** GET /. */
  static void root(Call call) {
    call.checkPlain();
    Answers.text(call.response, 200, Answers.TEXT, WELCOME);
  }

  /** GET /openapi.json. */
  static void openApi(Call call) {
    call.checkPlain();
    Answers.end(call.response, 200, Answers.JSON, OPEN_API);
  }

  /** GET /asyncapi.json. */
  static void asyncApi(Call call) {
    call.checkPlain();
    Answers.end(call.response, 200, Answers.JSON, ASYNC_API);
  }

  /**
   * GET /health/live: the process runs and its event loop turns. Here and at the next one any query
   * is taken: load balancers add parameters of their own.
   */
  static void live(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    call.json(200, out -> out.raw("{\"status\":\"live\"}"));
  }

  /** GET /health/ready: at least one Broker takes messages, and the process is not stopping. */
  static void ready(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    if (call.loop.gateway.draining()) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; connect to another gateway");
    }
    Future<BrokerInfo> broker =
        call.loop
            .masters()
            .compose(
                masters ->
                    masters.isEmpty()
                        ? Future.failedFuture(
                            new SluiceException(
                                ErrorCode.BROKER_UNAVAILABLE,
                                "no Broker is registered yet; try again soon"))
                        : firstWritable(call, masters, 0));
    call.await(broker, info -> call.json(200, out -> out.raw("{\"status\":\"ready\"}")));
  }

  private static Future<BrokerInfo> firstWritable(Call call, List<String> masters, int index) {
    return call.loop
        .brokers
        .<BrokerInfo>admin(masters.get(index), new GetBroker())
        .compose(
            info ->
                info.writable()
                    ? Future.succeededFuture(info)
                    : Future.failedFuture(
                        new SluiceException(
                            ErrorCode.BROKER_UNAVAILABLE,
                            "the Broker "
                                + info.brokerName()
                                + " takes no messages: "
                                + info.reason())))
        .recover(
            failure ->
                index + 1 < masters.size()
                    ? firstWritable(call, masters, index + 1)
                    : Future.failedFuture(failure));
  }

  /** GET /metrics. */
  static void metrics(Call call) {
    call.checkPlain();
    StringBuilder out = new StringBuilder(8192);
    call.loop.gateway.metrics().writePrometheus(out);
    call.loop.gateway.latencyFigures().writePrometheus(out);
    Answers.text(call.response, 200, MetricRegistry.CONTENT_TYPE, out.toString());
  }

  /** GET /v1/latency. */
  static void latency(Call call) {
    call.checkPlain();
    String accept = call.request.headers().get(HttpHeaders.ACCEPT);
    Latencies latencies = call.loop.gateway.latencyFigures();
    if (accept != null && accept.contains("text/plain")) {
      Answers.text(call.response, 200, Answers.TEXT, latencies.log());
      return;
    }
    List<Latencies.Figures> figures = latencies.figures();
    call.json(
        200,
        out -> {
          out.raw("{\"unit\":\"ms\",\"from\":").number(figures.get(0).fromMs());
          out.next("to").number(figures.get(0).toMs());
          out.next("intervalMs").number(latencies.intervalMs());
          out.next("stages").raw('{');
          boolean first = true;
          for (Latencies.Figures f : figures) {
            out.raw(first ? "\"" : ",\"").raw(Latencies.name(f.stage())).raw("\":{");
            first = false;
            out.name("count").number(f.count());
            out.next("mean").raw(ms((long) f.meanNs()));
            out.next("p50").raw(ms(f.p50Ns())).next("p90").raw(ms(f.p90Ns()));
            out.next("p99").raw(ms(f.p99Ns())).next("p999").raw(ms(f.p999Ns()));
            out.next("max").raw(ms(f.maxNs())).raw('}');
          }
          out.raw("}}");
        });
  }

  private static String ms(long ns) {
    return BigDecimal.valueOf(ns / 1000, 3).stripTrailingZeros().toPlainString();
  }

  private static Buffer resource(String name) {
    try (InputStream in = OperateHandlers.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the resource " + name + " is missing in the jar");
      }
      return Buffer.buffer(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
