package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.DrainOptions;
import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two masters that know of each other only by the NameServers which they tell; under load each in
 * turn is drained and started again. No client sees an error after its own retries, nothing is
 * lost, nothing comes twice.
 */
class RollingRestartIT {

  private static final String TOPIC = "rolling";
  private static final String HTTP_TOPIC = "rolling-http";
  private static final String GROUP = "rollers";

  /** So long clients have to hear of it, and to commit what they have. */
  private static final DrainOptions DRAIN =
      new DrainOptions(Duration.ofSeconds(1), Duration.ofSeconds(5), null, null);

  @TempDir Path directory;

  private final List<Node> nodes = new ArrayList<>();
  private final AtomicBoolean over = new AtomicBoolean();
  private final List<String> errors = new CopyOnWriteArrayList<>();
  private final Queue<String> sent = new ConcurrentLinkedQueue<>();
  private final Queue<String> received = new ConcurrentLinkedQueue<>();
  private final Queue<String> httpSent = new ConcurrentLinkedQueue<>();
  private final Queue<String> httpReceived = new ConcurrentLinkedQueue<>();
  private volatile String sentTo = "";

  /** A server at ports that stay the same. */
  private final class Node {
    private final String name;
    private final int nameServerPort = RealRocketMq.freePort();
    private final int brokerPort = RealRocketMq.freePort();
    private final int httpPort = RealRocketMq.freePort();
    private volatile Sluice server;

    Node(String name) {
      this.name = name;
    }

    void start() {
      List<String> nameServers = nodes.stream().map(Node::nameServer).toList();
      SluiceOptions options =
          new SluiceOptions()
              .setHost("127.0.0.1")
              .setDataDirectory(directory.resolve(name))
              .setBrokerName(name)
              .setNameServerPort(nameServerPort)
              .setBrokerPort(brokerPort)
              .setHttpPort(httpPort)
              .setNameServers(nameServers);
      options.store().segmentBytes(4 << 20);
      server = Await.result("the start of " + name, Sluice.start(options));
    }

    String nameServer() {
      return "127.0.0.1:" + nameServerPort;
    }

    URI uri() {
      return URI.create("http://127.0.0.1:" + httpPort);
    }
  }

  @AfterEach
  void closeAll() {
    over.set(true);
    nodes.forEach(
        node -> {
          if (node.server != null) {
            Await.result("the stop of " + node.name, node.server.close());
          }
        });
  }

  @Test
  void shouldLetNoClientNoticeThatEachMasterIsStartedAnew() throws Exception {
    nodes.add(new Node("broker-a"));
    nodes.add(new Node("broker-b"));
    nodes.forEach(Node::start);
    String nameServers = String.join(";", nodes.stream().map(Node::nameServer).toList());
    try (RocketMqClients clients = new RocketMqClients(nameServers)) {
      DefaultMQProducer producer = clients.producer("rolling-producer", 1_000);
      Await.until(
          "both masters to have the topic",
          () -> {
            producer.createTopic("TBW102", TOPIC, 4, Map.of());
            return producer.fetchPublishMessageQueues(TOPIC).size() == 8;
          });
      for (Node node : nodes) {
        new TestClient(node.uri())
            .put("/v1/topics/" + HTTP_TOPIC, new JsonObject().put("queues", 2))
            .expect(201);
      }
      consume(clients);
      List<Thread> load =
          List.of(
              new Thread(() -> sendAll(producer)),
              new Thread(this::sendAllByHttp),
              new Thread(() -> receiveAll(nodes.get(0))),
              new Thread(() -> receiveAll(nodes.get(1))));
      load.forEach(Thread::start);
      awaitMore("load", 200);
      for (Node node : nodes) {
        Await.result("the drain", node.server.drain(DRAIN));
        awaitMore("sends to the other master", 100);
        node.start();
        awaitSendsTo(node.name);
        awaitMore("load after the restart of " + node.name, 200);
      }
      over.set(true);
      // Those that receive go on until all is there.
      for (Thread thread : load.subList(0, 2)) {
        thread.join();
      }
      awaitAll("by RocketMQ's client", sent, received);
      awaitAll("over HTTP", httpSent, httpReceived);
      load.get(2).interrupt();
      load.get(3).interrupt();
      for (Thread thread : load) {
        thread.join();
      }
      assertEquals(List.of(), errors);
    }
  }

