package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.Signals;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a message that is sent at one gateway is received at another, whichever process dies in
 * between. Method: two NameServers, two Brokers and two gateways as processes of one cluster with a
 * secret; one of each kind is killed and started again, or stands still, while every message that
 * was answered is counted.
 */
class ClusterIT {

  private static final List<String> NAMES =
      List.of("nameserver-1", "nameserver-2", "broker-1", "broker-2", "gateway-1", "gateway-2");

  private static final String GROUP = "billing";

  @TempDir Path directory;

  private final Set<String> acked = new TreeSet<>();
  private final Set<String> received = new HashSet<>();
  private int next;

  @Test
  void shouldGoOnWhicheverProcessDies() throws Exception {
    try (ClusterNodes nodes =
        new ClusterNodes(
            directory, NAMES, "--cluster-secret", "a-secret-of-32-characters-length")) {
      nodes.startAll("nameserver-1", "broker-1", "gateway-1");
      nodes.startAll("nameserver-2", "broker-2", "gateway-2");
      TestClient one = new TestClient(nodes.http("gateway-1"));
      TestClient two = new TestClient(nodes.http("gateway-2"));
      Await.until("both Brokers are known", () -> brokers(one) == 2 && brokers(two) == 2);

      awaitListed(nodes, one, 2, "gateway-1", "gateway-2");
      awaitListed(nodes, two, 2, "gateway-1", "gateway-2");

      String owner = send(one, "orders");
      receive(two, "orders");

      // The other master takes the topic over.
      nodes.kill(owner);
      String other = sendUntilTaken(one, "orders");
      assertTrue(!other.equals(owner), "taken by " + other);
      receive(two, "orders");

      // Back again: what both have is received.
      nodes.start(owner);
      Await.until("both Brokers are known again", () -> brokers(one) == 2 && brokers(two) == 2);
      for (int i = 0; i < 20; i++) {
        sendUntilTaken(i % 2 == 0 ? one : two, "orders");
      }
      Await.until(() -> missing().toString(), () -> receive(two, "orders"));

      // One leaves: the gateway sends elsewhere what is refused, and its client sees nothing.
      String leaving = send(one, "orders");
      Process process = nodes.process(leaving).process();
      process.destroy();
      while (process.isAlive()) {
        send(one, "orders");
        sendBatch(one, "orders");
      }
      assertTrue(!leaving.equals(send(two, "orders")), leaving + " has left");
      nodes.start(leaving);
      Await.until("both Brokers are known again", () -> brokers(one) == 2 && brokers(two) == 2);

      nodes.kill("nameserver-1");
      sendUntilTaken(one, "orders");
      sendUntilTaken(two, "invoices");
      nodes.start("nameserver-1");
      // It learns from the Brokers at once, not with their next registration.
      nodes.kill("nameserver-2");
      Await.until("the new NameServer knows both", () -> brokers(two) == 2);
      sendUntilTaken(two, "orders");

      awaitListed(nodes, two, 1, "gateway-1", "gateway-2");
      nodes.kill("gateway-1");
      sendUntilTaken(two, "orders");
      awaitListed(nodes, two, 1, "gateway-2");
      nodes.start("gateway-1");
      sendUntilTaken(one, "orders");
      Await.until(() -> missing().toString(), () -> receive(one, "orders"));
      Await.until(() -> missing().toString(), () -> receive(one, "invoices"));
      assertEquals(Set.of(), missing());
    }
  }

  @LongForm
  @Test
  void shouldLeaveOutAMasterThatStopsAnsweringAndUseItAgain() throws Exception {
    List<String> names = List.of("standalone-1", "standalone-2");
    try (ClusterNodes nodes = new ClusterNodes(directory, names)) {
      nodes.startAll("standalone-1", "standalone-2");
      TestClient two = new TestClient(nodes.http("standalone-2"));
      Await.until("both Brokers are known", () -> brokers(two) == 2);
      // Where both have a topic, sends go to the first by name.
      String topic = topicAt(two, "standalone-1");
      Signals.send(nodes.process("standalone-1"), "STOP");
      long stoppedNs = System.nanoTime();
      assertEquals("standalone-2", sendUntilTaken(two, topic));
      long goesOnMs = (System.nanoTime() - stoppedNs) / 1_000_000;
      assertEquals("standalone-2", sendUntilTaken(two, topic));
      Signals.send(nodes.process("standalone-1"), "CONT");
      Await.until(
          "the master that came back is used",
          () -> sendUntilTaken(two, topic).equals("standalone-1"));
      Await.until(() -> missing().toString(), () -> receive(two, topic));
      System.out.println("a master stood still: sends went on after " + goesOnMs + " ms");
    }
  }

