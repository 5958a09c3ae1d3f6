package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.format.EventFormat;
import io.cloudevents.http.HttpMessageFactory;
import io.cloudevents.jackson.JsonFormat;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Events of the official SDK go in and come back, in every mode. */
class CloudEventsTest extends WholeServerTestBase {

  private static final String MESSAGES = "/v1/topics/t/messages";
  private static final EventFormat FORMAT = new JsonFormat();

  @Test
  void shouldGiveBackWhatTheSdkSentInBinaryMode() throws Exception {
    CloudEvent event = event("1").withExtension("partitionkey", "customer 7").build();
    List<String> headers = new ArrayList<>();
    byte[][] body = new byte[1][];
    HttpMessageFactory.createWriter(
            (name, value) -> headers.addAll(List.of(name, value)), bytes -> body[0] = bytes)
        .writeBinary(event);
    post(body[0], headers.toArray(String[]::new)).is(201);
    JsonObject plain = get(MESSAGES).is(200).json().getJsonArray("messages").getJsonObject(0);
    assertEquals("order.paid", plain.getString("tag"));
    assertEquals(new JsonArray().add("1"), plain.getJsonArray("keys"));
    assertEquals("customer 7", plain.getString("orderingKey"));
    assertEquals(new JsonObject("{\"price\":15}"), plain.getJsonObject("json"));
    assertEquals("/shop/1", plain.getJsonObject("properties").getString("CE_source"));
    assertSameEvent(event, received(1).get(0));
  }

  @Test
  void shouldGiveBackWhatTheSdkSentInStructuredMode() throws Exception {
    List<CloudEvent> sent =
        List.of(
            event("json").build(),
            event("text")
                .withData("text/plain", "a \"text\"".getBytes(StandardCharsets.UTF_8))
                .build(),
            event("bytes").withData("image/png", new byte[] {1, -1, 0}).build(),
            event("none").withoutData().build());
    for (CloudEvent event : sent) {
      post(FORMAT.serialize(event), "Content-Type", "application/cloudevents+json; charset=utf-8")
          .is(201);
    }
    List<CloudEvent> got = received(4);
    for (CloudEvent event : sent) {
      CloudEvent same =
          got.stream().filter(each -> each.getId().equals(event.getId())).findFirst().orElseThrow();
      assertSameEvent(event, same);
    }
  }

  @Test
  void shouldTakeBatchesAndRecogniseARepeatedEvent() throws Exception {
    JsonArray batch = new JsonArray();
    for (int i = 0; i < 5; i++) {
      batch.add(new JsonObject(Buffer.buffer(FORMAT.serialize(event("" + i % 4).build()))));
    }
    batch.getJsonObject(3).remove("type");
    JsonArray results =
        post(batch.toBuffer().getBytes(), "Content-Type", "application/cloudevents-batch+json")
            .is(200)
            .json()
            .getJsonArray("results");
    assertEquals(5, results.size());
    assertFalse(results.getJsonObject(0).getBoolean("duplicate"));
    JsonObject error = results.getJsonObject(3).getJsonObject("error");
    assertEquals("INVALID_ARGUMENT", error.getString("code"));
    assertTrue(error.getString("detail").contains("type is missing"), error::encode);
    assertTrue(results.getJsonObject(4).getBoolean("duplicate"), "same source and id");
    assertEquals(3, received(3).size());
  }

