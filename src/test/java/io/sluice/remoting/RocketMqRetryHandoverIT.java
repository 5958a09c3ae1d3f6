package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What one kind of a group's consumers could not do is tried again by the other kind, once and with
 * the number of its tries: the official push consumer, HTTP, WebSocket.
 */
class RocketMqRetryHandoverIT {

  @TempDir static Path directory;
  private static TestServer server;
  private static RocketMqClients clients;
  private static TestClient http;
  private static DefaultMQProducer producer;

  private final String topic = "handover" + Long.toString(System.nanoTime(), 36);
  private final String group = topic + "-group";

  @BeforeAll
  static void start() throws Exception {
    server = TestServer.start(directory.resolve("data"));
    clients = new RocketMqClients("127.0.0.1:" + server.sluice().nameServerPort());
    http = new TestClient(server.uri());
    producer = clients.producer("handover-it");
  }

  @AfterAll
  static void stop() {
    clients.close();
    server.close();
  }

  @Test
  void shouldTryAgainOverHttpAndWebSocketWhatAPushConsumerGaveBack() throws Exception {
    send("a", "b", "c", "d");
    Map<String, Integer> first = push(Set.of("b", "d"), 4);
    assertEquals(Map.of("a", 0, "b", 0, "c", 0, "d", 0), first);

    Map<String, Integer> byHttp = receive(2);
    assertEquals(Map.of("b", 2, "d", 2), byHttp);
    Map<String, Integer> bySocket = socket(1, Set.of());
    assertEquals(Map.of("d", 3), bySocket);
    send("e");
    assertEquals(Map.of("e", 0), push(Set.of(), 1));
  }

  @Test
  void shouldTryAgainByAPushConsumerWhatAWebSocketFailedAndNothingElse() throws Exception {
    send("a", "b", "c", "d", "e");
    Map<String, Integer> bySocket = socket(5, Set.of("b", "d"));
    assertEquals(Map.of("a", 1, "b", 1, "c", 1, "d", 1, "e", 1), bySocket);
    send("f");
    // What succeeded behind them does not come twice.
    assertEquals(Map.of("b", 1, "d", 1, "f", 0), push(Set.of("d"), 3));
    assertEquals(Map.of("d", 3), socket(1, Set.of()));
  }

  private void send(String... bodies) throws Exception {
    if (bodies.length > 1) {
      http.call("PUT", "/v1/topics/" + topic, "{\"queues\":1}").expect(201);
      http.call("PUT", "/v1/groups/" + group, "{\"retryDelays\":[\"10ms\"]}").expect(201);
      // A client of a group whose retry topic is new hears of it within 30 s only.
      producer.createTopic("TBW102", "%RETRY%" + group, 1, Map.of());
    }
    for (String body : bodies) {
      producer.send(RocketMqClients.message(topic, "A", body));
    }
  }

  /** By a push consumer that comes, gives these back, and leaves: how often each was tried. */
  private Map<String, Integer> push(Set<String> failing, int count) throws Exception {
    Map<String, Integer> got = new ConcurrentHashMap<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAwaitTerminationMillisWhenShutdown(10_000);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              String body = new String(messages.get(0).getBody(), StandardCharsets.UTF_8);
              assertEquals(topic, messages.get(0).getTopic());
              got.putIfAbsent(body, messages.get(0).getReconsumeTimes());
              // Late enough for this consumer to be gone.
              context.setDelayLevelWhenNextConsume(2);
              return failing.contains(body)
                  ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                  : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> count + " messages, not " + got, () -> got.size() >= count);
    consumer.shutdown();
    return new TreeMap<>(got);
  }

  /** Over HTTP: acks what is called b, gives the others back when all are there. */
  private Map<String, Integer> receive(int count) throws Exception {
    Map<String, Integer> got = new TreeMap<>();
    JsonArray acks = new JsonArray();
    JsonArray nacks = new JsonArray();
    while (got.size() < count) {
      JsonObject answer =
          http.call(
                  "POST",
                  "/v1/groups/" + group + "/topics/" + topic + "/receive",
                  "{\"wait\":\"20s\",\"max\":1}")
              .expect(200)
              .json();
      JsonObject message = answer.getJsonArray("messages").getJsonObject(0);
      String receipt = message.getString("receipt");
      String body = message.getString("body");
      if (body.equals("b")) {
        acks.add(receipt);
      } else {
        nacks.add(new JsonObject().put("receipt", receipt).put("delay", "0s"));
      }
      got.put(body, message.getInteger("attempt"));
    }
    JsonObject settle = new JsonObject().put("ack", acks).put("nack", nacks);
    http.call("POST", "/v1/groups/" + group + "/settle", settle.encode()).expect(200);
    return got;
  }

  /** Over a WebSocket that closes at the end: gives these back and acks the others. */
  private Map<String, Integer> socket(int count, Set<String> failing) throws Exception {
    BlockingQueue<JsonObject> frames = new LinkedBlockingQueue<>();
    WebSocketClient sockets = server.vertx().createWebSocketClient();
    WebSocket socket =
        sockets
            .connect(
                new WebSocketConnectOptions()
                    .setHost("127.0.0.1")
                    .setPort(server.sluice().httpPort())
                    .setURI("/v1/ws"))
            .await(10, TimeUnit.SECONDS);
    socket.textMessageHandler(text -> frames.add(new JsonObject(text)));
    JsonObject subscribe =
        new JsonObject()
            .put("type", "subscribe")
            .put("sub", "s")
            .put("topic", topic)
            .put("group", group);
    socket.writeTextMessage(subscribe.encode());
    Map<String, Integer> got = new TreeMap<>();
    List<String> ids = new ArrayList<>();
    while (got.size() < count || !ids.isEmpty()) {
      JsonObject frame = frames.poll(30, TimeUnit.SECONDS);
      assertNotNull(frame, "there are " + got);
      if (frame.getString("type").equals("settled")) {
        ids.remove(frame.getString("id"));
      } else if (frame.getString("type").equals("message")) {
        String body = frame.getString("body");
        String receipt = frame.getString("receipt");
        got.put(body, frame.getInteger("attempt"));
        JsonObject settle = new JsonObject().put("type", "settle").put("id", body);
        if (failing.contains(body)) {
          JsonObject nack = new JsonObject().put("receipt", receipt).put("delay", "2s");
          settle.put("nack", new JsonArray().add(nack));
        } else {
          settle.put("ack", new JsonArray().add(receipt));
        }
        ids.add(body);
        socket.writeTextMessage(settle.encode());
      }
    }
    socket.close().await(10, TimeUnit.SECONDS);
    sockets.close().await(10, TimeUnit.SECONDS);
    return got;
  }
}
