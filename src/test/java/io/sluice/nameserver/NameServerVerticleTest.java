package io.sluice.nameserver;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.bus.Addresses;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NameServerVerticleTest {

  private final ManualClock clock = new ManualClock(1_000_000);
  private final Vertx vertx = Vertx.vertx();

  @BeforeEach
  void start() throws Exception {
    BusCodec.register(vertx);
    deploy("n1");
  }

  @AfterEach
  void stop() throws Exception {
    vertx.close().await(10, SECONDS);
  }

  @Test
  void shouldReachEveryNameServerByPublish() throws Exception {
    deploy("n2");
    publish(register("a", 1, "orders"));
    awaitBrokers("n1", List.of("a"));
    awaitBrokers("n2", List.of("a"));
  }

  @Test
  void shouldForgetASilentBrokerWhenItsTimeIsOver() throws Exception {
    publish(register("a", 1, "orders"));
    awaitBrokers("n1", List.of("a"));
    clock.advanceMs(NameServerOptions.DEFAULT_EXPIRY.toMillis());
    publish(register("b", 1, "orders"));
    awaitBrokers("n1", List.of("a", "b"));
    clock.advanceMs(1);
    awaitBrokers("n1", List.of("b"));
  }

  @Test
  void shouldDirectToTheBrokerThatHasTheTopic() throws Exception {
    publish(register("a", 1, "orders"));
    publish(register("b", 1, "bills"));
    awaitBrokers("n1", List.of("a", "b"));
    BrokerDirectory directory = new BrokerDirectory(vertx, clock);

    assertNull(directory.cachedBrokerFor("bills"));
    assertEquals("b", directory.brokerFor("bills").await(5, SECONDS));
    assertEquals("b", directory.cachedBrokerFor("bills"));
    directory.forget("bills");
    assertNull(directory.cachedBrokerFor("bills"));
  }

  @Test
  void shouldDirectANewTopicToOneMasterAndAskAgainSoon() throws Exception {
    publish(register("a", 1));
    awaitBrokers("n1", List.of("a"));
    BrokerDirectory directory = new BrokerDirectory(vertx, clock);

    assertEquals("a", directory.brokerFor("fresh").await(5, SECONDS));
    clock.advanceMs(BrokerDirectory.UNSERVED_MS);
    assertNull(directory.cachedBrokerFor("fresh"));
  }

  @Test
  void shouldRefreshAnOldRouteInTheBackground() throws Exception {
    publish(register("a", 1, "orders"));
    awaitBrokers("n1", List.of("a"));
    BrokerDirectory directory = new BrokerDirectory(vertx, clock);
    assertEquals("a", directory.brokerFor("orders").await(5, SECONDS));

    publish(register("0", 1, "orders"));
    awaitBrokers("n1", List.of("0", "a"));
    assertEquals("a", directory.cachedBrokerFor("orders"));
    clock.advanceMs(BrokerDirectory.REFRESH_MS);
    awaitTrue("0", () -> directory.cachedBrokerFor("orders"));
  }

  @Test
  void shouldSayThatNoBrokerIsThere() {
    BrokerDirectory directory = new BrokerDirectory(vertx, clock);
    SluiceException failure =
        assertThrows(SluiceException.class, () -> directory.brokerFor("orders").await(5, SECONDS));
    assertEquals(ErrorCode.BROKER_UNAVAILABLE, failure.code());
  }

  private void deploy(String id) throws Exception {
    NameServerOptions options =
        new NameServerOptions().setId(id).setScanInterval(Duration.ofMillis(10));
    vertx.deployVerticle(new NameServerVerticle(options, clock)).await(10, SECONDS);
  }

  private void publish(Register register) {
    vertx.eventBus().publish(Addresses.nameServers(), register, BusCodec.options(1_000));
  }

  private void awaitBrokers(String nameServerId, List<String> expected) throws Exception {
    awaitTrue(
        expected,
        () -> {
          Future<Cluster> cluster =
              vertx
                  .eventBus()
                  .<Cluster>request(
                      Addresses.nameServer(nameServerId), new GetCluster(), BusCodec.options(1_000))
                  .map(message -> message.body());
          return cluster.await(5, SECONDS).brokers().stream()
              .map(node -> node.brokerName())
              .toList();
        });
  }

  /** Asks until the answer is as expected, for ten seconds at most. */
  private static <T> void awaitTrue(T expected, Callable<T> question) throws Exception {
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

  private static Register register(String name, long dataVersion, String... topics) {
    return new Register(
        "c",
        name,
        0,
        name + ":10911",
        dataVersion,
        List.of(topics).stream().map(topic -> TopicConfig.of(topic, 4)).toList());
  }
}
