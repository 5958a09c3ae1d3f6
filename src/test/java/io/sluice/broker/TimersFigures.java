package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Prints how fast delayed messages are armed, recalled, found after a start and delivered, what
 * they take of the heap, and how late they are. Run it by hand: {@code main} with the number of
 * messages.
 */
final class TimersFigures {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final int BATCH = 1_000;

  private TimersFigures() {}

  public static void main(String[] arguments) throws Exception {
    int count = arguments.length == 0 ? 1_000_000 : Integer.parseInt(arguments[0]);
    Path directory = Files.createTempDirectory("timers");
    ManualClock clock = new ManualClock(1_700_000_000_000L);
    BrokerKit kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.options.setMaxParkedBytes(1L << 30);
    kit.options
        .getStore()
        .segmentBytes(128 << 20)
        .queueFileBytes(8 << 20)
        .indexFileEntries(1 << 20);
    kit.start();
    long heapBefore = usedHeap();
    Random random = new Random(1);
    ByteBuffer body = ByteBuffer.allocate(128);
    long started = System.nanoTime();
    List<Future<?>> sent = new ArrayList<>();
    for (int i = 0; i < count; i += BATCH) {
      MessageBatch batch = new MessageBatch(BATCH * 400);
      for (int j = i; j < i + BATCH; j++) {
        PropertiesWriter properties =
            new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, "id" + j);
        long dueAtMs = clock.nowMs() + 1 + (long) (random.nextDouble() * 40 * 86_400_000);
        batch.addDelayed(
            "orders", QueueSelector.ANY, dueAtMs, 0, 0, 1, HOST, 0, body.duplicate(), properties);
      }
      sent.add(kit.append(batch, AckLevel.MEMORY, false));
      if (sent.size() == 20) {
        Future.all(new ArrayList<>(sent)).await(60, TimeUnit.SECONDS);
        sent.clear();
      }
    }
    Future.all(new ArrayList<>(sent)).await(60, TimeUnit.SECONDS);
    print("armed", count, started);
    System.out.printf("heap for them: %.1f MB%n", (usedHeap() - heapBefore) / 1e6);

    int recalls = count / 5;
    started = System.nanoTime();
    for (int i = 0; i < recalls; i += BATCH) {
      List<Future<?>> recalled = new ArrayList<>();
      for (int j = i; j < i + BATCH; j++) {
        AdminRequest recall = new Recall("orders", "id" + (long) j * 91 % count);
        recalled.add(kit.request(io.sluice.bus.Addresses.admin(BrokerKit.BROKER), recall));
      }
      Future.all(recalled).await(60, TimeUnit.SECONDS);
    }
    print("recalled", recalls, started);

    started = System.nanoTime();
    kit.restart();
    System.out.printf("stop and start: %d ms%n", (System.nanoTime() - started) / 1_000_000);

    started = System.nanoTime();
    clock.advanceMs(41L * 86_400_000);
    int expected = count - recalls;
    int got = 0;
    while (got < expected) {
      AdminRequest get = new AdminRequest.GetTopic("orders");
      AdminRequest.Topic topic = kit.admin(get);
      got = 0;
      for (long maxOffset : topic.maxOffsets()) {
        got += (int) maxOffset;
      }
      kit.receive("g", "orders", 1);
    }
    print("delivered", expected, started);
    kit.vertx.close().await(20, TimeUnit.SECONDS);
    lateness(count);
  }

  /**
   * By the real clock: a fifth of the messages is due within 20 s while the others wait for longer,
   * and a reader takes what is delivered.
   */
  private static void lateness(int count) throws Exception {
    BrokerKit kit = new BrokerKit(Files.createTempDirectory("lateness"));
    kit.options.setMaxParkedBytes(1L << 30);
    kit.options.getStore().segmentBytes(128 << 20).queueFileBytes(8 << 20);
    kit.start();
    Random random = new Random(2);
    long firstDueMs = System.currentTimeMillis() + 10_000;
    int soon = count / 5;
    List<Future<?>> sent = new ArrayList<>();
    for (int i = 0; i < count; i += BATCH) {
      MessageBatch batch = new MessageBatch(BATCH * 400);
      for (int j = i; j < i + BATCH; j++) {
        long dueAtMs = firstDueMs + (j < soon ? random.nextInt(20_000) : 86_400_000 + j);
        ByteBuffer body = ByteBuffer.allocate(128).putLong(0, dueAtMs);
        PropertiesWriter properties =
            new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, "id" + j);
        batch.addDelayed("orders", QueueSelector.ANY, dueAtMs, 0, 0, 1, HOST, 0, body, properties);
      }
      sent.add(kit.append(batch, AckLevel.MEMORY, false));
      if (sent.size() == 20) {
        Future.all(new ArrayList<>(sent)).await(60, TimeUnit.SECONDS);
        sent.clear();
      }
    }
    System.out.printf(
        "armed %d, %d ms before the first is due%n",
        count, firstDueMs - System.currentTimeMillis());
    Histogram stored = new Histogram(3);
    Histogram received = new Histogram(3);
    long[] offsets = null;
    int[] queues = null;
    MessageView view = new MessageView();
    int early = 0;
    while (stored.getTotalCount() < soon) {
      ReadReply reply =
          kit.read(
                  new ReadRequest(
                      "orders",
                      queues,
                      offsets,
                      StartPosition.EARLIEST,
                      1_000,
                      1 << 20,
                      5_000,
                      Filter.ALL,
                      null))
              .await(20, TimeUnit.SECONDS);
      long nowMs = System.currentTimeMillis();
      queues = reply.queueIds();
      offsets = reply.nextOffsets();
      try (MessageBlock block = reply.messages()) {
        for (int i = 0; i < block.count(); i++) {
          block.view(i, view);
          long dueAtMs = view.buffer().getLong(view.bodyPosition());
          early += view.storedAtMs() < dueAtMs ? 1 : 0;
          stored.recordValue(Math.max(0, view.storedAtMs() - dueAtMs));
          received.recordValue(Math.max(0, nowMs - dueAtMs));
        }
      }
    }
    System.out.printf("early: %d%n", early);
    print("late when stored", stored);
    print("late when received", received);
    kit.vertx.close().await(20, TimeUnit.SECONDS);
  }

  private static void print(String what, Histogram histogram) {
    System.out.printf(
        "%s, ms: p50 %d, p99 %d, p99.9 %d, max %d%n",
        what,
        histogram.getValueAtPercentile(50),
        histogram.getValueAtPercentile(99),
        histogram.getValueAtPercentile(99.9),
        histogram.getMaxValue());
  }

  private static void print(String what, int count, long startedNs) {
    double seconds = (System.nanoTime() - startedNs) / 1e9;
    System.out.printf("%s %d in %.2f s: %.0f/s%n", what, count, seconds, count / seconds);
  }

  private static long usedHeap() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