  /** A topic that this Broker alone has. */
  private String topicAt(TestClient client, String broker) throws Exception {
    for (int i = 0; i < 100; i++) {
      if (send(client, "topic" + i).equals(broker)) {
        return "topic" + i;
      }
    }
    throw new AssertionError("none of 100 topics was made at " + broker);
  }

  private Set<String> missing() {
    Set<String> missing = new TreeSet<>(acked);
    missing.removeAll(received);
    return missing;
  }

  /** How many Brokers take messages; -1 if who was asked has just died. */
  private static int brokers(TestClient client) throws Exception {
    TestClient.Answer answer = client.get("/v1/cluster");
    if (answer.status() != 200) {
      return -1;
    }
    JsonArray brokers = answer.json().getJsonArray("brokers");
    int writable = 0;
    for (int i = 0; i < brokers.size(); i++) {
      writable += brokers.getJsonObject(i).getBoolean("writable", false) ? 1 : 0;
    }
    return writable;
  }

  /** Until there are so many NameServers and these gateways; a process that died is not listed. */
  private static void awaitListed(
      ClusterNodes nodes, TestClient client, int nameServers, String... gateways) {
    Set<String> addresses =
        Stream.of(gateways)
            .map(name -> nodes.http(name).getAuthority())
            .collect(Collectors.toSet());
    Await.until(
        nameServers + " NameServers and " + addresses,
        () -> {
          TestClient.Answer answer = client.get("/v1/cluster");
          return answer.status() == 200
              && texts(answer.json().getJsonArray("nameServers"), "id").size() == nameServers
              && texts(answer.json().getJsonArray("gateways"), "address").equals(addresses);
        });
  }

  private static Set<String> texts(JsonArray array, String field) {
    return array.stream()
        .map(each -> ((JsonObject) each).getString(field))
        .collect(Collectors.toSet());
  }

  /** Sends one message and says which Broker took it. */
  private String send(TestClient client, String topic) throws Exception {
    String body = topic + "-" + next++;
    JsonObject answer = client.send(topic, body).expect(201).json();
    acked.add(body);
    return answer.getString("broker");
  }

  /** Sends two messages as one batch. */
  private void sendBatch(TestClient client, String topic) throws Exception {
    List<String> bodies = List.of(topic + "-" + next++, topic + "-" + next++);
    JsonArray batch = new JsonArray();
    bodies.forEach(body -> batch.add(new JsonObject().put("body", body)));
    JsonObject answer =
        client
            .call(
                "POST",
                "/v1/topics/" + topic + "/messages",
                batch.encode(),
                "Content-Type",
                "application/vnd.sluice.batch+json")
            .expect(200)
            .json();
    assertFalse(answer.encode().contains("\"error\""), answer::encode);
    acked.addAll(bodies);
  }

  /**
   * Sends until a message is taken: one that was on its way to a Broker as it died is answered "not
   * known", which is for the client to decide on.
   */
  private String sendUntilTaken(TestClient client, String topic) {
    String[] broker = new String[1];
    Await.until(
        "a send is taken",
        () -> {
          String body = topic + "-" + next++;
          TestClient.Answer answer = client.send(topic, body);
          if (answer.status() != 201) {
            return false;
          }
          acked.add(body);
          broker[0] = answer.json().getString("broker");
          return true;
        });
    return broker[0];
  }

  /** Receives and settles what there is; whether nothing of the topic is missing any more. */
  private boolean receive(TestClient client, String topic) throws Exception {
    TestClient.Answer answer =
        client.post(
            "/v1/groups/" + GROUP + "/topics/" + topic + "/receive",
            new JsonObject().put("wait", "2s").put("max", 100));
    if (answer.status() == 200) {
      JsonArray acks = new JsonArray();
      JsonArray messages = answer.json().getJsonArray("messages");
      for (int i = 0; i < messages.size(); i++) {
        received.add(messages.getJsonObject(i).getString("body"));
        acks.add(messages.getJsonObject(i).getString("receipt"));
      }
      client.post("/v1/groups/" + GROUP + "/settle", new JsonObject().put("ack", acks)).expect(200);
    }
    return missing().stream().noneMatch(body -> body.startsWith(topic + "-"));
  }
}
