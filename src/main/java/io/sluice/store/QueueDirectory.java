package io.sluice.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.zip.CRC32;

/**
 * The names of the queues that have chunks, in the files {@code queues/names/<address>}: slots of
 * 512 bytes, so that a chunk names its queue by a number.
 *
 * <pre>
 *    0 magic             4   0x534C5144; 0 for a free slot
 *    4 crc               4   CRC-32 of bytes 8 to 24 and of the topic
 *    8 generation        8   physical offset of the queue's first message, plus 1
 *   16 queue id          4
 *   20 topic length      4
 *   24 topic             n   UTF-8, at most 488 bytes
 * </pre>
 *
 * <p>Owner thread; the checkpoint's worker clears slots. Derived from the log.
 */
final class QueueDirectory {

  static final int SLOT_BYTES = 512;
  static final int FILE_BYTES = 2 << 20;
  private static final int MAGIC = 0x534C5144;
  private static final int TOPIC = 24;
  static final int MAX_TOPIC_BYTES = SLOT_BYTES - TOPIC;

  private final FileSpace space;
  private final int maxSlots;
  private final ArrayDeque<Integer> free = new ArrayDeque<>();
  private int nextSlot;

  QueueDirectory(FileSpace space, int maxSlots) {
    this.space = space;
    this.maxSlots = maxSlots;
  }

  /** A queue as its slot tells. */
  record Found(int slot, long generation, String topic, int queueId) {}

  FileSpace space() {
    return space;
  }

  int slots() {
    return nextSlot;
  }

  /** Slots that queues have, deleted ones whose slots are not free yet included. */
  int inUse() {
    return nextSlot - free.size();
  }

  /** Whether a queue can get a slot now. */
  boolean hasRoom(boolean system) {
    return !free.isEmpty()
        || (nextSlot < maxSlots && (long) (nextSlot + 1) * SLOT_BYTES <= space.limit(system));
  }

  /** How many slots can be taken now. */
  long available(boolean system) {
    long fresh = space.limit(system) / SLOT_BYTES - nextSlot;
    return free.size() + Math.max(0, Math.min(fresh, maxSlots - nextSlot));
  }

  /** Whether there are as many queues as may be. */
  boolean isFull() {
    return free.isEmpty() && nextSlot >= maxSlots;
  }

  /**
   * Gives the queue a slot.
   *
   * @return false if none is prepared
   */
  boolean tryAssign(LogQueue queue, long physicalOffset, boolean system) {
    if (!hasRoom(system)) {
      return false;
    }
    Integer reused = free.poll();
    int slot = reused == null ? nextSlot : reused;
    long address = (long) slot * SLOT_BYTES;
    if (reused == null) {
      nextSlot++;
      space.use((long) nextSlot * SLOT_BYTES);
    }
    queue.slot = slot;
    queue.generation = physicalOffset + 1;
    write(address, queue);
    space.find(address).lastPhysicalOffset = physicalOffset;
    return true;
  }

  /** Makes a slot free on the disk; {@link #reuse} when that is durable. Checkpoint's worker. */
  void clear(int slot) {
    long address = (long) slot * SLOT_BYTES;
    SpaceFile file = space.find(address);
    file.buffer().putInt((int) (address - file.start), 0);
    file.changed = true;
  }

  void reuse(int slot) {
    free.add(slot);
  }

  /**
   * Reads all slots.
   *
   * @param slots how many were in use at the checkpoint at least
   * @param before queues that begin at this physical offset or later are dropped
   * @param inUse how many of the others there are at least
   * @return false if the files are not as they should be
   */
  boolean load(long slots, long before, int inUse, List<Found> found) {
    SpaceFile[] files = space.files();
    for (int i = 0; i < files.length; i++) {
      if (files[i].start != (long) i * FILE_BYTES || files[i].bytes != FILE_BYTES) {
        return false;
      }
    }
    if (slots > (long) files.length * (FILE_BYTES / SLOT_BYTES)) {
      return false;
    }
    for (int slot = 0; slot < slots; slot++) {
      long address = (long) slot * SLOT_BYTES;
      ByteBuffer buffer = space.find(address).buffer();
      int at = (int) (address % FILE_BYTES);
      if (buffer.getInt(at) == 0) {
        free.add(slot);
        continue;
      }
      Found one = read(buffer, at, slot);
      if (one == null) {
        return false;
      }
      if (one.generation() > before) {
        clear(slot);
        free.add(slot);
      } else {
        found.add(one);
      }
    }
    nextSlot = (int) slots;
    space.startAt(slots * SLOT_BYTES);
    return found.size() >= inUse;
  }

  /** Starts with nothing. */
  void startEmpty() {
    nextSlot = 0;
    free.clear();
    space.startAt(0);
  }

  private void write(long address, LogQueue queue) {
    byte[] topic = queue.topic().getBytes(StandardCharsets.UTF_8);
    SpaceFile file = space.find(address);
    ByteBuffer buffer = file.buffer();
    int at = (int) (address - file.start);
    buffer.putLong(at + 8, queue.generation);
    buffer.putInt(at + 16, queue.queueId());
    buffer.putInt(at + 20, topic.length);
    buffer.put(at + TOPIC, topic);
    buffer.putInt(at + 4, crc(buffer, at, topic.length));
    buffer.putInt(at, MAGIC);
  }

  private static Found read(ByteBuffer buffer, int at, int slot) {
    int topicBytes = buffer.getInt(at + 20);
    if (buffer.getInt(at) != MAGIC
        || topicBytes < 0
        || topicBytes > MAX_TOPIC_BYTES
        || buffer.getInt(at + 4) != crc(buffer, at, topicBytes)) {
      return null;
    }
    byte[] topic = new byte[topicBytes];
    buffer.get(at + TOPIC, topic);
    return new Found(
        slot,
        buffer.getLong(at + 8),
        new String(topic, StandardCharsets.UTF_8),
        buffer.getInt(at + 16));
  }

  private static int crc(ByteBuffer buffer, int at, int topicBytes) {
    CRC32 crc = new CRC32();
    crc.update(buffer.duplicate().limit(at + TOPIC + topicBytes).position(at + 8));
    return (int) crc.getValue();
  }
}
