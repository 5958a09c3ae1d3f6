package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Filters, atomic batches and delays as a user of HTTP or the event bus sees them. */
class MessageKindsTest {

  @TempDir static Path directory;
  private static TestServer server;
  private static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory.resolve("data"));
    client = new TestClient(server.uri());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void shouldFilterBySql() throws Exception {
    for (int price = 0; price < 20; price++) {
      client.send("sql", "item " + price, "Sluice-Property-price", "" + price).expect(201);
    }
    JsonObject wanted =
        new JsonObject()
            .put("filter", new JsonObject().put("sql", "price BETWEEN 5 AND 7"))
            .put("max", 100);
    JsonArray messages =
        client
            .post("/v1/groups/g/topics/sql/receive", wanted)
            .expect(200)
            .json()
            .getJsonArray("messages");
    assertEquals(3, messages.size());
    String query = URLEncoder.encode("price = 19", StandardCharsets.UTF_8);
    JsonArray read =
        client
            .get("/v1/topics/sql/messages?sql=" + query)
            .expect(200)
            .json()
            .getJsonArray("messages");
    assertEquals(1, read.size());
    JsonObject bad = new JsonObject().put("filter", new JsonObject().put("sql", "price >"));
    JsonObject problem = client.post("/v1/groups/g/topics/sql/receive", bad).expect(400).json();
    assertEquals("INVALID_FILTER", problem.getString("code"));
    assertTrue(problem.getString("detail").contains("position 7"), problem::encode);
  }

  @Test
  void shouldStoreAnAtomicBatchTogether() throws Exception {
    String lines = "{\"body\":\"a\"}\n{\"body\":\"b\"}\n{\"body\":\"c\"}\n";
    JsonArray results =
        client
            .call(
                "POST",
                "/v1/topics/atomic/messages?atomic=true",
                lines,
                "Content-Type",
                "application/x-ndjson")
            .expect(200)
            .json()
            .getJsonArray("results");
    assertEquals(3, results.size());
    for (int i = 0; i < 3; i++) {
      assertEquals(
          results.getJsonObject(0).getLong("queueOffset") + i,
          results.getJsonObject(i).getLong("queueOffset"));
      assertEquals(
          results.getJsonObject(0).getInteger("queueId"),
          results.getJsonObject(i).getInteger("queueId"));
    }
  }

  @Test
  void shouldDelayAndRecallOverHttp() throws Exception {
    long startMs = System.currentTimeMillis();
    JsonObject later = client.send("delay", "later", "Sluice-Delay", "400ms").expect(201).json();
    assertTrue(later.getLong("deliverAt") >= startMs + 400, later::encode);
    assertFalse(later.containsKey("queueOffset"));
    JsonObject never = client.send("delay", "never", "Sluice-Delay", "40d").expect(201).json();
    client.send("delay", "at", "Sluice-Deliver-At", Long.toString(startMs + 500)).expect(201);
    String items = "{\"body\":\"item\",\"delay\":\"450ms\"}\n{\"body\":\"now\"}\n";
    client
        .call("POST", "/v1/topics/delay/messages", items, "Content-Type", "application/x-ndjson")
        .expect(200);
    String path = "/v1/topics/delay/messages/";
    client.call("DELETE", path + never.getString("messageId"), "").expect(204);
    client.call("DELETE", path + "unknown", "").expect(404);
    int got = 0;
    while (got < 4) {
      JsonArray messages =
          client
              .post(
                  "/v1/groups/g/topics/delay/receive",
                  new JsonObject().put("wait", "10s").put("max", 10))
              .expect(200)
              .json()
              .getJsonArray("messages");
      long nowMs = System.currentTimeMillis();
      for (Object each : messages) {
        JsonObject message = (JsonObject) each;
        long dueMs =
            switch (message.getString("body")) {
              case "later" -> startMs + 400;
              case "at" -> startMs + 500;
              case "item" -> startMs + 450;
              default -> startMs;
            };
        assertTrue(nowMs >= dueMs, message::encode);
        got++;
      }
    }
    client.call("DELETE", path + later.getString("messageId"), "").expect(409);
    client
        .send("delay", "x", "Sluice-Delay", "1s", "Sluice-Deliver-At", "2030-01-01T00:00:00Z")
        .expect(400);
    client.send("delay", "x", "Sluice-Delay", "400d").expect(400);
  }

  @Test
  void shouldDelayOverTheEventBus() throws Exception {
    client.send("bus", "makes the topic").expect(201);
    JsonObject answer =
        Await.result(
                "a plain send",
                server
                    .vertx()
                    .eventBus()
                    .<JsonObject>request(
                        "sluice.send.bus",
                        Buffer.buffer("x"),
                        new DeliveryOptions().addHeader("Sluice-Delay", "1h")))
            .body();
    assertTrue(answer.getLong("deliverAt") > System.currentTimeMillis() + 3_500_000);
    client
        .call("DELETE", "/v1/topics/bus/messages/" + answer.getString("messageId"), "")
        .expect(204);
  }
}
