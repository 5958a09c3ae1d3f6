package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.sluice.testkit.MemoryFiles;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is found after a crash. The store writes into {@link MemoryFiles}; a copy as the crash would
 * leave it is opened beside it. What is found must be the messages in the order they were appended,
 * up to some message, with everything forced among them.
 */
final class CrashTest {

  private static final Path DIRECTORY = Path.of("store");
  private static final Path SEGMENT = DIRECTORY.resolve("commitlog/00000000000000000000");
  private static final int QUEUES = 3;

  @Test
  void shouldHaveEverythingAppendedAfterTheDeathOfTheProcess() {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      for (int i = 0; i < 3000; i++) {
        appendNumber(kit, i);
        if (i % 500 == 499) {
          assertEquals(i + 1, recovered(files.afterProcessDeath()));
        }
      }
      assertEquals(List.of(), files.violations());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void shouldHaveEverythingForcedAfterAPowerCut(long seed) {
    Random random = new Random(seed);
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.options.checkpointBytes(20_000);
      kit.open();
      int forced = 0;
      for (int i = 0; i < 1500; i++) {
        appendNumber(kit, i);
        if (random.nextInt(100) == 0) {
          kit.force();
          forced = i + 1;
        }
        if (random.nextInt(100) == 0) {
          MemoryFiles found = files.afterPowerCut(random.nextInt(4) == 0 ? null : random);
          int count = recovered(found);
          assertTrue(
              count >= forced && count <= i + 1,
              "seed " + seed + ": found " + count + " of " + (i + 1) + ", forced " + forced);
        }
      }
    }
  }

