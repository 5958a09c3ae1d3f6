package io.sluice.broker;

import static io.sluice.broker.BrokerKit.awaitEquals;
import static io.sluice.broker.BrokerKit.bodies;
import static io.sluice.broker.BrokerKit.copy;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.vertx.core.Future;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a consumer gets that asks for some messages only. */
class FilterTest {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  @TempDir Path directory;
  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldGiveOnlyWhatFulfilsTheCondition() throws Exception {
    send(0, 20, "A");
    List<Received> got = kit.receive(sql("g", "price >= 15 AND TAGS = 'A'", 0));
    assertEquals(List.of("15", "16", "17", "18", "19"), bodies(got));
    kit.ack("g", got);
    assertEquals(0, waiting("g"));
  }

  @Test
  void shouldWakeAWaitingReceiveOnlyForWhatItWants() throws Exception {
    Future<ReceiveReply> waiting = kit.receiveLater(sql("g", "price > 10", 10_000));
    awaitEquals(1L, () -> kit.<BrokerInfo>admin(new GetBroker()).waitingReceives());
    send(0, 5, "A");
    assertEquals(1, kit.<BrokerInfo>admin(new GetBroker()).waitingReceives());
    assertFalse(waiting.isComplete());
    send(11, 12, "A");
    assertEquals(List.of("11"), bodies(copy(waiting.await(5, SECONDS))));
  }

  @Test
  void shouldWakeAWaitingReadOnlyForWhatItWants() throws Exception {
    send(0, 1, "A");
    Future<ReadReply> waiting =
        kit.read(
            new ReadRequest(
                "orders",
                new int[] {0},
                new long[] {0},
                null,
                10,
                1 << 20,
                10_000,
                new Filter(Filter.Kind.SQL, "price BETWEEN 7 AND 8"),
                null));
    send(1, 5, "A");
    assertFalse(waiting.isComplete());
    send(5, 10, "A");
    ReadReply reply = waiting.await(5, SECONDS);
    assertEquals(List.of("7", "8"), bodies(copy(reply.messages())));
    assertEquals(10, reply.nextOffsets()[0]);
  }

  @Test
  void shouldComeAgainToWhoeverWantsItAfterAFailure() throws Exception {
    send(0, 10, "A");
    List<Received> got = kit.receive(sql("g", "price = 3", 0));
    kit.settle(io.sluice.bus.SettleRequest.Kind.NACK, "g", got.get(0), 0);
    List<Received> again = kit.receive(sql("g", "price = 3", 5_000));
    assertEquals(List.of("3"), bodies(again));
    assertEquals(2, again.get(0).attempt());
  }

  @Test
  void shouldFindTheFewAmongManyThatAreNotInMemory() throws Exception {
    int count = 6_000;
    String filler = "x".repeat(600);
    for (int i = 0; i < count / 100; i++) {
      MessageBatch batch = kit.batch();
      for (int j = 0; j < 100; j++) {
        int price = i * 100 + j;
        add(batch, price, price % 1_000 == 999 ? "rare" : "usual", price + filler);
      }
      kit.send(batch);
    }
    kit.restart();
    assertEquals(6, drain(sql("by-sql", "price IS NOT NULL AND TAGS = 'rare'", 5_000), 6));
    assertEquals(6, drain(request("by-tag", Filter.tags("rare"), 5_000), 6));
    awaitEquals(0L, () -> waiting("by-sql") + waiting("by-tag"));
  }

  @Test
  void shouldSayWhereAConditionCanNotBeRead() {
    for (int i = 0; i < 2; i++) {
      SluiceException refused =
          org.junit.jupiter.api.Assertions.assertThrows(
              SluiceException.class,
              () -> MessageFilter.of(new Filter(Filter.Kind.SQL, "price > AND x")));
      assertEquals(ErrorCode.INVALID_FILTER, refused.code());
      assertTrue(refused.getMessage().contains("position 8"), refused.getMessage());
      assertTrue(refused.getMessage().contains("expected"), refused.getMessage());
    }
  }

  @Test
  void shouldCompileAnExpressionOnceAndForgetInBounds() {
    Filter filter = new Filter(Filter.Kind.SQL, "a = 1");
    MessageFilter first = MessageFilter.of(filter);
    assertTrue(first == MessageFilter.of(new Filter(Filter.Kind.SQL, "a = 1")));
    for (int i = 0; i < 1_000; i++) {
      MessageFilter.of(new Filter(Filter.Kind.SQL, "a = " + i));
    }
    assertFalse(first == MessageFilter.of(filter));
    SluiceException refused =
        org.junit.jupiter.api.Assertions.assertThrows(
            SluiceException.class,
            () -> MessageFilter.of(new Filter(Filter.Kind.SQL, "a" + " OR a".repeat(2_000))));
    assertEquals(ErrorCode.INVALID_FILTER, refused.code());
  }

  private int drain(ReceiveRequest request, int expected) throws Exception {
    List<Received> all = new ArrayList<>();
    while (all.size() < expected) {
      List<Received> got = kit.receive(request);
      assertFalse(got.isEmpty(), "nothing came after " + all.size());
      got.forEach(each -> assertEquals("rare", each.tag()));
      kit.ack(request.group(), got);
      all.addAll(got);
    }
    return all.size();
  }

  private long waiting(String group) throws Exception {
    return kit.<Lag>admin(new GetLag(group)).queues().stream().mapToLong(QueueLag::waiting).sum();
  }

  private void send(int from, int to, String tag) throws Exception {
    MessageBatch batch = kit.batch();
    for (int price = from; price < to; price++) {
      add(batch, price, tag, Integer.toString(price));
    }
    kit.send(batch);
  }

  private static void add(MessageBatch batch, int price, String tag, String body) {
    batch.add(
        "orders",
        QueueSelector.queue(0),
        0,
        0,
        1_000,
        HOST,
        0,
        0,
        ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8)),
        new PropertiesWriter().put(PropertyNames.TAGS, tag).put("price", Integer.toString(price)));
  }

  private static ReceiveRequest sql(String group, String condition, long waitMs) {
    return request(group, new Filter(Filter.Kind.SQL, condition), waitMs);
  }

  private static ReceiveRequest request(String group, Filter filter, long waitMs) {
    return new ReceiveRequest(
        group, "orders", 100, 1 << 20, waitMs, 30_000, filter, false, StartPosition.EARLIEST, null);
  }
}
