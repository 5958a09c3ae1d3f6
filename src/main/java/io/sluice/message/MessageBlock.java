package io.sluice.message;

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

  /** Gives the slices back. Further calls do nothing. */
  @Override
  public void close() {
    if (this != EMPTY && closed.compareAndSet(false, true)) {
      release.run();
    }
  }
}
