package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.sluice.message.Names;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Dead letters over HTTP, against a whole server. */
class LetterHttpTest extends WholeServerTestBase {

  private static final String LETTERS = "/v1/groups/g/dead-letters";

  @Test
  void shouldPageThroughDeadLetters() throws Exception {
    die("a", "b", "c");
    JsonObject first = get(LETTERS + "?limit=2").is(200).json();
    assertEquals(2, first.getJsonArray("messages").size());
    JsonObject letter = first.getJsonArray("messages").getJsonObject(0);
    assertEquals("rejected", letter.getString("reason"));
    assertEquals("no stock", letter.getString("lastError"));
    assertEquals(1, letter.getInteger("attempts"));
    assertEquals(0, letter.getInteger("redriven"));
    assertEquals("orders", letter.getJsonObject("origin").getString("topic"));
    JsonObject second = get(LETTERS + "?limit=2&after=" + first.getString("next")).is(200).json();
    assertEquals(1, second.getJsonArray("messages").size());
    assertNull(second.getString("next"));
    get(LETTERS + "?after=elsewhere").isProblem(400, "INVALID_ARGUMENT", "elsewhere");
    get(LETTERS + "?offset=3").isProblem(400, "UNKNOWN_FIELD", "offset");
  }

  @Test
  void shouldRedriveAndTakeTheReceiptsOfWhatCameBack() throws Exception {
    die("a", "b");
    JsonObject status = post(LETTERS + "/redrive", "{\"filter\":{\"tag\":\"a\"}}").is(202).json();
    assertEquals("redrive", status.getJsonObject("job").getString("kind"));
    awaitDone();
    JsonObject again = receive("g", "orders").getJsonObject(0);
    assertEquals("a", again.getString("body"));
    assertEquals("orders", again.getString("topic"));
    assertEquals(Names.REDRIVE_QUEUE_ID, again.getInteger("queueId"));
    assertEquals("1", again.getJsonObject("properties").getString("REDRIVEN"));
    settle("ack", again.getString("receipt"));
    assertEquals(0, receive("g", "orders").size());
    assertEquals(1, get(LETTERS + "/job").json().getInteger("waiting"));
  }

  @Test
  void shouldPurgeAndCancelAndRefuse() throws Exception {
    die("a", "b", "c");
    JsonObject slow = post(LETTERS + "/redrive", "{\"ratePerSecond\":1}").is(202).json();
    assertEquals("running", slow.getJsonObject("job").getString("state"));
    post(LETTERS + "/purge", "").isProblem(409, "CONFLICT", "cancel");
    JsonObject cancelled = delete(LETTERS + "/job").is(200).json();
    assertEquals("cancelled", cancelled.getJsonObject("job").getString("state"));
    assertFalse(cancelled.getInteger("waiting") == 0);
    delete(LETTERS + "/job").isProblem(409, "CONFLICT");
    post(LETTERS + "/purge", "").is(202);
    awaitDone();
    assertEquals(0, get(LETTERS + "/job").json().getInteger("waiting"));
    assertEquals(new JsonArray(), get(LETTERS).json().getJsonArray("messages"));
    post(LETTERS + "/redrive", "{\"rate\":1}").isProblem(400, "UNKNOWN_FIELD", "ratePerSecond");
    post(LETTERS + "/purge", "{\"ratePerSecond\":1}").isProblem(400, "UNKNOWN_FIELD");
    post(LETTERS + "/redrive", "{\"filter\":{\"sql\":\"a >\"}}").isProblem(400, "INVALID_FILTER");
    post("/v1/groups/none/dead-letters/redrive", "").isProblem(404, "GROUP_NOT_FOUND");
  }

  private void awaitDone() throws Exception {
    eventually(
        "the job",
        () -> {
          try {
            JsonObject job = get(LETTERS + "/job").is(200).json().getJsonObject("job");
            return job.getString("state").equals("done");
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  /** Each body is the message's tag too. */
  private void die(String... bodies) throws Exception {
    for (String body : bodies) {
      send("orders", body, "Sluice-Tag", body);
    }
    JsonArray messages = receive("g", "orders");
    assertEquals(bodies.length, messages.size());
    List<Object> dead = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      dead.add(
          new JsonObject()
              .put("receipt", messages.getJsonObject(i).getString("receipt"))
              .put("reason", "no stock"));
    }
    settle("dead", dead.toArray());
  }

  private void settle(String kind, Object... what) throws Exception {
    JsonObject answer =
        post(
                "/v1/groups/g/settle",
                new JsonObject().put(kind, new JsonArray(List.of(what))).encode())
            .is(200)
            .json();
    for (int i = 0; i < what.length; i++) {
      assertEquals("ok", answer.getJsonArray("results").getJsonObject(i).getString("outcome"));
    }
  }
}
