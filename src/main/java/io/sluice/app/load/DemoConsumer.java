package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetClient;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Consumes numbered messages over a WebSocket as one member of a group, and acks them: at once, or
 * at the rate it is told. Knows of each message whether it came, came again, and was settled. Owned
 * by the event loop of the demo.
 */
final class DemoConsumer {

  private static final long TICK_MS = 5;
  private static final int CREDIT = 200;

  private final Vertx vertx;
  // A field, since Vert.x closes the connections of a client that is no longer reachable.
  private final NetClient client;
  private final Endpoint server;
  private final String topic;
  private final String group;
  private final String mode;
  private final int keys;
  private final double perSecond;
  private final BitSet seen = new BitSet();
  private final BitSet settled = new BitSet();
  // Asked to be settled before it went away, and not answered: may come again or not.
  private final BitSet unanswered = new BitSet();
  private final ArrayDeque<JsonObject> toSettle = new ArrayDeque<>();
  // What was asked to be settled, by the id of the request, until the answer comes.
  private final Map<String, int[]> asked = new HashMap<>();
  private final int[] lastOfKey;
  private WebSocketConnection socket;
  private long timer = -1;
  private double allowance;
  private long requests;
  private long repeats;
  private long repeatsOfSettled;
  private long outOfOrder;
  private String failure;

  /**
   * @param mode shared or ordered
   * @param keys as the producer has, to know the order; 0 to not look at it
   * @param perSecond how many it settles a second
   */
  DemoConsumer(
      Vertx vertx,
      Endpoint server,
      String topic,
      String group,
      String mode,
      int keys,
      double perSecond) {
    this.vertx = vertx;
    this.client = vertx.createNetClient();
    this.server = server;
    this.topic = topic;
    this.group = group;
    this.mode = mode;
    this.keys = keys;
    this.perSecond = perSecond;
    this.lastOfKey = new int[Math.max(1, keys)];
    java.util.Arrays.fill(lastOfKey, -1);
  }

  /** Connects and subscribes. */
  Future<Void> open() {
    Promise<Void> subscribed = Promise.promise();
    WebSocketConnection.connect(
            client,
            server,
            "/v1/ws",
            "sluice.v1.json",
            (opcode, bytes, from, to) -> {
              if (opcode == WebSocketFrames.TEXT) {
                onFrame(
                    new JsonObject(new String(bytes, from, to - from, StandardCharsets.UTF_8)),
                    subscribed);
              }
            })
        .onFailure(subscribed::tryFail)
        .onSuccess(
            opened -> {
              socket = opened;
              socket.text(
                  new JsonObject()
                      .put("type", "subscribe")
                      .put("sub", "s")
                      .put("topic", topic)
                      .put("group", group)
                      .put("mode", mode)
                      .put("from", "earliest")
                      .put("credit", CREDIT)
                      .encode());
            });
    timer = vertx.setPeriodic(TICK_MS, tick -> settleWhatIsAllowed());
    return subscribed.future();
  }

  /** Goes away at once, as a process that dies does: nothing more is settled. */
  Future<Void> goAway() {
    vertx.cancelTimer(timer);
    toSettle.clear();
    for (int[] numbers : asked.values()) {
      for (int number : numbers) {
        unanswered.set(number);
      }
    }
    asked.clear();
    WebSocketConnection gone = socket;
    socket = null;
    return gone == null ? Future.succeededFuture() : gone.close();
  }

  private void onFrame(JsonObject frame, Promise<Void> subscribed) {
    switch (frame.getString("type")) {
      case "subscribed" -> subscribed.tryComplete();
      case "message" -> onMessage(frame);
      case "settled" -> onSettled(frame);
      case "error" -> {
        failure = frame.getString("code") + ": " + frame.getString("detail");
        subscribed.tryFail(failure);
      }
      default -> {
        // welcome, idle, pong: nothing to do.
      }
    }
  }

  private void onMessage(JsonObject message) {
    byte[] body = message.getString("body").getBytes(StandardCharsets.UTF_8);
    int number = Math.toIntExact(Payload.number(body, 0));
    if (seen.get(number)) {
      repeats++;
      repeatsOfSettled += settled.get(number) ? 1 : 0;
    } else if (keys > 0) {
      int key = number % keys;
      int expected = lastOfKey[key] < 0 ? key : lastOfKey[key] + keys;
      outOfOrder += number == expected ? 0 : 1;
      lastOfKey[key] = number;
    }
    seen.set(number);
    toSettle.add(
        new JsonObject().put("number", number).put("receipt", message.getString("receipt")));
  }

  private void settleWhatIsAllowed() {
    // What was not used is kept for half a second at most: a slow consumer does not become fast.
    allowance = Math.min(allowance + perSecond * TICK_MS / 1000, perSecond / 2);
    int count = (int) Math.min(toSettle.size(), allowance);
    if (count == 0 || socket == null) {
      return;
    }
    allowance -= count;
    int[] numbers = new int[count];
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < count; i++) {
      JsonObject next = toSettle.poll();
      numbers[i] = next.getInteger("number");
      receipts.add(next.getString("receipt"));
    }
    String id = "r" + requests++;
    asked.put(id, numbers);
    socket.text(new JsonObject().put("type", "settle").put("id", id).put("ack", receipts).encode());
  }

  private void onSettled(JsonObject answer) {
    int[] numbers = asked.remove(answer.getString("id"));
    JsonArray results = answer.getJsonArray("results");
    for (int i = 0; numbers != null && i < numbers.length; i++) {
      if ("ok".equals(results.getJsonObject(i).getString("outcome"))) {
        settled.set(numbers[i]);
      }
    }
  }

  String group() {
    return group;
  }

  /** Numbers that came at least once. */
  BitSet seen() {
    return seen;
  }

  /** Numbers that are done with: their ack was answered, or left just before it went away. */
  BitSet done() {
    BitSet done = (BitSet) settled.clone();
    done.or(unanswered);
    return done;
  }

  /** Messages that came again. */
  long repeats() {
    return repeats;
  }

  /** Messages that came again although their ack had been answered: must stay 0. */
  long repeatsOfSettled() {
    return repeatsOfSettled;
  }

  /** Messages that came before one that was sent earlier with the same key: must stay 0. */
  long outOfOrder() {
    return outOfOrder;
  }

  /** What the server complained of, or null. */
  String failure() {
    return failure;
  }
}
