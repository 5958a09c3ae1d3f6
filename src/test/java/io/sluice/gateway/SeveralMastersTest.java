package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
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
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One topic at two masters: what is done to the topic or to a group's place is done at both. */
class SeveralMastersTest extends GatewayTestBase {

  private static final List<String> NAMES = List.of("a", "b");
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  @TempDir Path directory;

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
      await(vertx.deployVerticle(new BrokerVerticle(broker, Clock.system(), LatencyRecorder.NONE)));
      this.<BusMessage>ask(Addresses.admin(name), new PutTopic(TopicConfig.of("orders", 2)));
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
    eventually("both have the topic", () -> registered("orders").equals(NAMES));
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
