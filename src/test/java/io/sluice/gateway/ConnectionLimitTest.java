package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** More connections than there may be: each is told so, or closed, and the others go on. */
class ConnectionLimitTest extends GatewayTestBase {

  private static final int MOST = 5;
  private static final String LIVE = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
  private static final String TOPICS = "GET /v1/topics HTTP/1.1\r\nhost: x\r\n\r\n";

  private final List<Socket> clients = new ArrayList<>();

  @Override
  GatewayOptions options() {
    return super.options().maxConnections(MOST).maxSockets(2);
  }

  @AfterEach
  void closeClients() throws IOException {
    for (Socket client : clients) {
      client.close();
    }
  }

  @Test
  void shouldTellOneTooManyWhyItIsRefused() throws Exception {
    open(MOST);
    String refused = ask(connect(), TOPICS);
    assertTrue(refused.startsWith("HTTP/1.1 503"), refused);
    for (String part :
        List.of(
            "TOO_MANY_CONNECTIONS",
            "there are 5 HTTP connections",
            "http.max-connections",
            "connection: close",
            "retry-after: 1")) {
      assertTrue(refused.contains(part), () -> part + " in " + refused);
    }
    assertTrue(ask(connect(), LIVE).startsWith("HTTP/1.1 200"), "it is full and not dead");

    // Those that are there go on, and who comes when one has gone is taken.
    clients.get(0).close();
    eventually("those have gone", () -> gateway.connections().open() == MOST - 1);
    get("/v1/topics").is(200);
  }

  @Test
  void shouldRefuseOnHttp2() throws Exception {
    open(MOST);
    var multiplexed =
        vertx.createHttpClient(
            new HttpClientOptions()
                .setProtocolVersion(HttpVersion.HTTP_2)
                .setHttp2ClearTextUpgrade(false));
    call(multiplexed, HttpMethod.GET, "/v1/topics", Buffer.buffer())
        .isProblem(503, "TOO_MANY_CONNECTIONS", "http.max-connections");
    eventually("it is closed", () -> gateway.connections().open() == MOST);
  }

  @Test
  void shouldCloseWithoutAWordWhereManyAreTooMany() throws Exception {
    open(MOST);
    List<Socket> waiting = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      waiting.add(connect());
    }
    eventually("those that have said nothing count", () -> gateway.connections().open() == 13);
    assertEquals(-1, connect().getInputStream().read());
    assertTrue(ask(waiting.get(7), TOPICS).startsWith("HTTP/1.1 503"));
  }

  @Test
  void shouldNotCountSockets() throws Exception {
    TestSocket one = TestSocket.open(this, "/v1/ws", false);
    TestSocket two = TestSocket.open(this, "/v1/ws", false);
    eventually("they are sockets", () -> gateway.connections().open() == 0);
    open(MOST);
    one.close();
    two.close();
  }

  private void open(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      Socket client = connect();
      client.getOutputStream().write(LIVE.getBytes(StandardCharsets.ISO_8859_1));
      assertEquals('H', client.getInputStream().read());
    }
  }

  private Socket connect() throws IOException {
    Socket client = new Socket("127.0.0.1", port);
    client.setSoTimeout((int) TimeUnit.SECONDS.toMillis(WAIT_S));
    clients.add(client);
    return client;
  }

  /** All that comes until the server closes. */
  private static String ask(Socket client, String request) throws IOException {
    client.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
    return new String(client.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
  }
}
