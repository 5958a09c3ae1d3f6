package io.sluice.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.testkit.Await;
import io.sluice.testkit.MemoryFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When segments go, and what goes with them. */
final class RetentionTest {

  private static final int SEGMENT_BYTES = 16 << 10;

  // Simulated processes of other tests end without closing what they have.
  private final long mappedBefore = Mapping.open();

  @TempDir Path temporary;
  private Path directory;
  private StoreKit kit;

  @BeforeEach
  void openStore() {
    directory = temporary.resolve("store");
    kit = new StoreKit(directory);
    // Looks and checkpoints happen when the test says so.
    kit.options
        .segmentBytes(SEGMENT_BYTES)
        .retentionAge(Duration.ofHours(1))
        .retentionInterval(Duration.ofDays(1))
        .checkpointInterval(Duration.ofDays(1));
    kit.open();
  }

  /** By this test; processes that a simulation killed before it leave theirs. */
  private long mapped() {
    return Mapping.open() - mappedBefore;
  }

  @AfterEach
  void closeStore() {
    kit.close();
    assertEquals(0, mapped(), "mappings left behind");
  }

  @Test
  void shouldDeleteOneExpiredSegmentAtALook() {
    append(0, 300);
    checkpoint();
    assertEquals(0, look());
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    assertEquals(1, look());
    assertEquals(SEGMENT_BYTES, min());
    assertFalse(segmentExists(0));
    assertEquals(1, look());
    assertEquals(2 * SEGMENT_BYTES, min());
    List<String> left = kit.bodies("orders", 0);
    assertEquals(expected(300 - left.size(), 300), left);
    assertTrue(left.size() > 50 && left.size() < 290, "left " + left.size());
  }

  @Test
  void shouldNeverDeleteTheLastSegmentNorWhatTheCheckpointHasNotPassed() {
    append(0, 300);
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    assertEquals(0, look());
    checkpoint();
    for (int i = 0; i < 20; i++) {
      look();
    }
    assertTrue(segmentExists((max() - 1) / SEGMENT_BYTES * SEGMENT_BYTES));
    assertTrue(min() < max());
    append(300, 301);
    assertTrue(kit.bodies("orders", 0).contains("body 300"));
  }

  @Test
  void shouldKeepTheNextOffsetOfAQueueWhoseMessagesHaveExpired() {
    for (int i = 0; i < 10; i++) {
      kit.append("early", 1, "body " + i);
    }
    append(0, 300);
    checkpoint();
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    look();
    assertBounds("early", 1, 10, 10);
    kit.reopen();
    assertBounds("early", 1, 10, 10);
    checkpoint();
    kit.reopen();
    assertBounds("early", 1, 10, 10);
    kit.append("early", 1, "body 10");
    assertEquals(List.of("body 10"), kit.bodies("early", 1));
  }

  @Test
  void shouldDeleteWhatIsOverTheQuotaWhateverItsAge() {
    kit.closeStore();
    kit.options.quotaBytes(6L * SEGMENT_BYTES);
    kit.open();
    append(0, 1000);
    checkpoint();
    int before = segments();
    while (look() > 0) {
      // Until nothing is left to delete.
    }
    assertTrue(before > 8, "there were " + before);
    assertTrue(segments() <= 6, "left " + segments());
    List<String> left = kit.bodies("orders", 0);
    assertEquals(expected(1000 - left.size(), 1000), left);
    kit.reopen();
    assertEquals(left, kit.bodies("orders", 0));
    assertEquals(List.of("body 999"), kit.findByKey("orders", "key999", 1));
    assertEquals(List.of(), kit.findByKey("orders", "key0", 1));
  }

  @Test
  void shouldKeepEverythingFromTheFloorOn() {
    append(0, 300);
    checkpoint();
    kit.on(
        () -> {
          kit.store.setRetentionFloor(SEGMENT_BYTES + 1);
          return null;
        });
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    assertEquals(1, look());
    assertEquals(0, look());
    assertEquals(SEGMENT_BYTES, min());
  }

  @Test
  void shouldKeepTheBytesOfASegmentUntilItsReadersAreDone() {
    append(0, 300);
    checkpoint();
    MessageBlock block =
        kit.on(
            () -> {
              ConsumeQueue queue = kit.store.queue("orders", 0);
              BlockBuilder builder = kit.store.newBlock(1);
              builder.add(queue.physicalOffset(0), queue.recordBytes(0));
              return builder.build();
            });
    kit.clock.advanceMs(Duration.ofHours(2).toMillis());
    assertEquals(1, look());
    assertEquals(SEGMENT_BYTES, min());
    assertFalse(segmentExists(0));
    assertEquals("body 0", new String(block.view(0, new MessageView()).body(), UTF_8));
    long read = mapped();
    block.close();
    assertEquals(read - 1, mapped());
  }

