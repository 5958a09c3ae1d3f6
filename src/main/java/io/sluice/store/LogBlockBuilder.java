package io.sluice.store;

import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * Collects slices of the log. Each segment it touches is retained once, until the block is closed.
 */
final class LogBlockBuilder implements BlockBuilder {

  private final FileSpace log;
  private ByteBuffer[] buffers;
  private int[] positions;
  private int[] sizes;
  private int count;
  private long bytes;
  private SpaceFile file;
  private Mapping mapping;
  private List<Mapping> earlier;

  LogBlockBuilder(FileSpace log, int expected) {
    this.log = log;
    int length = Math.max(1, expected);
    buffers = new ByteBuffer[length];
    positions = new int[length];
    sizes = new int[length];
  }

  @Override
  public void add(long physicalOffset, int recordBytes) {
    if (file == null || physicalOffset < file.start || physicalOffset >= file.end()) {
      enter(physicalOffset);
    }
    int position = (int) (physicalOffset - file.start);
    if (recordBytes < 0 || recordBytes > file.bytes - position) {
      throw new IndexOutOfBoundsException(
          recordBytes + " bytes at physical offset " + physicalOffset + " leave their segment");
    }
    if (count == sizes.length) {
      buffers = Arrays.copyOf(buffers, count * 2);
      positions = Arrays.copyOf(positions, count * 2);
      sizes = Arrays.copyOf(sizes, count * 2);
    }
    buffers[count] = mapping.buffer;
    positions[count] = position;
    sizes[count] = recordBytes;
    count++;
    bytes += recordBytes;
  }

  @Override
  public MessageView peek(long physicalOffset, int recordBytes, MessageView view) {
    add(physicalOffset, recordBytes);
    view.wrap(buffers[count - 1], positions[count - 1]);
    removeLast();
    return view;
  }

  @Override
  public int count() {
    return count;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  /** Asks about the record added last. */
  boolean last(MessageView view, Predicate<MessageView> question) {
    return question.test(view.wrap(buffers[count - 1], positions[count - 1]));
  }

  /** Takes back the record added last. */
  void removeLast() {
    count--;
    bytes -= sizes[count];
  }

  @Override
  public MessageBlock build() {
    if (count == 0) {
      release(mapping, earlier);
      return MessageBlock.empty();
    }
    Mapping last = mapping;
    List<Mapping> others = earlier;
    mapping = null;
    earlier = null;
    file = null;
    return new MessageBlock(buffers, positions, sizes, count, () -> release(last, others));
  }

  private void enter(long physicalOffset) {
    SpaceFile next = log.find(physicalOffset);
    Mapping retained;
    try {
      retained = next == null ? null : next.retain();
    } catch (IOException e) {
      throw Failures.failed("mapping", next.path, e);
    }
    if (retained == null) {
      throw new IndexOutOfBoundsException(
          "physical offset " + physicalOffset + " is not in the log any more, or not yet");
    }
    if (mapping != null) {
      if (earlier == null) {
        earlier = new ArrayList<>(2);
      }
      earlier.add(mapping);
    }
    next.used = true;
    file = next;
    mapping = retained;
  }

  private static void release(Mapping last, List<Mapping> others) {
    if (last != null) {
      last.release();
    }
    if (others != null) {
      others.forEach(Mapping::release);
    }
  }
}
