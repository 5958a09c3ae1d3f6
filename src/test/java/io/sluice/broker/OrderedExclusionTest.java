package io.sluice.broker;

import static io.sluice.broker.BrokerKit.bodies;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.Addresses;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Lock;
import io.sluice.bus.ClientKept.Locked;
import io.sluice.bus.ClientKept.Queue;
import io.sluice.bus.ClientKept.Unlock;
import io.sluice.bus.Filter;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.StartPosition;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ordered leases and the locks of RocketMQ's orderly consumers keep each other out of a queue. */
class OrderedExclusionTest {

  private static final List<Queue> BOTH = List.of(new Queue("t", 0), new Queue("t", 1));

  @TempDir Path directory;

  private final ManualClock clock = new ManualClock(1_800_000_000_000L);
  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.start();
    kit.sendInOrder("t", "a", "b");
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldNotLeaseInOrderWhatAClientHasLockedUntilItUnlocks() throws Exception {
    assertEquals(BOTH, lock("client", BOTH));
    assertEquals(List.of(), bodies(receive(true, 0)));
    // Who does not care for order may go on; here nobody lives who shares the queues.
    Future<ReceiveReply> waits = kit.receiveLater(request(true, 10_000));
    ask(new Unlock("g", "client", BOTH));
    assertEquals(List.of("a", "b"), bodies(BrokerKit.copy(waits.await(10, SECONDS))));
  }

  @Test
  void shouldLeaseInOrderWhenTheLockOfALostClientIsOver() throws Exception {
    lock("client", BOTH);
    clock.advanceMs(ClientKept.LOCK_MS);
    assertEquals(List.of(), bodies(receive(true, 0)));
    clock.advanceMs(1);
    assertEquals(List.of("a", "b"), bodies(receive(true, 0)));
  }

  @Test
  void shouldLeaseSharedWhateverIsLocked() throws Exception {
    lock("client", BOTH);
    assertEquals(List.of("a", "b"), bodies(receive(false, 0)));
  }

  @Test
  void shouldNotLockWhatIsLeased() throws Exception {
    List<Received> leased = receive(true, 0);
    assertEquals(List.of(BOTH.get(1)), lock("client", BOTH));
    kit.ack("g", leased.subList(0, 1));
    assertEquals(List.of(BOTH.get(1)), lock("client", BOTH));
    kit.ack("g", leased.subList(1, 2));
    assertEquals(BOTH, lock("client", BOTH));
    assertEquals(List.of(), lock("another", BOTH));
  }

  private List<Received> receive(boolean ordered, long waitMs) throws Exception {
    return kit.receive(request(ordered, waitMs));
  }

  private static ReceiveRequest request(boolean ordered, long waitMs) {
    return new ReceiveRequest(
        "g", "t", 10, 1 << 20, waitMs, 30_000, Filter.ALL, ordered, StartPosition.EARLIEST, null);
  }

  private List<Queue> lock(String client, List<Queue> queues) throws Exception {
    Locked locked = ask(new Lock("g", client, queues));
    return locked.queues();
  }

  private <T extends BusMessage> T ask(ClientKept request) throws Exception {
    return kit.<T>request(Addresses.clientKept(BrokerKit.BROKER), request).await(10, SECONDS);
  }
}
