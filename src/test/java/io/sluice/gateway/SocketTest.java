package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.WebSocketFrame;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SocketTest extends GatewayTestBase {

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldPushLeasedMessagesAndSettleThem(boolean binary) throws Exception {
    send("orders", "first", "Sluice-Tag", "paid", "Sluice-Key", "k");
    TestSocket socket = TestSocket.open(this, "/v1/ws", binary);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s 1\",\"topic\":\"orders\",\"group\":\"billing\"}");
    assertEquals("s 1", socket.next("subscribed").getString("sub"));
    JsonObject message = socket.next("message");
    assertEquals("s 1", message.getString("sub"));
    assertEquals("first", message.getString(binary ? "raw" : "body"));
    assertEquals("orders", message.getString("topic"));
    assertEquals("paid", message.getString("tag"));
    assertEquals(new JsonArray().add("k"), message.getJsonArray("keys"));
    assertEquals(1, message.getInteger("attempt"));
    assertEquals("s 1", socket.next("idle").getString("sub"));

    send("orders", "second");
    JsonObject second = socket.next("message");
    String receipt = message.getString("receipt");
    socket.send(
        new JsonObject()
            .put("type", "settle")
            .put("id", "x1")
            .put("ack", new JsonArray().add(receipt).add("nonsense"))
            .put(
                "nack",
                new JsonArray().add(new JsonObject().put("receipt", second.getString("receipt")))));
    JsonObject settled = socket.find("settled");
    assertEquals("x1", settled.getString("id"));
    JsonArray results = settled.getJsonArray("results");
    assertEquals("ok", results.getJsonObject(0).getString("outcome"));
    assertEquals(receipt, results.getJsonObject(0).getString("receipt"));
    assertEquals("unknown", results.getJsonObject(1).getString("outcome"));
    assertEquals("ok", results.getJsonObject(2).getString("outcome"));
    assertEquals(2, socket.find("message").getInteger("attempt"));
    socket.close();
  }

  @Test
  void shouldSubscribeByOneLineAndAckByItself() throws Exception {
    send("orders", "a", "Sluice-Tag", "paid");
    send("orders", "b", "Sluice-Tag", "open");
    TestSocket socket =
        TestSocket.open(this, "/v1/ws?topic=orders&group=billing&tag=paid&ack=auto", false);
    socket.next("subscribed");
    assertEquals("a", socket.next("message").getString("body"));
    socket.next("idle");
    for (int i = 0; i < 500; i++) {
      send("orders", "n" + i, "Sluice-Tag", "paid", "Sluice-Ack", "memory");
    }
    Set<String> seen = new HashSet<>();
    while (seen.size() < 500) {
      seen.add(socket.find("message").getString("body"));
    }
    socket.close();
    TestSocket again =
        TestSocket.open(this, "/v1/ws?topic=orders&group=billing&tag=paid&ack=auto", false);
    again.next("subscribed");
    again.next("idle");
    assertTrue(again.isQuiet());
    again.close();
  }

  @Test
  void shouldSendNothingWithoutCredit() throws Exception {
    for (int i = 0; i < 20; i++) {
      send("t", "m" + i);
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"credit\":3}");
    socket.next("subscribed");
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < 3; i++) {
      receipts.add(socket.next("message").getString("receipt"));
    }
    assertTrue(socket.isQuiet());
    socket.send("{\"type\":\"credit\",\"sub\":\"s\",\"messages\":2,\"bytes\":100000}");
    socket.next("message");
    socket.next("message");
    assertTrue(socket.isQuiet());
    socket.send(new JsonObject().put("type", "settle").put("id", "1").put("ack", receipts));
    socket.next("settled");
    for (int i = 0; i < 3; i++) {
      socket.next("message");
    }
    assertTrue(socket.isQuiet());
    socket.close();
  }

  @Test
  void shouldGiveCreditBackOnceForEachMessage() throws Exception {
    for (int i = 0; i < 4; i++) {
      send("t", "m" + i, "Sluice-Ordering-Key", "o");
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, "s", 1);
    String receipt = socket.find("message").getString("receipt");
    ack(socket, "a", receipt);
    assertEquals("m1", socket.find("message").getString("body"));
    ack(socket, "b", receipt);
    ack(socket, "c", receipt);
    while (!socket.isQuiet()) {
      // The outcome is ok each time, and no credit comes with it.
      socket.next("settled");
    }
    socket.close();
  }

  @Test
  void shouldGiveCreditBackToTheSubscriptionThatHadTheMessage() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, "s1", 1);
    send("t", "m0");
    assertEquals("s1", socket.find("message").getString("sub"));
    subscribe(socket, "s2", 1);
    send("t", "m1");
    JsonObject second = socket.find("message");
    assertEquals("s2", second.getString("sub"));
    ack(socket, "a", second.getString("receipt"));
    socket.find("settled");
    send("t", "m2");
    assertEquals("s2", socket.find("message").getString("sub"));
    socket.close();
  }

  private static void subscribe(TestSocket socket, String sub, int credit) {
    socket.send(
        new JsonObject()
            .put("type", "subscribe")
            .put("sub", sub)
            .put("topic", "t")
            .put("group", "g")
            .put("credit", credit));
  }

  private static void ack(TestSocket socket, String id, String receipt) {
    socket.send(
        new JsonObject()
            .put("type", "settle")
            .put("id", id)
            .put("ack", new JsonArray().add(receipt)));
  }

  @Test
  void shouldLeaveTheCreditToTheClientWhereItAsks() throws Exception {
    for (int i = 0; i < 5; i++) {
      send("t", "m" + i);
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\","
            + "\"credit\":\"manual\",\"ack\":\"auto\"}");
    socket.next("subscribed");
    assertTrue(socket.isQuiet());
    socket.send("{\"type\":\"credit\",\"sub\":\"s\",\"messages\":2}");
    socket.next("message");
    socket.next("message");
    assertTrue(socket.isQuiet());
    socket.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldPutSeveralMessagesIntoOneFrame(boolean binary) throws Exception {
    for (int i = 0; i < 25; i++) {
      send("t", i == 7 ? "x".repeat(100_000) : "m" + i, "Sluice-Ordering-Key", "one");
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", binary);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"batch\":10}");
    socket.next("subscribed");
    int seen = 0;
    int most = 0;
    while (seen < 25) {
      JsonArray items = socket.find("messages").getJsonArray("items");
      most = Math.max(most, items.size());
      for (int i = 0; i < items.size(); i++) {
        JsonObject item = items.getJsonObject(i);
        assertNull(item.getString("type"));
        assertNull(item.getString("sub"));
        String body = item.getString(binary ? "raw" : "body");
        assertEquals(seen, item.getInteger("queueOffset"));
        assertEquals(seen == 7 ? "x".repeat(100_000) : "m" + seen, body);
        seen++;
      }
    }
    assertEquals(10, most);
    socket.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldPublishPipelined(boolean binary) throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", binary);
    int count = 300;
    for (int i = 0; i < count; i++) {
      socket.send(
          "{\"type\":\"publish\",\"id\":\"p"
              + i
              + "\",\"topic\":\"t\",\"orderingKey\":\"o\",\"tag\":\"a\",\"ack\":\"memory\""
              + (binary ? "}" : ",\"body\":\"m" + i + "\"}"),
          Buffer.buffer(binary ? "m" + i : ""));
    }
    for (int i = 0; i < count; i++) {
      JsonObject ok = socket.next("ok");
      assertEquals("p" + i, ok.getString("id"));
      assertEquals(i, ok.getLong("queueOffset"));
      assertEquals("memory", ok.getString("ack"));
    }
    assertTrue(broker.appendRequests.get() <= count);
    assertEquals("m0", receive("g", "t").getJsonObject(0).getString("body"));
    socket.send("{\"type\":\"publish\",\"id\":\"e1\",\"topic\":\"a.b\",\"body\":\"x\"}");
    JsonObject error = socket.next("error");
    assertEquals("e1", error.getString("id"));
    assertEquals("INVALID_TOPIC", error.getString("code"));
    assertFalse(error.getBoolean("retryable"));
    socket.send("{\"type\":\"publish\",\"id\":\"e2\",\"topic\":\"t\",\"boddy\":\"x\"}");
    error = socket.next("error");
    assertEquals("UNKNOWN_FIELD", error.getString("code"));
    assertTrue(error.getString("detail").contains("'body'"));
    socket.send(
        "{\"type\":\"publish\",\"id\":\"e3\",\"topic\":\"t\",\"body\":\"x\",\"delay\":\"soon\"}");
    assertEquals("INVALID_ARGUMENT", socket.next("error").getString("code"));
    socket.close();
  }

  @Test
  void shouldReadWithoutAGroupFromAnyPlace() throws Exception {
    for (int i = 0; i < 4; i++) {
      send("t", "m" + i, "Sluice-Ordering-Key", "o");
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"r\",\"topic\":\"t\",\"mode\":\"reader\","
            + "\"from\":\"earliest\",\"credit\":2}");
    String start = socket.next("subscribed").getString("position");
    assertEquals("m0", socket.next("message").getString("body"));
    JsonObject second = socket.next("message");
    assertEquals("m1", second.getString("body"));
    assertFalse(second.containsKey("receipt"));
    assertTrue(socket.isQuiet());
    socket.send("{\"type\":\"seek\",\"id\":\"k\",\"sub\":\"r\",\"to\":\"" + start + "\"}");
    assertEquals(start, socket.next("ok").getString("position"));
    socket.send("{\"type\":\"credit\",\"sub\":\"r\",\"messages\":10}");
    for (int i = 0; i < 4; i++) {
      assertEquals("m" + i, socket.find("message").getString("body"));
    }
    socket.next("idle");
    socket.send("{\"type\":\"unsubscribe\",\"sub\":\"r\",\"id\":\"u\"}");
    socket.next("ok");
    send("t", "later");
    assertTrue(socket.isQuiet());
    socket.close();
  }

  @Test
  void shouldGiveEveryConsumerOfABroadcastEveryMessage() throws Exception {
    send("t", "before");
    TestSocket one = TestSocket.open(this, "/v1/ws?topic=t&group=g&mode=broadcast", false);
    TestSocket two = TestSocket.open(this, "/v1/ws?topic=t&group=g&mode=broadcast", true);
    one.next("subscribed");
    two.next("subscribed");
    for (int i = 0; i < 250; i++) {
      send("t", "m" + i, "Sluice-Ordering-Key", "o", "Sluice-Ack", "memory");
    }
    for (int i = 0; i < 250; i++) {
      assertEquals("m" + i, one.find("message").getString("body"));
      assertEquals("m" + i, two.find("message").getString("raw"));
    }
    one.close();
    two.close();
  }

  @Test
  void shouldReleaseWhatASocketHeldWhenItIsLost() throws Exception {
    send("t", "m");
    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=t&group=g", false);
    assertEquals(1, socket.find("message").getInteger("attempt"));
    socket.raw().shutdown(0, java.util.concurrent.TimeUnit.SECONDS);
    TestSocket other = TestSocket.open(this, "/v1/ws?topic=t&group=g", false);
    assertEquals(2, other.find("message").getInteger("attempt"));
    other.close();
    eventually("released", () -> broker.released.get() == 2);
    eventually("closed", () -> gateway.sockets().get() == 0);
  }

  @Test
  void shouldAnswerPingsAndAuth() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send("{\"type\":\"ping\",\"id\":\"7\"}");
    assertEquals("7", socket.next("pong").getString("id"));
    socket.send("{\"type\":\"auth\",\"token\":\"abc\"}");
    socket.next("ok");
    socket.close();
  }

  @Test
  void shouldSayWhatIsWrongWithAFrameAndGoOn() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    assertProblem(
        socket,
        "{\"type\":\"subscrbe\"}",
        "INVALID_ARGUMENT",
        "'subscrbe', did you mean subscribe?");
    assertProblem(
        socket,
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\"}",
        "INVALID_ARGUMENT",
        "group is missing");
    assertProblem(
        socket,
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"mode\":\"shard\"}",
        "INVALID_ARGUMENT",
        "did you mean shared");
    assertProblem(
        socket,
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"ac\":\"auto\"}",
        "UNKNOWN_FIELD",
        "'ack'");
    assertProblem(socket, "{\"type\":\"credit\",\"sub\":\"x\"}", "NOT_FOUND", "'x'");
    socket.send("{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\"}");
    socket.next("subscribed");
    socket.next("idle");
    assertProblem(
        socket,
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\"}",
        "CONFLICT",
        "already");
    assertProblem(
        socket,
        "{\"type\":\"subscribe\",\"sub\":\"a\",\"topic\":\"absent\",\"group\":\"g\"}",
        "TOPIC_NOT_FOUND",
        "absent");
    socket.send("{\"type\":\"ping\"}");
    socket.next("pong");
    socket.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{\"type\":", "[]", "{}", "{\"type\":\"ping\"} x", "\u0000", "{\"type\":7.5}"})
  void shouldCloseOnABadFrame(String text) throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(text);
    assertEquals("MALFORMED_REQUEST", socket.next("error").getString("code"));
    assertEquals(4400, socket.closeCode());
  }

  @Test
  void shouldCloseOnABinaryFrameThatIsNone() throws Exception {
    TestSocket text = TestSocket.open(this, "/v1/ws", false);
    text.raw().writeBinaryMessage(Buffer.buffer("{}"));
    assertEquals(4400, text.closeCode());
    TestSocket wrong = TestSocket.open(this, "/v1/ws", true);
    wrong.raw().writeTextMessage("{\"type\":\"ping\"}");
    assertEquals(4400, wrong.closeCode());
    TestSocket tooShort = TestSocket.open(this, "/v1/ws", true);
    tooShort.raw().writeBinaryMessage(Buffer.buffer(new byte[3]));
    assertEquals(4400, tooShort.closeCode());
    TestSocket tooLong = TestSocket.open(this, "/v1/ws", true);
    tooLong.raw().writeBinaryMessage(Buffer.buffer().appendInt(-1).appendString("{}"));
    assertEquals(4400, tooLong.closeCode());
  }

  @Test
  void shouldCloseTheOneLineFormWhereItCannotBeServed() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=absent&group=g", false);
    assertEquals("TOPIC_NOT_FOUND", socket.next("error").getString("code"));
    assertEquals(4404, socket.closeCode());
    TestSocket over = TestSocket.open(this, "/v1/ws?topic=busy&group=g", false);
    assertEquals("BUSY", over.next("error").getString("code"));
    assertEquals(4429, over.closeCode());
    get("/v1/ws?topic=t").isProblem(400, "MALFORMED_REQUEST", "upgrade");
  }

  @Test
  void shouldJoinTheFramesOfAMessage() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.raw().writeFrame(WebSocketFrame.textFrame("{\"type\":", false));
    socket.raw().writeFrame(WebSocketFrame.continuationFrame(Buffer.buffer("\"pi"), false));
    socket.raw().writePing(Buffer.buffer("hello"));
    socket.raw().writeFrame(WebSocketFrame.continuationFrame(Buffer.buffer("ng\"}"), true));
    socket.next("pong");
    socket.close();
  }

  private static void assertProblem(TestSocket socket, String frame, String code, String said)
      throws Exception {
    socket.send(frame);
    JsonObject error = socket.next("error");
    assertEquals(code, error.getString("code"), error::encode);
    assertTrue(error.getString("detail").contains(said), error::encode);
  }
}
