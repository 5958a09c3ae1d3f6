package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.testkit.MemoryFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Full disks, failing forces, and directories that are not to be had. */
final class BadLuckTest {

  private static final Path DIRECTORY = Path.of("store");

  // Simulated processes of other tests end without closing what they have.
  private final long mappedBefore = Mapping.open();

  private final MemoryFiles files = new MemoryFiles();
  private final StoreKit kit = new StoreKit(DIRECTORY, files);

  @AfterEach
  void closeStore() {
    kit.close();
    assertEquals(List.of(), files.violations(), "written where the disk had no room");
    assertEquals(mappedBefore, Mapping.open(), "mappings left behind");
  }

  @Test
  void shouldRefuseWritesOnAFullDiskAndResumeByItself() {
    kit.open();
    kit.append("orders", 0, "first");
    files.capacity(files.usedBytes() + 50_000);
    List<String> expected = new ArrayList<>(List.of("first"));
    StoreException refusal = fill(expected);
    assertEquals(StoreException.Kind.DISK_FULL, refusal.kind());
    assertTrue(refusal.getMessage().contains("no room"), refusal.getMessage());
    assertEquals(expected, kit.bodies("orders", 0));

    CompletableFuture<Void> writable = new CompletableFuture<>();
    kit.on(
        () -> {
          kit.store.whenWritable(() -> writable.complete(null));
          return null;
        });
    assertFalse(writable.isDone());
    files.capacity(Long.MAX_VALUE);
    StoreKit.await(writable);
    assertNull(kit.on(() -> kit.store.refusal()));
    kit.append("orders", 0, "again");
    expected.add("again");
    assertEquals(expected, kit.bodies("orders", 0));
    kit.reopen();
    assertEquals(expected, kit.bodies("orders", 0));
  }

  @Test
  void shouldKeepRoomForTheBrokersOwnStateOnAFullDisk() {
    kit.open();
    kit.append("orders", 0, "first");
    files.capacity(files.usedBytes());
    fill(new ArrayList<>());
    int stored = 0;
    for (int i = 0; i < 10; i++) {
      MessageBatch batch = new MessageBatch();
      StoreKit.add(batch, Names.STATE_TOPIC, "state " + i, "tag");
      stored += kit.on(() -> kit.appendSome(batch, 0, 0, new long[1], new long[1], true));
    }
    assertEquals(10, stored);
    kit.force();
    assertEquals(10, kit.bodies(Names.STATE_TOPIC, 0).size());
  }

  @Test
  void shouldOpenForReadingOnAFullDisk() {
    kit.open();
    List<String> expected = new ArrayList<>();
    fillTo(expected, 500);
    kit.closeStore();
    files.capacity(files.usedBytes());
    kit.open();
    assertEquals(expected, kit.bodies("orders", 0));
  }

  @Test
  void shouldAnswerEachWhoAsksJustWhenAForceEnds() throws Exception {
    // The background forces on its own all the time, so that they end at any moment.
    kit.options.flushInterval(Duration.ofNanos(1)).segmentBytes(8 << 20);
    kit.open();
    CompletableFuture<Void> all = new CompletableFuture<>();

    kit.call(() -> appendAndAwaitForce(50_000, all));

    all.get(60, TimeUnit.SECONDS);
  }

  /** One after the other: a later request would wake up an earlier one that was forgotten. */
  private Void appendAndAwaitForce(int left, CompletableFuture<Void> all) {
    if (left == 0) {
      all.complete(null);
      return null;
    }
    MessageBatch batch = new MessageBatch();
    StoreKit.add(batch, "orders", "body", "tag");
    if (kit.appendSome(batch, 0, 0, new long[1], new long[1], false) == 0) {
      kit.store.whenWritable(() -> kit.call(() -> appendAndAwaitForce(left, all)));
      return null;
    }
    kit.store.whenForced(
        kit.store.maxPhysicalOffset(),
        failure -> kit.call(() -> appendAndAwaitForce(left - 1, all)));
    return null;
  }

  @Test
  void shouldTakeNoMoreWritesAfterAFailedForce() {
    kit.open();
    kit.append("orders", 0, "first");
    kit.force();
    files.onOperation(
        (operation, file) -> {
          if (operation.equals("force") && file.toString().contains("commitlog")) {
            throw new IOException("the disk is gone");
          }
        });
    kit.append("orders", 0, "second");
    StoreException failure = assertThrows(StoreException.class, kit::force);
    assertEquals(StoreException.Kind.FAILED, failure.kind());
    assertTrue(failure.getMessage().contains("the disk is gone"), failure.getMessage());
    files.onOperation((operation, file) -> {});
    assertEquals(failure.getMessage(), kit.on(() -> kit.store.refusal()).getMessage());
    assertThrows(StoreException.class, () -> kit.append("orders", 0, "third"));
    assertThrows(StoreException.class, kit::force);
    assertEquals(List.of("first", "second"), kit.bodies("orders", 0));
  }

