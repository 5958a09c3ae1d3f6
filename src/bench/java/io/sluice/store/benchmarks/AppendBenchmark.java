package io.sluice.store.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How many messages of 128 bytes does one thread append in a second, in batches of 32 over 8
 * queues, each with a unique key? Ours includes encoding, queues and index. RocketMQ's batch is
 * encoded beforehand, and another thread builds its queues and index: it is measured putting alone,
 * and kept to the speed at which the message can be consumed, with at most 8 MiB not yet in queues
 * and index.
 *
 * <p>Each iteration has a store of its own, so that both write into memory that the machine has
 * used before: a virtual machine's first touch of a page costs more than all else here.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@OperationsPerInvocation(SluiceWriter.BATCH)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 4, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx1g",
      "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
      "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
      "--add-opens=java.base/java.nio=ALL-UNNAMED",
      "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
      "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED"
    })
public class AppendBenchmark {

  private static final int QUEUES = 8;

  /** Sluice. */
  @State(Scope.Benchmark)
  public static class Sluice {
    SluiceWriter writer;

    @Setup(Level.Iteration)
    public void open() throws Exception {
      writer = new SluiceWriter(QUEUES);
    }

    @TearDown(Level.Iteration)
    public void close() throws Exception {
      writer.close();
    }
  }

  /** RocketMQ. */
  @State(Scope.Benchmark)
  public static class RocketMq {
    RocketMqWriter writer;

    @Setup(Level.Iteration)
    public void open() throws Exception {
      writer = new RocketMqWriter(QUEUES);
    }

    @TearDown(Level.Iteration)
    public void close() throws Exception {
      writer.close();
    }
  }

  @Benchmark
  public int sluice(Sluice state) {
    return state.writer.write();
  }

  @Benchmark
  public int rocketMqBatch(RocketMq state) {
    return state.writer.writeBatch();
  }

  @Benchmark
  public int rocketMqBatchIntoQueues(RocketMq state) {
    state.writer.awaitQueues();
    return state.writer.writeBatch();
  }

  @Benchmark
  public int rocketMqSingles(RocketMq state) {
    return state.writer.writeSingles();
  }
}
