package io.sluice.broker;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.store.FileAccess;
import io.sluice.store.StoreOptions;
import io.sluice.testkit.BlockedLoops;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;

/** A Broker over a real store in a directory, and short words for what is asked of it. */
final class BrokerKit implements AutoCloseable {

  static final String BROKER = "b";
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  final Vertx vertx = BlockedLoops.vertx();
  private final BlockedLoops blockedLoops = new BlockedLoops();
  final BrokerOptions options;
  Clock clock = Clock.system();
  FileAccess files = FileAccess.system();
  Metrics metrics = Metrics.NONE;
  private BrokerVerticle broker;
  private String deployment;

  /** A message that was received, copied out of its block. */
  record Received(
      String topic,
      int queueId,
      long queueOffset,
      long lease,
      int attempt,
      String body,
      String tag,
      MessageCopy message) {}

  /** Properties of a message. */
  record MessageCopy(Map<String, String> properties, long storedAtMs) {}

  BrokerKit(Path directory) {
    // Loads the classes of JSON here and not on an event loop, which is watched.
    new JsonObject().toBuffer();
    BusCodec.register(vertx);
    options =
        new BrokerOptions()
            .setBrokerName(BROKER)
            .setStore(
                new StoreOptions()
                    .segmentBytes(1 << 20)
                    .queueFileBytes(64 << 10)
                    .indexFileEntries(1 << 10)
                    .minFreeBytes(0))
            .setDirectory(directory)
            .setDefaultQueues(4);
  }

  BrokerKit start() throws Exception {
    broker = new BrokerVerticle(options, clock, LatencyRecorder.NONE, metrics, files);
    deployment = vertx.deployVerticle(broker).await(20, SECONDS);
    return this;
  }

  /** The Broker that was started last. */
  BrokerVerticle broker() {
    return broker;
  }

  void stop() throws Exception {
    vertx.undeploy(deployment).await(20, SECONDS);
    deployment = null;
  }

  void restart() throws Exception {
    stop();
    start();
  }

  @Override
  public void close() throws Exception {
    vertx.close().await(20, SECONDS);
    blockedLoops.close();
  }

  MessageBatch batch() {
    return new MessageBatch();
  }

  static void add(MessageBatch batch, String topic, long selector, String tag, String body) {
    PropertiesWriter properties =
        new PropertiesWriter().put(PropertyNames.TAGS, tag).put(PropertyNames.KEYS, "k-" + body);
    ByteBuffer bytes = ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8));
    batch.add(topic, selector, 0, 0, 1_000, HOST, 0, 0, bytes, properties);
  }

  AppendReply send(String topic, String... bodies) throws Exception {
    MessageBatch batch = batch();
    for (String body : bodies) {
      add(batch, topic, QueueSelector.ANY, null, body);
    }
    return send(batch);
  }

  /** Sends all to queue 0. */
  AppendReply sendInOrder(String topic, String... bodies) throws Exception {
    MessageBatch batch = batch();
    for (String body : bodies) {
      add(batch, topic, QueueSelector.queue(0), null, body);
    }
    return send(batch);
  }

  AppendReply send(MessageBatch batch) throws Exception {
    return append(batch, AckLevel.MEMORY, false).await(10, SECONDS);
  }

  Future<AppendReply> append(MessageBatch batch, AckLevel ack, boolean atomic) {
    return request(Addresses.append(BROKER), new AppendRequest(batch, ack, atomic, clock.nowNs()));
  }

  Future<ReceiveReply> receiveLater(ReceiveRequest request) {
    return request(Addresses.receive(BROKER), request);
  }

  static ReceiveRequest receiveRequest(String group, String topic, int max, long waitMs) {
    return new ReceiveRequest(
        group,
        topic,
        max,
        1 << 20,
        waitMs,
        30_000,
        Filter.ALL,
        false,
        StartPosition.EARLIEST,
        null);
  }

  List<Received> receive(String group, String topic, int max) throws Exception {
    return receive(receiveRequest(group, topic, max, 0));
  }

  List<Received> receive(ReceiveRequest request) throws Exception {
    return copy(receiveLater(request).await(20, SECONDS));
  }

  static List<Received> copy(ReceiveReply reply) {
    List<Received> out = new ArrayList<>();
    try (MessageBlock block = reply.messages()) {
      for (int i = 0; i < block.count(); i++) {
        out.add(copy(block, i, reply.leases()[i], reply.attempts()[i]));
      }
    }
    return out;
  }

  static List<Received> copy(MessageBlock messages) {
    List<Received> out = new ArrayList<>();
    try (messages) {
      for (int i = 0; i < messages.count(); i++) {
        out.add(copy(messages, i, 0, 0));
      }
    }
    return out;
  }

  private static Received copy(MessageBlock block, int index, long lease, int attempt) {
    MessageView view = block.view(index, new MessageView());
    Map<String, String> properties = new TreeMap<>();
    view.forEachProperty(properties::put);
    return new Received(
        view.topic(),
        view.queueId(),
        view.queueOffset(),
        lease,
        attempt,
        new String(view.body(), StandardCharsets.UTF_8),
        view.property(PropertyNames.TAGS),
        new MessageCopy(properties, view.storedAtMs()));
  }

  static List<String> bodies(List<Received> messages) {
    return messages.stream().map(Received::body).toList();
  }

  static List<String> sortedBodies(List<Received> messages) {
    return messages.stream().map(Received::body).sorted().toList();
  }

  static SettleRequest ackRequest(String group, List<Received> messages) {
    SettleRequest request = new SettleRequest(group);
    messages.forEach(m -> request.ack(m.topic(), m.queueId(), m.queueOffset(), m.lease()));
    return request;
  }

  List<Outcome> ack(String group, List<Received> messages) throws Exception {
    return settle(ackRequest(group, messages));
  }

  List<Outcome> settle(SettleRequest.Kind kind, String group, Received message, long durationMs)
      throws Exception {
    return settle(
        new SettleRequest(group)
            .add(
                kind,
                message.topic(),
                message.queueId(),
                message.queueOffset(),
                message.lease(),
                durationMs,
                "because"));
  }

  List<Outcome> settle(SettleRequest request) throws Exception {
    return List.of(settleLater(request).await(10, SECONDS).outcomes());
  }

  Future<SettleReply> settleLater(SettleRequest request) {
    return request(Addresses.settle(BROKER), request);
  }

  void release(String holder) throws Exception {
    request(Addresses.release(BROKER), new ReleaseRequest(holder)).await(10, SECONDS);
  }

  Future<ReadReply> read(ReadRequest request) {
    return request(Addresses.read(BROKER), request);
  }

  <T extends BusMessage> T admin(AdminRequest request) throws Exception {
    return this.<T>request(Addresses.admin(BROKER), request).await(10, SECONDS);
  }

  <T extends BusMessage> Future<T> request(String address, BusMessage request) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(20_000))
        .map(message -> message.body());
  }

  /** Asks until the answer is as expected, for ten seconds at most. */
  static <T> void awaitEquals(T expected, Callable<T> question) throws Exception {
    long deadlineNs = System.nanoTime() + SECONDS.toNanos(10);
    T found = question.call();
    while (!expected.equals(found)) {
      if (System.nanoTime() > deadlineNs) {
        throw new TimeoutException("expected " + expected + ", found " + found);
      }
      Thread.onSpinWait();
      found = question.call();
    }
  }
}
