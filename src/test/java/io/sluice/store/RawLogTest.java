package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBatch;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that is copied as bytes, cut anywhere, is the same log. */
final class RawLogTest {

  @TempDir Path directory;
  private StoreKit master;
  private StoreKit slave;

  @BeforeEach
  void open() {
    master = new StoreKit(directory.resolve("master"));
    slave = new StoreKit(directory.resolve("slave"));
    master.open();
    slave.open();
  }

  @AfterEach
  void close() {
    slave.close();
    master.close();
  }

  @Test
  void shouldHaveWhatTheOtherHasWhereverTheBytesAreCut() {
    Random random = new Random(1);
    for (int round = 0; round < 40; round++) {
      load(random);
      copyAll(random, 1 + random.nextInt(9_000));
      assertSame();
    }
  }

  @Test
  void shouldHaveWhatTheOtherHasAfterRestartsAndLostConnections() throws Exception {
    Random random = new Random(2);
    for (int round = 0; round < 25; round++) {
      load(random);
      copy(random, 1 + random.nextInt(5_000), random.nextInt(200_000));
      if (round % 3 == 0) {
        slave.reopen();
      } else {
        slave.on(
            () -> {
              slave.store.raw().dropTail();
              return null;
            });
      }
      long end = slave.on(() -> slave.store.maxPhysicalOffset());
      assertEquals(end, (long) slave.on(() -> slave.store.raw().receivedTo()));
    }
    copyAll(random, 4_000);
    assertSame();
  }

  @Test
  void shouldPublishRecordsThatBelongTogetherAtOnce() {
    master.append("before", 0, "x");
    appendAtomic("a", "b", "c");
    byte[] bytes = bytes(0, master.on(() -> master.store.maxPhysicalOffset()));
    for (int at = 0; at < bytes.length; at++) {
      byte one = bytes[at];
      boolean taken = slave.on(() -> slave.store.raw().append(ByteBuffer.wrap(new byte[] {one})));
      assertTrue(taken);
      long shown = slave.on(() -> slave.store.queue("together", 0).maxOffset());
      assertEquals(at + 1 == bytes.length ? 3 : 0, shown);
    }
    assertSame();
  }

  @Test
  void shouldRefuseBytesThatAreNoRecordAndKeepWhatCameBefore() {
    master.append("t", 0, "good");
    byte[] bytes = bytes(0, master.on(() -> master.store.maxPhysicalOffset()));
    byte[] bad = bytes(0, bytes.length);
    bad[bad.length / 2] ^= 1;
    assertThrows(StoreException.class, () -> feed(slave, bad));
    assertEquals(0L, (long) slave.on(() -> slave.store.maxPhysicalOffset()));
    slave.on(
        () -> {
          slave.store.raw().dropTail();
          return null;
        });
    feed(slave, bytes);
    assertEquals(List.of("good"), slave.bodies("t", 0));
  }

  @Test
  void shouldShowOnlyWhatIsConfirmed() {
    for (int i = 0; i < 100; i++) {
      master.append("t", 0, "m" + i);
    }
    long[] starts = new long[100];
    master.on(
        () -> {
          ConsumeQueue queue = master.store.queue("t", 0);
          for (int i = 0; i < 100; i++) {
            starts[i] = queue.physicalOffset(i);
          }
          for (int i = 0; i < 100; i++) {
            master.store.raw().confirm(starts[i]);
            assertEquals(i, queue.confirmedOffset());
          }
          master.store.raw().confirm(master.store.maxPhysicalOffset());
          assertEquals(100, queue.confirmedOffset());
          return null;
        });
  }

  @Test
  void shouldCutTheLogAndKeepWhatWasCut() throws Exception {
    for (int i = 0; i < 3_000; i++) {
      master.append("t", i % 2, "m" + i, "key" + i);
    }
    long place = master.on(() -> master.store.queue("t", 0).physicalOffset(700));
    long end = master.on(() -> master.store.maxPhysicalOffset());
    byte[] cutOff = bytes(place, end);
    copyAll(new Random(3), 10_000);
    master.closeStore();
    assertEquals(end - place, LogCuts.cut(master.options, master.access, place));
    master.open();
    assertEquals(place, (long) master.on(() -> master.store.maxPhysicalOffset()));
    assertEquals(700, master.bodies("t", 0).size());
    assertEquals(List.of("m5"), master.findByKey("t", "key5", 1));
    assertEquals(List.of(), master.findByKey("t", "key2500", 1));
    Path kept = directory.resolve("master/lost").resolve(FileSpace.name(place));
    assertArrayEquals(cutOff, Files.readAllBytes(kept));
    // Goes on from there as the other one does.
    feed(master, cutOff);
    assertSame();
  }