  /** Else a process that is killed meanwhile would not start again: its log had a gap. */
  @Test
  void shouldDeleteNoSegmentBeforeAnOlderOne() {
    MemoryFiles memory = new MemoryFiles();
    Path log = Path.of("kept", "commitlog");
    try (StoreKit kept = new StoreKit(Path.of("kept"), memory)) {
      kept.options.segmentBytes(SEGMENT_BYTES).quotaBytes(6L * SEGMENT_BYTES);
      kept.options.retentionInterval(Duration.ofDays(1)).checkpointInterval(Duration.ofDays(1));
      kept.open();
      for (int i = 0; i < 1000; i++) {
        kept.append("orders", 0, "body " + i, "key" + i);
      }
      kept.checkpoint();
      memory.onOperation(
          (operation, file) -> {
            if (operation.equals("delete") && file.equals(log.resolve(FileSpace.name(0)))) {
              throw new IOException("not now");
            }
          });
      look(kept);
      look(kept);
      assertTrue(kept.on(kept.store::minPhysicalOffset) > SEGMENT_BYTES);
      assertTrue(memory.exists(log.resolve(FileSpace.name(SEGMENT_BYTES))));
      try (StoreKit next = new StoreKit(Path.of("kept"), memory.afterProcessDeath())) {
        next.options.segmentBytes(SEGMENT_BYTES);
        next.open();
        assertTrue(next.bodies("orders", 0).contains("body 999"));
      }

      memory.onOperation((operation, file) -> {});
      look(kept);
      long min = kept.on(kept.store::minPhysicalOffset);
      assertEquals(log.resolve(FileSpace.name(min)), memory.list(log).get(0));
    }
  }

  /** A reader of old messages does not keep all that it has read in this process's memory. */
  @Test
  void shouldUnmapColdSegmentsAndMapThemAgainForWhoReadsThem() {
    kit.closeStore();
    kit.options.warmBytes(SEGMENT_BYTES).warmTime(Duration.ofMillis(500));
    kit.open();
    append(0, 2000);
    kit.force();
    // What is written to, what is near the end, and what is prepared ahead.
    int warm = 4 + otherFiles();
    assertTrue(segments() > 10, "segments: " + segments());
    MessageBlock held =
        kit.on(
            () -> {
              ConsumeQueue queue = kit.store.queue("orders", 0);
              BlockBuilder builder = kit.store.newBlock(1);
              builder.add(queue.physicalOffset(0), queue.recordBytes(0));
              return builder.build();
            });
    Await.until(() -> mapped() + " are mapped", () -> mapped() <= warm + 1);
    assertEquals("body 0", new String(held.view(0, new MessageView()).body(), UTF_8));
    held.close();
    for (int i = 0; i < 2; i++) {
      assertEquals(expected(0, 2000), kit.bodies("orders", 0));
      Await.until(() -> mapped() + " are mapped", () -> mapped() <= warm);
    }
  }

  /** Files that may be mapped and are no segments. */
  private int otherFiles() {
    return files("queues/chunks") + files("queues/names") + files("index");
  }

  @Test
  void shouldLetAQueueBeginBehindWhatItsTopicKeepsNoLonger() {
    append(0, 1000);
    kit.append("other", 0, "stays");
    kit.clock.advanceMs(60_000);
    append(1000, 1010);
    assertEquals(0, expireBefore(kit, 60_000));
    kit.clock.advanceMs(1);
    assertEquals(1000, expireBefore(kit, 60_000));
    assertBounds("orders", 0, 1000, 1010);
    assertEquals(expected(1000, 1010), kit.bodies("orders", 0));
    assertEquals(List.of("stays"), kit.bodies("other", 0));
    checkpoint();
    append(1010, 1020);
    kit.reopen();
    assertEquals(1000, expireBefore(kit, 60_000));
    assertEquals(expected(1000, 1020), kit.bodies("orders", 0));
    kit.clock.advanceMs(60_001);
    assertEquals(1020, expireBefore(kit, 60_000));
    kit.append("orders", 0, "body 1020");
    assertEquals(List.of("body 1020"), kit.bodies("orders", 0));
  }

