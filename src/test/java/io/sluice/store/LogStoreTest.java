package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBatch;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a store does on the machine's own files. */
final class LogStoreTest {

  // Simulated processes of other tests end without closing what they have.
  private final long mappedBefore = Mapping.open();

  @TempDir Path directory;
  private StoreKit kit;

  @BeforeEach
  void openStore() {
    kit = new StoreKit(directory.resolve("store"));
    kit.open();
  }

  @AfterEach
  void closeStore() {
    kit.close();
    assertEquals(mappedBefore, Mapping.open(), "mappings left behind");
  }

  @Test
  void shouldReadWhatWasAppended() {
    kit.append("orders", 0, "one", "k1");
    kit.append("orders", 0, "two", "k2");
    kit.append("orders", 3, "three", "k1");
    assertEquals(List.of("one", "two"), kit.bodies("orders", 0));
    assertEquals(List.of("three"), kit.bodies("orders", 3));
    assertEquals(List.of("three", "one"), kit.findByKey("orders", "k1", 10));
    assertEquals(List.of("three"), kit.findByKey("orders", "k1", 1));
    assertEquals(List.of(), kit.findByKey("orders", "k3", 10));
    assertNull(kit.on(() -> kit.store.refusal()));
  }

  @Test
  void shouldFindByKeyTheNewestOfATime() {
    long firstMs = kit.clock.nowMs();
    for (int i = 0; i < 5; i++) {
      kit.append("orders", 0, "m" + i, "k");
      kit.clock.advanceMs(1_000);
    }
    assertEquals(List.of("m2", "m1"), kit.findByKey("orders", "k", 2, 0, firstMs + 2_999));
    assertEquals(List.of("m4", "m3"), kit.findByKey("orders", "k", 9, firstMs + 3_000, 1L << 62));
    assertEquals(List.of("m3"), kit.findByKey("orders", "k", 1, firstMs, firstMs + 3_000));
    assertEquals(List.of(), kit.findByKey("orders", "k", 9, firstMs + 1, firstMs + 999));
  }

  @Test
  void shouldKeepEverythingOverAReopen() {
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      kit.append("orders", 0, "body " + i, "key" + i);
      expected.add("body " + i);
    }
    kit.force();
    assertEquals(expected, kit.bodies("orders", 0));
    kit.reopen();
    assertTrue(kit.store.recovery().cleanShutdown());
    assertEquals(0, kit.store.recovery().scannedRecords());
    assertEquals(expected, kit.bodies("orders", 0));
    assertEquals(List.of("body 17"), kit.findByKey("orders", "key17", 10));
    kit.append("orders", 0, "more");
    expected.add("more");
    assertEquals(expected, kit.bodies("orders", 0));
  }

  @Test
  void shouldRebuildQueuesAndIndexWhenTheyAreGone() throws Exception {
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      kit.append("orders", i % 2, "body " + i, "key" + i);
      if (i % 2 == 0) {
        expected.add("body " + i);
      }
    }
    kit.closeStore();
    deleteAll(directory.resolve("store/queues/chunks"));
    kit.open();
    assertEquals(2000, kit.store.recovery().scannedRecords());
    assertEquals(expected, kit.bodies("orders", 0));
    assertEquals(List.of("body 17"), kit.findByKey("orders", "key17", 10));
    kit.closeStore();
    deleteAll(directory.resolve("store/index"));
    kit.open();
    assertEquals(2000, kit.store.recovery().scannedRecords());
    assertEquals(List.of("body 17"), kit.findByKey("orders", "key17", 10));
    kit.reopen();
    assertEquals(0, kit.store.recovery().scannedRecords());
    assertEquals(expected, kit.bodies("orders", 0));
  }

  @Test
  void shouldTakeFilesOfChunksWhoseDescriptorsAreLargerThanWhatIsPreparedAhead() {
    kit.closeStore();
    kit.options.queueFileBytes(512 << 20);
    kit.open();
    kit.append("orders", 0, "one");
    kit.reopen();
    kit.append("orders", 1, "two");
    assertEquals(List.of("one"), kit.bodies("orders", 0));
    assertEquals(List.of("two"), kit.bodies("orders", 1));
  }

  @Test
  void shouldRefuseARecordThatNoSegmentHolds() {
    MessageBatch batch = new MessageBatch();
    StoreKit.add(batch, "orders", "x".repeat(70_000), "tag");
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> kit.appendAll(batch, 0, new long[1], new long[1], false));
    assertTrue(refused.getMessage().contains("allowed are 65528"), refused.getMessage());
  }

  @Test
  void shouldNameTheOtherProcessWhenTheDirectoryIsLocked() throws Exception {
    StoreKit second = new StoreKit(directory.resolve("store"));
    StoreException refused = second.openFails();
    assertEquals(StoreException.Kind.LOCKED, refused.kind());
    assertTrue(
        refused.getMessage().contains("pid " + ProcessHandle.current().pid()),
        refused.getMessage());
    second.close();
    // Being refused has not taken the lock from the one who has it.
    try (FileChannel lock =
        FileChannel.open(directory.resolve("store").resolve("lock"), StandardOpenOption.WRITE)) {
      assertThrows(OverlappingFileLockException.class, lock::tryLock);
    }
  }

  private static void deleteAll(Path directory) throws Exception {
    for (Path file : FileAccess.system().list(directory)) {
      Files.delete(file);
    }
  }
}
