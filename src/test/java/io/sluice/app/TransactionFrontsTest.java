package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Transactions as a user of HTTP, WebSocket, the plain event bus and the command line sees them.
 */
@Timeout(60)
class TransactionFrontsTest {

  private static final JsonObject NO_WAIT = new JsonObject().put("wait", "0s");

  @TempDir static Path directory;
  private static TestServer server;
  private static TestClient client;

  @BeforeAll
  static void start() {
    server =
        TestServer.start(
            directory.resolve("data"),
            options -> {
              options
                  .transactions()
                  .setFirstCheck(Duration.ofMillis(400))
                  .setCheckInterval(Duration.ofMillis(400));
              return options;
            });
    client = new TestClient(server.uri());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void shouldCommitAndRollBackOverHttp() throws Exception {
    JsonObject half = begin("http", "yes", "http-shop");
    String id = half.getString("transactionId");
    assertEquals(half.getString("messageId"), id);
    assertFalse(half.containsKey("queueOffset"), half::encode);
    client.post("/v1/groups/g/topics/http/receive", NO_WAIT).expect(204);

    JsonObject shown = client.get("/v1/transactions/" + id).expect(200).json();
    assertEquals("open", shown.getString("state"));
    assertEquals("http-shop", shown.getString("group"));
    assertEquals("http", shown.getString("topic"));
    JsonObject message = shown.getJsonObject("message");
    assertEquals("yes", message.getString("body"));
    assertEquals("red", message.getJsonObject("properties").getString("colour"));
    assertEquals(1, message.getJsonObject("properties").size(), message::encode);
    assertFalse(message.containsKey("queueOffset"), message::encode);
    assertEquals(List.of(id), listed("?group=http-shop"));

    assertEquals("committed", end(id, "commit").expect(200).json().getString("state"));
    assertEquals("committed", end(id, "commit").expect(200).json().getString("state"));
    assertEquals("CONFLICT", end(id, "rollback").expect(409).json().getString("code"));
    assertEquals(List.of("yes"), receive("http"));
    assertEquals(List.of(id), listed("?group=http-shop&state=committed"));
    assertEquals(List.of(), listed("?group=http-shop"));

    String no = begin("http", "no", "http-shop").getString("transactionId");
    assertEquals("rolled-back", end(no, "rollback").expect(200).json().getString("state"));
    assertEquals("CONFLICT", end(no, "commit").expect(409).json().getString("code"));
    assertEquals(List.of(no), listed("?state=rolled-back&group=http-shop"));
    client.post("/v1/groups/g/topics/http/receive", NO_WAIT).expect(204);
  }

  @Test
  void shouldSayWhatIsWrong() throws Exception {
    assertEquals(
        "TRANSACTION_NOT_FOUND", end("nobody", "commit").expect(404).json().getString("code"));
    client.get("/v1/transactions/nobody").expect(404);
    JsonObject wrong = end("nobody", "comit").expect(400).json();
    assertTrue(wrong.getString("detail").contains("did you mean commit"), wrong::encode);
    client.post("/v1/transactions/nobody", new JsonObject()).expect(400);
    client.post("/v1/transactions/nobody", new JsonObject().put("x", 1)).expect(400);
    client.get("/v1/transactions?state=closed").expect(400);
    client.send("http", "x", "Sluice-Transaction", "a group").expect(400);
  }

  @Test
  void shouldBeginTransactionsInABatch() throws Exception {
    String lines =
        "{\"body\":\"half\",\"transaction\":\"batch-shop\"}\n{\"body\":\"whole\"}\n"
            + "{\"body\":\"later\",\"transaction\":\"batch-shop\",\"delay\":\"1h\"}\n";
    for (String query : List.of("", "?atomic=true")) {
      JsonArray results =
          client
              .call(
                  "POST",
                  "/v1/topics/batch/messages" + query,
                  lines,
                  "Content-Type",
                  "application/x-ndjson")
              .expect(200)
              .json()
              .getJsonArray("results");
      assertEquals(List.of("whole"), receive("batch"));
      end(results.getJsonObject(0).getString("transactionId"), "commit").expect(200);
      assertFalse(results.getJsonObject(1).containsKey("transactionId"));
      end(results.getJsonObject(2).getString("transactionId"), "commit").expect(200);
      assertEquals(List.of("half"), receive("batch"));
    }
  }

  @Test
  void shouldAskASocketThatCanSayHowItEnded() throws Exception {
    BlockingQueue<JsonObject> frames = new LinkedBlockingQueue<>();
    WebSocketClient sockets = server.vertx().createWebSocketClient();
    WebSocket socket = connect(sockets, frames);
    write(socket, new JsonObject().put("type", "checkback").put("id", "c").put("group", "ws"));
    assertEquals("c", next(frames, "ok").getString("id"));
    write(
        socket,
        new JsonObject()
            .put("type", "publish")
            .put("id", "p")
            .put("topic", "socket")
            .put("body", "asked")
            .put("transaction", "ws"));
    String id = next(frames, "ok").getString("transactionId");

    JsonObject check = next(frames, "check");
    assertEquals(id, check.getString("transactionId"));
    assertEquals("ws", check.getString("group"));
    assertEquals("asked", check.getJsonObject("message").getString("body"));
    assertEquals("socket", check.getJsonObject("message").getString("topic"));
    write(socket, endFrame("u", id, "unknown"));
    assertEquals("u", next(frames, "ok").getString("id"));

    assertEquals(id, next(frames, "check").getString("transactionId"));
    write(socket, endFrame("e", id, "commit"));
    JsonObject ok = next(frames, "ok");
    assertEquals("committed", ok.getString("state"));
    assertEquals(id, ok.getString("transactionId"));
    assertEquals(List.of("asked"), receive("socket"));
    write(socket, endFrame("e", id, "rollback"));
    assertEquals("CONFLICT", next(frames, "error").getString("code"));
    write(socket, endFrame("e", id, "maybe"));
    assertEquals("INVALID_ARGUMENT", next(frames, "error").getString("code"));

    // Once the socket is gone another one of the group is asked.
    String left = begin("socket", "left", "ws").getString("transactionId");
    Await.result("the close", socket.close());
    BlockingQueue<JsonObject> others = new LinkedBlockingQueue<>();
    WebSocket other = connect(sockets, others);
    write(other, new JsonObject().put("type", "checkback").put("id", "c").put("group", "ws"));
    JsonObject asked = next(others, "check");
    assertEquals(left, asked.getString("transactionId"));
    write(other, endFrame("e", left, "rollback"));
    assertEquals("rolled-back", next(others, "ok").getString("state"));
    Await.result("the close", other.close());
    Await.result("the client's end", sockets.close());
  }

  @Test
  void shouldCommitOverThePlainEventBus() throws Exception {
    client.send("plain", "makes the topic").expect(201);
    receive("plain");
    JsonObject half =
        Await.result(
                "a plain send",
                server
                    .vertx()
                    .eventBus()
                    .<JsonObject>request(
                        "sluice.send.plain",
                        Buffer.buffer("x"),
                        new DeliveryOptions().addHeader("Sluice-Transaction", "plain-shop")))
            .body();
    JsonObject end =
        new JsonObject()
            .put("transactionId", half.getString("transactionId"))
            .put("outcome", "commit");
    String address = "sluice.transactions." + half.getString("broker");
    JsonObject ended =
        Await.result("the end", server.vertx().eventBus().<JsonObject>request(address, end)).body();
    assertEquals("committed", ended.getString("state"));
    assertEquals(List.of("x"), receive("plain"));
    Await.failure(
        "a wrong end",
        server.vertx().eventBus().request(address, new JsonObject().put("outcome", "commit")));
  }

  @Test
  void shouldLookAfterTransactionsByCommand() throws Exception {
    String sent = run(0, "send", "cli", "yes", "--transaction", "cli-shop", "--json");
    String yes = new JsonObject(sent).getString("transactionId");
    String no = begin("cli", "no", "cli-shop").getString("transactionId");
    String listed = run(0, "transaction", "list", "--group", "cli-shop");
    assertTrue(listed.contains(yes) && listed.contains(no) && listed.contains("open"), listed);
    String shown = run(0, "transaction", "show", yes, "--json");
    assertEquals("yes", new JsonObject(shown).getJsonObject("message").getString("body"));
    assertTrue(run(0, "transaction", "commit", yes).contains("committed"));
    assertTrue(run(0, "transaction", "rollback", no).contains("rolled-back"));
    run(ExitCode.REFUSED.number(), "transaction", "commit", no);
    assertTrue(
        run(0, "transaction", "list", "--group", "cli-shop", "--state", "committed").contains(yes));
    assertEquals(List.of("yes"), receive("cli"));
  }

  private static String run(int expected, String... command) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> args = new ArrayList<>(List.of(command));
    args.add("--server");
    args.add(server.uri().toString());
    int code =
        Commands.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            args.toArray(String[]::new));
    assertEquals(expected, code, err::toString);
    return out.toString(StandardCharsets.UTF_8);
  }

  private static WebSocket connect(WebSocketClient sockets, BlockingQueue<JsonObject> frames) {
    WebSocketConnectOptions options =
        new WebSocketConnectOptions()
            .setHost(server.uri().getHost())
            .setPort(server.uri().getPort())
            .setURI("/v1/ws");
    return Await.result(
        "a socket",
        sockets
            .connect(options)
            .map(
                socket -> {
                  socket.textMessageHandler(text -> frames.add(new JsonObject(text)));
                  return socket;
                }));
  }

  private static void write(WebSocket socket, JsonObject frame) {
    Await.result("a frame", socket.writeTextMessage(frame.encode()));
  }

  private static JsonObject endFrame(String frameId, String id, String outcome) {
    return new JsonObject()
        .put("type", "end")
        .put("id", frameId)
        .put("transactionId", id)
        .put("outcome", outcome);
  }

  private static JsonObject next(BlockingQueue<JsonObject> frames, String type)
      throws InterruptedException {
    JsonObject frame = frames.poll(20, TimeUnit.SECONDS);
    while (frame != null && !frame.getString("type").equals(type)) {
      frame = frames.poll(20, TimeUnit.SECONDS);
    }
    assertTrue(frame != null, () -> "no frame of type " + type + " came");
    return frame;
  }

  private static JsonObject begin(String topic, String body, String group) throws Exception {
    return client
        .send(topic, body, "Sluice-Transaction", group, "Sluice-Property-colour", "red")
        .expect(201)
        .json();
  }

  private static TestClient.Answer end(String id, String outcome) throws Exception {
    return client.post("/v1/transactions/" + id, new JsonObject().put("outcome", outcome));
  }

  private static List<String> listed(String query) throws Exception {
    JsonArray found =
        client.get("/v1/transactions" + query).expect(200).json().getJsonArray("transactions");
    List<String> ids = new ArrayList<>();
    found.forEach(each -> ids.add(((JsonObject) each).getString("transactionId")));
    return ids;
  }

  private static List<String> receive(String topic) throws Exception {
    JsonArray messages =
        client
            .post("/v1/groups/g/topics/" + topic + "/receive", new JsonObject().put("wait", "10s"))
            .expect(200)
            .json()
            .getJsonArray("messages");
    JsonArray receipts = new JsonArray();
    List<String> bodies = new ArrayList<>();
    for (Object each : messages) {
      receipts.add(((JsonObject) each).getString("receipt"));
      bodies.add(((JsonObject) each).getString("body"));
    }
    client.post("/v1/groups/g/settle", new JsonObject().put("ack", receipts)).expect(200);
    return bodies;
  }
}