  @Test
  void shouldBeginAnywhereAfterARestart() {
    for (int i = 0; i < 3_000; i++) {
      master.append("t", 0, "m" + i);
      slave.append("other", 0, "n" + i);
    }
    long segment = 3 * (64L << 10);
    slave.closeStore();
    LogCuts.restart(slave.options, slave.access, segment);
    slave.open();
    assertEquals(segment, (long) slave.on(() -> slave.store.maxPhysicalOffset()));
    copyAll(new Random(4), 30_000);
    List<String> all = master.bodies("t", 0);
    List<String> copied = slave.bodies("t", 0);
    assertFalse(copied.isEmpty());
    assertEquals(all.subList(all.size() - copied.size(), all.size()), copied);
  }

  @Test
  void shouldReadColdBytesByAWorker() {
    for (int i = 0; i < 3_000; i++) {
      master.append("t", 0, "m" + i);
    }
    byte[] warm = bytes(0, 1_000);
    master.options.warmBytes(64 << 10);
    master.reopen();
    assertEquals(null, master.on(() -> master.store.raw().tryRead(0, 1_000)));
    assertArrayEquals(warm, bytes(0, 1_000));
  }

  private void load(Random random) {
    int count = random.nextInt(60);
    for (int i = 0; i < count; i++) {
      String body = "b".repeat(random.nextInt(i % 17 == 0 ? 20_000 : 200));
      if (random.nextInt(10) == 0) {
        appendAtomic(body, "x", "y");
      } else {
        master.append("t" + random.nextInt(3), random.nextInt(4), body, "k" + i);
      }
    }
  }

  private void appendAtomic(String... bodies) {
    MessageBatch batch = new MessageBatch();
    for (String body : bodies) {
      StoreKit.add(batch, "together", body, "tag", "k");
    }
    boolean done = false;
    while (!done) {
      done =
          master.on(
              () -> {
                ConsumeQueue[] queues = new ConsumeQueue[batch.count()];
                java.util.Arrays.fill(queues, master.store.queue("together", 0));
                long[] out = new long[batch.count()];
                return master.store.appendAtomic(batch, queues, out, out.clone(), false);
              });
    }
  }

  private void copyAll(Random random, int pieceBytes) {
    copy(random, pieceBytes, Long.MAX_VALUE);
  }

  /** Copies from where the slave is, in pieces. */
  private void copy(Random random, int pieceBytes, long most) {
    long from = slave.on(() -> slave.store.raw().receivedTo());
    long max = master.on(() -> master.store.maxPhysicalOffset());
    long end = Math.min(max, most == Long.MAX_VALUE ? max : from + most);
    while (from < end) {
      int count = (int) Math.min(end - from, 1 + random.nextInt(pieceBytes));
      byte[] bytes = bytes(from, from + count);
      feed(slave, bytes);
      from += count;
    }
  }

  private byte[] bytes(long from, long to) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    long[] at = {from};
    while (at[0] < to) {
      RawSlice slice =
          StoreKit.await(
              master
                  .call(() -> master.store.raw().read(at[0], (int) (to - at[0])))
                  .thenCompose(s -> s));
      try (slice) {
        byte[] bytes = new byte[slice.bytes().remaining()];
        slice.bytes().get(bytes);
        out.writeBytes(bytes);
        at[0] += bytes.length;
      }
    }
    return out.toByteArray();
  }

  private static void feed(StoreKit kit, byte[] bytes) {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (true) {
      CompletableFuture<Void> writable = new CompletableFuture<>();
      boolean done =
          kit.on(
              () -> {
                boolean all = kit.store.raw().append(left);
                if (!all) {
                  kit.store.whenWritable(() -> writable.complete(null));
                }
                return all;
              });
      if (done) {
        return;
      }
      StoreKit.await(writable);
    }
  }

  private void assertSame() {
    assertEquals(
        master.on(() -> master.store.maxPhysicalOffset()),
        slave.on(() -> slave.store.maxPhysicalOffset()));
    for (String topic : List.of("t", "t0", "t1", "t2", "together", "before")) {
      for (int queue = 0; queue < 4; queue++) {
        assertEquals(master.bodies(topic, queue), slave.bodies(topic, queue));
      }
    }
    assertEquals(master.findByKey("t1", "k7", 99), slave.findByKey("t1", "k7", 99));
  }
}
