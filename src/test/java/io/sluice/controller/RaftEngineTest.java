package io.sluice.controller;

import io.sluice.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real consensus between three controllers, on loopback addresses of their own. */
@Timeout(120)
class RaftEngineTest {

  @TempDir Path directory;

  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".8.";
  private final List<String> members =
      List.of(subnet + "1:9878", subnet + "2:9878", subnet + "3:9878");
  private final List<RaftEngine> engines = new CopyOnWriteArrayList<>();
  private final List<ControllerState> states = new ArrayList<>();
  private volatile boolean renewing = true;
  private final AtomicInteger renewed = new AtomicInteger();

  @AfterEach
  void stop() {
    renewing = false;
    engines.forEach(RaftEngine::stop);
  }

  @Test
  void shouldBringUpAControllerThatComesLaterWhileMastersRenewTheirLeases() throws Exception {
    start(1);
    start(2);
    join("before");
    Thread renewals = new Thread(this::renew);
    renewals.start();
    Await.until("leases are renewed", () -> renewed.get() > 0);
    start(3);
    join("after");
    ControllerState late = states.get(2);
    Await.until("the late one has what was before", () -> late.group("before").numberOf("i") > 0);
    Await.until("and what came after", () -> late.group("after").numberOf("i") > 0);
    renewing = false;
    renewals.join();

    RaftEngine first = leader();
    engines.remove(first);
    first.stop();
    join("without the first");
    Await.until("it decides with another", () -> late.group("without the first").numberOf("i") > 0);
  }

  private void start(int number) throws Exception {
    RaftEngine engine =
        new RaftEngine(
            new ControllerOptions(
                "test",
                subnet + number,
                9878,
                members,
                directory.resolve("controller-" + number),
                Duration.ofSeconds(2),
                null,
                null));
    ControllerState state = new ControllerState();
    engine.start(state, leads -> {});
    engines.add(engine);
    states.add(state);
  }

  private RaftEngine leader() {
    RaftEngine[] found = new RaftEngine[1];
    Await.until(
        "somebody leads",
        () -> {
          found[0] = engines.stream().filter(RaftEngine::isLeader).findFirst().orElse(null);
          return found[0] != null;
        });
    return found[0];
  }

  private void join(String name) {
    Await.until(
        name + " is agreed on",
        () -> {
          BrokerGroup.Node node = new BrokerGroup.Node("i", "boot", "here:1", "here:2");
          boolean done =
              leader()
                  .submit(new Command.Join(name, node))
                  .toCompletableFuture()
                  .get(2, TimeUnit.SECONDS);
          return done;
        });
  }

  /** As the controllers do for many Brokers: one command after the other, with a short pause. */
  private void renew() {
    while (renewing) {
      for (RaftEngine each : List.copyOf(engines)) {
        if (each.isLeader()) {
          each.submit(new Command.Barrier()).thenAccept(done -> renewed.incrementAndGet());
        }
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
  }
}
