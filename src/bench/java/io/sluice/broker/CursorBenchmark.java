package io.sluice.broker;

import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.TopicConfig;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Question: what does it cost to lease a message and to settle it, with the state changes encoded,
 * when so many others are in flight, and when they are settled in order or not?
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CursorBenchmark {

  private static final int BATCH = 512;

  /** Messages leased before and not settled yet. */
  @Param({"0", "10000"})
  private int inFlight;

  @Param({"true", "false"})
  private boolean inOrder;

  private final EndlessQueue queue = new EndlessQueue();
  private final LeaseBatch batch = new LeaseBatch();
  private ChangeBuffer changes;
  private QueueCursor cursor;
  private long[] offsets;
  private long[] leases;
  private int oldest;
  private long nowMs = 1_000_000;
  private long recordedBytes;

  /** Makes a cursor with messages in flight. */
  @Setup
  public void setUp() {
    BrokerState state = new BrokerState();
    List.of(
            new Started(1),
            new TopicPut(TopicConfig.of("t", 1), 1, new long[0]),
            new GroupPut(GroupConfig.of("g")),
            new ConsumptionMade(1, "g", "t"))
        .forEach(state::apply);
    cursor = state.consumption(1).cursor(0);
    changes = new ChangeBuffer((where, offset, reason) -> {}, 1 << 18);
    int ring = inFlight / BATCH * BATCH;
    offsets = new long[ring + BATCH];
    leases = new long[ring + BATCH];
    for (int i = 0; i < ring; i += BATCH) {
      lease(i);
    }
    oldest = ring;
  }

  /** Leases 512 messages, settles the 512 oldest, and encodes what became of them. */
  @Benchmark
  @OperationsPerInvocation(BATCH)
  public long leaseAndSettle() {
    nowMs++;
    lease(oldest);
    oldest = (oldest + BATCH) % offsets.length;
    for (int i = 0; i < BATCH; i++) {
      int at = oldest + (inOrder ? i : (i * 127) % BATCH);
      Outcome outcome =
          cursor.settle(
              Kind.ACK,
              offsets[at],
              leases[at],
              SettleRequest.DELAY_OF_GROUP,
              null,
              nowMs,
              changes);
      if (outcome != Outcome.OK) {
        throw new IllegalStateException(outcome + " for offset " + offsets[at]);
      }
    }
    for (ByteWriter record : changes.drain()) {
      recordedBytes += record.size();
    }
    return recordedBytes;
  }

  private void lease(int at) {
    batch.start(BATCH, Long.MAX_VALUE, nowMs, nowMs + 30_000, Holders.NONE, false, 1 << 20);
    cursor.lease(batch, queue, changes);
    long[] given = batch.leases();
    for (int i = 0; i < BATCH; i++) {
      offsets[at + i] = batch.offset(i);
      leases[at + i] = given[i];
    }
  }

  /** A queue that never ends. */
  private static final class EndlessQueue implements QueueView {
    @Override
    public long minOffset() {
      return 0;
    }

    @Override
    public long maxOffset() {
      return Long.MAX_VALUE;
    }

    @Override
    public int scanLimit() {
      return 16_384;
    }

    @Override
    public boolean wants(long offset) {
      return true;
    }

    @Override
    public int recordBytes(long offset) {
      return 220;
    }

    @Override
    public int readable(long fromOffset, int count) {
      return count;
    }
  }
}
