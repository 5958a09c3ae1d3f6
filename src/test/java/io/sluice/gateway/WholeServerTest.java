package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The API against the real Broker and NameServer, as they run in one process. */
class WholeServerTest extends WholeServerTestBase {

  @Test
  void shouldReceiveSettleAndSendAgain() throws Exception {
    put("/v1/groups/billing", "{\"maxAttempts\":3,\"retryDelays\":[\"50ms\"]}").is(201);
    JsonObject sent = send("orders", "hello", "Sluice-Tag", "paid");
    assertEquals("disk", sent.getString("ack"));
    JsonObject first = receive("billing", "orders").getJsonObject(0);
    assertEquals(sent.getString("messageId"), first.getString("messageId"));
    assertEquals(1, first.getInteger("attempt"));
    assertEquals(0, receive("billing", "orders").size());

    settle("billing", "nack", new JsonObject().put("receipt", first.getString("receipt")), "ok");
    JsonObject second = poll("billing", "orders");
    assertEquals(2, second.getInteger("attempt"));
    assertNotEquals(first.getString("receipt"), second.getString("receipt"));
    settle("billing", "ack", first.getString("receipt"), "expired", "ok");
    settle("other", "ack", second.getString("receipt"), "unknown");
    settle("billing", "ack", "made.up.receipt", "unknown");
    JsonObject extend =
        new JsonObject().put("receipt", second.getString("receipt")).put("invisible", "1m");
    settle("billing", "extend", extend, "ok");
    settle("billing", "ack", second.getString("receipt"), "ok");
    settle("billing", "ack", second.getString("receipt"), "ok");
    JsonObject lag = get("/v1/groups/billing/lag?detail=true").is(200).json();
    assertEquals(0, lag.getInteger("messages"), lag::encode);
    assertEquals("orders", lag.getJsonArray("queues").getJsonObject(0).getString("topic"));
  }

