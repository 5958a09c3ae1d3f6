package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a real server answers has the fields that the two documents of the API say, and no other.
 */
class DocumentedAnswersTest extends WholeServerTestBase {

  private final JsonObject openApi = load("/openapi.json");
  private final JsonObject asyncApi = load("/asyncapi.json");

  @Test
  void shouldAnswerOverHttpAsDocumented() throws Exception {
    String send = "/v1/topics/{topic}/messages";
    JsonObject sent =
        asks(
            "post",
            send,
            201,
            "t",
            "hello",
            "Sluice-Tag",
            "a",
            "Sluice-Key",
            "k",
            "Idempotency-Key",
            "i");
    asks("post", send, 201, "t", "hello", "Idempotency-Key", "i");
    JsonObject later = asks("post", send, 201, "t", "later", "Sluice-Delay", "1h");
    JsonObject half = asks("post", send, 201, "t", "half", "Sluice-Transaction", "shop");
    asks("post", send, 200, "t", "{\"body\":\"x\"}\n{\"bdy\":1}\n", "Content-Type", Front.NDJSON);
    asks("post", send, 400, "t", "x", "Sluice-Tga", "a");
    asks("post", send, 504, "t", "x", "Sluice-Reply-Wait", "50ms");
    String one = "/v1/topics/{topic}/messages/{messageId}";
    asks("get", one, 200, "t/" + sent.getString("messageId"), "");
    assertEquals(204, delete("/v1/topics/t/messages/" + later.getString("messageId")).status());
    asks("get", send, 200, "t?key=k", "");
    asks("get", send, 200, "t?limit=1", "");

    String receive = "/v1/groups/{group}/topics/{topic}/receive";
    JsonArray got = asks("post", receive, 200, "g/t", "{\"wait\":\"0s\"}").getJsonArray("messages");
    JsonObject settle =
        new JsonObject()
            .put("ack", new JsonArray().add("made up"))
            .put(
                "dead",
                new JsonArray()
                    .add(
                        new JsonObject()
                            .put("receipt", got.getJsonObject(0).getString("receipt"))
                            .put("reason", "no good")));
    asks("post", "/v1/groups/{group}/settle", 200, "g", settle.encode());
    eventually(
        "a dead letter",
        () -> {
          try {
            return !get("/v1/groups/g/dead-letters").json().getJsonArray("messages").isEmpty();
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    asks("get", "/v1/groups/{group}/dead-letters", 200, "g", "");
    asks("post", "/v1/groups/{group}/dead-letters/redrive", 202, "g", "{\"max\":1}");
    asks("get", "/v1/groups/{group}/dead-letters/job", 200, "g", "");

    asks("put", "/v1/topics/{topic}", 201, "made", "{\"ttl\":\"1h\",\"retention\":\"1d\"}");
    asks("get", "/v1/topics/{topic}", 200, "t", "");
    asks("get", "/v1/topics", 200, "", "");
    asks("put", "/v1/groups/{group}", 201, "made", "{}");
    asks("get", "/v1/groups/{group}", 200, "g", "");
    asks("get", "/v1/groups", 200, "", "");
    asks("get", "/v1/groups/{group}/lag", 200, "g?detail=true", "");
    String position = "/v1/groups/{group}/topics/{topic}/position";
    asks("put", position, 200, "g/t", "{\"to\":\"latest\"}");
    String transaction = "/v1/transactions/{transactionId}";
    String id = half.getString("transactionId");
    asks("get", "/v1/transactions", 200, "?group=shop", "");
    asks("get", transaction, 200, id, "");
    asks("post", transaction, 200, id, "{\"outcome\":\"commit\"}");
    asks("post", transaction, 409, id, "{\"outcome\":\"rollback\"}");
    asks("get", "/v1/cluster", 200, "", "");
    asks("get", "/v1/brokers/{broker}", 200, sent.getString("broker"), "");
    asks("get", "/v1/latency", 200, "", "");
    asks("get", "/health/live", 200, "", "");
    asks("get", "/health/ready", 200, "", "");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldSpeakOverASocketAsDocumented(boolean binary) throws Exception {
    Set<String> seen = new TreeSet<>();
    TestSocket socket = TestSocket.open(this, "/v1/ws", binary);
    publish(socket, binary, "\"id\":\"1\",\"tag\":\"a\",\"keys\":[\"k\"],\"orderingKey\":\"o\"");
    seen.add(follows(socket.next("ok")));
    publish(socket, binary, "\"id\":\"2\",\"transaction\":\"shop\"");
    JsonObject half = socket.next("ok");
    seen.add(follows(half));
    publish(socket, binary, "\"id\":\"3\",\"delay\":\"1h\"");
    seen.add(follows(socket.next("ok")));
    socket.send("{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\"}");
    seen.add(follows(socket.next("subscribed")));
    JsonObject message = socket.next("message");
    seen.add(follows(message));
    seen.add(follows(socket.next("idle")));
    socket.send(
        "{\"type\":\"settle\",\"id\":\"4\",\"ack\":[\""
            + message.getString("receipt")
            + "\",\"x\"]}");
    seen.add(follows(socket.next("settled")));
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"r\",\"topic\":\"t\",\"mode\":\"reader\",\"from\":\"earliest\",\"batch\":9}");
    seen.add(follows(socket.next("subscribed")));
    seen.add(follows(socket.next("messages")));
    socket.next("idle");
    socket.send("{\"type\":\"seek\",\"id\":\"5\",\"sub\":\"r\",\"to\":\"latest\"}");
    seen.add(follows(socket.find("ok")));
    socket.send("{\"type\":\"unsubscribe\",\"id\":\"6\",\"sub\":\"r\"}");
    seen.add(follows(socket.find("ok")));
    socket.send(
        "{\"type\":\"end\",\"id\":\"7\",\"transactionId\":\""
            + half.getString("transactionId")
            + "\",\"outcome\":\"rollback\"}");
    seen.add(follows(socket.find("ok")));
    socket.send("{\"type\":\"ping\",\"id\":\"8\"}");
    seen.add(follows(socket.find("pong")));
    socket.send("{\"type\":\"subscrbe\",\"id\":\"9\",\"sub\":\"q\"}");
    seen.add(follows(socket.find("error")));

    TestSocket replier = TestSocket.open(this, "/v1/ws?topic=asked&group=g&ack=auto", binary);
    String body = binary ? "" : ",\"body\":\"?\"";
    socket.send(
        "{\"type\":\"publish\",\"id\":\"10\",\"topic\":\"asked\",\"replyWait\":\"9s\"" + body + "}",
        Buffer.buffer(binary ? "?" : ""));
    JsonObject asked = replier.find("message");
    seen.add(follows(asked));
    replier.send(
        "{\"type\":\"reply\",\"id\":\"11\",\"replyTo\":\""
            + asked.getString("replyTo").replace("\n", "\\n")
            + "\""
            + body
            + "}",
        Buffer.buffer(binary ? "!" : ""));
    seen.add(follows(socket.find("reply")));
    sluice.close();
    seen.add(follows(socket.find("drain")));
    assertTrue(seen.size() >= 10, seen::toString);
  }

  private static void publish(TestSocket socket, boolean binary, String fields) {
    socket.send(
        "{\"type\":\"publish\",\"topic\":\"t\"," + fields + (binary ? "}" : ",\"json\":{\"a\":1}}"),
        Buffer.buffer(binary ? "{\"a\":1}" : ""));
  }

  /** Calls, and holds what comes back against the document. */
  private JsonObject asks(
      String method, String path, int status, String values, String body, String... headers)
      throws Exception {
    String uri = path;
    int query = values.indexOf('?');
    for (String value : (query < 0 ? values : values.substring(0, query)).split("/")) {
      uri = uri.replaceFirst("\\{\\w+}", value);
    }
    uri += query < 0 ? "" : values.substring(query);
    Answer answer =
        call(HttpMethod.valueOf(method.toUpperCase(java.util.Locale.ROOT)), uri, body, headers);
    assertEquals(status, answer.status(), () -> path + ": " + answer.body());
    JsonObject responses =
        openApi
            .getJsonObject("paths")
            .getJsonObject(path)
            .getJsonObject(method)
            .getJsonObject("responses");
    JsonObject documented =
        responses.getJsonObject(Integer.toString(status), responses.getJsonObject("default"));
    String type = answer.headers().get("content-type");
    JsonObject content = resolve(openApi, documented).getJsonObject("content").getJsonObject(type);
    assertNotNull(content, () -> method + " " + path + " answers " + type);
    fits(openApi, answer.json(), content.getJsonObject("schema"), method + " " + path);
    return answer.json();
  }

  private String follows(JsonObject frame) {
    String type = frame.getString("type");
    JsonObject sent = frame.copy();
    // The raw body behind the header; the kit keeps it as text.
    sent.remove("raw");
    JsonArray items = sent.getJsonArray("items", new JsonArray());
    for (int i = 0; i < items.size(); i++) {
      items.getJsonObject(i).remove("raw");
    }
    JsonObject message =
        asyncApi
            .getJsonObject("components")
            .getJsonObject("messages")
            .getJsonObject("server." + type);
    assertNotNull(message, () -> "undocumented: " + frame);
    fits(asyncApi, sent, message.getJsonObject("payload"), type);
    return type;
  }

  /** Fails on a field that is not documented, on one that is missing, and on a wrong type. */
  private static void fits(
      JsonObject document, Object value, JsonObject schemaOrRef, String where) {
    JsonObject schema = resolve(document, schemaOrRef);
    if (schema.containsKey("oneOf")) {
      assertTrue(fitsOne(document, value, schema, where), () -> where + ": none fits " + value);
      return;
    }
    assertTrue(hasType(value, schema.getValue("type")), () -> where + ": " + value + ", " + schema);
    if (value instanceof JsonObject object && schema.containsKey("properties")) {
      JsonObject properties = schema.getJsonObject("properties");
      for (String name : object.fieldNames()) {
        JsonObject property = properties.getJsonObject(name);
        if (property == null && schema.getValue("additionalProperties") instanceof JsonObject any) {
          property = any;
        }
        assertNotNull(property, where + ": the field " + name + " is not documented");
        fits(document, object.getValue(name), property, where + "." + name);
      }
      JsonArray required = schema.getJsonArray("required", new JsonArray());
      for (int i = 0; i < required.size(); i++) {
        assertTrue(object.containsKey(required.getString(i)), where + ": " + required.getString(i));
      }
    } else if (value instanceof JsonArray array && schema.containsKey("items")) {
      for (int i = 0; i < array.size(); i++) {
        fits(document, array.getValue(i), schema.getJsonObject("items"), where + "[" + i + "]");
      }
    }
  }

  private static boolean fitsOne(
      JsonObject document, Object value, JsonObject schema, String where) {
    JsonArray all = schema.getJsonArray("oneOf");
    for (int i = 0; i < all.size(); i++) {
      try {
        fits(document, value, all.getJsonObject(i), where);
        return true;
      } catch (AssertionError e) {
        // The next one may fit.
      }
    }
    return false;
  }

  private static boolean hasType(Object value, Object types) {
    if (types == null) {
      return true;
    }
    JsonArray allowed = types instanceof JsonArray several ? several : new JsonArray().add(types);
    String type;
    if (value == null) {
      type = "null";
    } else if (value instanceof String) {
      type = "string";
    } else if (value instanceof Boolean) {
      type = "boolean";
    } else if (value instanceof Integer || value instanceof Long) {
      type = "integer";
    } else if (value instanceof Number) {
      type = "number";
    } else {
      type = value instanceof JsonArray ? "array" : "object";
    }
    return allowed.contains(type) || type.equals("integer") && allowed.contains("number");
  }

  private static JsonObject resolve(JsonObject document, JsonObject schema) {
    String ref = schema.getString("$ref");
    if (ref == null) {
      return schema;
    }
    JsonObject at = document;
    for (String part : ref.substring(2).split("/")) {
      at = at.getJsonObject(part);
    }
    return at;
  }

  private static JsonObject load(String name) {
    try (InputStream in = DocumentedAnswersTest.class.getResourceAsStream(name)) {
      return new JsonObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
