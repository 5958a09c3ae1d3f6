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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What does it cost to spread the messages over many queues? */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@OperationsPerInvocation(SluiceWriter.BATCH)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 4, time = 1)
@Fork(value = 1, jvmArgsAppend = "-Xmx1g")
public class QueueCountBenchmark {

  /** Messages go to the queues in turn: the worst order for caches. */
  @Param({"1", "1000", "10000"})
  public int queues;

  private SluiceWriter writer;

  @Setup(Level.Iteration)
  public void open() throws Exception {
    writer = new SluiceWriter(queues);
  }

  @TearDown(Level.Iteration)
  public void close() throws Exception {
    writer.close();
  }

  @Benchmark
  public int append() {
    return writer.write();
  }
}
