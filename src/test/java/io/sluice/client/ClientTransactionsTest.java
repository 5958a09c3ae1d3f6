package io.sluice.client;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.BrokerVerticle;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.client.TransactionChecker.Outcome;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Transactions of the event-bus client. */
@Timeout(60)
class ClientTransactionsTest {

  @TempDir Path directory;
  private final Vertx vertx = Vertx.vertx();
  private final BlockingQueue<String> got = new LinkedBlockingQueue<>();
  private SluiceClient client;

  @BeforeEach
  void start() throws Exception {
    BusCodec.register(vertx);
    vertx
        .deployVerticle(new NameServerVerticle(new NameServerOptions(), Clock.system()))
        .await(10, SECONDS);
    BrokerOptions options =
        new BrokerOptions()
            .setBrokerName("b")
            .setStore(new StoreOptions().segmentBytes(1 << 20).minFreeBytes(0))
            .setDirectory(directory);
    options
        .getTransactions()
        .setFirstCheck(Duration.ofMillis(200))
        .setCheckInterval(Duration.ofMillis(200));
    vertx
        .deployVerticle(new BrokerVerticle(options, Clock.system(), LatencyRecorder.NONE))
        .await(10, SECONDS);
    client = SluiceClient.create(vertx);
    client
        .subscribe(
            "orders",
            "readers",
            message -> {
              got.add(message.body().toString());
              return Future.succeededFuture();
            })
        .await(10, SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    vertx.close().await(10, SECONDS);
  }

  @Test
  void shouldCommitAndRollBack() throws Exception {
    Transaction yes = begin("yes");
    Transaction no = begin("no");
    assertEquals("shop", yes.group());
    assertEquals(-1, yes.receipt().queueOffset());
    no.rollback().await(5, SECONDS);
    no.rollback().await(5, SECONDS);
    assertRefused(ErrorCode.CONFLICT, no.commit());
    yes.commit().await(5, SECONDS);
    yes.commit().await(5, SECONDS);
    assertRefused(ErrorCode.CONFLICT, yes.rollback());
    assertEquals("yes", next());
    assertNull(got.poll(50, TimeUnit.MILLISECONDS));
    assertRefused(ErrorCode.TRANSACTION_NOT_FOUND, client.endTransaction("nobody", true));
    assertRefused(
        ErrorCode.INVALID_GROUP, client.begin("a b", "orders", body("x"), new SendOptions()));
  }

  @Test
  void shouldEndByIdFromAnywhere() throws Exception {
    Transaction one = begin("one");
    SluiceClient.create(vertx).endTransaction(one.id(), true).await(5, SECONDS);
    assertEquals("one", next());
  }

  @Test
  void shouldSendOnlyIfTheActionSucceeds() throws Exception {
    SendOptions options = new SendOptions();
    assertEquals(
        42,
        client
            .sendInTransaction(
                "shop", "orders", body("done"), options, begun -> Future.succeededFuture(42))
            .await(5, SECONDS));
    IllegalStateException failure = new IllegalStateException("no money");
    Future<Integer> failed =
        client.sendInTransaction(
            "shop",
            "orders",
            body("failed"),
            options,
            begun -> {
              throw failure;
            });
    assertEquals(
        failure, assertThrows(IllegalStateException.class, () -> failed.await(5, SECONDS)));
    assertEquals("done", next());
    assertNull(got.poll(50, TimeUnit.MILLISECONDS));
  }

  @Test
  void shouldBeAskedForWhatNobodyEnded() throws Exception {
    BlockingQueue<String> asked = new LinkedBlockingQueue<>();
    TransactionChecks checks =
        client
            .checkTransactions(
                "shop",
                (id, message) -> {
                  asked.add(id + " " + message.topic() + " " + message.body());
                  if (asked.size() < 2) {
                    return Future.succeededFuture(Outcome.UNKNOWN);
                  }
                  return Future.succeededFuture(Outcome.COMMIT);
                })
            .await(5, SECONDS);
    assertRefused(ErrorCode.CONFLICT, client.checkTransactions("shop", (id, message) -> null));
    Transaction lost = begin("lost");
    assertEquals("lost", next());
    assertEquals(lost.id() + " orders lost", asked.poll());
    assertEquals(lost.id() + " orders lost", asked.poll());
    checks.close().await(5, SECONDS);
    begin("not asked for");
    assertNull(asked.poll(600, TimeUnit.MILLISECONDS));
    // A later one of the same group is.
    client
        .checkTransactions("shop", (id, message) -> Future.succeededFuture(Outcome.COMMIT))
        .await(5, SECONDS);
    assertEquals("not asked for", next());
  }

  private Transaction begin(String text) throws Exception {
    return client.begin("shop", "orders", body(text), new SendOptions()).await(5, SECONDS);
  }

  private String next() throws InterruptedException {
    return got.poll(10, SECONDS);
  }

  private static Buffer body(String text) {
    return Buffer.buffer(text);
  }

  private static void assertRefused(ErrorCode code, Future<?> future) {
    RuntimeException refused = assertThrows(RuntimeException.class, () -> future.await(5, SECONDS));
    assertEquals(code, SluiceException.of(refused).code());
  }
}
