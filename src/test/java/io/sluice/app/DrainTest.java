package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server that is told to leave. */
final class DrainTest {

  private static final String BROKER = "/v1/brokers/broker-a";

  @TempDir Path directory;

  @Test
  void shouldTakeSendsDuringTheGraceAndTellSocketsToGo() throws Exception {
    try (TestServer server = TestServer.start(directory.resolve("m"))) {
      TestClient client = new TestClient(server.uri());
      client.send("t", "before").expect(201);
      Listener socket = new Listener();
      HttpClient.newHttpClient()
          .newWebSocketBuilder()
          .subprotocols("sluice.v1.json")
          .buildAsync(URI.create("ws://127.0.0.1:" + server.sluice().httpPort() + "/v1/ws"), socket)
          .get(30, TimeUnit.SECONDS);
      client.post("/v1/drain?grace=2s", new JsonObject()).expect(202);
      // It has begun when it is answered.
      client.send("t", "meanwhile").expect(201);
      assertFalse(server.sluice().whenClosed().isComplete());
      assertEquals(4503, socket.closed.get(30, TimeUnit.SECONDS));
      assertTrue(
          socket.frames.stream().anyMatch(frame -> frame.contains("\"type\":\"drain\"")),
          socket.frames::toString);
      Await.result("the end", server.sluice().whenClosed());
    }
    try (TestServer again = TestServer.start(directory.resolve("m"))) {
      TestClient client = new TestClient(again.uri());
      StringBuilder pages = new StringBuilder();
      Await.until(
          () -> "both messages, there is " + pages,
          () -> {
            pages.append(
                client
                    .post("/v1/groups/g/topics/t/receive", new JsonObject().put("max", 10))
                    .body());
            return pages.indexOf("before") >= 0 && pages.indexOf("meanwhile") >= 0;
          });
    }
  }

  @Test
  void shouldLetTheSlaveThatWasNamedTakeOver() throws Exception {
    try (TestServer master = server("m", "");
        TestServer slave = server("s", "127.0.0.1:" + master.sluice().replicationPort())) {
      TestClient client = new TestClient(master.uri());
      TestClient slaveClient = new TestClient(slave.uri());
      Await.until("a slave in sync", () -> client.get(BROKER).json().getInteger("inSync") == 1);
      for (int i = 0; i < 100; i++) {
        client.send("t", "m" + i).expect(201);
      }
      String to = "to=" + slave.uri();
      client.post("/v1/drain?" + to, new JsonObject()).expect(202);
      Await.result("the end of the master", master.sluice().whenClosed());
      assertEquals("master", slaveClient.get(BROKER).json().getString("role"));
      slaveClient.send("t", "after").expect(201);
      int got = 0;
      while (got < 101) {
        JsonObject page =
            slaveClient
                .post("/v1/groups/g/topics/t/receive", new JsonObject().put("max", 200))
                .expect(200)
                .json();
        got += page.getJsonArray("messages").size();
      }
      assertEquals(101, got);
    }
  }

  @Test
  void shouldStayWhereNoSlaveCanTakeOver() throws Exception {
    try (TestServer master = server("m", "")) {
      TestClient client = new TestClient(master.uri());
      TestClient.Answer refused =
          client.post("/v1/drain?to=http://127.0.0.1:1", new JsonObject()).expect(503);
      assertEquals("REPLICAS_MISSING", refused.json().getString("code"));
      client.send("t", "goes on").expect(201);
      client.post("/v1/drain?to=nowhere", new JsonObject()).expect(400);
      client.post("/v1/drain?grace=soon", new JsonObject()).expect(400);
    }
  }

  @Test
  void shouldWaitForTheEndOnTheCommandLine() throws Exception {
    try (TestServer server = TestServer.start(directory.resolve("m"))) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      PrintStream print = new PrintStream(out, true);
      String[] args = {"drain", "--server", server.uri().toString(), "--grace", "100ms"};
      assertEquals(0, Commands.run(print, print, Map.of(), args), out::toString);
      Await.result("the end", server.sluice().whenClosed());
      assertTrue(out.toString().contains("drained"), out::toString);
    }
  }

  private TestServer server(String name, String from) {
    return TestServer.start(
        directory.resolve(name),
        options -> {
          ReplicationConfig replication = options.replication().withPort(0);
          return options.setReplication(from.isEmpty() ? replication : replication.following(from));
        });
  }

  /** Keeps what a socket says. */
  private static final class Listener implements WebSocket.Listener {
    private final List<String> frames = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Integer> closed = new CompletableFuture<>();

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      frames.add(data.toString());
      return WebSocket.Listener.super.onText(socket, data, last);
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      closed.complete(code);
      return null;
    }
  }
}
