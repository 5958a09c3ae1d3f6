package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.testkit.ManualClock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** A store under test with its owner thread. What is asked of the store is asked on that thread. */
final class StoreKit implements AutoCloseable {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0x1F, (byte) 0x90};

  final ManualClock clock = new ManualClock(1_700_000_000_000L);
  final StoreOptions options = small();
  final FileAccess access;
  RecoveryListener listener = RecoveryListener.NONE;
  MessageStore store;
  private final ExecutorService owner =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "test-owner");
            thread.setDaemon(true);
            return thread;
          });

  StoreKit(Path directory, FileAccess access) {
    this.access = access;
    options.directory(directory);
  }

  StoreKit(Path directory) {
    this(directory, FileAccess.system());
  }

  /** Small files, so that everything rolls soon. */
  static StoreOptions small() {
    return new StoreOptions()
        .segmentBytes(64 << 10)
        .queueFileBytes(64 << 10)
        .indexFileEntries(1 << 10)
        .minFreeBytes(0);
  }

  MessageStore open() {
    store =
        await(MessageStores.open(options, access, clock, owner, LatencyRecorder.NONE, listener));
    return store;
  }

  StoreException openFails() {
    try {
      open();
    } catch (StoreException e) {
      return e;
    }
    throw new AssertionError("the store opened although it should not");
  }

  void closeStore() {
    if (store != null) {
      await(call(() -> store.close()).thenCompose(closing -> closing));
      store = null;
    }
  }

  /** Closes and opens again. */
  MessageStore reopen() {
    closeStore();
    return open();
  }

  @Override
  public void close() {
    closeStore();
    owner.shutdown();
  }

  <T> CompletableFuture<T> call(Supplier<T> task) {
    return CompletableFuture.supplyAsync(task, owner);
  }

  <T> T on(Supplier<T> task) {
    return await(call(task));
  }

  static <T> T await(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().get(20, TimeUnit.SECONDS);
    } catch (ExecutionException | CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new IllegalStateException("no answer from the store", e);
    }
  }

  /** Adds a message to a batch. */
  static void add(MessageBatch batch, String topic, String body, String tag, String... keys) {
    PropertiesWriter properties = new PropertiesWriter();
    properties.put("TAGS", tag);
    properties.put("KEYS", String.join(" ", keys));
    batch.add(
        topic,
        0,
        0,
        0,
        1L,
        HOST,
        0,
        0,
        ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8)),
        properties);
  }

  /** Appends one message, waiting for room as long as that takes; returns its physical offset. */
  long append(String topic, int queueId, String body, String... keys) {
    MessageBatch batch = new MessageBatch();
    add(batch, topic, body, "tag", keys);
    long[] physical = new long[1];
    appendAll(batch, queueId, new long[1], physical, false);
    return physical[0];
  }

  /** Appends a batch to one queue, waiting for room. */
  void appendAll(MessageBatch batch, int queueId, long[] offsets, long[] physical, boolean system) {
    int done = 0;
    while (done < batch.count()) {
      int from = done;
      done = on(() -> appendSome(batch, queueId, from, offsets, physical, system));
      if (done < batch.count()) {
        StoreException before = on(() -> store.refusal());
        if (before != null && before.kind() != StoreException.Kind.BUSY) {
          throw before;
        }
        CompletableFuture<Void> writable = new CompletableFuture<>();
        on(
            () -> {
              store.whenWritable(() -> writable.complete(null));
              return null;
            });
        while (!writable.isDone() && on(() -> isBusyOrWritable())) {
          Thread.onSpinWait();
        }
        StoreException refusal = on(() -> store.refusal());
        if (refusal != null && refusal.kind() != StoreException.Kind.BUSY) {
          throw refusal;
        }
      }
    }
  }

  private boolean isBusyOrWritable() {
    StoreException refusal = store.refusal();
    return refusal == null || refusal.kind() == StoreException.Kind.BUSY;
  }

  int appendSome(
      MessageBatch batch, int queueId, int from, long[] offsets, long[] physical, boolean system) {
    ConsumeQueue[] queues = new ConsumeQueue[batch.count()];
    for (int i = 0; i < queues.length; i++) {
      queues[i] = store.queue(batch.topic(i), queueId);
    }
    return store.append(batch, from, batch.count(), queues, offsets, physical, system);
  }

  void force() {
    CompletableFuture<Void> forced = new CompletableFuture<>();
    on(
        () -> {
          store.whenForced(
              store.maxPhysicalOffset(),
              failure -> {
                if (failure == null) {
                  forced.complete(null);
                } else {
                  forced.completeExceptionally(failure);
                }
              });
          return null;
        });
    await(forced);
  }

  /** Writes a checkpoint now. */
  void checkpoint() {
    await(on(() -> ((LogStore) store).checkpointer().run()));
  }

  /** The bodies of a queue from its first offset on, each checked against its entry. */
  List<String> bodies(String topic, int queueId) {
    ConsumeQueue queue = on(() -> store.queue(topic, queueId));
    long from = on(queue::minOffset);
    long to = on(queue::maxOffset);
    List<String> bodies = new ArrayList<>();
    while (from < to) {
      long begin = from;
      int count =
          await(call(() -> store.warm(queue, begin, 1000, 1 << 20, true)).thenCompose(f -> f));
      if (count == 0) {
        throw new AssertionError("nothing to be read at " + begin + " of " + queue);
      }
      bodies.addAll(on(() -> read(queue, begin, count)));
      from += count;
    }
    return bodies;
  }

  private List<String> read(ConsumeQueue queue, long from, int count) {
    BlockBuilder builder = store.newBlock(count);
    for (long offset = from; offset < from + count; offset++) {
      builder.add(queue.physicalOffset(offset), queue.recordBytes(offset));
    }
    List<String> bodies = new ArrayList<>();
    try (MessageBlock block = builder.build()) {
      MessageView view = new MessageView();
      for (int i = 0; i < block.count(); i++) {
        block.view(i, view);
        if (view.queueOffset() != from + i
            || view.queueId() != queue.queueId()
            || !view.topic().equals(queue.topic())
            || queue.tagsCode(from + i) != "tag".hashCode()) {
          throw new AssertionError(
              "another message than asked for at "
                  + (from + i)
                  + " of "
                  + queue
                  + ": "
                  + view.topic()
                  + "/"
                  + view.queueId()
                  + " "
                  + view.queueOffset()
                  + ", tags code "
                  + queue.tagsCode(from + i));
        }
        bodies.add(new String(view.body(), StandardCharsets.UTF_8));
      }
    }
    return bodies;
  }

  static List<String> bodiesOf(MessageBlock block) {
    List<String> bodies = new ArrayList<>();
    try (block) {
      MessageView view = new MessageView();
      for (int i = 0; i < block.count(); i++) {
        bodies.add(new String(block.view(i, view).body(), StandardCharsets.UTF_8));
      }
    }
    return bodies;
  }

  List<String> findByKey(String topic, String key, int max, long fromMs, long toMs) {
    return bodiesOf(
        await(call(() -> store.findByKey(topic, key, max, fromMs, toMs)).thenCompose(f -> f)));
  }

  List<String> findByKey(String topic, String key, int max) {
    return bodiesOf(await(call(() -> store.findByKey(topic, key, max)).thenCompose(f -> f)));
  }
}
