package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: who reads without a group goes on when the master dies, at whichever front. Method: a
 * NameServer, a master, its slave and a gateway as processes of one cluster, so that the gateway
 * has no slave of its own; the master is killed and started again.
 */
class SlaveReadIT {

  @TempDir Path directory;

  @Test
  void shouldReadFromTheSlaveAtTheGatewayWhileTheMasterIsDown() throws Exception {
    List<String> names = List.of("nameserver-1", "broker-1", "broker-2", "gateway-1");
    try (ClusterNodes nodes =
        new ClusterNodes(
            directory, names, "--broker-name", "broker-a", "--replication-port", "10912")) {
      nodes.startAll("nameserver-1", "broker-1", "gateway-1");
      String master = nodes.address("broker-1") + ":10912";
      nodes.start("broker-2", "--replication-from", master);
      TestClient client = new TestClient(nodes.http("gateway-1"));
      Await.until(
          "the slave is in sync",
          () -> client.get("/v1/brokers/broker-a").json().getInteger("inSync", 0) == 1);
      String id = "";
      for (int i = 0; i < 5; i++) {
        TestClient.Answer sent = client.send("orders", "m" + i, "Sluice-Ordering-Key", "k");
        id = sent.expect(201).json().getString("messageId");
      }
      assertEquals(5, read(client));
      Listener socket = listen(nodes.http("gateway-1"));
      Await.until(socket.frames::toString, () -> socket.messages() == 5);

      nodes.kill("broker-1");
      assertEquals(5, read(client));
      client.get("/v1/topics/orders/messages/" + id).expect(200);
      Listener late = listen(nodes.http("gateway-1"));
      Await.until(late.frames::toString, () -> late.messages() == 5);
      // What changes something waits for a master.
      assertEquals(503, client.send("orders", "refused").status());
      assertEquals(
          503,
          client
              .post("/v1/groups/g/topics/orders/receive", new JsonObject().put("wait", "0"))
              .status());

      // Whoever read before reads on where it was, from the master again.
      nodes.start("broker-1");
      Await.until("the master is back", () -> client.send("orders", "m5").status() == 201);
      Await.until(socket.frames::toString, () -> socket.messages() >= 6);
      Await.until(late.frames::toString, () -> late.messages() >= 6);
    }
  }

  /** A socket that reads a topic from its beginning. */
  private static Listener listen(URI gateway) throws Exception {
    Listener listener = new Listener();
    HttpClient.newHttpClient()
        .newWebSocketBuilder()
        .subprotocols("sluice.v1.json")
        .buildAsync(
            URI.create(
                "ws://" + gateway.getAuthority() + "/v1/ws?topic=orders&mode=reader&from=earliest"),
            listener)
        .get(30, TimeUnit.SECONDS);
    return listener;
  }

  /** How many messages are read without a group. */
  private static int read(TestClient client) throws Exception {
    JsonObject all = client.get("/v1/topics/orders/messages").expect(200).json();
    int queue = all.getJsonArray("messages").getJsonObject(0).getInteger("queueId");
    JsonObject one =
        client.get("/v1/topics/orders/messages?queue=" + queue + "&offset=0").expect(200).json();
    assertEquals(all.getJsonArray("messages"), one.getJsonArray("messages"));
    return one.getJsonArray("messages").size();
  }

  /** Keeps the frames of a socket. */
  private static final class Listener implements WebSocket.Listener {
    private final List<String> frames = new CopyOnWriteArrayList<>();

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      frames.add(data.toString());
      return WebSocket.Listener.super.onText(socket, data, last);
    }

    private long messages() {
      return frames.stream().filter(frame -> frame.contains("\"type\":\"message\"")).count();
    }
  }
}
