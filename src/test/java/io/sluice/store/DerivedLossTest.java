package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.MemoryFiles;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: parts of the queues' files that are gone never take messages with them, since the log has
 * them all. Method: a process dies some time after a checkpoint, a part is zeroed, and the next
 * start must have every message and the next offset of every queue.
 */
final class DerivedLossTest {

  private static final Path DIRECTORY = Path.of("store");
  private static final Path NAMES = DIRECTORY.resolve("queues/names/00000000000000000000");
  private static final Path CHUNKS = DIRECTORY.resolve("queues/chunks/00000000000000000000");

  /** Its queues' first 45 messages are in one chunk each. */
  private static final String TOPIC = "parts";

  private static final int QUEUES = 3;
  private static final int MESSAGES = 40;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5})
  void shouldHaveAllMessagesWhenTheNameOfAQueueIsGone(int behindTheCheckpoint) {
    for (int slot = 0; slot < QUEUES; slot++) {
      MemoryFiles files = killed(MESSAGES, behindTheCheckpoint);
      zero(
          files.bytes(NAMES),
          slot * QueueDirectory.SLOT_BYTES,
          (slot + 1) * QueueDirectory.SLOT_BYTES);
      assertWhole(files, MESSAGES + behindTheCheckpoint, "slot " + slot);
    }
  }

  @Test
  void shouldHaveAllMessagesWhenAllNamesAreGone() {
    MemoryFiles files = killed(MESSAGES, 1);
    zero(files.bytes(NAMES), 0, QUEUES * QueueDirectory.SLOT_BYTES);
    assertWhole(files, MESSAGES + 1, "no names");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5})
  void shouldHaveAllMessagesWhenAnEntryIsGone(int behindTheCheckpoint) {
    // Without a message behind the checkpoint nothing tells that the last entry was there.
    int entries = behindTheCheckpoint == 0 ? MESSAGES - 1 : MESSAGES;
    for (int i = 0; i < entries; i++) {
      MemoryFiles files = killed(MESSAGES, behindTheCheckpoint);
      ByteBuffer chunks = files.bytes(CHUNKS);
      int at = entryOf(chunks, i);
      zero(chunks, at, at + QueueChunks.ENTRY_BYTES);
      assertWhole(files, MESSAGES + behindTheCheckpoint, "entry " + i);
    }
  }

  @Test
  void shouldHaveAllMessagesAfterACrashAnywhereInARebuild() {
    MemoryFiles files = killed(MESSAGES, 1);
    zero(files.bytes(NAMES), 0, QueueDirectory.SLOT_BYTES);
    List<MemoryFiles> found = new ArrayList<>();
    files.onOperation((operation, file) -> found.add(files.afterProcessDeath()));
    assertWhole(files, MESSAGES + 1, "the rebuild");
    for (int i = 0; i < found.size(); i++) {
      assertWhole(found.get(i), MESSAGES + 1, "a crash before operation " + i);
    }
  }

  @Test
  void shouldSayHowToRebuildTheQueuesWhenAnEntryOfAnEarlierChunkIsGone() throws Exception {
    MemoryFiles files = killed(MESSAGES + QueueChunks.CHUNK_ENTRIES, 0);
    ByteBuffer chunks = files.bytes(CHUNKS);
    int at = entryOf(chunks, 7);
    zero(chunks, at, at + QueueChunks.ENTRY_BYTES);
    try (StoreKit kit = open(files)) {
      StoreException damage =
          assertThrows(StoreException.class, () -> kit.bodies(TOPIC, 0), "a message is missing");
      assertTrue(damage.getMessage().contains("delete the directory"), damage.getMessage());
    }
    for (Path path : List.of(NAMES, CHUNKS)) {
      files.delete(path);
    }
    assertWhole(files, MESSAGES + QueueChunks.CHUNK_ENTRIES, "rebuilt");
  }

  /** What a process leaves with so many messages in each queue before and behind its checkpoint. */
  private static MemoryFiles killed(int before, int behindTheCheckpoint) {
    MemoryFiles files = new MemoryFiles();
    try (StoreKit kit = open(files)) {
      for (int i = 0; i < before; i++) {
        append(kit, i);
      }
      kit.checkpoint();
      for (int i = 0; i < behindTheCheckpoint; i++) {
        append(kit, before + i);
      }
      return files.afterProcessDeath();
    }
  }

  private static StoreKit open(MemoryFiles files) {
    StoreKit kit = new StoreKit(DIRECTORY, files);
    kit.options.checkpointInterval(Duration.ofDays(1));
    kit.open();
    return kit;
  }

  private static void append(StoreKit kit, int number) {
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      kit.append(TOPIC, queueId, queueId + ":" + number);
    }
  }

  private static void assertWhole(MemoryFiles files, int messages, String what) {
    try (StoreKit kit = open(files)) {
      for (int q = 0; q < QUEUES; q++) {
        int queueId = q;
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < messages; i++) {
          expected.add(queueId + ":" + i);
        }
        assertEquals(expected, kit.bodies(TOPIC, queueId), what + ", queue " + queueId);
        ConsumeQueue queue = kit.on(() -> kit.store.queue(TOPIC, queueId));
        assertEquals(messages, kit.on(queue::maxOffset), what + ", queue " + queueId);
      }
    }
  }

  /** Position of a queue's n-th entry in the only file of chunks, for the first queue. */
  private static int entryOf(ByteBuffer chunks, int number) {
    int perFile =
        StoreKit.small().queueFileBytes()
            / (QueueChunks.CHUNK_BYTES + QueueChunks.DESCRIPTOR_BYTES);
    int at = perFile * QueueChunks.DESCRIPTOR_BYTES;
    while (chunks.getInt(at + QueueChunks.ENTRY_SIZE) == 0) {
      at += QueueChunks.ENTRY_BYTES;
    }
    return at + number * QueueChunks.ENTRY_BYTES;
  }

  private static void zero(ByteBuffer bytes, int from, int to) {
    for (int at = from; at < to; at++) {
      bytes.put(at, (byte) 0);
    }
  }
}
