package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.GetGroup;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.Latencies;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.MetricRegistry;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One topic at two masters: what is done to the topic or to a group's place is done at both. */
class SeveralMastersTest extends GatewayTestBase {

  private static final List<String> NAMES = List.of("a", "b");
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  @TempDir Path directory;

  private final Map<String, BrokerVerticle> brokers = new HashMap<>();

  @Override
  void openServer() throws Exception {
    BusCodec.register(vertx);
    await(vertx.deployVerticle(new NameServerVerticle(new NameServerOptions(), Clock.system())));
    for (String name : NAMES) {
      BrokerOptions broker =
          new BrokerOptions()
              .setBrokerName(name)
              .setStore(new StoreOptions().segmentBytes(1 << 20).minFreeBytes(0))
              .setDirectory(directory.resolve(name));
      brokers.put(name, new BrokerVerticle(broker, Clock.system(), LatencyRecorder.NONE));
      await(vertx.deployVerticle(brokers.get(name)));
      for (String topic : List.of("orders", "invoices")) {
        this.<BusMessage>ask(Addresses.admin(name), new PutTopic(TopicConfig.of(topic, 2)));
      }
    }
    gateway =
        new Gateway(
            vertx,
            options(),
            Clock.system(),
            new Latencies(Clock.system()),
            new MetricRegistry(),
            new BrokerDirectory(vertx, Clock.system()));
    await(gateway.start(2));
    port = gateway.actualPort();
    eventually("both have the topics", () -> registered("invoices").equals(NAMES));
  }

  @Override
  void closeServer() throws Exception {
    await(gateway.stop());
  }

  @Test
  void shouldMoveAGroupAtEveryMaster() throws Exception {
    store("a", "one", 0);
    store("b", "two", 0);
    assertEquals(List.of("one", "two"), receiveAll("g"));

    JsonObject moved =
        put("/v1/groups/g/topics/orders/position", "{\"to\":\"earliest\"}").is(200).json();
    assertEquals(4, moved.getJsonArray("queues").size(), moved::encode);
    assertEquals(List.of("one", "two"), receiveAll("g"));

    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=orders&group=g", false);
    socket.send("{\"type\":\"seek\",\"id\":\"k\",\"sub\":\"s1\",\"to\":\"earliest\"}");
    TreeSet<String> seen = new TreeSet<>();
    while (seen.size() < 2) {
      seen.add(socket.find("message").getString("body"));
    }
    assertEquals(List.of("one", "two"), List.copyOf(seen));
    socket.close();
  }

  @Test
  void shouldRefuseOffsetsThatCouldBeOfEither() throws Exception {
    put("/v1/groups/g/topics/orders/position", "{\"to\":{\"offsets\":{\"0\":1}}}")
        .isProblem(409, "CONFLICT", "'orders' is at a, b", "earliest, latest or a time");
    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=orders&group=g", false);
    socket.send("{\"type\":\"seek\",\"id\":\"k\",\"sub\":\"s1\",\"to\":{\"offsets\":{\"0\":1}}}");
    JsonObject error = socket.find("error");
    assertEquals("CONFLICT", error.getString("code"));
    assertEquals("k", error.getString("id"));
    socket.close();
  }

  @Test
  void shouldChangeAndDeleteATopicAtEveryMaster() throws Exception {
    JsonObject changed = put("/v1/topics/orders", "{\"queues\":3,\"ttl\":\"1h\"}").is(200).json();
    assertEquals(6, changed.getJsonArray("offsets").size(), changed::encode);
    for (String name : NAMES) {
      assertEquals(3, topicAt(name).queues(), name);
    }
    delete("/v1/topics/orders").is(204);
    eventually("nobody has it", () -> brokersOf("orders").isEmpty());
    delete("/v1/topics/orders").isProblem(404, "TOPIC_NOT_FOUND", "make it first");
  }

  @Test
  void shouldPutATopicAtAFurtherMasterWithItsSettingsAndGroups() throws Exception {
    put("/v1/topics/deals", "{\"queues\":3,\"ttl\":\"1h\"}").is(201);
    eventually("one has it", () -> registered("deals").size() == 1);
    String first = registered("deals").get(0);
    String other = first.equals("a") ? "b" : "a";
    this.<BusMessage>ask(
        Addresses.admin(first),
        new PutGroup(new GroupConfig("few", 2, GroupConfig.DEFAULT_RETRY_DELAYS_MS, 1_000)));
    put("/v1/topics/deals?broker=nobody", "{}")
        .isProblem(400, "INVALID_ARGUMENT", "found 'nobody'", "registered: a, b");
    put("/v1/topics/deals?broker=" + other, "{}").is(201);
    put("/v1/topics/deals?broker=" + other, "{}").is(200);
    eventually("both have it", () -> registered("deals").equals(NAMES));
    for (String name : NAMES) {
      TopicConfig config = this.<Topic>ask(Addresses.admin(name), new GetTopic("deals")).config();
      assertEquals(3, config.queues(), name);
      assertEquals(3_600_000, config.ttlMs(), name);
      assertEquals(
          2, this.<GroupConfig>ask(Addresses.admin(name), new GetGroup("few")).maxAttempts(), name);
    }
    delete("/v1/topics/deals?broker=" + first).is(204);
    eventually("the other has it", () -> registered("deals").equals(List.of(other)));
    delete("/v1/topics/deals?broker=" + first).isProblem(404, "TOPIC_NOT_FOUND", "deals");
  }

