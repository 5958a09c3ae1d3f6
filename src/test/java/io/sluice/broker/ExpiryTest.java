package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.MetricRegistry;
import io.sluice.testkit.ManualClock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Messages that have waited too long are passed over, counted, and buried if that is asked for. */
@Timeout(120)
class ExpiryTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock(1_700_000_000_000L);
  private final MetricRegistry metrics = new MetricRegistry();
  private BrokerKit kit;
  private int nextGroup;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.metrics = metrics;
    kit.start();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldPassOverWhatHasWaitedTooLong() throws Exception {
    send("orders", "short", 1_000, 0, null);
    send("orders", "long", 60_000, 0, "paid");
    send("orders", "for ever", 0, 0, "paid");
    clock.advanceMs(999);
    assertEquals(List.of("for ever", "long", "short"), received("orders"));
    clock.advanceMs(1);
    assertEquals(List.of("for ever", "long"), received("orders"));
    assertEquals(1, expired("g1"));
    assertEquals(List.of("for ever", "long"), read("orders", Filter.ALL));
    assertEquals(List.of("for ever", "long"), read("orders", Filter.tags("paid")));
    assertEquals(
        List.of("long"), read("orders", new Filter(Filter.Kind.SQL, "TTL_MS is not null")));
    clock.advanceMs(59_000);
    assertEquals(List.of("for ever"), received("orders"));
    kit.restart();
    assertEquals(List.of("for ever"), received("orders"));
  }

  @Test
  void shouldCountTheShorterOfTheTopicsTimeAndTheMessages() throws Exception {
    put("news", "10s", false);
    send("news", "short", 1_000, 0, null);
    send("news", "long", 60_000, 0, null);
    send("news", "none", 0, 0, null);
    clock.advanceMs(1_000);
    assertEquals(List.of("long", "none"), received("news"));
    clock.advanceMs(8_999);
    assertEquals(List.of("long", "none"), received("news"));
    clock.advanceMs(1);
    assertEquals(List.of(), received("news"));
    put("news", null, false);
    assertEquals(List.of("long", "none"), received("news"));
  }

  @Test
  void shouldSettleForTheGroupWhatItPassedOver() throws Exception {
    for (int i = 0; i < 10; i++) {
      send("orders", "m" + i, i % 2 == 0 ? 1_000 : 0, 0, null);
    }
    clock.advanceMs(1_000);
    List<Received> got = receiveAll("g", "orders");
    assertEquals(5, got.size());
    kit.ack("g", got);
    assertEquals(0, waiting("g"));
    kit.restart();
    assertEquals(0, waiting("g"));
    assertEquals(List.of(), receiveAll("g", "orders"));
  }

  @Test
  void shouldPassOverARetryThatHasWaitedTooLong() throws Exception {
    send("orders", "a", 30_000, 0, null);
    assertEquals(1, kit.receive(shortLease("g")).size());
    // The lease ends after a second, the retry is due ten seconds later.
    clock.advanceMs(29_000);
    assertEquals(List.of(2), kit.receive(shortLease("g")).stream().map(Received::attempt).toList());
    clock.advanceMs(60_000);
    assertEquals(List.of(), kit.receive(shortLease("g")));
    assertEquals(0, waiting("g"));
    assertEquals(1, expired("g"));
  }

  @Test
  void shouldBuryWhatExpiredIfTheTopicAsksForIt() throws Exception {
    put("orders", null, true);
    for (int i = 0; i < 20; i++) {
      send("orders", "dead" + i, 1_000, 0, null);
      send("orders", "alive" + i, 0, 0, null);
    }
    clock.advanceMs(1_000);
    assertEquals(20, receiveAll("g", "orders").size());
    awaitEquals(20, () -> receiveAll("reader" + nextGroup++, "%DLQ%g").size());
    clock.advanceMs(1_000_000);
    List<Received> letters = receiveAll("other", "%DLQ%g");
    assertEquals(20, letters.size(), "dead letters wait for ever");
    assertEquals("expired", letters.get(0).message().properties().get(PropertyNames.DEAD_REASON));
    kit.restart();
    assertEquals(20, receiveAll("third", "%DLQ%g").size());
    assertEquals(20, expired("g"));
  }

  @Test
  void shouldBuryARetryThatExpiredAndKeepTheOrder() throws Exception {
    put("orders", null, true);
    MessageBatch batch = kit.batch();
    add(batch, "orders", "a", 30_000, 0, null, QueueSelector.queue(0));
    add(batch, "orders", "b", 0, 0, null, QueueSelector.queue(0));
    kit.send(batch);
    List<Received> got = kit.receive(ordered("g"));
    assertEquals(List.of("a", "b"), BrokerKit.bodies(got));
    clock.advanceMs(60_000);
    awaitEquals(List.of("b"), () -> BrokerKit.bodies(kit.receive(ordered("g"))));
    awaitEquals(1, () -> receiveAll("reader" + nextGroup++, "%DLQ%g").size());
  }

  @Test
  void shouldCountADelayedMessagesTimeFromItsDelivery() throws Exception {
    send("orders", "later", 5_000, 60_000, null);
    clock.advanceMs(60_000);
    awaitEquals(List.of("later"), () -> received("orders"));
    clock.advanceMs(4_999);
    assertEquals(List.of("later"), received("orders"));
    clock.advanceMs(1);
    assertEquals(List.of(), received("orders"));
  }

  @Test
  void shouldGetThroughALongBacklogThatExpired() throws Exception {
    put("orders", "1s", false);
    for (int from = 0; from < 20_000; from += 1_000) {
      MessageBatch batch = kit.batch();
      for (int i = 0; i < 1_000; i++) {
        add(batch, "orders", "m", 0, 0, null, QueueSelector.ANY);
      }
      kit.send(batch);
    }
    clock.advanceMs(1_000);
    send("orders", "fresh", 0, 0, null);
    List<Received> got = kit.receive(BrokerKit.receiveRequest("g", "orders", 10, 10_000));
    assertEquals(List.of("fresh"), BrokerKit.bodies(got));
    assertEquals(20_000, expired("g"));
  }

  private void put(String topic, String ttl, boolean buries) throws Exception {
    kit.admin(
        new PutTopic(
            TopicConfig.of(topic, 4)
                .withAttribute(TopicConfig.TTL, ttl)
                .withAttribute(TopicConfig.EXPIRED, buries ? TopicConfig.DEAD_LETTERS : null)));
  }

  private void send(String topic, String body, long ttlMs, long delayMs, String tag)
      throws Exception {
    MessageBatch batch = kit.batch();
    add(batch, topic, body, ttlMs, delayMs, tag, QueueSelector.ANY);
    kit.send(batch);
  }

  private void add(
      MessageBatch batch,
      String topic,
      String body,
      long ttlMs,
      long delayMs,
      String tag,
      long selector) {
    PropertiesWriter properties = new PropertiesWriter().put(PropertyNames.TAGS, tag);
    if (ttlMs > 0) {
      properties.put(PropertyNames.TTL_MS, Long.toString(ttlMs));
    }
    ByteBuffer bytes = ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8));
    if (delayMs > 0) {
      long dueAtMs = clock.nowMs() + delayMs;
      batch.addDelayed(topic, selector, dueAtMs, 0, 0, 1, HOST, 0, bytes, properties);
    } else {
      batch.add(topic, selector, 0, 0, 1, HOST, 0, 0, bytes, properties);
    }
  }

  private static ReceiveRequest shortLease(String group) {
    return new ReceiveRequest(
        group, "orders", 10, 1 << 20, 0, 1_000, Filter.ALL, false, StartPosition.EARLIEST, null);
  }

  private static ReceiveRequest ordered(String group) {
    return new ReceiveRequest(
        group, "orders", 10, 1 << 20, 0, 1_000, Filter.ALL, true, StartPosition.EARLIEST, null);
  }

  /** All there is, from the start, for a group of its own. */
  private List<String> received(String topic) throws Exception {
    return BrokerKit.sortedBodies(receiveAll("g" + nextGroup++, topic));
  }

  private List<Received> receiveAll(String group, String topic) throws Exception {
    List<Received> all = new ArrayList<>();
    List<Received> some = kit.receive(group, topic, 1_000);
    while (!some.isEmpty()) {
      all.addAll(some);
      some = kit.receive(group, topic, 1_000);
    }
    return all;
  }

  private List<String> read(String topic, Filter filter) throws Exception {
    ReadRequest request =
        new ReadRequest(topic, null, null, StartPosition.EARLIEST, 100, 1 << 20, 0, filter, null);
    return BrokerKit.sortedBodies(BrokerKit.copy(kit.read(request).await().messages()));
  }

  private long waiting(String group) throws Exception {
    Lag lag = kit.admin(new GetLag(group));
    return lag.queues().stream().mapToLong(QueueLag::waiting).sum();
  }

  private long expired(String group) {
    StringBuilder out = new StringBuilder();
    metrics.writePrometheus(out);
    String line = "sluice_broker_expired_total{broker=\"b\",group=\"" + group + "\"} ";
    int at = out.indexOf(line);
    assertTrue(at >= 0, out::toString);
    return Long.parseLong(out.substring(at + line.length(), out.indexOf("\n", at)));
  }
}