  @Test
  void shouldPutWhatFailsForeverToTheDeadLetters() throws Exception {
    send("orders", "bad");
    JsonObject message = receive("g", "orders").getJsonObject(0);
    JsonObject dead =
        new JsonObject().put("receipt", message.getString("receipt")).put("reason", "no such item");
    settle("g", "dead", dead, "ok");
    eventually(
        "the dead letter",
        () -> {
          try {
            return get("/v1/groups/g/dead-letters").is(200).json().getJsonArray("messages").size()
                == 1;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    JsonObject letter =
        get("/v1/groups/g/dead-letters").json().getJsonArray("messages").getJsonObject(0);
    assertEquals("bad", letter.getString("body"));
    assertEquals("no such item", letter.getJsonObject("properties").getString("DEAD_REASON"));
    assertEquals("rejected", letter.getString("reason"));
    assertEquals("no such item", letter.getString("lastError"));
    get("/v1/groups/h/dead-letters").isProblem(404, "GROUP_NOT_FOUND", "'h'");
  }

  @Test
  void shouldAnswerALongPollAsSoonAsAMessageComes() throws Exception {
    put("/v1/topics/t", "{\"queues\":2}").is(201);
    var waiting =
        HttpClient.newHttpClient()
            .sendAsync(
                HttpRequest.newBuilder(uri("/v1/groups/g/topics/t/receive"))
                    .POST(HttpRequest.BodyPublishers.ofString("{\"wait\":\"20s\"}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    TimeUnit.MILLISECONDS.sleep(300);
    assertFalse(waiting.isDone());
    send("t", "now");
    HttpResponse<String> answer = waiting.get(WAIT_S, TimeUnit.SECONDS);
    assertEquals(200, answer.statusCode());
    assertTrue(answer.body().contains("\"body\":\"now\""));
    post("/v1/groups/g/topics/t/receive", "{\"wait\":\"100ms\"}").is(204);
    post("/v1/groups/g/topics/t/receive", "{\"wait\":\"soon\"}")
        .isProblem(400, "INVALID_ARGUMENT", "wait", "soon", "250ms");
    post("/v1/groups/g/topics/t/receive", "{\"maxx\":1}")
        .isProblem(400, "UNKNOWN_FIELD", "did you mean 'max'");
    post("/v1/groups/g/topics/t/receive", "{\"max\":1,\"max\":2}")
        .isProblem(400, "MALFORMED_REQUEST", "twice");
    post("/v1/groups/g/topics/t/receive", "{\"filter\":{\"tag\":\"a\",\"sql\":\"x\"}}")
        .isProblem(400, "INVALID_FILTER");
  }

  @Test
  void shouldFilterByTag() throws Exception {
    send("t", "a", "Sluice-Tag", "A", "Sluice-Property-price", "5");
    send("t", "b", "Sluice-Tag", "B", "Sluice-Property-price", "50");
    send("t", "c", "Sluice-Tag", "C");
    assertEquals(Set.of("a", "b"), bodies("g1", "{\"tag\":\"A || B\"}"));
    post("/v1/groups/g3/topics/t/receive", "{\"filter\":{\"sql\":\"\"}}")
        .isProblem(400, "INVALID_FILTER");
  }

  @Test
  void shouldReadWithoutAGroup() throws Exception {
    put("/v1/topics/t", "{\"queues\":1}").is(201);
    long before = System.currentTimeMillis();
    JsonObject one = send("t", "one", "Sluice-Key", "k1");
    send("t", "two", "Sluice-Key", "k1");
    JsonObject page = get("/v1/topics/t/messages?queue=0&offset=1").is(200).json();
    assertEquals("two", page.getJsonArray("messages").getJsonObject(0).getString("body"));
    assertEquals(2, page.getJsonArray("next").getJsonObject(0).getInteger("offset"));
    assertEquals(
        2, get("/v1/topics/t/messages?time=" + before).json().getJsonArray("messages").size());
    assertEquals(
        2, get("/v1/topics/t/messages?key=k1").is(200).json().getJsonArray("messages").size());
    JsonObject found = get("/v1/topics/t/messages/" + one.getString("messageId")).is(200).json();
    assertEquals("one", found.getString("body"));
    get("/v1/topics/t/messages/nothing").isProblem(404, "MESSAGE_NOT_FOUND", "nothing");
    get("/v1/topics/t/messages?offset=1").isProblem(400, "INVALID_ARGUMENT", "queue");
    get("/v1/topics/t/messages?limit=0").isProblem(400, "INVALID_ARGUMENT", "1 to 1024");
    get("/v1/topics/none/messages").isProblem(404, "TOPIC_NOT_FOUND", "none");
  }

  @Test
  void shouldStreamEventsAndResumeBehindTheLastId() throws Exception {
    put("/v1/topics/t", "{\"queues\":3}").is(201);
    send("t", "m0");
    List<JsonObject> events = new ArrayList<>();
    String lastId =
        stream(
            "?from=earliest",
            null,
            events,
            4,
            () -> {
              for (int i = 1; i < 4; i++) {
                send("t", "{\"n\":\n" + i + "}", "Content-Type", "application/json");
              }
            });
    assertEquals("m0", events.get(0).getString("body"));
    assertEquals(3, events.get(3).getJsonObject("json").getInteger("n"));
    send("t", "while away");
    List<JsonObject> after = new ArrayList<>();
    stream("?from=earliest", lastId, after, 1, () -> {});
    assertEquals("while away", after.get(0).getString("body"));
    List<JsonObject> tagged = new ArrayList<>();
    stream(
        "?tag=x",
        null,
        tagged,
        1,
        () -> {
          send("t", "no", "Sluice-Tag", "y");
          send("t", "yes", "Sluice-Tag", "x");
        });
    assertEquals("yes", tagged.get(0).getString("body"));
    get("/v1/topics/t/stream?from=yesterday").isProblem(400, "INVALID_ARGUMENT", "yesterday");
    get("/v1/topics/rmq_sys_sluice_state/stream").isProblem(403, "NO_PERMISSION");
  }

  @Test
  void shouldStreamFromATimeAndFromAPosition() throws Exception {
    put("/v1/topics/t", "{\"queues\":1}").is(201);
    send("t", "before");
    long timeMs = later();
    send("t", "since");
    send("t", "last");
    List<JsonObject> events = new ArrayList<>();
    String position = stream("?from=" + timeMs, null, events, 1, () -> {});
    assertEquals("since", events.get(0).getString("body"));
    events.clear();
    stream("?from=" + java.time.Instant.ofEpochMilli(timeMs), null, events, 2, () -> {});
    assertEquals("since", events.get(0).getString("body"));
    events.clear();
    stream("?from=" + position, null, events, 1, () -> {});
    assertEquals("last", events.get(0).getString("body"));
  }

  @Test
  void shouldMoveAGroupToATimeAndTellHowFarItIsBehind() throws Exception {
    send("t", "before", "Sluice-Ordering-Key", "k");
    long timeMs = later();
    send("t", "since", "Sluice-Ordering-Key", "k");
    assertEquals(2, receive("g", "t").size());
    put("/v1/groups/g/topics/t/position", "{\"to\":{\"time\":" + timeMs + "}}").is(200);
    eventually("a second behind", () -> lagSeconds() >= 1);
    JsonArray messages = receive("g", "t");
    assertEquals(1, messages.size());
    assertEquals("since", messages.getJsonObject(0).getString("body"));
    settle("g", "ack", messages.getJsonObject(0).getString("receipt"), "ok");
    eventually("nothing behind", () -> lagSeconds() == 0);
  }

  private double lagSeconds() {
    try {
      return get("/v1/groups/g/lag").is(200).json().getDouble("seconds");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void shouldAdministerTopicsGroupsAndPositions() throws Exception {
    JsonObject topic = put("/v1/topics/t", "{\"queues\":4,\"retention\":\"2h\"}").is(201).json();
    assertEquals(4, topic.getInteger("queues"));
    assertEquals("2h", topic.getString("retention"));
    topic = put("/v1/topics/t", "{\"order\":true}").is(200).json();
    assertEquals(4, topic.getInteger("queues"));
    assertTrue(topic.getBoolean("order"));
    assertEquals(4, get("/v1/topics/t").is(200).json().getJsonArray("offsets").size());
    assertTrue(get("/v1/topics").is(200).body().toString().contains("\"name\":\"t\""));
    assertFalse(get("/v1/topics").body().toString().contains("rmq_sys_"));
    put("/v1/topics/t", "{\"queues\":0}").isProblem(400, "INVALID_ARGUMENT", "queues", "65536");
    put("/v1/topics/t", "{\"ordr\":true}").isProblem(400, "UNKNOWN_FIELD", "'order'");
    get("/v1/topics/none").isProblem(404, "TOPIC_NOT_FOUND");
    get("/v1/groups/none").isProblem(404, "GROUP_NOT_FOUND");
    JsonObject group =
        put(
                "/v1/groups/g",
                "{\"maxAttempts\":5,\"retryDelays\":[\"1s\",\"1m30s\"],"
                    + "\"orderedRetry\":\"250ms\"}")
            .is(201)
            .json();
    assertEquals(new JsonArray().add("1s").add("1m30s"), group.getJsonArray("retryDelays"));
    assertEquals("250ms", get("/v1/groups/g").is(200).json().getString("orderedRetry"));
    assertTrue(get("/v1/groups").body().toString().contains("\"name\":\"g\""));

    for (int i = 0; i < 5; i++) {
      send("t", "m" + i, "Sluice-Ordering-Key", "k");
    }
    assertEquals(5, receive("g", "t").size());
    put("/v1/groups/g/topics/t/position", "{\"to\":\"earliest\"}").is(200);
    assertEquals(5, receive("g", "t").size());
    put("/v1/groups/g/topics/t/position", "{\"to\":\"latest\"}").is(200);
    assertEquals(0, receive("g", "t").size());
    int queue = send("t", "m5", "Sluice-Ordering-Key", "k").getInteger("queueId");
    put("/v1/groups/g/topics/t/position", "{\"to\":{\"offsets\":{\"" + queue + "\":3}}}").is(200);
    assertEquals(3, receive("g", "t").size());
    put("/v1/groups/g/topics/t/position", "{\"to\":\"there\"}")
        .isProblem(400, "INVALID_ARGUMENT", "there", "earliest");
    delete("/v1/groups/g").is(204);
    delete("/v1/topics/t").is(204);
    get("/v1/topics/t").isProblem(404, "TOPIC_NOT_FOUND");
  }

  @Test
  void shouldTellHowItIs() throws Exception {
    send("t", "x");
    receive("g", "t");
    assertEquals("live", get("/health/live").is(200).json().getString("status"));
    assertEquals("ready", get("/health/ready").is(200).json().getString("status"));
    String metrics = get("/metrics").is(200).body().toString();
    assertTrue(metrics.contains("sluice_gateway_messages_in_total 1\n"), metrics);
    assertTrue(metrics.contains("sluice_latency_seconds_count{stage=\"append\"}"), metrics);
    JsonObject cluster = get("/v1/cluster").is(200).json();
    JsonObject brokerNode = cluster.getJsonArray("brokers").getJsonObject(0);
    assertEquals("master", brokerNode.getString("role"));
    assertTrue(brokerNode.getBoolean("writable"));
    assertEquals(0, brokerNode.getInteger("epoch"));
    assertEquals(1, cluster.getJsonArray("nameServers").size());
    assertEquals(1, cluster.getJsonArray("gateways").size());
    assertEquals(
        "127.0.0.1:" + port,
        cluster.getJsonArray("gateways").getJsonObject(0).getString("address"));
    JsonObject stages = get("/v1/latency").is(200).json().getJsonObject("stages");
    for (String stage : List.of("receive", "append", "force", "dispatch", "delivery")) {
      assertTrue(stages.getJsonObject(stage).getInteger("count") > 0, stage);
    }
    String log = get("/v1/latency", "Accept", "text/plain").is(200).body().toString();
    assertTrue(log.startsWith("#[Histogram log format version"), log);
    assertTrue(log.contains("Tag=append,"), log);
    assertTrue(get("/").is(200).body().toString().contains("/openapi.json"));
    get("/nothing").isProblem(404, "NOT_FOUND", "/nothing");
    post("/health/live", "").isProblem(405, "METHOD_NOT_ALLOWED", "it takes GET, HEAD");
    Answer wrong = call(HttpMethod.PATCH, "/v1/topics/t", "");
    wrong.isProblem(405, "METHOD_NOT_ALLOWED", "does not take PATCH");
    assertEquals("DELETE, GET, HEAD, PUT", wrong.headers().get("allow"));
    call(HttpMethod.HEAD, "/v1/topics/t/stream", "").is(405);
    Answer head = call(HttpMethod.HEAD, "/v1/topics/t", "").is(200);
    assertEquals("application/json", head.headers().get("content-type"));
    assertEquals(0, head.body().length());
    call(HttpMethod.HEAD, "/v1/topics/absent", "").is(404);
  }

  @Test
  void shouldServeEveryKindOfClient() throws Exception {
    HttpClient java2 = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    for (int i = 0; i < 3; i++) {
      HttpResponse<String> sent =
          java2.send(
              HttpRequest.newBuilder(uri("/v1/topics/t/messages"))
                  .header("Sluice-Tag", "h2")
                  .POST(HttpRequest.BodyPublishers.ofString("over h2c " + i))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      assertEquals(201, sent.statusCode(), sent.body());
      assertEquals(HttpClient.Version.HTTP_2, sent.version());
    }
    var prior =
        vertx.createHttpClient(
            new io.vertx.core.http.HttpClientOptions()
                .setProtocolVersion(io.vertx.core.http.HttpVersion.HTTP_2)
                .setHttp2ClearTextUpgrade(false));
    call(prior, HttpMethod.POST, "/v1/topics/t/messages", Buffer.buffer("prior knowledge")).is(201);
    call(
            prior,
            HttpMethod.POST,
            "/v1/topics/t/messages",
            Buffer.buffer("{\"body\":\"line\"}\n".repeat(5_000)),
            "Content-Type",
            "application/x-ndjson")
        .is(200);
    assertEquals(32, receive("g", "t").size());
    Path curl = Path.of("/usr/bin/curl");
    Assumptions.assumeTrue(Files.isExecutable(curl));
    Path big = data.resolve("big.txt");
    Files.write(big, new byte[2 << 20]);
    Process process =
        new ProcessBuilder(
                curl.toString(),
                "-sS",
                "-H",
                "Expect: 100-continue",
                "--data-binary",
                "@" + big,
                uri("/v1/topics/curl/messages").toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), said);
    assertTrue(new JsonObject(said).containsKey("messageId"), said);
  }

  @Test
  void shouldPushFromTheRealBroker() throws Exception {
    int count = 3_000;
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < count; i++) {
      lines.append("{\"body\":\"m").append(i).append("\"}\n");
    }
    post("/v1/topics/t/messages", lines.toString(), "Content-Type", "application/x-ndjson").is(200);
    TestSocket socket =
        TestSocket.open(this, "/v1/ws?topic=t&group=g&ack=auto&batch=100&credit=1000", true);
    socket.next("subscribed");
    Set<String> seen = new HashSet<>();
    while (seen.size() < count) {
      JsonArray items = socket.find("messages").getJsonArray("items");
      items.forEach(item -> seen.add(((JsonObject) item).getString("raw")));
    }
    socket.find("idle");
    send("t", "live");
    assertEquals(
        "live", socket.find("messages").getJsonArray("items").getJsonObject(0).getString("raw"));
    socket.close();
    eventually(
        "all are settled",
        () -> {
          try {
            return get("/v1/groups/g/lag").json().getInteger("messages") == 0;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    assertTrue(
        get("/v1/latency")
                .json()
                .getJsonObject("stages")
                .getJsonObject("end_to_end")
                .getInteger("count")
            > 0);
  }

  @Test
  void shouldKeepOrderAndHoldBackBehindANack() throws Exception {
    put("/v1/groups/g", "{\"orderedRetry\":\"50ms\"}").is(201);
    for (int i = 0; i < 10; i++) {
      send("t", "m" + i, "Sluice-Ordering-Key", "k");
    }
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"mode\":\"ordered\","
            + "\"credit\":1}");
    for (int i = 0; i < 10; i++) {
      JsonObject message = socket.find("message");
      assertEquals("m" + i, message.getString("body"));
      if (i == 3) {
        socket.send(
            new JsonObject()
                .put("type", "settle")
                .put(
                    "nack",
                    new JsonArray()
                        .add(new JsonObject().put("receipt", message.getString("receipt")))));
        message = socket.find("message");
        assertEquals("m3", message.getString("body"));
        assertEquals(2, message.getInteger("attempt"));
      }
      socket.send(
          new JsonObject()
              .put("type", "settle")
              .put("ack", new JsonArray().add(message.getString("receipt"))));
    }
    socket.close();
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  private JsonObject poll(String group, String topic) throws Exception {
    return post("/v1/groups/" + group + "/topics/" + topic + "/receive", "{\"wait\":\"9s\"}")
        .is(200)
        .json()
        .getJsonArray("messages")
        .getJsonObject(0);
  }

  private Set<String> bodies(String group, String filter) throws Exception {
    JsonArray messages =
        post("/v1/groups/" + group + "/topics/t/receive", "{\"filter\":" + filter + "}")
            .is(200)
            .json()
            .getJsonArray("messages");
    Set<String> bodies = new HashSet<>();
    messages.forEach(m -> bodies.add(((JsonObject) m).getString("body")));
    return bodies;
  }

  private void settle(String group, String kind, Object what, String... allowed) throws Exception {
    JsonObject answer =
        post(
                "/v1/groups/" + group + "/settle",
                new JsonObject().put(kind, new JsonArray().add(what)).encode())
            .is(200)
            .json();
    String outcome = answer.getJsonArray("results").getJsonObject(0).getString("outcome");
    assertTrue(List.of(allowed).contains(outcome), outcome);
  }

  /** Reads so many events and gives the id of the last. */
  private String stream(
      String query, String lastId, List<JsonObject> events, int count, Meanwhile meanwhile)
      throws Exception {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    String[] id = new String[1];
    var options =
        new io.vertx.core.http.RequestOptions()
            .setHost("127.0.0.1")
            .setPort(port)
            .setURI("/v1/topics/t/stream" + query);
    if (lastId != null) {
      options.putHeader("Last-Event-ID", lastId);
    }
    io.vertx.core.http.HttpClient client = vertx.createHttpClient();
    onLoop(
        () ->
            client
                .request(options)
                .compose(io.vertx.core.http.HttpClientRequest::send)
                .map(
                    response -> {
                      assertEquals(200, response.statusCode());
                      assertEquals("text/event-stream", response.getHeader("content-type"));
                      return response.handler(
                          io.vertx.core.parsetools.RecordParser.newDelimited(
                              "\n", line -> lines.add(line.toString())));
                    }));
    meanwhile.run();
    while (events.size() < count) {
      String line = lines.poll(WAIT_S, TimeUnit.SECONDS);
      if (line.startsWith("id: ")) {
        id[0] = line.substring(4);
      } else if (line.startsWith("data: ")) {
        events.add(new JsonObject(line.substring(6)));
      }
    }
    await(client.close());
    return id[0];
  }

  /** What happens while a stream is open. */
  private interface Meanwhile {

    /** Does it. */
    void run() throws Exception;
  }
}
