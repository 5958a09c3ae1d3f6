package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.client.ReceivedMessage;
import io.sluice.client.SendOptions;
import io.sluice.client.SluiceClient;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Requests and their replies over HTTP, WebSocket and the event bus, against a whole server. */
class RequestReplyTest extends WholeServerTestBase {

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void shouldAnswerASendWithTheConsumersReply() throws Exception {
    CompletableFuture<HttpResponse<String>> asked = ask("what?", "20s");
    JsonObject request = next("g");
    assertEquals("what?", request.getString("body"));
    String replyTo = request.getString("replyTo");
    assertNotNull(replyTo, request::encode);
    post(
            "/v1/replies/" + replyTo,
            "{\"that\":1}",
            "Content-Type",
            "application/json",
            "Sluice-Tag",
            "good",
            "Sluice-Property-Mood",
            "fine")
        .is(204);
    HttpResponse<String> reply = asked.get(WAIT_S, TimeUnit.SECONDS);
    assertEquals(200, reply.statusCode());
    assertEquals("{\"that\":1}", reply.body());
    assertEquals("application/json", reply.headers().firstValue("content-type").orElse(""));
    assertEquals("good", reply.headers().firstValue("sluice-tag").orElse(""));
    assertEquals("fine", reply.headers().firstValue("sluice-property-mood").orElse(""));
    assertTrue(reply.headers().firstValue("sluice-message-id").isPresent());
    assertTrue(reply.headers().firstValue("sluice-property-correlation_id").isEmpty());
    post("/v1/replies/" + replyTo, "again").isProblem(410, "REQUESTER_GONE", "has one already");
  }

  @Test
  void shouldSayThatNobodyReplied() throws Exception {
    HttpResponse<String> reply = ask("anybody?", "150ms").get(WAIT_S, TimeUnit.SECONDS);
    assertEquals(504, reply.statusCode());
    assertEquals("TIMEOUT", new JsonObject(reply.body()).getString("code"));
    JsonObject request = next("g");
    post("/v1/replies/" + request.getString("replyTo"), "late").isProblem(410, "REQUESTER_GONE");
    post("/v1/replies/nonsense", "x").isProblem(400, "INVALID_ARGUMENT", "replyTo");
    post("/v1/topics/t/messages", "x", "Sluice-Reply-Wait", "6m")
        .isProblem(400, "INVALID_ARGUMENT", "Sluice-Reply-Wait", "5m");
    post("/v1/topics/t/messages", "x", "Sluice-Reply-Wait", "1s", "Sluice-Delay", "1s")
        .isProblem(400, "INVALID_ARGUMENT", "delayed");
    send("t", "plain");
    assertNull(next("g").getString("replyTo"));
  }

  @Test
  void shouldTellTheReplierThatTheRequesterHungUp() throws Exception {
    var request = vertx.createHttpClient();
    var sent =
        await(
            request
                .request(
                    io.vertx.core.http.HttpMethod.POST, port, "127.0.0.1", "/v1/topics/t/messages")
                .map(
                    made -> {
                      made.putHeader("Sluice-Reply-Wait", "20s").end("hello?");
                      return made;
                    }));
    JsonObject message = next("g");
    await(sent.connection().close());
    eventually(
        "gone",
        () -> {
          try {
            return post("/v1/replies/" + message.getString("replyTo"), "x").status() == 410;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  void shouldAskAndReplyOverSocketsOfBothKinds() throws Exception {
    TestSocket replier = TestSocket.open(this, "/v1/ws?topic=t&group=g&ack=auto", false);
    for (boolean binary : new boolean[] {false, true}) {
      TestSocket asker = TestSocket.open(this, "/v1/ws", binary);
      asker.send(
          "{\"type\":\"publish\",\"id\":\"q\",\"topic\":\"t\",\"body\":\"q?\",\"replyWait\":\"20s\"}");
      JsonObject request = replier.find("message");
      assertEquals("q?", request.getString("body"));
      replier.send(
          new JsonObject()
              .put("type", "reply")
              .put("id", "r")
              .put("replyTo", request.getString("replyTo"))
              .put("body", "a!")
              .put("tag", "sure"));
      JsonObject reply = asker.next("reply");
      assertEquals("q", reply.getString("id"));
      assertEquals("a!", reply.getString(binary ? "raw" : "body"));
      assertEquals("sure", reply.getString("tag"));
      assertEquals("r", replier.find("ok").getString("id"));
      asker.close();
      replier.send(
          new JsonObject()
              .put("type", "reply")
              .put("replyTo", request.getString("replyTo"))
              .put("body", "b"));
      assertEquals("REQUESTER_GONE", replier.find("error").getString("code"));
    }
    TestSocket asker = TestSocket.open(this, "/v1/ws", false);
    asker.send(
        "{\"type\":\"publish\",\"id\":\"q\",\"topic\":\"u\",\"body\":\"q\",\"replyWait\":\"50ms\"}");
    JsonObject error = asker.next("error");
    assertEquals("q", error.getString("id"));
    assertEquals("TIMEOUT", error.getString("code"));
  }

  @Test
  void shouldAskAndReplyOverTheEventBus() throws Exception {
    SluiceClient replier = SluiceClient.create(vertx);
    await(
        replier.subscribe(
            "t",
            "g",
            message ->
                replier.reply(
                    message,
                    Buffer.buffer("re: " + message.body()),
                    new SendOptions().setTag("b"))));
    SluiceClient asker = SluiceClient.create(vertx);
    ReceivedMessage reply =
        await(asker.request("t", Buffer.buffer("a"), new SendOptions(), Duration.ofSeconds(9)));
    assertEquals("re: a", reply.body().toString());
    assertEquals("b", reply.tag());
    // Over HTTP, answered by the client.
    assertEquals("re: h", ask("h", "9s").get(WAIT_S, TimeUnit.SECONDS).body());
    // Plain use of the event bus.
    Message<Buffer> plain =
        await(
            vertx
                .eventBus()
                .request(
                    "sluice.send.t",
                    "p",
                    new DeliveryOptions().addHeader("Sluice-Reply-Wait", "9s")));
    assertEquals("re: p", plain.body().toString());
    assertEquals("b", plain.headers().get("TAGS"));
    ExecutionException late =
        org.junit.jupiter.api.Assertions.assertThrows(
            ExecutionException.class,
            () ->
                await(
                    asker.request(
                        "nobody", Buffer.buffer("a"), new SendOptions(), Duration.ofMillis(50))));
    assertEquals(ErrorCode.TIMEOUT, SluiceException.of(late.getCause()).code());
  }

  private CompletableFuture<HttpResponse<String>> ask(String body, String wait) {
    return client.sendAsync(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/topics/t/messages"))
            .header("Sluice-Reply-Wait", wait)
            .POST(BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private JsonObject next(String group) throws Exception {
    JsonObject message =
        post("/v1/groups/" + group + "/topics/t/receive", "{\"max\":1,\"wait\":\"9s\"}")
            .is(200)
            .json()
            .getJsonArray("messages")
            .getJsonObject(0);
    post("/v1/groups/" + group + "/settle", "{\"ack\":[\"" + message.getString("receipt") + "\"]}")
        .is(200);
    return message;
  }
}
