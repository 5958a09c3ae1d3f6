package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.testkit.MemoryFiles;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Records that belong together are in the log all or none, whenever the process or machine dies.
 */
final class AtomicGroupTest {

  private static final Path DIRECTORY = Path.of("store");
  private static final Path SEGMENT = DIRECTORY.resolve("commitlog/00000000000000000000");

  @Test
  void shouldHaveAllOrNoneWhereverTheLogIsCut() {
    MemoryFiles files = new MemoryFiles();
    int groupStart;
    int end;
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      kit.append("single", 0, "before");
      groupStart = (int) (long) kit.on(kit.store::maxPhysicalOffset);
      appendGroup(kit, "g", 3);
      end = (int) (long) kit.on(kit.store::maxPhysicalOffset);
      files = files.afterProcessDeath();
    }
    for (int cut = groupStart; cut <= end; cut++) {
      MemoryFiles torn = files.afterProcessDeath();
      ByteBuffer bytes = torn.bytes(SEGMENT);
      for (int i = cut; i < end; i++) {
        bytes.put(i, (byte) 0);
      }
      // The last byte of a record is never zero, so a cut behind it is no cut.
      boolean whole = cut == end;
      try (StoreKit kit = new StoreKit(DIRECTORY, torn)) {
        kit.open();
        assertEquals(whole ? 3 : 0, groupCount(kit), "cut at byte " + cut);
        assertEquals(List.of("before"), kit.bodies("single", 0));
        if (!whole) {
          assertEquals(groupStart, kit.on(kit.store::maxPhysicalOffset), "cut at byte " + cut);
        }
        // What was cut does not come back, and the log goes on from there.
        kit.append("single", 0, "after");
        appendGroup(kit, "h", 2);
        kit.reopen();
        assertEquals(whole ? 5 : 2, groupCount(kit), "cut at byte " + cut);
        assertEquals(List.of("before", "after"), kit.bodies("single", 0));
      }
    }
  }

  @Test
  void shouldHaveAllOrNoneAfterAPowerCut() {
    for (long seed = 1; seed <= 30; seed++) {
      Random random = new Random(seed);
      MemoryFiles files = new MemoryFiles();
      try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
        kit.options.checkpointBytes(20_000);
        kit.open();
        int groups = 0;
        int forced = 0;
        for (int i = 0; i < 200; i++) {
          appendGroup(kit, "g" + i, 3);
          groups++;
          if (random.nextInt(20) == 0) {
            kit.force();
            forced = groups;
          }
          if (random.nextInt(40) == 0) {
            int found = groupCountIn(files.afterPowerCut(random.nextBoolean() ? random : null));
            String found3 = "seed " + seed + ": found " + found + " of " + groups + " groups of 3";
            assertEquals(0, found % 3, found3);
            assertTrue(found >= 3 * forced && found <= 3 * groups, found3 + ", forced " + forced);
          }
        }
      }
    }
  }

  @Test
  void shouldKeepAGroupInOneSegmentAndGoOnInTheNext() {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.options.segmentBytes(16 << 10);
      kit.open();
      int groups = 0;
      String filler = "x".repeat(1_500);
      for (int i = 0; i < 20; i++) {
        appendGroup(kit, filler + i, 1 + i % 5);
        groups += 1 + i % 5;
      }
      assertEquals(groups, groupCount(kit));
      MemoryFiles found = files.afterProcessDeath();
      try (StoreKit again = new StoreKit(DIRECTORY, found)) {
        again.options.segmentBytes(16 << 10);
        again.open();
        assertEquals(groups, groupCount(again));
      }
    }
  }

  @Test
  void shouldRefuseAGroupThatNoSegmentHolds() {
    try (StoreKit kit = new StoreKit(DIRECTORY, new MemoryFiles())) {
      kit.options.segmentBytes(16 << 10);
      kit.open();
      assertThrows(IllegalArgumentException.class, () -> appendGroup(kit, "x".repeat(4_000), 5));
      assertEquals(0L, kit.on(kit.store::maxPhysicalOffset));
    }
  }

  @Test
  void shouldRefuseDamageInsideOfAGroupThatHasMoreBehindIt() {
    MemoryFiles files = new MemoryFiles();
    int inGroup;
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      appendGroup(kit, "g", 3);
      inGroup = (int) (long) kit.on(kit.store::maxPhysicalOffset) - 30;
      kit.append("single", 0, "behind");
      files = files.afterProcessDeath();
    }
    files.bytes(SEGMENT).put(inGroup, (byte) 0x7F);
    StoreKit kit = new StoreKit(DIRECTORY, files);
    assertEquals(StoreException.Kind.DAMAGED, kit.openFails().kind());
    kit.close();
  }

  @Test
  void shouldNeedNoMarkerForASingleRecord() {
    try (StoreKit kit = new StoreKit(DIRECTORY, new MemoryFiles())) {
      kit.open();
      appendGroup(kit, "one", 1);
      assertEquals(0L, kit.on(() -> kit.store.queue(Names.ATOMIC_TOPIC, 0).maxOffset()));
      appendGroup(kit, "two", 2);
      assertEquals(1L, kit.on(() -> kit.store.queue(Names.ATOMIC_TOPIC, 0).maxOffset()));
    }
  }

  private static int groupCountIn(MemoryFiles files) {
    try (StoreKit kit = new StoreKit(DIRECTORY, files)) {
      kit.open();
      return groupCount(kit);
    }
  }

  private static int groupCount(StoreKit kit) {
    List<String> bodies = new ArrayList<>(kit.bodies("group", 0));
    bodies.addAll(kit.bodies("group", 1));
    return bodies.size();
  }

  /** Appends a group over two queues, waiting for room. */
  private static void appendGroup(StoreKit kit, String body, int count) {
    while (true) {
      MessageBatch batch = new MessageBatch();
      for (int i = 0; i < count; i++) {
        StoreKit.add(batch, "group", body + "-" + i, "tag", "key" + i);
      }
      boolean done =
          kit.on(
              () -> {
                ConsumeQueue[] queues = new ConsumeQueue[count];
                for (int i = 0; i < count; i++) {
                  queues[i] = kit.store.queue("group", i % 2);
                }
                long[] offsets = new long[count];
                return kit.store.appendAtomic(batch, queues, offsets, new long[count], false);
              });
      if (done) {
        return;
      }
      StoreException refusal = kit.on(() -> kit.store.refusal());
      assertFalse(
          refusal != null && refusal.kind() != StoreException.Kind.BUSY, () -> "" + refusal);
      Thread.onSpinWait();
    }
  }
}
