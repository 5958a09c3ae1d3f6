package io.sluice.message;

import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Stored messages handed out for reading, as slices of the log: nothing is copied. Whoever receives
 * a block must {@link #close} it once the bytes have been used or written; until then the segments
 * under it stay mapped. Immutable but for closing; any thread may read.
 */
public final class MessageBlock implements AutoCloseable {

  private static final MessageBlock EMPTY =
      new MessageBlock(new ByteBuffer[0], new int[0], new int[0], 0, () -> {});

  private final ByteBuffer[] buffers;
  private final int[] positions;
  private final int[] sizes;
  private final int count;
  private final Runnable release;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * A block.
   *
   * @param buffers for each message the buffer it is in; often the same
   * @param positions for each message where it starts in its buffer
   * @param sizes for each message its size in bytes
   * @param count how many there are; the arrays may be longer
   * @param release called once, by {@link #close}
   */
  public MessageBlock(
      ByteBuffer[] buffers, int[] positions, int[] sizes, int count, Runnable release) {
    this.buffers = buffers;
    this.positions = positions;
    this.sizes = sizes;
    this.count = count;
    this.release = release;
  }

  /** A block without messages; closing it does nothing. */
  public static MessageBlock empty() {
    return EMPTY;
  }

  public int count() {
    return count;
  }

  /** The buffer of one message; use absolute access only, it is shared. */
  public ByteBuffer buffer(int index) {
    return buffers[index];
  }

  /** Where one message starts in its buffer. */
  public int position(int index) {
    return positions[index];
  }

  /** Size of one message in bytes. */
  public int size(int index) {
    return sizes[index];
  }

  /** Points a view at one message. */
  public MessageView view(int index, MessageView view) {
    return view.wrap(buffers[index], positions[index]);
  }

  /** Copies all messages for another process; {@link #readFrom} stands below and must agree. */
  public void writeTo(WireWriter out) {
    out.writeInt(count);
    for (int i = 0; i < count; i++) {
      out.writeInt(sizes[i]);
      out.writeRaw(buffers[i], positions[i], sizes[i]);
    }
  }

  /**
   * Reads what {@link #writeTo} wrote; the block shares the reader's bytes.
   *
   * @throws WireException if it is something else
   */
  public static MessageBlock readFrom(WireReader in) {
    int count = in.readCount(Integer.BYTES);
    if (count < 0) {
      throw new WireException("a block has " + count + " messages");
    }
    if (count == 0) {
      return EMPTY;
    }
    ByteBuffer[] buffers = new ByteBuffer[count];
    int[] positions = new int[count];
    int[] sizes = new int[count];
    for (int i = 0; i < count; i++) {
      buffers[i] = in.shared();
      sizes[i] = in.readLength();
      positions[i] = in.skip(sizes[i]);
    }
    return new MessageBlock(buffers, positions, sizes, count, () -> {});
  }

  /** Gives the slices back. Further calls do nothing. */
  @Override
  public void close() {
    if (this != EMPTY && closed.compareAndSet(false, true)) {
      release.run();
    }
  }
}
