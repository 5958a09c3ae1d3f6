package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: kill -9 between a half message and its end neither loses nor doubles it. Method: the
 * official client begins transactions and the server is killed while the client does its own part,
 * before the end is sent; a new server on the same data is told the end, or asks for it. Others
 * were begun and ended over HTTP before, or are ended over HTTP afterwards.
 */
class TransactionKillIT {

  private static final String TOPIC = "kill-tx";

  @TempDir Path directory;

  private final AtomicReference<ServerProcess> server = new AtomicReference<>();
  private final int[] ports = new int[3];

  @Test
  void shouldEndAfterAKillWhatWasBegunBefore() throws Exception {
    for (int i = 0; i < ports.length; i++) {
      try (ServerSocket socket = new ServerSocket(0)) {
        ports[i] = socket.getLocalPort();
      }
    }
    start();
    TestClient client = new TestClient(URI.create("http://127.0.0.1:" + ports[0]));
    try (RocketMqClients clients = new RocketMqClients("127.0.0.1:" + ports[1])) {
      String committed = begin(client, "committed before");
      client.post("/v1/transactions/" + committed, outcome("commit")).expect(200);
      String dropped = begin(client, "dropped before");
      client.post("/v1/transactions/" + dropped, outcome("rollback")).expect(200);
      final String open = begin(client, "committed after");

      TransactionMQProducer producer =
          clients.transactionProducer(
              "kill-shop",
              new TransactionListener() {
                @Override
                public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
                  killAndStart();
                  return LocalTransactionState.COMMIT_MESSAGE;
                }

                @Override
                public LocalTransactionState checkLocalTransaction(MessageExt message) {
                  return LocalTransactionState.COMMIT_MESSAGE;
                }
              });
      producer.sendMessageInTransaction(
          new Message(TOPIC, "asked for".getBytes(StandardCharsets.UTF_8)), null);
      client.post("/v1/transactions/" + open, outcome("commit")).expect(200);
      client.post("/v1/transactions/" + committed, outcome("commit")).expect(200);
      client.post("/v1/transactions/" + dropped, outcome("commit")).expect(409);

      List<String> expected = List.of("asked for", "committed after", "committed before");
      TreeSet<String> bodies = new TreeSet<>();
      RocketMqClients.await(
          () -> "all that was committed, " + bodies,
          () -> receive(client, bodies, expected.size()));
      killAndStart();
      receive(client, bodies, expected.size());
      assertEquals(expected, List.copyOf(bodies));
      assertEquals(
          0, client.get("/v1/transactions").expect(200).json().getLong("open"), "open ones");
    } finally {
      server.get().close();
    }
  }

  private void start() throws Exception {
    server.set(
        Servers.start(
            directory.resolve("data"),
            List.of("-Xmx64m"),
            "--host",
            "127.0.0.1",
            "--http-port",
            String.valueOf(ports[0]),
            "--nameserver-port",
            String.valueOf(ports[1]),
            "--broker-port",
            String.valueOf(ports[2]),
            "--store-segment",
            "1m",
            "--transactions-first-check",
            "2s",
            "--transactions-check-interval",
            "1s",
            "--transactions-max-checks",
            "100"));
  }

  private void killAndStart() {
    try {
      server.get().kill();
      start();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String begin(TestClient client, String body) throws Exception {
    return client
        .send(TOPIC, body, "Sluice-Transaction", "kill-shop-of-http")
        .expect(201)
        .json()
        .getString("transactionId");
  }

  private static JsonObject outcome(String outcome) {
    return new JsonObject().put("outcome", outcome);
  }

  /** Takes what there is; true once there was so much. */
  private static boolean receive(TestClient client, TreeSet<String> bodies, int enough) {
    try {
      JsonObject answer =
          client
              .post("/v1/groups/g/topics/" + TOPIC + "/receive", new JsonObject().put("wait", "1s"))
              .json();
      JsonArray messages = answer.getJsonArray("messages", new JsonArray());
      JsonArray receipts = new JsonArray();
      for (Object each : messages) {
        String body = ((JsonObject) each).getString("body");
        if (!bodies.add(body)) {
          throw new IllegalStateException(body + " came twice");
        }
        receipts.add(((JsonObject) each).getString("receipt"));
      }
      client.post("/v1/groups/g/settle", new JsonObject().put("ack", receipts)).expect(200);
      return bodies.size() >= enough;
    } catch (java.io.IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
