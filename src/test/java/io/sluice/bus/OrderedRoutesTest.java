package io.sluice.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.internal.VertxInternal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OrderedRoutesTest {

  private static final String TOPIC = "orders";

  private final Vertx vertx = Vertx.vertx();
  private final CompletableFuture<Message<NameServerRequest>> question = new CompletableFuture<>();

  @BeforeEach
  void listen() {
    BusCodec.register(vertx);
    vertx.eventBus().<NameServerRequest>localConsumer(Addresses.nameServers(), question::complete);
  }

  @AfterEach
  void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @Test
  void shouldLetNobodyOvertakeWhoeverWaitsForTheRoute() throws Exception {
    BrokerDirectory directory = new BrokerDirectory(vertx, Clock.system());
    Context asker = ((VertxInternal) vertx).createEventLoopContext();
    Context sender = ((VertxInternal) vertx).createEventLoopContext();
    OrderedRoutes routes = new OrderedRoutes(directory, sender);
    List<String> order = new ArrayList<>();
    CompletableFuture<List<String>> done = new CompletableFuture<>();
    // The route is asked for by another context: its answer is known before it is told here.
    CompletableFuture<Void> asked = new CompletableFuture<>();
    asker.runOnContext(
        nothing -> {
          directory.brokerFor(TOPIC);
          asked.complete(null);
        });
    asked.get(10, TimeUnit.SECONDS);
    sender.runOnContext(
        nothing -> {
          routes.brokerFor(TOPIC).onSuccess(broker -> order.add("first"));
          question.join().reply(route());
          while (directory.cachedBrokerFor(TOPIC) == null) {
            Thread.onSpinWait();
          }
          order.add("known: " + routes.knownBrokerFor(TOPIC));
          routes.brokerFor(TOPIC).onSuccess(broker -> order.add("second"));
          routes
              .brokerFor(TOPIC)
              .onSuccess(
                  broker -> {
                    order.add("known: " + routes.knownBrokerFor(TOPIC));
                    done.complete(order);
                  });
        });
    assertEquals(
        List.of("known: null", "first", "second", "known: broker-a"),
        done.get(10, TimeUnit.SECONDS));
  }

  private static Route route() {
    return new Route(
        List.of(new TopicRoute("broker-a", TopicConfig.of(TOPIC, 4))),
        List.of(new BrokerNode("cluster", "broker-a", 0, "127.0.0.1:10911", 0)));
  }
}