  @Test
  void shouldKeepTheChunksThatNoCheckpointHasPassed() {
    MemoryFiles memory = new MemoryFiles();
    try (StoreKit running = new StoreKit(Path.of("store"), memory)) {
      running.options.checkpointInterval(Duration.ofDays(1));
      running.open();
      for (int i = 0; i < 1000; i++) {
        running.append("orders", 0, "body " + i);
        if (i == 100) {
          running.checkpoint();
        }
      }
      running.clock.advanceMs(1);
      assertEquals(1000, expireBefore(running, 0));
      // Would take the chunks if they had been let go.
      for (int i = 0; i < 1000; i++) {
        running.append("other", 0, "other " + i);
      }
      MemoryFiles dead = memory.afterProcessDeath();
      try (StoreKit started = new StoreKit(Path.of("store"), dead)) {
        started.open();
        assertEquals(1899, started.store.recovery().scannedRecords(), "since the checkpoint");
        assertEquals(expected(0, 1000), started.bodies("orders", 0));
        assertEquals("other 999", started.bodies("other", 0).get(999));
      }
    }
  }

  private static long expireBefore(StoreKit kit, long ageMs) {
    return StoreKit.await(
        kit.on(
            () -> {
              ConsumeQueue queue = kit.store.queue("orders", 0);
              return kit.store
                  .expireBefore(queue, kit.clock.nowMs() - ageMs)
                  .thenApply(done -> queue.minOffset());
            }));
  }

  @Test
  void shouldReuseTheChunksOfExpiredMessages() {
    kit.closeStore();
    kit.options.quotaBytes(4L * SEGMENT_BYTES);
    kit.open();
    for (int round = 0; round < 60; round++) {
      append(round * 300, round * 300 + 300);
      checkpoint();
      while (look() > 0) {
        // Until nothing is left to delete.
      }
    }
    // 18,000 entries would take 70 chunks, 6 files.
    assertTrue(files("queues/chunks") <= 4, files("queues/chunks") + " files of chunks");
    assertTrue(files("index") <= 4, files("index") + " files of the index");
  }

  @Test
  void shouldDeleteEarlyWhenTheDiskIsFull() {
    MemoryFiles memory = new MemoryFiles();
    try (StoreKit full = new StoreKit(Path.of("full"), memory)) {
      full.options.segmentBytes(SEGMENT_BYTES).retentionInterval(Duration.ofMillis(100));
      full.options.checkpointBytes(10_000);
      full.open();
      // Enough for what is still being prepared for queues and index, whenever it is looked at.
      memory.capacity(memory.usedBytes() + 700_000);
      // Without deletion this would need 1.2 MB for the log alone.
      for (int i = 0; i < 6000; i++) {
        int number = i;
        while (true) {
          try {
            full.append("orders", 0, "body " + number, "key" + number);
            break;
          } catch (StoreException e) {
            assertEquals(StoreException.Kind.DISK_FULL, e.kind());
            Thread.onSpinWait();
          }
        }
      }
      assertEquals(List.of(), memory.violations());
      assertTrue(full.on(full.store::minPhysicalOffset) > 0);
    }
  }

  private void append(int from, int to) {
    for (int i = from; i < to; i++) {
      kit.append("orders", 0, "body " + i, "key" + i);
    }
  }

  private static List<String> expected(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "body " + i).toList();
  }

  private int look() {
    return look(kit);
  }

  private static int look(StoreKit kit) {
    LogStore store = (LogStore) kit.store;
    return StoreKit.await(kit.on(() -> store.retention().look()));
  }

  private void checkpoint() {
    kit.checkpoint();
  }

  private long min() {
    return kit.on(kit.store::minPhysicalOffset);
  }

  private long max() {
    return kit.on(kit.store::maxPhysicalOffset);
  }

  private void assertBounds(String topic, int queueId, long min, long max) {
    ConsumeQueue queue = kit.on(() -> kit.store.queue(topic, queueId));
    assertEquals(min, kit.on(queue::minOffset));
    assertEquals(max, kit.on(queue::maxOffset));
  }

  private boolean segmentExists(long start) {
    return FileAccess.system()
        .exists(directory.resolve("commitlog").resolve(FileSpace.name(start)));
  }

  private int segments() {
    return files("commitlog");
  }

  private int files(String name) {
    try {
      return FileAccess.system().list(directory.resolve(name)).size();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