  @Test
  void shouldSurviveACrashBeforeAnyOperationOnAFile() throws Exception {
    MemoryFiles files = new MemoryFiles();
    AtomicInteger forced = new AtomicInteger();
    AtomicInteger appended = new AtomicInteger();
    AtomicInteger operations = new AtomicInteger();
    List<String> problems = new ArrayList<>();
    Random random = new Random(7);
    files.onOperation(
        (operation, file) -> {
          int atLeast = forced.get();
          if (operations.incrementAndGet() % 2 == 0) {
            return;
          }
          MemoryFiles found =
              random.nextBoolean() ? files.afterPowerCut(random) : files.afterProcessDeath();
          try {
            int count = recovered(found);
            if (count < atLeast || count > appended.get() + 1) {
              problems.add(
                  "before " + operation + " of " + file + ": " + count + ", forced " + atLeast);
            }
          } catch (RuntimeException | AssertionError e) {
            problems.add("before " + operation + " of " + file + ": " + e);
          }
        });
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.options.checkpointBytes(30_000).segmentBytes(16 << 10);
      kit.open();
      for (int i = 0; i < 400; i++) {
        appendNumber(kit, i);
        appended.set(i + 1);
        if (i % 40 == 0) {
          kit.force();
          forced.set(i + 1);
        }
      }
    }
    assertEquals(List.of(), problems);
  }

  @Test
  void shouldCutATornTailWhereverItIsTorn() {
    MemoryFiles files = logOf(6);
    int end = endOfLog(files);
    int lastStart = startOfRecord(files, 5);
    for (int cut = startOfRecord(files, 3); cut < end; cut++) {
      MemoryFiles torn = files.afterProcessDeath();
      zero(torn, cut, end);
      int whole = cut >= lastStart ? 5 : cut >= startOfRecord(files, 4) ? 4 : 3;
      assertEquals(whole, recovered(torn), "cut at byte " + cut);
      // What was cut does not come back, and the log goes on from there.
      assertEquals(whole + 1, recoveredAfterOneMore(torn, whole), "cut at byte " + cut);
    }
  }

  @Test
  void shouldRefuseOrRecoverAFlippedBitAtEveryByte() {
    MemoryFiles files = logOf(5);
    int end = endOfLog(files);
    int lastStart = startOfRecord(files, 4);
    for (int at = 0; at < end; at++) {
      MemoryFiles damaged = files.afterProcessDeath();
      ByteBuffer bytes = damaged.bytes(SEGMENT);
      bytes.put(at, (byte) (bytes.get(at) ^ 1 << at % 8));
      if (at >= lastStart) {
        assertEquals(4, recovered(damaged), "bit flipped at byte " + at);
      } else {
        StoreException refused = refused(damaged, false);
        assertEquals(StoreException.Kind.DAMAGED, refused.kind());
        int record = 0;
        while (startOfRecord(files, record + 1) <= at) {
          record++;
        }
        assertTrue(
            refused.getMessage().contains("position " + startOfRecord(files, record) + " ")
                && refused.getMessage().contains("--store-cut-at-damage true"),
            refused.getMessage());
      }
    }
  }

  @Test
  void shouldNeverHandOutARecordThatWasDamagedBehindTheCheckpoint() {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      for (int i = 0; i < 3; i++) {
        appendNumber(kit, 3 * i);
      }
    }
    int end = endOfLog(files);
    for (int at = 0; at < end; at += 3) {
      MemoryFiles damaged = files.afterProcessDeath();
      ByteBuffer bytes = damaged.bytes(SEGMENT);
      bytes.put(at, (byte) (bytes.get(at) ^ 1 << at % 8));
      try (StoreKit kit = new StoreKit(DIRECTORY, damaged)) {
        kit.open();
        try {
          kit.bodies("numbers", 0);
          fail("a damaged record was handed out, bit flipped at byte " + at);
        } catch (StoreException | AssertionError e) {
          assertTrue(e.getMessage().contains("damaged") || e.getMessage().contains("nothing"));
        }
      }
    }
  }

  @Test
  void shouldCutAtDamageWhenAskedToAndKeepWhatItCut() {
    MemoryFiles files = logOf(5);
    int place = startOfRecord(files, 2);
    MemoryFiles damaged = files.afterProcessDeath();
    damaged.bytes(SEGMENT).put(place + 100, (byte) 0xFF);
    assertEquals(StoreException.Kind.DAMAGED, refused(damaged, false).kind());
    try (StoreKit kit = new StoreKit(DIRECTORY, damaged)) {
      kit.options.cutAtDamage(true);
      kit.open();
      assertTrue(kit.store.recovery().cutBytes() > 0);
      assertEquals(2, count(kit));
    }
    Path lost = DIRECTORY.resolve("lost").resolve(FileSpace.name(place));
    assertTrue(damaged.exists(lost));
    assertEquals(endOfLog(files) - place, damaged.bytes(lost).capacity());
    assertEquals(2, recovered(damaged));
  }

  @Test
  void shouldCutAnUnforcedHoleAfterAPowerCut() {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      appendNumber(kit, 0);
      kit.force();
      for (int i = 1; i < 80; i++) {
        appendNumber(kit, i);
      }
      MemoryFiles dead = files.afterProcessDeath();
      int end = (int) (long) kit.on(kit.store::maxPhysicalOffset);
      zero(dead, MemoryFiles.PAGE_BYTES, 2 * MemoryFiles.PAGE_BYTES);
      assertTrue(end > 2 * MemoryFiles.PAGE_BYTES + 400);
      // In the same run of the machine nothing gets lost from memory: this is damage.
      boolean forcedMeanwhile = kit.on(kit.store::forcedPhysicalOffset) > MemoryFiles.PAGE_BYTES;
      assertEquals(StoreException.Kind.DAMAGED, refused(dead.afterProcessDeath(), false).kind());
      if (!forcedMeanwhile) {
        MemoryFiles rebooted = dead.rebooted();
        int found = recovered(rebooted);
        assertTrue(found >= 1 && found < 30, "found " + found);
        assertFalse(rebooted.list(DIRECTORY.resolve("lost")).isEmpty());
      }
    }
  }

  // A log of numbered messages: number n is the n / QUEUES th of queue n % QUEUES.

  private static MemoryFiles logOf(int count) {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      for (int i = 0; i < count; i++) {
        appendNumber(kit, i);
      }
      return files.afterProcessDeath();
    }
  }

  private static void appendNumber(StoreKit kit, int number) {
    kit.append("numbers", number % QUEUES, "number " + number, "key" + number);
  }

  private static int recovered(MemoryFiles files) {
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.options.segmentBytes(segmentBytes(files));
      kit.open();
      int count = count(kit);
      assertEquals(List.of(), files.violations());
      return count;
    }
  }

  private static long segmentBytes(MemoryFiles files) {
    List<Path> segments = files.list(DIRECTORY.resolve("commitlog"));
    return segments.isEmpty()
        ? 64 << 10
        : Math.max(16 << 10, files.bytes(segments.get(0)).capacity());
  }

  private static int recoveredAfterOneMore(MemoryFiles files, int number) {
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      appendNumber(kit, number);
      return count(kit);
    }
  }

  private static StoreException refused(MemoryFiles files, boolean cutAtDamage) {
    StoreKit kit = new StoreKit(DIRECTORY, files);
    kit.options.cutAtDamage(cutAtDamage);
    try {
      return kit.openFails();
    } finally {
      kit.close();
    }
  }

  /** Checks that what is there are the first messages, and returns how many. */
  private static int count(StoreKit kit) {
    int total = 0;
    List<List<String>> queues = new ArrayList<>();
    for (int q = 0; q < QUEUES; q++) {
      queues.add(kit.bodies("numbers", q));
      total += queues.get(q).size();
    }
    for (int i = 0; i < total; i++) {
      List<String> queue = queues.get(i % QUEUES);
      if (queue.size() <= i / QUEUES || !queue.get(i / QUEUES).equals("number " + i)) {
        throw new AssertionError("message " + i + " of " + total + " is missing or another");
      }
    }
    if (total > 0) {
      assertEquals(
          List.of("number " + (total - 1)), kit.findByKey("numbers", "key" + (total - 1), 3));
    }
    assertEquals(List.of(), kit.findByKey("numbers", "key" + total, 3));
    return total;
  }

  private static int startOfRecord(MemoryFiles files, int record) {
    ByteBuffer bytes = files.bytes(SEGMENT);
    int at = 0;
    for (int i = 0; i < record; i++) {
      at += bytes.getInt(at);
    }
    return at;
  }

  private static int endOfLog(MemoryFiles files) {
    ByteBuffer bytes = files.bytes(SEGMENT);
    int at = 0;
    while (bytes.getInt(at) != 0) {
      at += bytes.getInt(at);
    }
    return at;
  }

  private static void zero(MemoryFiles files, int from, int to) {
    ByteBuffer bytes = files.bytes(SEGMENT);
    for (int at = from; at < to; at++) {
      bytes.put(at, (byte) 0);
    }
  }
}