  @Test
  void shouldCloseSocketsSoThatTheyGoElsewhere() throws Exception {
    nodes.add(new Node("broker-a"));
    nodes.get(0).start();
    List<String> frames = new CopyOnWriteArrayList<>();
    AtomicInteger code = new AtomicInteger();
    WebSocket socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .subprotocols("sluice.v1.json")
            .buildAsync(
                URI.create("ws://127.0.0.1:" + nodes.get(0).httpPort + "/v1/ws?topic=t&group=g"),
                new WebSocket.Listener() {
                  @Override
                  public CompletionStage<?> onText(WebSocket ws, CharSequence text, boolean last) {
                    frames.add(text.toString());
                    return WebSocket.Listener.super.onText(ws, text, last);
                  }

                  @Override
                  public CompletionStage<?> onClose(WebSocket ws, int status, String reason) {
                    code.set(status);
                    return null;
                  }
                })
            .get(30, TimeUnit.SECONDS);
    new TestClient(nodes.get(0).uri()).send("t", "leased").expect(201);
    Await.until("the message", () -> frames.toString().contains("leased"));
    Await.result("the drain", nodes.get(0).server.drain(DRAIN));
    Await.until(() -> "the close, there are " + frames, () -> code.get() == 4503);
    assertTrue(frames.toString().contains("\"drain\""), frames::toString);
    socket.abort();
    nodes.get(0).start();
    // The lease was given back.
    JsonObject again =
        new TestClient(nodes.get(0).uri())
            .post("/v1/groups/g/topics/t/receive", new JsonObject().put("wait", "20s"))
            .expect(200)
            .json();
    assertEquals("leased", again.getJsonArray("messages").getJsonObject(0).getString("body"));
  }

  private void sendAll(DefaultMQProducer producer) {
    for (int i = 0; !over.get(); i++) {
      try {
        SendResult result = producer.send(RocketMqClients.message(TOPIC, "A", "m" + i));
        if (result.getSendStatus() != SendStatus.SEND_OK) {
          errors.add("m" + i + ": " + result);
        }
        sent.add("m" + i);
        sentTo = result.getMessageQueue().getBrokerName();
      } catch (Exception e) {
        errors.add("m" + i + ": " + e);
      }
    }
  }

  /** As any program does: where one server says 503, or does not answer the dial, the other. */
  private void sendAllByHttp() {
    List<TestClient> clients = nodes.stream().map(node -> new TestClient(node.uri())).toList();
    for (int i = 0; !over.get(); i++) {
      int at = i;
      try {
        Await.until(
            "a server for h" + i,
            () -> {
              for (int turn = 0; turn < 2; turn++) {
                if (sendByHttp(clients.get((at + turn) % 2), "h" + at)) {
                  return true;
                }
              }
              return false;
            });
        httpSent.add("h" + i);
      } catch (AssertionError e) {
        errors.add(e.toString());
      }
    }
  }

  private boolean sendByHttp(TestClient client, String body) throws Exception {
    try {
      TestClient.Answer answer = client.send(HTTP_TOPIC, body);
      if (answer.status() == 201) {
        return true;
      }
      if (answer.status() != 503 || !answer.json().getBoolean("retryable")) {
        errors.add(body + ": " + answer);
      }
      return false;
    } catch (IOException closed) {
      return false;
    }
  }

  private void receiveAll(Node node) {
    TestClient client = new TestClient(node.uri());
    while (!Thread.currentThread().isInterrupted()) {
      try {
        TestClient.Answer answer =
            client.post(
                "/v1/groups/" + GROUP + "/topics/" + HTTP_TOPIC + "/receive",
                new JsonObject().put("max", 32).put("wait", "200ms"));
        if (answer.status() == 200) {
          settle(client, answer.json().getJsonArray("messages"));
        }
      } catch (InterruptedException e) {
        return;
      } catch (IOException notNow) {
        Thread.onSpinWait();
      }
    }
  }

  private void settle(TestClient client, JsonArray messages)
      throws IOException, InterruptedException {
    JsonArray receipts = new JsonArray();
    for (int i = 0; i < messages.size(); i++) {
      receipts.add(messages.getJsonObject(i).getString("receipt"));
    }
    JsonArray results =
        client
            .post("/v1/groups/" + GROUP + "/settle", new JsonObject().put("ack", receipts))
            .json()
            .getJsonArray("results");
    // What could not be settled, since the server was about to stop, comes again.
    for (int i = 0; results != null && i < results.size(); i++) {
      if (results.getJsonObject(i).getString("outcome").equals("ok")) {
        httpReceived.add(messages.getJsonObject(i).getString("body"));
      }
    }
  }

  private void consume(RocketMqClients clients) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setPersistConsumerOffsetInterval(100);
    consumer.setPollNameServerInterval(1_000);
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                received.add(new String(message.getBody(), StandardCharsets.UTF_8));
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
  }

  private void awaitMore(String what, int count) {
    int before = sent.size();
    int httpBefore = httpSent.size();
    Await.until(
        () -> what + ": " + (sent.size() - before) + " and " + (httpSent.size() - httpBefore),
        () -> sent.size() >= before + count && httpSent.size() >= httpBefore + count / 10);
  }

  /** The next master goes only when producers know again that this one is back. */
  private void awaitSendsTo(String brokerName) {
    sentTo = "";
    Await.until(() -> "sends to " + brokerName, () -> sentTo.equals(brokerName));
  }

  private static void awaitAll(String how, Queue<String> sent, Queue<String> received) {
    Set<String> expected = new TreeSet<>(sent);
    Await.until(
        () -> how + ", there are " + received.size() + " of " + expected.size(),
        () -> received.size() >= expected.size() && Set.copyOf(received).containsAll(expected));
    assertEquals(expected.size(), sent.size(), how);
    assertEquals(expected, new TreeSet<>(received), how);
    assertEquals(expected.size(), received.size(), how + ", some came twice");
  }
}
