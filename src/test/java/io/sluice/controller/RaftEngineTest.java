package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jgroups.View;
import org.jgroups.protocols.DISCARD;
import org.jgroups.protocols.TCP;
import org.jgroups.stack.ProtocolStack;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real consensus between three controllers, on loopback addresses of their own. */
@Timeout(120)
class RaftEngineTest {

  @TempDir Path directory;

  private final LoopbackControllers controllers = new LoopbackControllers();
  private final List<RaftEngine> engines = new CopyOnWriteArrayList<>();
  private final List<ControllerState> states = new ArrayList<>();
  private volatile boolean renewing = true;

  private static final int NONE = 0;
  private static final int ALL = -1;

  /** Whose disk is full. */
  private volatile int fullDisk = NONE;

  private final AtomicInteger renewed = new AtomicInteger();

  @AfterEach
  void stop() {
    renewing = false;
    engines.forEach(RaftEngine::stop);
    Await.until(
        "nobody collects votes any more",
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().contains("voting-thread")));
  }

  @Test
  void shouldCollectVotesNoLongerThanItIsThere() throws Exception {
    start(1);
    start(2);
    join("before");
    // An election that can not come to its end, as no vote can be written.
    fullDisk = ALL;
    RaftEngine first = leader();
    first.raft().setLeaderAndTerm(null);
    first.election().elect();
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

  @Test
  void shouldElectAgainWhenALeaderGivesUpThatAllOthersSee() throws Exception {
    start(1);
    start(2);
    start(3);
    join("before");
    leader().raft().setLeaderAndTerm(null);
    join("after");
    for (ControllerState state : states) {
      Await.until("all have it", () -> state.group("after").numberOf("i") > 0);
    }
  }

  @Test
  void shouldLeaveTheLeaderAloneWhenOneThatWasAloneIsTheCoordinatorOfAll() throws Exception {
    start(1);
    start(2);
    start(3);
    join("before");
    boolean coordinated = false;
    for (int round = 0; !coordinated; round++) {
      RaftEngine leader = leader();
      int alone = (engines.indexOf(leader) + 1) % 3;
      RaftEngine other = engines.get(alone);
      long term = leader.raft().currentTerm();
      DISCARD cut = new DISCARD().discardAll(true);
      other.raft().getProtocolStack().insertProtocol(cut, ProtocolStack.Position.ABOVE, TCP.class);
      awaitView(other, 1);
      awaitView(leader, 2);
      other.raft().getProtocolStack().removeProtocol(cut);
      awaitView(other, 3);
      // The one with the smaller number, which is drawn when it starts, coordinates all.
      coordinated = view(leader).getCoord().equals(other.raft().addr());
      String name = "round " + round;
      ControllerState state = states.get(alone);
      join(name);
      Await.until("it follows", () -> state.group(name).numberOf("i") > 0);
      assertTrue(leader.isLeader());
      assertEquals(term, leader.raft().currentTerm());
      if (!coordinated) {
        other.stop();
        engines.remove(alone);
        states.remove(alone);
        start(alone + 1, alone);
      }
    }
  }

  private static View view(RaftEngine engine) {
    return engine.raft().getProtocolStack().getChannel().getView();
  }

  private static void awaitView(RaftEngine engine, int size) {
    Await.until("a view of " + size, () -> view(engine).size() == size);
  }

  @Test
  void shouldTakeNoPartWhileItsLogCanNotBeWrittenAndThenComeBack() throws Exception {
    start(1);
    start(2);
    start(3);
    join("before");
    int full = engines.indexOf(leader());
    fullDisk = full + 1;
    for (String name : List.of("a", "b", "c")) {
      join(name);
    }
    assertFalse(engines.get(full).isLeader());
    fullDisk = NONE;
    ControllerState state = states.get(full);
    Await.until("it has all again", () -> state.group("c").numberOf("i") > 0);
    assertTrue(state.group("before").numberOf("i") > 0);
    // It is as good as any.
    RaftEngine other = engines.get((full + 1) % 3);
    engines.remove(other);
    other.stop();
    join("with it");
  }

  private void start(int number) throws Exception {
    start(number, engines.size());
  }

  private void start(int number, int index) throws Exception {
    RaftEngine engine =
        new RaftEngine(
            controllers.options(number, directory),
            (path, failed) ->
                new RaftLog(path, failed) {
                  @Override
                  int writeSome(FileChannel channel, ByteBuffer bytes, long position)
                      throws IOException {
                    if (fullDisk == number || fullDisk == ALL) {
                      throw new IOException("No space left on device");
                    }
                    return super.writeSome(channel, bytes, position);
                  }
                });
    ControllerState state = new ControllerState();
    engine.start(state, leads -> {});
    engines.add(index, engine);
    states.add(index, state);
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
