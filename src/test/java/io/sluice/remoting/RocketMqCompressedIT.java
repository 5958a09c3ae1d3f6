package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.client.ReceivedMessage;
import io.sluice.client.SluiceClient;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.compression.CompressorFactory;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the official client compresses, on the fronts whose clients do not know of it. */
class RocketMqCompressedIT {

  private static final int MAX_FRAME_BYTES = 16 << 20;
  private static final String TEXT = "a line of a text, für alle\n".repeat(9_000);

  @TempDir static Path directory;
  private static TestServer server;
  private static RocketMqClients clients;
  private static TestClient http;
  private static DefaultMQProducer producer;

  @BeforeAll
  static void start() throws Exception {
    server = TestServer.start(directory.resolve("data"));
    clients = new RocketMqClients("127.0.0.1:" + server.sluice().nameServerPort());
    http = new TestClient(server.uri());
    producer = clients.producer("compressing");
  }

  @AfterAll
  static void stop() {
    clients.close();
    server.close();
  }

  @Test
  void shouldGiveThePlainTextOverHttp() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    JsonObject received = receive(topic, "web");
    assertEquals(TEXT, received.getString("body"));
    assertNull(received.getString("contentEncoding"));
    JsonObject read = http.call("GET", "/v1/topics/" + topic + "/messages", "").expect(200).json();
    List<String> bodies = new ArrayList<>();
    messages(read).forEach(message -> bodies.add(message.getString("body")));
    assertEquals(List.of("small", TEXT), bodies);
    String id = received.getString("messageId");
    JsonObject one =
        http.call("GET", "/v1/topics/" + topic + "/messages/" + id, "").expect(200).json();
    assertEquals(TEXT, one.getString("body"));
  }

  @Test
  void shouldGiveEventsWithThePlainTextOrTheEncoding() throws Exception {
    JsonObject plain = receiveEvent(sent(CompressionType.ZLIB));
    assertEquals(
        TEXT,
        new String(
            Base64.getDecoder().decode(plain.getString("data_base64")), StandardCharsets.UTF_8));
    assertNull(plain.getString("sluiceencoding"));
    JsonObject stored = receiveEvent(sent(CompressionType.ZSTD));
    assertEquals("zstd", stored.getString("sluiceencoding"));
    assertTrue(stored.getString("data_base64").length() < TEXT.length() / 10);
  }

  @Test
  void shouldGiveThePlainTextOfADeadLetter() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    String group = "dying" + topic;
    String receipt = receive(topic, group).getString("receipt");
    JsonObject dead =
        new JsonObject().put("dead", new JsonArray().add(new JsonObject().put("receipt", receipt)));
    http.call("POST", "/v1/groups/" + group + "/settle", dead.encode()).expect(200);
    AtomicReference<List<JsonObject>> letters = new AtomicReference<>(List.of());
    RocketMqClients.await(
        () -> "one dead letter, not " + letters.get(),
        () -> {
          letters.set(browse(group));
          return letters.get().size() == 1;
        });
    assertEquals(TEXT, letters.get().get(0).getString("body"));
  }

  @Test
  void shouldGiveThePlainTextToServerSentEvents() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    HttpRequest request =
        HttpRequest.newBuilder(
                server.uri().resolve("/v1/topics/" + topic + "/stream?from=earliest"))
            .build();
    try (Stream<String> lines =
        HttpClient.newHttpClient().send(request, BodyHandlers.ofLines()).body()) {
      List<String> data =
          lines
              .filter(line -> line.startsWith("data: "))
              .limit(2)
              .map(l -> l.substring(6))
              .toList();
      assertEquals(
          List.of("small", TEXT),
          data.stream()
              .map(line -> new JsonObject(line).getString("body"))
              .sorted((a, b) -> a.length() - b.length())
              .toList());
    }
  }

  @Test
  void shouldGiveThePlainTextInFramesOfAllKinds() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    for (boolean binary : new boolean[] {false, true}) {
      for (int batch : new int[] {1, 10}) {
        assertEquals(List.of("small", TEXT), bySocket(topic, binary, batch), binary + " " + batch);
      }
    }
  }

  @Test
  void shouldGiveThePlainTextToTheClientOfTheEventBus() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    BlockingQueue<ReceivedMessage> got = new LinkedBlockingQueue<>();
    SluiceClient client = SluiceClient.create(server.vertx());
    client
        .subscribe(
            topic,
            "bus",
            message -> {
              got.add(message);
              return Future.succeededFuture();
            })
        .await(10, TimeUnit.SECONDS);
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      ReceivedMessage message = got.poll(10, TimeUnit.SECONDS);
      assertNotNull(message);
      assertNull(message.contentEncoding());
      bodies.add(message.body().toString());
    }
    bodies.sort((a, b) -> a.length() - b.length());
    assertEquals(List.of("small", TEXT), bodies);
    client.close().await(10, TimeUnit.SECONDS);
  }

  @Test
  void shouldSayHowABodyIsCompressedThatItDoesNotMakePlain() throws Exception {
    for (CompressionType type : List.of(CompressionType.LZ4, CompressionType.ZSTD)) {
      String topic = sent(type);
      JsonObject received = receive(topic, "web");
      assertEquals(type.name().toLowerCase(Locale.ROOT), received.getString("contentEncoding"));
      assertNull(received.getString("body"));
      byte[] stored = Base64.getDecoder().decode(received.getString("bodyBase64"));
      assertArrayEquals(
          TEXT.getBytes(StandardCharsets.UTF_8),
          CompressorFactory.getCompressor(type).decompress(stored));
    }
  }

  @Test
  void shouldStillGiveTheCompressedBytesToClientsOfRocketMq() throws Exception {
    String topic = sent(CompressionType.ZLIB);
    DefaultLitePullConsumer consumer = clients.litePullConsumer("pulling" + topic);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.start();
    List<MessageExt> got = new ArrayList<>();
    RocketMqClients.await(
        () -> "two messages, not " + got.size(),
        () -> {
          got.addAll(consumer.poll(500));
          return got.size() == 2;
        });
    got.sort((a, b) -> a.getBody().length - b.getBody().length);
    assertEquals(TEXT, new String(got.get(1).getBody(), StandardCharsets.UTF_8));
    // The size of the record on the wire: the client itself has inflated the body.
    int stored = got.get(1).getStoreSize();
    assertTrue(stored < TEXT.length() / 10, stored + " bytes");
  }

  /** A topic with one queue, in it a small message and a large one that the client compressed. */
  private static String sent(CompressionType type) throws Exception {
    String topic = "zip" + Long.toString(System.nanoTime(), 36);
    http.call("PUT", "/v1/topics/" + topic, "{\"queues\":1}").expect(201);
    producer.setCompressType(type);
    producer.send(new Message(topic, "small".getBytes(StandardCharsets.UTF_8)));
    producer.send(new Message(topic, TEXT.getBytes(StandardCharsets.UTF_8)));
    return topic;
  }

  /** The large message. */
  private static JsonObject receive(String topic, String group) throws Exception {
    for (int i = 0; i < 2; i++) {
      JsonObject answer =
          http.call(
                  "POST",
                  "/v1/groups/" + group + "/topics/" + topic + "/receive",
                  "{\"wait\":\"5s\",\"max\":10}")
              .expect(200)
              .json();
      for (JsonObject message : messages(answer)) {
        if (!"small".equals(message.getString("body"))) {
          return message;
        }
      }
    }
    throw new AssertionError("the large message did not come");
  }

  /** The large message as an event. */
  private static JsonObject receiveEvent(String topic) throws Exception {
    String answer =
        http.call(
                "POST",
                "/v1/groups/events/topics/" + topic + "/receive",
                "{\"wait\":\"5s\",\"max\":10}",
                "Accept",
                "application/cloudevents-batch+json")
            .expect(200)
            .body();
    for (Object event : new JsonArray(answer)) {
      if (((JsonObject) event).getString("data_base64", "").length() > 20) {
        return (JsonObject) event;
      }
    }
    throw new AssertionError("the large message did not come: " + answer);
  }

  private static List<JsonObject> browse(String group) {
    try {
      return messages(
          http.call("GET", "/v1/groups/" + group + "/dead-letters", "").expect(200).json());
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<JsonObject> messages(JsonObject answer) {
    return answer.getJsonArray("messages").stream().map(JsonObject.class::cast).toList();
  }

  private static List<String> bySocket(String topic, boolean binary, int batch) throws Exception {
    BlockingQueue<String> bodies = new LinkedBlockingQueue<>();
    WebSocketClient webSockets =
        server
            .vertx()
            .createWebSocketClient(
                new WebSocketClientOptions()
                    .setMaxFrameSize(MAX_FRAME_BYTES)
                    .setMaxMessageSize(MAX_FRAME_BYTES));
    WebSocket socket =
        webSockets
            .connect(
                new WebSocketConnectOptions()
                    .setHost("127.0.0.1")
                    .setPort(server.sluice().httpPort())
                    .setURI("/v1/ws")
                    .addSubProtocol(binary ? "sluice.v1.bin" : "sluice.v1.json"))
            .await(10, TimeUnit.SECONDS);
    socket.textMessageHandler(text -> addText(new JsonObject(text), bodies));
    socket.binaryMessageHandler(data -> addBinary(data, bodies));
    String subscribe =
        new JsonObject()
            .put("type", "subscribe")
            .put("sub", "s")
            .put("topic", topic)
            .put("group", "g" + binary + batch)
            .put("batch", batch)
            .encode();
    if (binary) {
      byte[] header = subscribe.getBytes(StandardCharsets.UTF_8);
      socket.writeBinaryMessage(Buffer.buffer().appendInt(header.length).appendBytes(header));
    } else {
      socket.writeTextMessage(subscribe);
    }
    List<String> got = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      String body = bodies.poll(10, TimeUnit.SECONDS);
      assertNotNull(body, "no message came");
      got.add(body);
    }
    got.sort((a, b) -> a.length() - b.length());
    socket.close().await(10, TimeUnit.SECONDS);
    webSockets.close().await(10, TimeUnit.SECONDS);
    return got;
  }

  private static void addText(JsonObject frame, BlockingQueue<String> bodies) {
    switch (frame.getString("type")) {
      case "message" -> bodies.add(frame.getString("body"));
      case "messages" ->
          frame.getJsonArray("items").forEach(i -> bodies.add(((JsonObject) i).getString("body")));
      default -> {
        // The answer to the subscription and the like.
      }
    }
  }

  private static void addBinary(Buffer data, BlockingQueue<String> bodies) {
    int at = 4 + data.getInt(0);
    JsonObject frame = new JsonObject(data.getString(4, at));
    switch (frame.getString("type")) {
      case "message" -> bodies.add(data.getString(at, data.length()));
      case "messages" -> {
        for (Object item : frame.getJsonArray("items")) {
          int end = at + ((JsonObject) item).getInteger("size");
          bodies.add(data.getString(at, end));
          at = end;
        }
      }
      default -> {
        // The answer to the subscription and the like.
      }
    }
  }
}
