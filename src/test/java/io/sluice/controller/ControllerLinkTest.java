package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who is asked, and how often, by controllers that are real but for the consensus below them. */
@Timeout(60)
class ControllerLinkTest {

  private static final long ANSWER_MS = 30_000;

  @TempDir Path directory;

  private final LoopbackControllers controllers = new LoopbackControllers();
  private final List<String> members = controllers.members;
  private final Map<Integer, String> deployments = new HashMap<>();
  private final AtomicInteger sent = new AtomicInteger();
  private Vertx vertx;
  private Context context;
  private ControllerLink link;

  @BeforeEach
  void begin() {
    vertx = Vertx.vertx();
    context = vertx.getOrCreateContext();
    link = new ControllerLink(vertx, members, null, ANSWER_MS);
  }

  @AfterEach
  void end() {
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  @Test
  void shouldFindTheLeaderWithinOneRequest() {
    start(1, "");
    // The second is not there.
    start(3, members.get(2));
    assertTrue(heartbeat().getBoolean("ok"));
  }

  @Test
  void shouldGoToTheLeaderThatAFollowerNames() {
    start(1, members.get(2));
    start(2, "");
    start(3, members.get(2));
    assertTrue(heartbeat().getBoolean("ok"));
    assertEquals(2, sent.get());
  }

  @Test
  void shouldAskTheNextLeaderWhatTheOneThatStopsLeavesUnanswered() {
    FixedEngine stops = start(1, members.get(0));
    FixedEngine next = start(2, "");
    start(3, "");
    stops.commits = false;
    CompletableFuture<JsonObject> answer = ask();
    Await.until("it is asked", () -> stops.submitted.get() > 0);
    next.leader = members.get(1);
    vertx.undeploy(deployments.get(1)).toCompletionStage().toCompletableFuture().join();
    assertTrue(answer.join().getBoolean("ok"));
    assertTrue(sent.get() >= 2, "asked for anew each time");
  }

  @Test
  void shouldFailOnceAllWereAskedAndNobodyLeads() {
    start(1, "");
    start(2, members.get(0));
    start(3, "");
    assertThrows(RuntimeException.class, this::heartbeat);
    assertEquals(members.size(), sent.get());
  }

  @Test
  void shouldFindTheNextLeaderOverAConnectionThatItHas() {
    FixedEngine first = start(1, members.get(0));
    FixedEngine second = start(2, "");
    FixedEngine third = start(3, "");
    context.runOnContext(nothing -> link.connect());
    assertTrue(heartbeat().getBoolean("ok"));
    Await.until("all have a connection", () -> onLoop(() -> link.connected()).join() == 3);
    for (FixedEngine engine : List.of(first, second, third)) {
      engine.leader = members.get(2);
    }
    assertTrue(heartbeat().getBoolean("ok"));
    assertEquals(3, sent.get());
  }

  private FixedEngine start(int number, String leader) {
    FixedEngine engine = new FixedEngine(members.get(number - 1));
    engine.leader = leader;
    deployments.put(
        number,
        vertx
            .deployVerticle(
                new ControllerVerticle(
                    controllers.options(number, directory), Clock.system(), engine))
            .toCompletionStage()
            .toCompletableFuture()
            .join());
    return engine;
  }

  private JsonObject heartbeat() {
    return ask().join();
  }

  private CompletableFuture<JsonObject> ask() {
    return onLoop(() -> link.request(this::heartbeatNow).toCompletionStage())
        .thenCompose(answer -> answer);
  }

  /** The link is owned by one event loop. */
  private <T> CompletableFuture<T> onLoop(Supplier<T> call) {
    CompletableFuture<T> done = new CompletableFuture<>();
    context.runOnContext(nothing -> done.complete(call.get()));
    return done;
  }

  private JsonObject heartbeatNow() {
    sent.incrementAndGet();
    return new JsonObject()
        .put("op", "heartbeat")
        .put("name", "broker-a")
        .put("identity", "identity")
        .put("incarnation", "incarnation")
        .put("boot", "boot")
        .put("replicationAt", "here:1")
        .put("address", "here:2")
        .put("epoch", 0)
        .put("end", 0);
  }

  /** Leads, or not, as the test says; commits at once, or never. */
  private static final class FixedEngine implements Engine {

    private final String self;
    private final AtomicInteger submitted = new AtomicInteger();
    private volatile String leader = "";
    private volatile boolean commits = true;
    private ControllerState state;

    FixedEngine(String self) {
      this.self = self;
    }

    @Override
    public void start(ControllerState state, Consumer<Boolean> leads) {
      this.state = state;
    }

    @Override
    public CompletionStage<Boolean> submit(Command command) {
      submitted.incrementAndGet();
      return commits
          ? CompletableFuture.completedFuture(state.apply(command))
          : new CompletableFuture<>();
    }

    @Override
    public boolean isLeader() {
      return self.equals(leader);
    }

    @Override
    public String leader() {
      return leader;
    }

    @Override
    public void stop() {}
  }
}