  @Test
  void shouldWriteAgainWhatAFailedForceLeftToTheKernel() {
    kit.open();
    kit.append("orders", 0, "first");
    kit.force();
    files.onOperation(
        (operation, file) -> {
          if (operation.equals("force") && file.toString().contains("commitlog")) {
            throw new MemoryFiles.LostPagesException("the disk is gone for a moment");
          }
        });
    kit.append("orders", 0, "second");
    assertThrows(StoreException.class, kit::force);

    MemoryFiles left = files.afterProcessDeath();
    try (StoreKit next = new StoreKit(DIRECTORY, left)) {
      next.open();
      next.force();
      MemoryFiles durable = left.afterPowerCut(null);
      try (StoreKit last = new StoreKit(DIRECTORY, durable)) {
        last.open();
        assertEquals(List.of("first", "second"), last.bodies("orders", 0));
      }
    }
  }

  @Test
  void shouldAckAllWhoWaitWithOneForce() throws Exception {
    kit.open();
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    List<Path> forces = new ArrayList<>();
    files.onOperation(
        (operation, file) -> {
          // What is prepared ahead is forced too, by another thread.
          boolean ofAcks = Thread.currentThread().getName().equals("sluice-store-flush");
          if (ofAcks && operation.equals("force") && file.toString().contains("commitlog")) {
            synchronized (forces) {
              forces.add(file);
            }
            begun.countDown();
            await(goOn);
          }
        });
    List<CompletableFuture<Void>> acks = new ArrayList<>();
    acks.add(forced());
    begun.await();
    for (int i = 0; i < 100; i++) {
      acks.add(forced());
    }
    goOn.countDown();
    acks.forEach(StoreKit::await);
    assertTrue(forces.size() <= 3, "100 acks took " + forces.size() + " forces");
  }

  @Test
  void shouldRefuseADirectoryOfANewerVersion() {
    kit.open();
    kit.closeStore();
    files.bytes(DIRECTORY.resolve("version")).put(0, (byte) '7');
    StoreException refused = kit.openFails();
    assertEquals(StoreException.Kind.NEWER_VERSION, refused.kind());
    assertTrue(refused.getMessage().contains("version 7"), refused.getMessage());
    files.bytes(DIRECTORY.resolve("version")).put(0, (byte) 'x');
    assertEquals(StoreException.Kind.DAMAGED, kit.openFails().kind());
  }

  @Test
  void shouldSayThatADirectoryIsNotWritable() {
    files.onOperation(
        (operation, file) -> {
          throw new IOException("read-only file system");
        });
    StoreException refused = kit.openFails();
    assertEquals(StoreException.Kind.NOT_WRITABLE, refused.kind());
    assertTrue(refused.getMessage().contains("read-only file system"), refused.getMessage());
  }

  @Test
  void shouldNameAMissingSegment() {
    kit.open();
    fillTo(new ArrayList<>(), 1500);
    kit.closeStore();
    files.onOperation((operation, file) -> {});
    deleteQuietly(DIRECTORY.resolve("commitlog").resolve(FileSpace.name(65536)));
    StoreException refused = kit.openFails();
    assertEquals(StoreException.Kind.DAMAGED, refused.kind());
    assertTrue(refused.getMessage().contains("gap"), refused.getMessage());
  }

  @Test
  void shouldRefuseEverythingOnceClosed() {
    MessageStore store = kit.open();
    ConsumeQueue queue = kit.on(() -> store.queue("orders", 0));
    kit.append("orders", 0, "first");
    kit.closeStore();
    assertEquals(StoreException.Kind.CLOSED, kit.on(store::refusal).kind());
    assertThrows(IndexOutOfBoundsException.class, () -> kit.on(() -> queue.physicalOffset(0)));
    assertThrows(
        StoreException.class,
        () -> StoreKit.await(kit.on(() -> store.findByKey("orders", "k", 1))));
  }

  private CompletableFuture<Void> forced() {
    kit.append("orders", 0, "some");
    CompletableFuture<Void> ack = new CompletableFuture<>();
    kit.on(
        () -> {
          kit.store.whenForced(
              kit.store.maxPhysicalOffset(),
              failure -> {
                assertNull(failure);
                ack.complete(null);
              });
          return null;
        });
    return ack;
  }

  /** Appends until the store refuses for another reason than being busy. */
  private StoreException fill(List<String> bodies) {
    try {
      fillTo(bodies, 100_000);
    } catch (StoreException e) {
      bodies.remove(bodies.size() - 1);
      return e;
    }
    throw new AssertionError("the disk did not fill up");
  }

  private void fillTo(List<String> bodies, int count) {
    for (int i = 0; i < count; i++) {
      bodies.add("body " + i);
      kit.append("orders", 0, "body " + i, "key" + i);
    }
    assertNotNull(kit.store);
  }

  private void deleteQuietly(Path file) {
    try {
      files.delete(file);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
