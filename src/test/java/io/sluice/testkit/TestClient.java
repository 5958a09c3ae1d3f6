package io.sluice.testkit;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Speaks HTTP to a server as any program would, with the JDK's client: nothing of the server's own
 * code stands between the test and the wire. Safe for any thread.
 */
public final class TestClient {

  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final URI server;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .build();

  /** A client of the server at this address. */
  public TestClient(URI server) {
    this.server = server;
  }

  /** An answer. */
  public record Answer(int status, String body) {

    /** The body as JSON; empty if there is none. */
    public JsonObject json() {
      return body.isEmpty() ? new JsonObject() : new JsonObject(body);
    }

    /** The answer, if it has this status; else the test fails and shows it. */
    public Answer expect(int expected) {
      if (status != expected) {
        throw new AssertionError("expected " + expected + ", got " + status + ": " + body);
      }
      return this;
    }
  }

  /** Sends a request with headers as name, value, name, value. */
  public Answer call(String method, String path, String body, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.resolve(path))
            .timeout(TIMEOUT)
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    HttpResponse<String> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    return new Answer(response.statusCode(), response.body());
  }

  /** A GET. */
  public Answer get(String path) throws IOException, InterruptedException {
    return call("GET", path, "");
  }

  /** A PUT of JSON. */
  public Answer put(String path, JsonObject body) throws IOException, InterruptedException {
    return call("PUT", path, body.encode(), "Content-Type", "application/json");
  }

  /** A POST of JSON. */
  public Answer post(String path, JsonObject body) throws IOException, InterruptedException {
    return call("POST", path, body.encode(), "Content-Type", "application/json");
  }

  /** Sends one message. */
  public Answer send(String topic, String body, String... headers)
      throws IOException, InterruptedException {
    return call("POST", "/v1/topics/" + topic + "/messages", body, headers);
  }

  /** All messages of a queue, in order. */
  public List<JsonObject> browse(String topic, int queueId)
      throws IOException, InterruptedException {
    List<JsonObject> all = new ArrayList<>();
    String path = "/v1/topics/" + topic + "/messages?queue=" + queueId + "&limit=500&offset=";
    while (true) {
      long offset = all.isEmpty() ? 0 : all.get(all.size() - 1).getLong("queueOffset") + 1;
      JsonArray page = get(path + offset).expect(200).json().getJsonArray("messages");
      if (page.isEmpty()) {
        return all;
      }
      for (int i = 0; i < page.size(); i++) {
        all.add(page.getJsonObject(i));
      }
    }
  }
}