  @Test
  void shouldExchangeEventsOverASocket() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"g\",\"ack\":\"auto\","
            + "\"format\":\"cloudevents\"}");
    CloudEvent event = event("ws").build();
    TestSocket publisher = TestSocket.open(this, "/v1/ws", false);
    publisher.send(
        new JsonObject()
            .put("type", "publish")
            .put("id", "p")
            .put("topic", "t")
            .put("event", new JsonObject(Buffer.buffer(FORMAT.serialize(event)))));
    assertEquals("p", publisher.find("ok").getString("id"));
    JsonObject message = socket.find("message");
    JsonObject got = message.getJsonObject("event");
    assertEquals(1, got.remove("sluiceattempt"));
    assertSameEvent(event, FORMAT.deserialize(got.toBuffer().getBytes()));
    assertNotNull(message.getString("receipt"));
    socket.send("{\"type\":\"publish\",\"topic\":\"t\",\"event\":{\"specversion\":\"0.3\"}}");
    assertTrue(socket.find("error").getString("detail").contains("specversion is '0.3'"));
    socket.send("{\"type\":\"publish\",\"topic\":\"t\",\"event\":{},\"body\":\"b\"}");
    assertEquals("INVALID_ARGUMENT", socket.find("error").getString("code"));
    TestSocket binary = TestSocket.open(this, "/v1/ws", true);
    binary.send(
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"t\",\"group\":\"h\","
            + "\"format\":\"cloudevents\"}");
    assertTrue(binary.find("error").getString("detail").contains("sluice.v1.json"));
  }

  @Test
  void shouldShowAnyMessageAsAnEvent() throws Exception {
    JsonObject sent =
        send(
            "t",
            "no json",
            "Content-Type",
            "text/plain",
            "Sluice-Tag",
            "paid",
            "Sluice-Property-colour",
            "red",
            "Sluice-Property-Not_Allowed",
            "x");
    CloudEvent event = received(1).get(0);
    assertEquals(sent.getString("messageId"), event.getId());
    assertEquals(URI.create("/v1/topics/t"), event.getSource());
    assertEquals("io.sluice.message", event.getType());
    assertEquals("paid", event.getSubject());
    assertEquals("red", event.getExtension("colour"));
    assertEquals("no json", new String(event.getData().toBytes(), StandardCharsets.UTF_8));
  }

  @Test
  void shouldSayWhatIsWrongWithAnEvent() throws Exception {
    refused("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\"}", "type is missing");
    refused("{\"id\":\"1\"}", "specversion is missing");
    refused(
        "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/a\",\"type\":\"t\"}", "id is empty");
    refused(
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a b\",\"type\":\"t\"}",
        "source is 'a b'");
    refused(whole("\"time\":\"yesterday\""), "time is 'yesterday'; allowed is RFC 3339");
    refused(whole("\"dataschema\":\"/relative\""), "an absolute URI");
    refused(whole("\"datacontenttype\":\"json\""), "a media type");
    refused(whole("\"myExt\":\"x\""), "has 'E' at position 2 of its name");
    refused(whole("\"sub_ject\":\"x\""), "'_' at position 3");
    refused(whole("\"ext\":{\"a\":1}"), "ext: found an object");
    refused(whole("\"subject\":\"a\\u0001\""), "U+0001 at position 1");
    refused(whole("\"data\":1,\"data_base64\":\"AA==\""), "data and data_base64");
    refused(whole("\"data_base64\":\"!\""), "not valid base64");
    refused(whole("\"subject\":\"a\",\"subject\":\"b\""), "stands twice");
    refused("[]", "expected a JSON object");
    post(
            MESSAGES,
            "x",
            "ce-specversion",
            "1.0",
            "ce-id",
            "a%20b",
            "ce-source",
            "/a",
            "ce-type",
            "t",
            "ce-subject",
            "Euro%20%E2%82%AC%20%zz")
        .is(201);
    JsonObject decoded = receive("h", "t").getJsonObject(0).getJsonObject("properties");
    assertEquals("a b", decoded.getString("CE_id"));
    assertEquals("Euro € %zz", decoded.getString("CE_subject"));
    post(MESSAGES, "x", "ce-id", "1").isProblem(400, "INVALID_ARGUMENT", "specversion is missing");
    post(MESSAGES, "x", "Content-Type", "application/cloudevents+avro")
        .isProblem(415, "UNSUPPORTED_MEDIA_TYPE", "avro");
    assertEquals(1, receive("g", "t").size());
  }

  /** The SDK keeps JSON data as a tree, so that its events are not equal to those with bytes. */
  private static void assertSameEvent(CloudEvent expected, CloudEvent found) {
    assertEquals(expected.getAttributeNames(), found.getAttributeNames());
    for (String name : expected.getAttributeNames()) {
      assertEquals(expected.getAttribute(name), found.getAttribute(name), name);
    }
    assertEquals(expected.getExtensionNames(), found.getExtensionNames());
    for (String name : expected.getExtensionNames()) {
      assertEquals(expected.getExtension(name), found.getExtension(name), name);
    }
    if (expected.getData() == null) {
      assertNull(found.getData());
    } else {
      assertArrayEquals(expected.getData().toBytes(), found.getData().toBytes(), expected.getId());
    }
  }

  private static String whole(String more) {
    return "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\",\"type\":\"t\"," + more + "}";
  }

  private void refused(String event, String... said) throws Exception {
    Answer answer = post(MESSAGES, event, "Content-Type", "application/cloudevents+json");
    assertEquals(400, answer.status(), event);
    for (String part : said) {
      assertTrue(answer.json().getString("detail").contains(part), answer.body()::toString);
    }
  }

  private static CloudEventBuilder event(String id) {
    return CloudEventBuilder.v1()
        .withId(id)
        .withSource(URI.create("/shop/1"))
        .withType("order.paid")
        .withSubject("42")
        .withTime(OffsetDateTime.parse("2026-01-31T12:00:00.125Z"))
        .withDataSchema(URI.create("https://example.com/schema"))
        .withExtension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .withData("application/json", "{\"price\":15}".getBytes(StandardCharsets.UTF_8));
  }

  private Answer post(byte[] body, String... headers) throws Exception {
    return call(http, HttpMethod.POST, MESSAGES, Buffer.buffer(body), headers);
  }

  /** Takes so many events of the batch mode, and settles them by their receipts. */
  private List<CloudEvent> received(int count) throws Exception {
    Answer answer =
        post(
                "/v1/groups/g/topics/t/receive",
                "{\"wait\":\"5s\"}",
                "Accept",
                "application/cloudevents-batch+json")
            .is(200);
    assertTrue(
        answer.headers().get("content-type").startsWith("application/cloudevents-batch+json"));
    JsonArray batch = answer.body().toJsonArray();
    assertEquals(count, batch.size());
    List<CloudEvent> events = new ArrayList<>();
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < count; i++) {
      JsonObject event = batch.getJsonObject(i);
      assertEquals(1, event.remove("sluiceattempt"));
      receipts.add(event.remove("sluicereceipt"));
      events.add(FORMAT.deserialize(event.toBuffer().getBytes()));
    }
    JsonObject settled =
        post("/v1/groups/g/settle", new JsonObject().put("ack", receipts).encode()).is(200).json();
    assertEquals("ok", settled.getJsonArray("results").getJsonObject(0).getString("outcome"));
    return events;
  }
}
