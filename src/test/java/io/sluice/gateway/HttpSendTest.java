package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpSendTest extends GatewayTestBase {

  private static final String NDJSON = "application/x-ndjson";
  private static final String BATCH = "application/vnd.sluice.batch+json";
  private static final String EVENTS = "application/cloudevents-batch+json";

  @Test
  void shouldStoreARawBodyWithItsHeadersAndGiveItBack() throws Exception {
    JsonObject receipt =
        send(
            "orders",
            "grüße",
            "Content-Type",
            "text/plain; charset=utf-8",
            "Sluice-Tag",
            "paid",
            "Sluice-Key",
            "k1",
            "Sluice-Key",
            "k2",
            "Sluice-Ordering-Key",
            "customer-7",
            "Sluice-Ack",
            "memory",
            "Sluice-Property-Region",
            "eu",
            "Idempotency-Key",
            "once",
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assertEquals(32, receipt.getString("messageId").length());
    assertEquals("orders", receipt.getString("topic"));
    assertEquals("fake", receipt.getString("broker"));
    assertEquals("memory", receipt.getString("ack"));
    assertFalse(receipt.getBoolean("duplicate"));
    assertEquals(0, receipt.getLong("queueOffset"));

    JsonObject message = receive("billing", "orders").getJsonObject(0);
    assertEquals(receipt.getString("messageId"), message.getString("messageId"));
    assertEquals("grüße", message.getString("body"));
    assertEquals("paid", message.getString("tag"));
    assertEquals(new JsonArray().add("k1").add("k2"), message.getJsonArray("keys"));
    assertEquals("customer-7", message.getString("orderingKey"));
    assertEquals("text/plain; charset=utf-8", message.getString("contentType"));
    assertEquals(1, message.getInteger("attempt"));
    assertEquals(receipt.getInteger("queueId"), message.getInteger("queueId"));
    JsonObject properties = message.getJsonObject("properties");
    assertEquals("eu", properties.getString("Region"));
    assertEquals("once", properties.getString("IDEMPOTENCY_KEY"));
    assertTrue(properties.getString("traceparent").startsWith("00-0af7"));
    assertEquals(3, properties.size());
    assertTrue(message.getLong("bornAt") <= message.getLong("storedAt"));
  }

  @Test
  void shouldDeliverJsonAsJsonAndOtherBytesAsBase64() throws Exception {
    send("t", "{\"a\": [1,\n2]}", "Content-Type", "application/json; charset=utf-8");
    send("t", "{\"a\": broken}", "Content-Type", "application/json");
    call(http, HttpMethod.POST, "/v1/topics/t/messages", Buffer.buffer(new byte[] {0, -1, 2}))
        .is(201);
    send("t", "tab\tand \"quote\" \\ \u0001 €");
    send("t", "");
    JsonArray messages = receive("g", "t");
    assertEquals(5, messages.size());
    assertEquals(
        new JsonArray().add(1).add(2),
        messages.getJsonObject(0).getJsonObject("json").getJsonArray("a"));
    assertEquals("{\"a\": broken}", messages.getJsonObject(1).getString("body"));
    assertEquals("AP8C", messages.getJsonObject(2).getString("bodyBase64"));
    assertEquals("tab\tand \"quote\" \\ \u0001 €", messages.getJsonObject(3).getString("body"));
    assertEquals("", messages.getJsonObject(4).getString("body"));
    assertNull(messages.getJsonObject(4).getString("contentType"));
  }

  @Test
  void shouldNameAnUnknownHeaderAndTheNearestRightOne() throws Exception {
    post("/v1/topics/t/messages", "x", "Sluice-Tga", "a")
        .isProblem(400, "UNKNOWN_FIELD", "Sluice-Tga", "Sluice-Tag");
    post("/v1/topics/t/messages", "x", "Sluice-Ack", "disc")
        .isProblem(400, "INVALID_ARGUMENT", "disc", "did you mean disk");
    post("/v1/topics/t/messages", "x", "Sluice-Property-TAGS", "a")
        .isProblem(400, "INVALID_ARGUMENT", "TAGS", "belongs to the system");
    post("/v1/topics/t/messages", "x", "Sluice-Key", "a b")
        .isProblem(400, "INVALID_ARGUMENT", "'a b'", "blank");
    post("/v1/topics/t/messages?atomc=true", "x", "Content-Type", NDJSON)
        .isProblem(400, "UNKNOWN_FIELD", "atomc", "atomic");
    post("/v1/topics/t/messages?atomic=true", "x").isProblem(400, "UNKNOWN_FIELD", "atomic");
    post("/v1/groups/g/topics/t/receive", "", "Sluice-Tag", "a")
        .isProblem(400, "UNKNOWN_FIELD", "Sluice-Tag");
  }

  @Test
  void shouldNameAnUnknownHeaderAndParameterOnEveryPath() throws Exception {
    for (Routes.Route route : Routes.all(null)) {
      String replyTo = new ReplyTo("a", "b").toText();
      String path = route.path().replace("{replyTo}", replyTo).replaceAll("\\{\\w+}", "x");
      call(route.method(), path, "", "Sluice-Nonsense", "1")
          .isProblem(400, "UNKNOWN_FIELD", "Sluice-Nonsense");
    }
    for (String path : List.of("/", "/openapi.json", "/metrics", "/v1/latency", "/v1/cluster")) {
      get(path + "?nonsense=1").isProblem(400, "UNKNOWN_FIELD", "'nonsense'");
    }
    // Load balancers add what they like.
    get("/health/live?nonsense=1").is(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {NDJSON, BATCH, EVENTS})
  void shouldRefuseTheHeadersOfASingleMessageOnABatch(String type) throws Exception {
    boolean events = type.equals(EVENTS);
    String path = "/v1/topics/t/messages";
    post(path, "[]", "Content-Type", type, "Idempotency-Key", "i")
        .isProblem(
            400, "UNKNOWN_FIELD", "Idempotency-Key", events ? "source and id" : "idempotencyKey");
    post(path, "[]", "Content-Type", type, "ce-id", "1")
        .isProblem(400, "UNKNOWN_FIELD", "ce-id", events ? "its own attributes" : EVENTS);
    post(path, "[]", "Content-Type", type, "Sluice-Tag", "a")
        .isProblem(400, "UNKNOWN_FIELD", "Sluice-Tag", "each item");
  }

  @ParameterizedTest
  @ValueSource(strings = {NDJSON, BATCH, EVENTS})
  void shouldGiveTheTraceOfTheCallToMessagesOfABatchThatHaveNone(String type) throws Exception {
    boolean events = type.equals(EVENTS);
    String event = "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"";
    String plain = events ? "{" + event + "}" : "{\"body\":\"a\"}";
    String traced =
        events
            ? "{" + event + ",\"traceparent\":\"own\"}"
            : "{\"body\":\"b\",\"properties\":{\"traceparent\":\"own\"}}";
    String batch = type.equals(NDJSON) ? plain + "\n" + traced : "[" + plain + "," + traced + "]";
    String trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    String[] headers = {
      "Content-Type", type, "traceparent", trace, "tracestate", "a=1", "tracestate", "b=2"
    };
    post("/v1/topics/t/messages", batch, headers).is(200);
    JsonArray messages = receive("g", "t");
    JsonObject first = messages.getJsonObject(0).getJsonObject("properties");
    assertEquals(trace, first.getString("traceparent"));
    assertEquals("a=1,b=2", first.getString("tracestate"));
    JsonObject second = messages.getJsonObject(1).getJsonObject("properties");
    assertEquals("own", second.getString(events ? "CE_traceparent" : "traceparent"));
    assertNull(second.getString("tracestate"));
  }

  @Test
  void shouldSayWhenToTryAgainWhereABrokerTakesNothing() throws Exception {
    broker.failAppends = new SluiceException(ErrorCode.STORE_FAILED, "a write failed");
    Answer answer = post("/v1/topics/t/messages", "x").isProblem(503, "STORE_FAILED");
    assertEquals("60", answer.headers().get("retry-after"));
    broker.failAppends = new SluiceException(ErrorCode.REPLICAS_MISSING, "one is missing");
    answer = post("/v1/topics/t/messages", "x").isProblem(503, "REPLICAS_MISSING");
    assertEquals("1", answer.headers().get("retry-after"));
  }

  @Test
  void shouldRefuseABodyThatIsEncodedAndSaySo() throws Exception {
    for (String path :
        List.of("/v1/topics/t/messages", "/v1/groups/g/topics/t/receive", "/v1/groups/g/settle")) {
      post(path, "x", "Content-Encoding", "gzip")
          .isProblem(415, "UNSUPPORTED_MEDIA_TYPE", "'gzip'", "send the body plain");
    }
    post(
            "/v1/topics/t/messages",
            "{\"body\":\"x\"}",
            "Content-Type",
            NDJSON,
            "Content-Encoding",
            "br")
        .isProblem(415, "UNSUPPORTED_MEDIA_TYPE", "'br'");
    send("t", "x", "Content-Encoding", "identity");
  }

  @Test
  void shouldRefuseIllegalNames() throws Exception {
    post("/v1/topics/a.b/messages", "x").isProblem(400, "INVALID_TOPIC", "'.' at position 1");
    post("/v1/topics/a%20b/messages", "x").isProblem(400, "INVALID_TOPIC", "position 1");
    post("/v1/topics/" + "t".repeat(128) + "/messages", "x")
        .isProblem(400, "INVALID_TOPIC", "128 characters", "1 to 127");
    post("/v1/topics//messages", "x").isProblem(400, "INVALID_TOPIC", "empty");
    post("/v1/topics/rmq_sys_sluice_state/messages", "x")
        .isProblem(403, "NO_PERMISSION", "belongs to the system");
    post("/v1/groups/a.b/settle", "{}").isProblem(400, "INVALID_GROUP", "'.' at position 1");
    post("/v1/groups/" + "g".repeat(121) + "/topics/t/receive", "{}")
        .isProblem(400, "INVALID_GROUP", "121 characters");
    send("%25DLQ%25billing", "x");
  }

  @Test
  void shouldStoreEachLineAndNameTheOnesThatAreBroken() throws Exception {
    String body =
        """
        {"body":"one","tag":"a","keys":"k1"}
        {"body":"two"
        {"json":{"n": 3, "x":[1,2]},"keys":["k2","k3"],"properties":{"p":"q","n":4}}

        {"bodyBase64":"AP8C","contentType":"application/octet-stream"}
        {"bodyy":"six"}
        {"body":"a","json":1}
        {"tag":"x"}
        {"body":"nine","delay":"0s"}
        {"body":"ten \\"esc\\" ü\\n","orderingKey":"o"}
        {"bodyBase64":"?"}
        {"body":"last"}""";
    JsonObject answer =
        post("/v1/topics/lines/messages", body, "Content-Type", NDJSON, "Sluice-Ack", "memory")
            .is(200)
            .json();
    JsonArray results = answer.getJsonArray("results");
    assertEquals(11, results.size());
    assertEquals("memory", results.getJsonObject(0).getString("ack"));
    assertError(results, 1, 2, "MALFORMED_REQUEST", "not valid JSON");
    assertNotEquals(null, results.getJsonObject(2).getString("messageId"));
    assertNotEquals(null, results.getJsonObject(3).getString("messageId"));
    assertError(results, 4, 6, "UNKNOWN_FIELD", "'body'");
    assertError(results, 5, 7, "INVALID_ARGUMENT", "two bodies");
    assertError(results, 6, 8, "INVALID_ARGUMENT", "no body");
    assertEquals(false, results.getJsonObject(7).containsKey("error"));
    assertError(results, 9, 11, "INVALID_ARGUMENT", "base64");
    JsonArray messages = receive("g", "lines");
    assertEquals(6, messages.size());
    List<String> seen = new ArrayList<>();
    messages.forEach(
        m -> {
          JsonObject message = (JsonObject) m;
          seen.add(
              message.containsKey("json")
                  ? message.getJsonObject("json").encode()
                      + message.getJsonArray("keys").encode()
                      + message.getJsonObject("properties").encode()
                      + message.getString("contentType")
                  : message.containsKey("body")
                      ? message.getString("body")
                      : message.getString("bodyBase64"));
        });
    assertTrue(seen.contains("one"));
    assertTrue(
        seen.contains(
            "{\"n\":3,\"x\":[1,2]}[\"k2\",\"k3\"]{\"p\":\"q\",\"n\":\"4\"}application/json"),
        seen::toString);
    assertTrue(seen.contains("AP8C"));
    assertTrue(seen.contains("ten \"esc\" ü\n"));
    assertTrue(seen.contains("last"));
  }

  @Test
  void shouldReadLinesThatCrossChunksAndAnswerInOrder() throws Exception {
    int count = 20_000;
    StringBuilder body = new StringBuilder();
    for (int i = 0; i < count; i++) {
      body.append("{\"body\":\"message ").append(i).append("\",\"orderingKey\":\"same\"}\n");
    }
    JsonArray results =
        post("/v1/topics/many/messages", body.toString(), "Content-Type", NDJSON)
            .is(200)
            .json()
            .getJsonArray("results");
    assertEquals(count, results.size());
    for (int i = 0; i < count; i++) {
      assertEquals(i, results.getJsonObject(i).getLong("queueOffset"));
    }
    assertTrue(broker.appendRequests.get() < count / 50, "lines share requests");
  }

  @Test
  void shouldTakeAnyByteBoundaryBetweenChunks() throws Exception {
    String text = "{\"body\":\"a\"}\r\n\n{\"json\":[1]}\n{\"body\":\"ü\"}";
    byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    for (int cut = 0; cut <= bytes.length; cut++) {
      Buffer first = Buffer.buffer(java.util.Arrays.copyOfRange(bytes, 0, cut));
      Buffer second = Buffer.buffer(java.util.Arrays.copyOfRange(bytes, cut, bytes.length));
      Answer answer =
          onLoop(
              () ->
                  http.request(HttpMethod.POST, port, "127.0.0.1", "/v1/topics/cut/messages")
                      .compose(
                          request -> {
                            request.setChunked(true).putHeader("Content-Type", NDJSON);
                            Future<?> sent =
                                first.length() == 0 ? request.sendHead() : request.write(first);
                            return sent.compose(
                                    done ->
                                        second.length() == 0 ? request.end() : request.end(second))
                                .compose(done -> request.response())
                                .compose(GatewayTestBase::answer);
                          }));
      JsonArray results = answer.is(200).json().getJsonArray("results");
      assertEquals(3, results.size(), "cut at " + cut);
      results.forEach(r -> assertTrue(((JsonObject) r).containsKey("messageId")));
    }
  }

  @Test
  void shouldPassOverALineThatIsTooLongWithoutKeepingIt() throws Exception {
    String body =
        "{\"body\":\"a\"}\n{\"body\":\"" + "x".repeat(7 << 20) + "\"}\n{\"body\":\"b\"}\n";
    JsonArray results =
        post("/v1/topics/t/messages", body, "Content-Type", NDJSON)
            .is(200)
            .json()
            .getJsonArray("results");
    assertEquals(3, results.size());
    assertError(results, 1, 2, "MESSAGE_TOO_LARGE", "6291456");
  }

  @Test
  void shouldAnswerAnEmptyStream() throws Exception {
    assertEquals(
        "{\"results\":[]}",
        post("/v1/topics/t/messages", "", "Content-Type", NDJSON).is(200).body().toString());
    assertEquals(
        "{\"results\":[]}",
        post("/v1/topics/t/messages", "[]", "Content-Type", BATCH).is(200).body().toString());
  }

  @Test
  void shouldStoreAJsonBatchItemByItem() throws Exception {
    String body =
        "[{\"body\":\"a\"},{\"boddy\":{\"deep\":[1]}},7,{\"body\":\"b\",\"properties\":{\"x\":{}}},"
            + "[1],{\"json\":{\"k\":1},\"keys\":[\"z\"]}]";
    JsonArray results =
        post("/v1/topics/batch/messages", body, "Content-Type", BATCH)
            .is(200)
            .json()
            .getJsonArray("results");
    assertEquals(6, results.size());
    assertEquals("UNKNOWN_FIELD", error(results, 1).getString("code"));
    assertEquals(1, error(results, 1).getInteger("index"));
    assertEquals("INVALID_ARGUMENT", error(results, 2).getString("code"));
    assertEquals("INVALID_ARGUMENT", error(results, 3).getString("code"));
    assertEquals("INVALID_ARGUMENT", error(results, 4).getString("code"));
    assertTrue(results.getJsonObject(5).containsKey("messageId"));
    assertEquals(2, receive("g", "batch").size());
    post("/v1/topics/batch/messages", "{\"messages\":[{\"body\":\"a\"}]}", "Content-Type", BATCH)
        .is(200);
    post("/v1/topics/batch/messages", "[{\"body\":\"a\"}", "Content-Type", BATCH)
        .isProblem(400, "MALFORMED_REQUEST");
    post("/v1/topics/batch/messages", "\"x\"", "Content-Type", BATCH)
        .isProblem(400, "MALFORMED_REQUEST", "array");
  }

  @Test
  void shouldStoreAllOrNothing() throws Exception {
    String good = "{\"body\":\"a\"}\n{\"body\":\"b\"}\n";
    post("/v1/topics/all/messages?atomic=true", good, "Content-Type", NDJSON).is(200);
    assertEquals(2, receive("g", "all").size());
    post("/v1/topics/all/messages?atomic=true", good + "{\"body\":", "Content-Type", NDJSON)
        .isProblem(400, "MALFORMED_REQUEST", "line 3", "nothing was stored");
    post(
            "/v1/topics/all/messages?atomic=true",
            "[{\"body\":\"c\"},{\"tagg\":\"x\"}]",
            "Content-Type",
            BATCH)
        .isProblem(400, "UNKNOWN_FIELD", "index 1", "nothing was stored");
    assertEquals(0, receive("g", "all").size());
    post("/v1/topics/refused/messages?atomic=true", good, "Content-Type", NDJSON)
        .isProblem(403, "NO_PERMISSION");
  }

  @Test
  void shouldPassTheBrokersRefusalOn() throws Exception {
    post("/v1/topics/refused/messages", "x").isProblem(403, "NO_PERMISSION", "read only");
    JsonArray results =
        post("/v1/topics/refused/messages", "{\"body\":\"a\"}", "Content-Type", NDJSON)
            .is(200)
            .json()
            .getJsonArray("results");
    assertEquals("NO_PERMISSION", error(results, 0).getString("code"));
    broker.failAppends = new SluiceException(ErrorCode.DISK_FULL, "the disk is full");
    post("/v1/topics/t/messages", "x").isProblem(507, "DISK_FULL");
    broker.failAppends = new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "starting");
    Answer answer = post("/v1/topics/t/messages", "x").isProblem(503, "BROKER_UNAVAILABLE");
    assertEquals("1", answer.headers().get("retry-after"));
    assertTrue(answer.json().getBoolean("retryable"));
    assertEquals(1000, answer.json().getInteger("retryAfterMs"));
  }

  @Test
  void shouldSayAtOnceThatASlaveIsNotTheMaster() throws Exception {
    broker.failAppends = new SluiceException(ErrorCode.NOT_MASTER, "send to node2");
    int before = broker.appendRequests.get();
    post("/v1/topics/t/messages", "x").isProblem(503, "NOT_MASTER", "send to node2");
    // Outside of a cluster nobody else can be asked from here: it is not tried again.
    assertEquals(before + 1, broker.appendRequests.get());
  }

  private static JsonObject error(JsonArray results, int index) {
    return results.getJsonObject(index).getJsonObject("error");
  }

  private static void assertError(
      JsonArray results, int index, int line, String code, String said) {
    JsonObject error = error(results, index);
    assertEquals(code, error.getString("code"), error::encode);
    assertEquals(line, error.getInteger("line"), error::encode);
    assertTrue(error.getString("detail").contains(said), error::encode);
  }
}
