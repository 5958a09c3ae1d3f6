package io.sluice.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ServersTest {

  private static final String WARNING =
      "2026-11-29T16:28:10.123Z WARN  io.vertx.core.impl.BlockedThreadChecker: Thread vert.x-%s has"
          + " been blocked for 1203 ms, time limit is 1000 ms\n"
          + "io.vertx.core.VertxException: Thread blocked\n"
          + "\tat app//%s(X.java:1)\n"
          + "\tat app//io.vertx.core.internal.ContextInternal.dispatch(ContextInternal.java:249)\n";

  private static final String OTHER =
      "2026-11-29T16:28:11.000Z INFO  io.sluice.app.X: all is well\n";

  @Test
  void shouldFindALoopThatWasHeldUpInALog() {
    String ours = WARNING.formatted("eventloop-thread-1", "io.sluice.gateway.Front.handle");
    String machine = WARNING.formatted("eventloop-thread-0", "io.netty.channel.X.read");
    String worker = WARNING.formatted("worker-thread-0", "io.sluice.store.Recovery.run");
    List<String> found = Servers.heldUp(OTHER + machine + ours + OTHER + worker + OTHER);
    assertEquals(1, found.size(), found::toString);
    assertTrue(found.get(0).contains("Front.handle"), found::toString);
  }
}