  @Test
  void shouldSendToAMasterWhereTheTopicMayBeWritten() throws Exception {
    assertEquals("a", send("orders", "x").getString("broker"));
    put("/v1/topics/orders?broker=a", "{\"permission\":\"r\"}").is(200);
    eventually("sends go to b", () -> "b".equals(sentTo("orders")));
    assertEquals(List.of("a", "b"), registered("orders"));
    put("/v1/topics/orders?broker=b", "{\"permission\":\"none\"}").is(200);
    eventually("nobody takes it", () -> sentTo("orders") == null);
    post("/v1/topics/orders/messages", "x").isProblem(403, "NO_PERMISSION", "orders");
  }

  /** The master that takes a message; null where it is refused. */
  private String sentTo(String topic) {
    try {
      return post("/v1/topics/" + topic + "/messages", "x").json().getString("broker");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void shouldRecallAMessageWhereverItWaits() throws Exception {
    String id = store("b", "later", 3_600_000);
    delete("/v1/topics/orders/messages/" + id).is(204);
    delete("/v1/topics/orders/messages/nobody").isProblem(404, "MESSAGE_NOT_FOUND", "nobody");
  }

  @Test
  void shouldSendARepeatToTheMasterThatHasTheFirst() throws Exception {
    Gateway other =
        new Gateway(
            vertx,
            options(),
            Clock.system(),
            new Latencies(Clock.system()),
            new MetricRegistry(),
            new BrokerDirectory(vertx, Clock.system()));
    await(other.start(1));
    for (int i = 0; i < 20; i++) {
      JsonObject first = send("orders", "x", "Idempotency-Key", "k" + i);
      int here = port;
      port = other.actualPort();
      JsonObject repeat = send("orders", "x", "Idempotency-Key", "k" + i);
      port = here;
      assertTrue(repeat.getBoolean("duplicate"), repeat::encode);
      assertEquals(first.getString("broker"), repeat.getString("broker"));
      assertEquals(first.getString("messageId"), repeat.getString("messageId"));
    }
    await(other.stop());
  }

  @Test
  void shouldSendWhatSeveralTopicsHaveInOneTurnToTheOtherMaster() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    publish(socket, "before", 1);
    publish(socket, "before", 2);
    assertEquals("a", socket.next("ok").getString("broker"));
    assertEquals("a", socket.next("ok").getString("broker"));
    await(brokers.get("a").refuseSends());
    for (int i = 0; i < 20; i++) {
      publish(socket, "m", i);
    }
    TreeSet<String> ids = new TreeSet<>();
    for (int i = 0; i < 20; i++) {
      JsonObject ok = socket.next("ok");
      assertEquals("b", ok.getString("broker"), ok::encode);
      ids.add(ok.getString("id"));
    }
    assertEquals(20, ids.size());
    socket.close();
  }

  private static void publish(TestSocket socket, String id, int number) {
    socket.send(
        new JsonObject()
            .put("type", "publish")
            .put("id", id + number)
            .put("topic", number % 2 == 0 ? "orders" : "invoices")
            .put("body", "x"));
  }

  @Test
  void shouldSendABatchToTheOtherMaster() throws Exception {
    send("orders", "before");
    await(brokers.get("a").refuseSends());
    String batch = "[{\"body\":\"one\"},{\"body\":\"two\"}]";
    String[] json = {"Content-Type", "application/vnd.sluice.batch+json"};
    results(post("/v1/topics/orders/messages", batch, json), 2);
    results(post("/v1/topics/orders/messages?atomic=true", batch, json), 2);
    assertEquals(4, storedAt("b", "orders"));
  }

  @Test
  void shouldSendAStreamToTheOtherMasterInItsOrder() throws Exception {
    send("orders", "before");
    AtomicInteger askedOfA = new AtomicInteger();
    vertx
        .eventBus()
        .addOutboundInterceptor(
            delivery -> {
              if (delivery.message().address().equals(Addresses.append("a"))) {
                askedOfA.incrementAndGet();
              }
              delivery.next();
            });
    await(brokers.get("a").refuseSends());
    RequestOptions options =
        new RequestOptions()
            .setHost("127.0.0.1")
            .setPort(port)
            .setMethod(HttpMethod.POST)
            .setURI("/v1/topics/orders/messages")
            .addHeader("Content-Type", "application/x-ndjson");
    HttpClientRequest request = onLoop(() -> http.request(options));
    Promise<Answer> answer = Promise.promise();
    onLoop(
        () -> {
          request.response().compose(GatewayTestBase::answer).onComplete(answer);
          return request.setChunked(true).write(lines(0, 3));
        });
    eventually("the first lines are refused", () -> askedOfA.get() > 0);
    // The next ones come while those wait, and the other master is known by now.
    for (int i = 3; i < 30; i++) {
      request.write(lines(i, i + 1));
    }
    request.end(lines(30, 2_000));
    List<Long> offsets = results(await(answer.future()), 2_000);
    assertEquals(2_000, storedAt("b", "orders"));
    for (int i = 0; i < offsets.size(); i++) {
      assertEquals(i, offsets.get(i));
    }
  }

  /** Lines of one queue, 1 KB each. */
  private static Buffer lines(int from, int to) {
    Buffer lines = Buffer.buffer();
    for (int i = from; i < to; i++) {
      lines.appendString(
          "{\"orderingKey\":\"k\",\"body\":\"" + i + " " + "x".repeat(1_000) + "\"}\n");
    }
    return lines;
  }

  /** The offsets of what was stored, all of it at the second master. */
  private static List<Long> results(Answer answer, int count) {
    JsonArray results = answer.is(200).json().getJsonArray("results");
    assertEquals(count, results.size());
    List<Long> offsets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      JsonObject result = results.getJsonObject(i);
      assertEquals("b", result.getString("broker"), result::encode);
      offsets.add(result.getLong("queueOffset"));
    }
    return offsets;
  }

