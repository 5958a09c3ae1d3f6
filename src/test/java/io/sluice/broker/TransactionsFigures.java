package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.TransactionRequest;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transactions;
import io.sluice.message.MessageBatch;
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
import java.util.concurrent.TimeUnit;

/**
 * Prints how fast transactions are begun, asked for, found after a start, committed and rolled
 * back, and what open ones take of the heap. Run it by hand: {@code main} with the number of them.
 */
final class TransactionsFigures {

  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final int BATCH = 1_000;

  private TransactionsFigures() {}

  public static void main(String[] arguments) throws Exception {
    int count = arguments.length == 0 ? 100_000 : Integer.parseInt(arguments[0]);
    Path directory = Files.createTempDirectory("transactions");
    ManualClock clock = new ManualClock(1_700_000_000_000L);
    TransactionKit shop = new TransactionKit(directory, clock);
    BrokerKit kit = shop.kit;
    kit.options.setMaxParkedBytes(1L << 30).getTransactions().setMaxOpen(count);
    kit.options
        .getStore()
        .segmentBytes(128 << 20)
        .queueFileBytes(8 << 20)
        .indexFileEntries(1 << 20);
    shop.start();
    beginAll(kit, count);
    endAll(kit, count, true);
    final long heapBefore = usedHeap();
    long started = System.nanoTime();
    beginAll(kit, count);
    print("begun", count, started);
    System.out.printf(
        "heap: %.1f MB, %d bytes each%n",
        (usedHeap() - heapBefore) / 1e6, (usedHeap() - heapBefore) / count);

    shop.heartbeat("c1", "shop");
    started = System.nanoTime();
    clock.advanceMs(6_000);
    int asked = 0;
    while (asked < count) {
      while (shop.checks.poll() != null) {
        asked++;
      }
      clock.advanceMs(10);
      shop.heartbeat("c1", "shop");
    }
    print("asked for", count, started);

    started = System.nanoTime();
    kit.restart();
    System.out.printf("stop and start: %d ms%n", (System.nanoTime() - started) / 1_000_000);
    Transactions open = shop.ask(new TransactionRequest.Browse(null, State.OPEN, 1));
    System.out.printf("open after the start: %d%n", open.open());

    started = System.nanoTime();
    for (int i = 0; i < 1_000; i++) {
      shop.find(id(i * (count / 1_000)));
    }
    print("found by id, one after the other", 1_000, started);

    started = System.nanoTime();
    endAll(kit, count / 2, true);
    print("committed", count / 2, started);
    started = System.nanoTime();
    endFrom(kit, count / 2, count, false);
    print("rolled back", count - count / 2, started);
    kit.vertx.close().await(20, TimeUnit.SECONDS);
  }

  private static void beginAll(BrokerKit kit, int count) throws Exception {
    ByteBuffer body = ByteBuffer.allocate(128);
    List<Future<?>> sent = new ArrayList<>();
    for (int i = 0; i < count; i += BATCH) {
      MessageBatch batch = new MessageBatch(BATCH * 400);
      for (int j = i; j < Math.min(count, i + BATCH); j++) {
        PropertiesWriter properties = new PropertiesWriter().put(PropertyNames.UNIQUE_KEY, id(j));
        batch.addHalf(
            "orders", QueueSelector.ANY, "shop", 0, 0, 0, 1, HOST, 0, body.duplicate(), properties);
      }
      sent.add(kit.append(batch, AckLevel.MEMORY, false));
    }
    Future.all(new ArrayList<>(sent)).await(60, TimeUnit.SECONDS);
  }

  private static void endAll(BrokerKit kit, int count, boolean commit) throws Exception {
    endFrom(kit, 0, count, commit);
  }

  private static void endFrom(BrokerKit kit, int from, int to, boolean commit) throws Exception {
    List<Future<?>> ended = new ArrayList<>();
    for (int i = from; i < to; i++) {
      ended.add(
          kit.request(
              Addresses.transactions(BrokerKit.BROKER), new TransactionRequest.End(id(i), commit)));
      if (ended.size() == 5_000) {
        Future.all(new ArrayList<>(ended)).await(60, TimeUnit.SECONDS);
        ended.clear();
      }
    }
    Future.all(new ArrayList<>(ended)).await(60, TimeUnit.SECONDS);
  }

  /** As long as a real one. */
  private static String id(int number) {
    return String.format("7F000001000000%018X", number);
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
