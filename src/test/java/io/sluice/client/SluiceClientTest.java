package io.sluice.client;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SluiceClientTest {

  @TempDir Path directory;
  private final Vertx vertx = Vertx.vertx();
  private final BlockingQueue<ReceivedMessage> got = new LinkedBlockingQueue<>();
  private BrokerVerticle broker;
  private SluiceClient client;

  @BeforeEach
  void start() throws Exception {
    BusCodec.register(vertx);
    vertx
        .deployVerticle(new NameServerVerticle(new NameServerOptions(), Clock.system()))
        .await(10, SECONDS);
    broker = startBroker("b");
    client = SluiceClient.create(vertx);
  }

  private BrokerVerticle startBroker(String name) throws Exception {
    BrokerOptions options =
        new BrokerOptions()
            .setBrokerName(name)
            .setStore(new StoreOptions().segmentBytes(1 << 20).minFreeBytes(0))
            .setDirectory(directory.resolve(name))
            .setDefaultQueues(2);
    BrokerVerticle started = new BrokerVerticle(options, Clock.system(), LatencyRecorder.NONE);
    vertx.deployVerticle(started).await(10, SECONDS);
    return started;
  }

  @AfterEach
  void stop() throws Exception {
    vertx.close().await(10, SECONDS);
  }

  @Test
  void shouldSendAndHandOverWhatWasSent() throws Exception {
    subscribe("billing", new SubscribeOptions());
    SendOptions options =
        new SendOptions()
            .setTag("paid")
            .addKey("k1")
            .addKey("k2")
            .setOrderingKey("customer")
            .setContentType("text/plain")
            .putProperty("colour", "red");
    SendReceipt receipt = client.send("orders", Buffer.buffer("one"), options).await(5, SECONDS);

    ReceivedMessage message = next();
    assertEquals("one", message.body().toString());
    assertEquals(receipt.messageId(), message.messageId());
    assertEquals(receipt.queueOffset(), message.queueOffset());
    assertEquals(AckLevel.DISK, receipt.ack());
    assertEquals("paid", message.tag());
    assertEquals(List.of("k1", "k2"), message.keys());
    assertEquals("customer", message.orderingKey());
    assertEquals("text/plain", message.contentType());
    assertEquals("red", message.properties().get("colour"));
    assertEquals(1, message.attempt());
    awaitEquals(0L, () -> waiting("billing"));
  }

  @Test
  void shouldStoreTheSendsOfAContextInTheirOrder() throws Exception {
    List<Future<SendReceipt>> sent = new ArrayList<>();
    SendOptions options = new SendOptions().setOrderingKey("k").setAck(AckLevel.MEMORY);
    for (int i = 0; i < 500; i++) {
      sent.add(client.send("orders", Buffer.buffer("m" + i), options));
    }
    long last = -1;
    for (Future<SendReceipt> each : sent) {
      long offset = each.await(5, SECONDS).queueOffset();
      assertTrue(offset > last || last == -1);
      last = offset;
    }
  }

  @Test
  void shouldSendWhatABrokerThatLeavesRefusesToAnotherInItsOrder() throws Exception {
    client.send("orders", Buffer.buffer("before")).await(5, SECONDS);
    client.send("invoices", Buffer.buffer("before")).await(5, SECONDS);
    startBroker("c");
    broker.refuseSends().await(5, SECONDS);
    SendOptions keyed = new SendOptions().setOrderingKey("k");
    List<Future<SendReceipt>> sent = new ArrayList<>();
    Promise<Void> all = Promise.promise();
    vertx
        .getOrCreateContext()
        .runOnContext(
            nothing -> {
              SluiceClient own = SluiceClient.create(vertx);
              for (int i = 0; i < 10; i++) {
                String topic = i % 2 == 0 ? "orders" : "invoices";
                sent.add(own.send(topic, Buffer.buffer("" + i), keyed));
              }
              // The first are refused by now, and wait; the other Broker is known.
              vertx.setTimer(
                  100,
                  id -> {
                    sent.add(own.send("orders", Buffer.buffer("10"), keyed));
                    all.complete();
                  });
            });
    all.future().await(5, SECONDS);
    for (int i = 0; i < sent.size(); i++) {
      SendReceipt receipt = sent.get(i).await(5, SECONDS);
      assertEquals("c", receipt.brokerName());
      assertEquals(i / 2, receipt.queueOffset(), "" + i);
    }
  }

  @Test
  void shouldTryAgainWhatTheHandlerFailedAt() throws Exception {
    admin(new PutGroup(new GroupConfig("billing", 16, List.of(10L), 10)));
    AtomicInteger calls = new AtomicInteger();
    client
        .subscribe(
            "orders",
            "billing",
            message -> {
              got.add(message);
              return calls.incrementAndGet() < 3
                  ? Future.failedFuture("not yet")
                  : Future.succeededFuture();
            })
        .await(5, SECONDS);
    send("one");
    assertEquals(1, next().attempt());
    assertEquals(2, next().attempt());
    assertEquals(3, next().attempt());
    awaitEquals(0L, () -> waiting("billing"));
  }

  @Test
  void shouldKeepToTheConcurrency() throws Exception {
    List<Promise<Void>> open = new ArrayList<>();
    client
        .subscribe(
            "orders",
            "billing",
            new SubscribeOptions().setConcurrency(3),
            message -> {
              Promise<Void> promise = Promise.promise();
              synchronized (open) {
                open.add(promise);
              }
              got.add(message);
              return promise.future();
            })
        .await(5, SECONDS);
    for (int i = 0; i < 9; i++) {
      send("m" + i);
    }
    for (int i = 0; i < 9; i++) {
      next();
      synchronized (open) {
        assertTrue(open.size() <= 3, "found " + open.size() + " at once");
        if (open.size() == 3 || i >= 6) {
          open.remove(0).complete();
        }
      }
    }
  }

  @Test
  void shouldHandleInOrderOneAfterTheOther() throws Exception {
    admin(new PutGroup(new GroupConfig("billing", 16, List.of(10L), 10)));
    SendOptions keyed = new SendOptions().setOrderingKey("k").setAck(AckLevel.MEMORY);
    for (int i = 0; i < 20; i++) {
      client.send("orders", Buffer.buffer("" + i), keyed).await(5, SECONDS);
    }
    AtomicInteger failures = new AtomicInteger(3);
    List<String> done = new ArrayList<>();
    client
        .subscribe(
            "orders",
            "billing",
            new SubscribeOptions().setMode(SubscribeOptions.Mode.ORDERED),
            message -> {
              if (message.body().toString().equals("7") && failures.getAndDecrement() > 0) {
                return Future.failedFuture("not yet");
              }
              done.add(message.body().toString());
              got.add(message);
              return Future.succeededFuture();
            })
        .await(5, SECONDS);
    for (int i = 0; i < 20; i++) {
      assertEquals("" + i, next().body().toString());
    }
    awaitEquals(0L, () -> waiting("billing"));
    assertEquals(20, done.size());
  }

  @Test
  void shouldGiveEveryReaderEverythingFromNowOn() throws Exception {
    send("before");
    BlockingQueue<ReceivedMessage> other = new LinkedBlockingQueue<>();
    subscribe(null, new SubscribeOptions().setMode(SubscribeOptions.Mode.READER));
    client
        .subscribe(
            "orders",
            "news",
            new SubscribeOptions()
                .setMode(SubscribeOptions.Mode.BROADCAST)
                .setFrom(StartPosition.EARLIEST),
            message -> {
              other.add(message);
              return Future.failedFuture("nobody cares");
            })
        .await(5, SECONDS);
    // They lie in different queues, so only what was handed out before comes before.
    assertEquals("before", other.poll(5, SECONDS).body().toString());
    send("after");
    assertEquals("after", next().body().toString());
    assertEquals("after", other.poll(5, SECONDS).body().toString());
  }

  @Test
  void shouldFilterByTag() throws Exception {
    subscribe("billing", new SubscribeOptions().setTags("paid || sent"));
    for (String tag : List.of("new", "paid", "other", "sent")) {
      client.send("orders", Buffer.buffer(tag), new SendOptions().setTag(tag)).await(5, SECONDS);
    }
    assertEquals("paid", next().body().toString());
    assertEquals("sent", next().body().toString());
    awaitEquals(0L, () -> waiting("billing"));
  }

  @Test
  void shouldLeaveTheRestToOthersWhenItCloses() throws Exception {
    Promise<Void> busy = Promise.promise();
    Subscription first =
        client
            .subscribe(
                "orders",
                "billing",
                new SubscribeOptions().setConcurrency(1),
                message -> {
                  got.add(message);
                  return busy.future();
                })
            .await(5, SECONDS);
    send("one");
    send("two");
    assertEquals("one", next().body().toString());
    Future<Void> closed = first.close();
    busy.complete();
    closed.await(5, SECONDS);
    subscribe("billing", new SubscribeOptions());
    assertEquals("two", next().body().toString());
    awaitEquals(0L, () -> waiting("billing"));
  }

  @Test
  void shouldStreamWithDemand() throws Exception {
    for (int i = 0; i < 5; i++) {
      send("m" + i);
    }
    MessageStream stream =
        client.stream("orders", "billing", new SubscribeOptions()).await(5, SECONDS);
    stream.pause();
    stream.handler(got::add);
    stream.fetch(2);
    next().ack();
    next().nack(Duration.ofMinutes(10));
    stream.resume();
    next().ack();
    next().ack();
    next().dead("of no use");
    awaitEquals(1L, () -> waiting("billing"));
    stream.close().await(5, SECONDS);
  }

  @Test
  void shouldReplayForConsumersThatLive() throws Exception {
    subscribe("billing", new SubscribeOptions());
    send("a");
    assertEquals("a", next().body().toString());
    awaitEquals(0L, () -> waiting("billing"));
    client.seek("orders", "billing", StartPosition.EARLIEST).await(5, SECONDS);
    ReceivedMessage again = next();
    assertEquals("a", again.body().toString());
    awaitEquals(0L, () -> waiting("billing"));
    client
        .seek("orders", "billing", Map.of(again.queueId(), again.queueOffset()))
        .await(5, SECONDS);
    assertEquals("a", next().body().toString());
    client.seek("orders", "billing", StartPosition.time(again.storedAtMs())).await(5, SECONDS);
    assertEquals("a", next().body().toString());
    client.seek("orders", "billing", StartPosition.LATEST).await(5, SECONDS);
    send("b");
    assertEquals("b", next().body().toString());
  }

  @Test
  void shouldSettleWhatWasRedriven() throws Exception {
    send("a");
    client
        .subscribe(
            "orders",
            "billing",
            message -> {
              got.add(message);
              return Promise.<Void>promise().future();
            })
        .await(5, SECONDS);
    next().dead("of no use");
    awaitEquals(0L, () -> waiting("billing"));
    vertx
        .eventBus()
        .request(
            Addresses.letters("b"),
            new LetterRequest.Start("billing", LetterRequest.Kind.REDRIVE, Filter.ALL, 0, 0),
            BusCodec.options(5_000))
        .await(5, SECONDS);
    ReceivedMessage again = next();
    assertEquals("orders", again.topic());
    assertEquals("of no use", again.properties().get("DEAD_REASON"));
    again.ack();
    awaitEquals(0L, () -> waiting("billing"));
  }

  @Test
  void shouldSinkAndSayWhenItIsFull() throws Exception {
    subscribe("billing", new SubscribeOptions());
    Promise<Boolean> full = Promise.promise();
    Promise<Void> drained = Promise.promise();
    Promise<Void> ended = Promise.promise();
    vertx.runOnContext(
        here -> {
          MessageSink sink =
              SluiceClient.create(vertx)
                  .sink("orders", new SendOptions().setAck(AckLevel.MEMORY))
                  .setWriteQueueMaxSize(2);
          sink.write(Buffer.buffer("a"));
          sink.write(Buffer.buffer("b"));
          full.complete(sink.writeQueueFull());
          sink.drainHandler(drained::complete);
          sink.end().onComplete(ended);
        });
    assertTrue(full.future().await(5, SECONDS));
    ended.future().await(5, SECONDS);
    drained.future().await(5, SECONDS);
    next();
    next();
  }

  @Test
  void shouldSayWhatIsWrong() {
    assertEquals(
        ErrorCode.INVALID_TOPIC, failureOf(client.send("not allowed!", Buffer.buffer("x"))).code());
    assertEquals(
        ErrorCode.INVALID_GROUP,
        failureOf(client.subscribe("orders", "not allowed!", message -> null)).code());
    assertEquals(
        ErrorCode.INVALID_FILTER,
        failureOf(
                client.subscribe(
                    "orders", "g", new SubscribeOptions().setTags("||"), message -> null))
            .code());
    assertEquals(
        ErrorCode.INVALID_ARGUMENT,
        failureOf(client.subscribe("orders", null, message -> null)).code());
    assertThrows(IllegalArgumentException.class, () -> new SubscribeOptions().setConcurrency(0));
  }

  private void subscribe(String group, SubscribeOptions options) throws Exception {
    client
        .subscribe(
            "orders",
            group,
            options,
            message -> {
              got.add(message);
              return null;
            })
        .await(5, SECONDS);
  }

  private void send(String body) throws Exception {
    client
        .send("orders", Buffer.buffer(body), new SendOptions().setAck(AckLevel.MEMORY))
        .await(5, SECONDS);
  }

  private ReceivedMessage next() throws Exception {
    ReceivedMessage message = got.poll(10, SECONDS);
    if (message == null) {
      throw new TimeoutException("no message");
    }
    return message;
  }

  private long waiting(String group) throws Exception {
    Lag lag = (Lag) admin(new GetLag(group));
    return lag.queues().stream().mapToLong(QueueLag::waiting).sum();
  }

  private Object admin(io.sluice.bus.AdminRequest request) throws Exception {
    return vertx
        .eventBus()
        .request(Addresses.admin("b"), request, BusCodec.options(5_000))
        .await(5, SECONDS)
        .body();
  }

  private static SluiceException failureOf(Future<?> future) {
    try {
      Object value = future.await(10, SECONDS);
      throw new AssertionError("expected a failure, found " + value);
    } catch (TimeoutException e) {
      throw new AssertionError("no answer", e);
    } catch (RuntimeException e) {
      return SluiceException.of(e);
    }
  }

  private static <T> void awaitEquals(T expected, Callable<T> question) throws Exception {
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
