package io.sluice.broker;

import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.MessageStores;
import io.sluice.store.RecoveryListener;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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

/**
 * What does it cost to recognise repeated sends? Messages of 128 bytes with a unique id, in batches
 * of 32 over 8 queues, encoded and appended by one thread: with ids that cannot repeat, and with
 * ids of clients, all new, while a million of them is remembered.
 */
@org.openjdk.jmh.annotations.State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@OperationsPerInvocation(RepeatBenchmark.BATCH)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 6, time = 1)
@Fork(value = 1, jvmArgsAppend = "-Xmx1g")
public class RepeatBenchmark {

  static final int BATCH = 32;
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0x1F, (byte) 0x90};

  /** Whether the ids are the clients'. */
  @Param({"false", "true"})
  public boolean recognised;

  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final ConsumeQueue[] targets = new ConsumeQueue[BATCH];
  private final long[] offsets = new long[BATCH];
  private final long[] physicals = new long[BATCH];
  private final PropertiesWriter properties = new PropertiesWriter();
  private final UniqueIds ids = new UniqueIds(System.currentTimeMillis());
  private final ByteBuffer body = ByteBuffer.allocate(128);
  private Path directory;
  private MessageStore store;
  private RepeatedSends repeats;

  /** Opens a store, and remembers a million sends. */
  @Setup(Level.Iteration)
  public void open() throws Exception {
    directory = Files.createTempDirectory("sluice-bench");
    store =
        await(
            MessageStores.open(
                    new StoreOptions().directory(directory),
                    Clock.system(),
                    tasks::add,
                    LatencyRecorder.NONE,
                    RecoveryListener.NONE)
                .toCompletableFuture());
    BrokerState state = new BrokerState();
    state.apply(new StateChange.TopicPut(TopicConfig.of("bench", 8), 8, new long[0]));
    repeats =
        new RepeatedSends(
            store,
            state,
            null,
            Clock.system(),
            Duration.ofMinutes(10),
            1_000_000,
            new BrokerMetrics(Metrics.NONE, "bench"));
    for (int i = 0; i < BATCH; i++) {
      targets[i] = store.queue("bench", i % 8);
    }
    if (recognised) {
      fill();
    }
  }

  /** Enters a million keys, as if they had been sent. */
  private void fill() {
    long[] nowhere = new long[1_000];
    for (int from = 0; from < 1_000_000; from += nowhere.length) {
      MessageBatch batch = new MessageBatch(nowhere.length * 320);
      ConsumeQueue[] queues = new ConsumeQueue[nowhere.length];
      for (int i = 0; i < nowhere.length; i++) {
        properties.clear().recognise(true).put("UNIQ_KEY", ids.next());
        batch.add("bench", 0, 0, 0, 0, HOST, 0, 0, body, properties);
        queues[i] = targets[0];
      }
      repeats.recognise(batch, 0, queues);
      repeats.stored(nowhere, nowhere.length);
    }
  }

  /** Closes the store. */
  @TearDown(Level.Iteration)
  public void close() throws Exception {
    await(store.close().toCompletableFuture());
    try (Stream<Path> files = Files.walk(directory)) {
      List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : all) {
        Files.delete(file);
      }
    }
  }

  /** Encodes and appends a batch; waits for room where there is none. */
  @Benchmark
  public int append() {
    MessageBatch batch = new MessageBatch(BATCH * 320);
    long now = System.currentTimeMillis();
    for (int i = 0; i < BATCH; i++) {
      properties.clear().recognise(recognised).put("UNIQ_KEY", ids.next());
      batch.add("bench", 0, 0, 0, now, HOST, 0, 0, body, properties);
    }
    if (recognised) {
      repeats.recognise(batch, 0, targets);
    }
    int done = store.append(batch, 0, BATCH, targets, offsets, physicals, false);
    while (done < BATCH) {
      Thread.onSpinWait();
      runTasks();
      done = store.append(batch, done, BATCH, targets, offsets, physicals, false);
    }
    if (recognised) {
      repeats.stored(physicals, done);
    }
    runTasks();
    return done;
  }

  private <T> T await(CompletableFuture<T> future) throws Exception {
    while (!future.isDone()) {
      runTasks();
      Thread.onSpinWait();
    }
    return future.get();
  }

  private void runTasks() {
    Runnable task;
    while ((task = tasks.poll()) != null) {
      task.run();
    }
  }
}