  /** How many messages a master has of a topic. */
  private long storedAt(String broker, String topic) throws Exception {
    AdminRequest.Topic found = ask(Addresses.admin(broker), new GetTopic(topic));
    return Arrays.stream(found.maxOffsets()).sum();
  }

  /** Stores a message at one of them, whichever the gateway would choose. */
  private String store(String broker, String body, long delayMs) throws Exception {
    MessageBatch batch = new MessageBatch();
    PropertiesWriter properties =
        new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, "id-" + body);
    ByteBuffer bytes = ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8));
    long nowMs = System.currentTimeMillis();
    if (delayMs > 0) {
      batch.addDelayed(
          "orders", QueueSelector.ANY, nowMs + delayMs, 0, 0, nowMs, HOST, 0, bytes, properties);
    } else {
      batch.add("orders", QueueSelector.ANY, 0, 0, nowMs, HOST, 0, 0, bytes, properties);
    }
    AppendReply reply =
        ask(Addresses.append(broker), new AppendRequest(batch, AckLevel.MEMORY, false, 0));
    assertEquals(null, reply.error(0));
    return "id-" + body;
  }

  /** Receives what there is at both, and acks it. */
  private List<String> receiveAll(String group) throws Exception {
    TreeSet<String> bodies = new TreeSet<>();
    eventually(
        "both messages",
        () -> {
          try {
            JsonArray messages =
                post("/v1/groups/" + group + "/topics/orders/receive", "{\"wait\":\"1s\"}")
                    .json()
                    .getJsonArray("messages");
            JsonArray receipts = new JsonArray();
            for (int i = 0; i < messages.size(); i++) {
              bodies.add(messages.getJsonObject(i).getString("body"));
              receipts.add(messages.getJsonObject(i).getString("receipt"));
            }
            post("/v1/groups/" + group + "/settle", new JsonObject().put("ack", receipts).encode())
                .is(200);
            return bodies.size() == 2;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    return List.copyOf(bodies);
  }

  private TopicConfig topicAt(String broker) throws Exception {
    return this.<Topic>ask(Addresses.admin(broker), new GetTopic("orders")).config();
  }

  private List<String> registered(String topic) {
    try {
      return await(new BrokerDirectory(vertx, Clock.system()).brokersFor(topic));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private List<String> brokersOf(String topic) {
    try {
      JsonArray offsets =
          get("/v1/topics/" + topic).json().getJsonArray("offsets", new JsonArray());
      TreeSet<String> names = new TreeSet<>();
      for (int i = 0; i < offsets.size(); i++) {
        names.add(offsets.getJsonObject(i).getString("broker"));
      }
      return List.copyOf(names);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private <T extends BusMessage> T ask(String address, BusMessage request) throws Exception {
    return await(
        vertx
            .eventBus()
            .<T>request(address, request, BusCodec.options(10_000))
            .map(message -> message.body()));
  }
}
