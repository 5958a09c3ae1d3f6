package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BusCodec;
import io.sluice.metrics.Latencies;
import io.sluice.metrics.MetricRegistry;
import io.sluice.testkit.BlockedLoops;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * Opens a gateway with two event loops before a fake Broker, and fails a test in which an event
 * loop was blocked, a block of the log was not closed, or an error was logged.
 */
abstract class GatewayTestBase {

  static final long WAIT_S = 10;

  private BlockedLoops blockedLoops;
  Vertx vertx;
  FakeBroker broker;
  Gateway gateway;
  Context clientContext;
  HttpClient http;
  WebSocketClient webSockets;
  int port;

  /** What the gateway is opened with. */
  GatewayOptions options() {
    return new GatewayOptions().host("127.0.0.1").port(0);
  }

  @BeforeEach
  void open() throws Exception {
    vertx = BlockedLoops.vertx();
    openServer();
    clientContext = vertx.getOrCreateContext();
    http = vertx.createHttpClient(new HttpClientOptions().setDefaultPort(port));
    webSockets =
        vertx.createWebSocketClient(
            new WebSocketClientOptions()
                .setDefaultPort(port)
                .setDefaultHost("127.0.0.1")
                .setMaxFrameSize(16 << 20)
                .setMaxMessageSize(16 << 20));
    // While it opens, classes are loaded on the event loops.
    blockedLoops = new BlockedLoops();
  }

  /** Opens what is tested, on {@link #vertx}, and sets {@link #port}. */
  void openServer() throws Exception {
    BusCodec.register(vertx);
    broker = new FakeBroker();
    await(vertx.deployVerticle(broker));
    gateway =
        new Gateway(
            vertx,
            options(),
            Clock.system(),
            new Latencies(Clock.system()),
            new MetricRegistry(),
            new BrokerDirectory(vertx, Clock.system()));
    await(gateway.start(2));
    port = gateway.actualPort();
  }

  /** Closes what {@link #openServer} opened. */
  void closeServer() throws Exception {
    await(gateway.stop());
    // An answer of the Broker may be on its way to a loop that has just let its last socket go.
    eventually("all blocks of the log are closed", () -> broker.openBlocks.get() == 0);
  }

  @AfterEach
  void close() throws Exception {
    closeServer();
    await(vertx.close());
    blockedLoops.close();
  }

  static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(WAIT_S, TimeUnit.SECONDS);
  }

  /** Waits for a condition, at most ten seconds. */
  static void eventually(String what, BooleanSupplier condition) throws Exception {
    long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < endNs, "in time: " + what);
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  /** A time behind all that was stored, and not behind what is stored from now on. */
  static long later() throws Exception {
    long nowMs = System.currentTimeMillis();
    eventually("the next millisecond", () -> System.currentTimeMillis() > nowMs);
    return System.currentTimeMillis();
  }

  /** What came back. */
  record Answer(int status, io.vertx.core.MultiMap headers, Buffer body) {

    JsonObject json() {
      return body.toJsonObject();
    }

    /** Checks status and code of a problem, and that its detail says this. */
    Answer isProblem(int expectedStatus, String code, String... said) {
      assertEquals(expectedStatus, status, () -> body.toString());
      assertEquals("application/problem+json", headers.get("content-type"));
      assertEquals(code, json().getString("code"), () -> body.toString());
      assertEquals(expectedStatus, json().getInteger("status"));
      assertTrue(json().getString("type").startsWith("urn:sluice:error:"));
      for (String part : said) {
        assertTrue(
            json().getString("detail").contains(part),
            () -> "'" + part + "' in: " + json().getString("detail"));
      }
      return this;
    }

    Answer is(int expectedStatus) {
      assertEquals(expectedStatus, status, () -> body == null ? "" : body.toString());
      return this;
    }
  }

  Answer call(HttpMethod method, String uri, String body, String... headers) throws Exception {
    return call(http, method, uri, Buffer.buffer(body), headers);
  }

  Answer call(HttpClient client, HttpMethod method, String uri, Buffer body, String... headers)
      throws Exception {
    RequestOptions request =
        new RequestOptions().setHost("127.0.0.1").setPort(port).setMethod(method).setURI(uri);
    for (int i = 0; i < headers.length; i += 2) {
      request.addHeader(headers[i], headers[i + 1]);
    }
    return onLoop(
        () -> client.request(request).compose(r -> r.send(body)).compose(GatewayTestBase::answer));
  }

  /**
   * Runs all of a client's part on one event loop: a response whose body is asked for by a thread
   * other than the one that delivers it may be missed.
   */
  <T> T onLoop(Supplier<Future<T>> action) throws Exception {
    Promise<T> promise = Promise.promise();
    clientContext.runOnContext(ignored -> action.get().onComplete(promise));
    return await(promise.future());
  }

  static Future<Answer> answer(HttpClientResponse response) {
    return response.body().map(body -> new Answer(response.statusCode(), response.headers(), body));
  }

  Answer get(String uri, String... headers) throws Exception {
    return call(HttpMethod.GET, uri, "", headers);
  }

  Answer put(String uri, String body) throws Exception {
    return call(HttpMethod.PUT, uri, body);
  }

  Answer post(String uri, String body, String... headers) throws Exception {
    return call(HttpMethod.POST, uri, body, headers);
  }

  Answer delete(String uri) throws Exception {
    return call(HttpMethod.DELETE, uri, "");
  }

  /** Sends a message to a topic. */
  JsonObject send(String topic, String body, String... headers) throws Exception {
    return post("/v1/topics/" + topic + "/messages", body, headers).is(201).json();
  }

  /** Receives at once what there is. */
  JsonArray receive(String group, String topic) throws Exception {
    Answer answer =
        post("/v1/groups/" + group + "/topics/" + topic + "/receive", "{\"wait\":\"0\"}");
    return answer.status() == 204
        ? new JsonArray()
        : answer.is(200).json().getJsonArray("messages");
  }
}
