package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.SimulatedNetwork;
import io.sluice.testkit.Simulator;
import io.vertx.core.Future;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Reads from a slave, in the thread of a simulation, where each step of a process is counted. */
final class SlaveReadTest {

  private static final int MESSAGES = 20;

  /** Far more than a read takes. */
  private static final int STEPS = 20_000;

  private final Simulator simulator = new Simulator(1);
  private final SimulatedNetwork network = new SimulatedNetwork(simulator);
  private final SimulatedBroker master = broker(0);
  private final SimulatedBroker slave = broker(1);

  @Test
  void shouldNotAskAgainInEachTurnWhileAReaderWaitsForTheDisk() {
    master.start(null);
    slave.start(master);
    runFor(1_000);
    MessageBatch batch = new MessageBatch();
    for (int i = 0; i < MESSAGES; i++) {
      ByteBuffer body = ByteBuffer.wrap(new byte[100]);
      batch.add(
          "t", QueueSelector.queue(0), 0, 0, 1, new byte[8], 0, 0, body, new PropertiesWriter());
    }
    await(
        master.ask(
            Addresses.append(SimulatedBroker.BROKER),
            new AppendRequest(batch, AckLevel.REPLICATED, false, 0)));
    // After a start in peace nothing counts as being in memory.
    await(slave.stop());
    slave.die(false);
    slave.start(master);
    runFor(3_000);
    slave.process.slowDisk(500);
    ReadRequest request =
        new ReadRequest(
            "t", new int[] {0}, new long[] {0}, null, 100, 1 << 20, 60_000, Filter.ALL, null);
    ReadReply reply =
        (ReadReply) await(slave.ask(Addresses.read(SimulatedBroker.BROKER), request)).body();
    assertEquals(MESSAGES, reply.messages().count());
    reply.messages().close();
  }

  private SimulatedBroker broker(int index) {
    return new SimulatedBroker(simulator, network, index, 1, Long.MAX_VALUE, exited -> {});
  }

  private void runFor(long ms) {
    long endMs = simulator.elapsedMs() + ms;
    while (simulator.elapsedMs() < endMs) {
      simulator.step();
    }
  }

  private <T> T await(Future<T> future) {
    for (int step = 0; step < STEPS && !future.isComplete(); step++) {
      simulator.step();
    }
    assertTrue(future.isComplete(), () -> "no answer within " + STEPS + " steps");
    return future.result();
  }
}
