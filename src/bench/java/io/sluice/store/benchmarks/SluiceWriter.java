package io.sluice.store.benchmarks;

import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.MessageStores;
import io.sluice.store.RecoveryListener;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Writes batches into a Sluice store from one thread, which is its owner. */
final class SluiceWriter {

  static final int BATCH = 32;
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0x1F, (byte) 0x90};

  private final Path directory;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final MessageStore store;
  private final ConsumeQueue[] queues;
  private final ConsumeQueue[] targets = new ConsumeQueue[BATCH];
  private final long[] offsets = new long[BATCH];
  private final long[] physicals = new long[BATCH];
  private final PropertiesWriter properties = new PropertiesWriter();
  private final UniqueIds ids = new UniqueIds(System.currentTimeMillis());
  private final ByteBuffer body = ByteBuffer.allocate(128);
  private int nextQueue;

  SluiceWriter(int queueCount) throws Exception {
    directory = Directories.create("sluice");
    store = await(open());
    queues = new ConsumeQueue[queueCount];
    for (int i = 0; i < queueCount; i++) {
      queues[i] = store.queue("bench", i);
    }
  }

  /** Encodes and appends a batch; waits for room where there is none. */
  int write() {
    MessageBatch batch = new MessageBatch(BATCH * 320);
    long now = System.currentTimeMillis();
    for (int i = 0; i < BATCH; i++) {
      properties.clear().put("UNIQ_KEY", ids.next());
      batch.add("bench", 0, 0, 0, now, HOST, 0, 0, body, properties);
      targets[i] = queues[nextQueue];
      nextQueue = nextQueue + 1 == queues.length ? 0 : nextQueue + 1;
    }
    int done = store.append(batch, 0, BATCH, targets, offsets, physicals, false);
    while (done < BATCH) {
      Thread.onSpinWait();
      runTasks();
      done = store.append(batch, done, BATCH, targets, offsets, physicals, false);
    }
    runTasks();
    return done;
  }

  void close() throws Exception {
    await(store.close().toCompletableFuture());
    Directories.delete(directory);
  }

  private CompletableFuture<MessageStore> open() {
    return MessageStores.open(
            new StoreOptions().directory(directory),
            Clock.system(),
            tasks::add,
            LatencyRecorder.NONE,
            RecoveryListener.NONE)
        .toCompletableFuture();
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
