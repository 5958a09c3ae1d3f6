package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Fields of the WebSocket protocol that depend on the Broker, before the real one. */
class SocketContractTest extends WholeServerTestBase {

  private static final int BODY_BYTES = 400;

  @Test
  void shouldStopWithoutCreditOfBytesAndGoOnWithIt() throws Exception {
    int count = 12;
    for (int i = 0; i < count; i++) {
      send("t", i + "x".repeat(BODY_BYTES), "Sluice-Ordering-Key", "o");
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, new JsonObject().put("credit", 100).put("creditBytes", 3 * BODY_BYTES));
    List<JsonObject> first = messages(socket);
    assertTrue(!first.isEmpty() && first.size() <= 4, "it stopped after " + first.size());
    // Settled messages give their bytes back.
    settle(socket, "ack", new JsonArray().add(receipt(first.get(0))).add(receipt(first.get(1))));
    List<JsonObject> second = messages(socket);
    assertTrue(!second.isEmpty() && second.size() <= 4, "it stopped after " + second.size());
    socket.send("{\"type\":\"credit\",\"sub\":\"s\",\"messages\":0,\"bytes\":100000}");
    assertEquals(count, first.size() + second.size() + messages(socket).size());
    socket.close();
  }

  @Test
  void shouldExtendALeaseAndRejectAMessage() throws Exception {
    put("/v1/groups/g", "{\"retryDelays\":[\"10ms\"]}").is(201);
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, new JsonObject().put("invisible", "500ms"));
    send("t", "extended");
    JsonObject extended = socket.find("message");
    send("t", "left");
    assertEquals("left", socket.find("message").getString("body"));
    settle(socket, "extend", change(extended, "invisible", "1m"));
    // Its lease began before that of the other one, and would have ended before.
    JsonObject again = socket.find("message");
    assertEquals("left", again.getString("body"));
    assertEquals(2, again.getInteger("attempt"));
    settle(socket, "ack", new JsonArray().add(receipt(again)));
    settle(socket, "dead", change(extended, "reason", "no such item"));
    eventually("the dead letter", () -> deadLetters().size() == 1);
    JsonObject letter = deadLetters().getJsonObject(0);
    assertEquals("extended", letter.getString("body"));
    assertEquals("no such item", letter.getString("lastError"));
    socket.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"tag\":\"A || B\"}", "{\"sql\":\"price > 10\"}"})
  void shouldFilterWhatASubscriptionGets(String filter) throws Exception {
    send("t", "no", "Sluice-Tag", "C", "Sluice-Property-price", "5");
    send("t", "yes", "Sluice-Tag", "B", "Sluice-Property-price", "50");
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, new JsonObject().put("filter", new JsonObject(filter)));
    assertEquals(List.of("yes"), bodies(messages(socket)));
    socket.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldStartAtATime(boolean asText) throws Exception {
    send("t", "before");
    long timeMs = later();
    send("t", "since");
    Object from = asText ? Instant.ofEpochMilli(timeMs).toString() : (Object) timeMs;
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    subscribe(socket, new JsonObject().put("from", from));
    assertEquals(List.of("since"), bodies(messages(socket)));
    subscribe(socket, new JsonObject().put("sub", "r").putNull("group").put("from", from));
    assertEquals(List.of("since"), bodies(messages(socket)));
    socket.close();
  }

  private JsonArray deadLetters() {
    try {
      return get("/v1/groups/g/dead-letters").is(200).json().getJsonArray("messages");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Subscribes as the group g, or reads where the group is null. */
  private static void subscribe(TestSocket socket, JsonObject fields) throws Exception {
    JsonObject frame =
        new JsonObject()
            .put("type", "subscribe")
            .put("sub", "s")
            .put("topic", "t")
            .put("group", "g");
    frame.mergeIn(fields);
    if (frame.getString("group") == null) {
      frame.remove("group");
      frame.put("mode", "reader");
    }
    socket.send(frame);
    socket.find("subscribed");
  }

  private static void settle(TestSocket socket, String kind, JsonArray what) throws Exception {
    socket.send(new JsonObject().put("type", "settle").put("id", kind).put(kind, what));
    JsonArray results = socket.find("settled").getJsonArray("results");
    for (int i = 0; i < what.size(); i++) {
      assertEquals("ok", results.getJsonObject(i).getString("outcome"));
    }
  }

  private static JsonArray change(JsonObject message, String name, String value) {
    return new JsonArray().add(new JsonObject().put("receipt", receipt(message)).put(name, value));
  }

  private static String receipt(JsonObject message) {
    return message.getString("receipt");
  }

  /** The messages that come until nothing comes for a while. */
  private static List<JsonObject> messages(TestSocket socket) throws Exception {
    List<JsonObject> messages = new ArrayList<>();
    while (!socket.isQuiet()) {
      JsonObject frame = socket.next();
      if (frame.getString("type").equals("message")) {
        messages.add(frame);
      }
    }
    return messages;
  }

  private static List<String> bodies(List<JsonObject> messages) {
    return messages.stream().map(message -> message.getString("body")).toList();
  }
}
