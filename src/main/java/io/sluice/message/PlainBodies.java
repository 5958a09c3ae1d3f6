package io.sluice.message;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Makes plain the bodies that RocketMQ's clients have compressed, for fronts whose clients do not
 * do it themselves. A record with a zlib body becomes a copy with the body inflated and the flag
 * gone; lz4, zstd and what does not inflate stay as stored, and {@link #contentEncoding} says so.
 * Records without the flag are not touched. For one thread.
 */
public final class PlainBodies {

  /** The largest body there is, whatever a server's own limit says. */
  public static final int MAX_BODY_BYTES = 64 << 20;

  /**
   * Of the plain bodies of one block together: a block is bounded by its stored bytes, and a
   * thousand times as much may come out of them. Also bounds the time spent on one block.
   */
  static final int MAX_BLOCK_BYTES = 16 << 20;

  private static final Logger LOG = System.getLogger(PlainBodies.class.getName());
  private static final int FIRST_BYTES = 1 << 10;
  private static final int USUAL_RATIO = 4;

  private final int maxBodyBytes;
  private long left;
  private long failures;

  /**
   * For bodies up to a size.
   *
   * @param maxBodyBytes what inflates to more stays compressed
   */
  public PlainBodies(int maxBodyBytes) {
    this.maxBodyBytes = Math.min(maxBodyBytes, MAX_BODY_BYTES);
  }

  /** How the body of this view is encoded: null if plain, else zlib, lz4, zstd or unknown. */
  public static String contentEncoding(MessageView view) {
    int sysFlag = view.sysFlag();
    if ((sysFlag & MessageLayout.SYS_COMPRESSED) == 0) {
      return null;
    }
    return switch ((sysFlag & MessageLayout.SYS_COMPRESSION_MASK) >> 8) {
      case 0, 3 -> "zlib";
      case 1 -> "lz4";
      case 2 -> "zstd";
      default -> "unknown";
    };
  }

  /**
   * A block with plain bodies: the same one if there is nothing to do, else one that stands for it
   * and closes it.
   */
  public MessageBlock plain(MessageBlock block) {
    int count = block.count();
    for (int i = 0; i < count; i++) {
      int sysFlag = block.buffer(i).getInt(block.position(i) + MessageLayout.SYS_FLAG);
      if ((sysFlag & MessageLayout.SYS_COMPRESSED) != 0) {
        return inflated(block, i);
      }
    }
    return block;
  }

  /** Points a view at a plain copy of its message, if its body can be made plain. */
  public MessageView plain(MessageView view) {
    if ((view.sysFlag() & MessageLayout.SYS_COMPRESSED) != 0) {
      left = maxBodyBytes;
      ByteBuffer record = inflated(view);
      if (record != null) {
        view.wrap(record, 0);
      }
    }
    return view;
  }

  private MessageBlock inflated(MessageBlock block, int first) {
    int count = block.count();
    ByteBuffer[] buffers = new ByteBuffer[count];
    int[] positions = new int[count];
    int[] sizes = new int[count];
    MessageView view = new MessageView();
    left = Math.max(maxBodyBytes, MAX_BLOCK_BYTES);
    for (int i = 0; i < count; i++) {
      ByteBuffer record = i < first ? null : inflated(block.view(i, view));
      buffers[i] = record == null ? block.buffer(i) : record;
      positions[i] = record == null ? block.position(i) : 0;
      sizes[i] = record == null ? block.size(i) : record.limit();
    }
    return new MessageBlock(buffers, positions, sizes, count, block::close);
  }

  /** A copy of the record with its body inflated; null if it is to stay as it is. */
  private ByteBuffer inflated(MessageView view) {
    if (!"zlib".equals(contentEncoding(view)) || left <= 0) {
      return null;
    }
    Inflater inflater = new Inflater();
    try {
      int at = view.bodyPosition();
      inflater.setInput(view.buffer().duplicate().limit(at + view.bodyBytes()).position(at));
      return inflated(view, inflater);
    } catch (DataFormatException e) {
      failed(view, e.getMessage());
      return null;
    } finally {
      left -= inflater.getBytesWritten();
      inflater.end();
    }
  }

  private ByteBuffer inflated(MessageView view, Inflater inflater) throws DataFormatException {
    int head = view.bodyPosition() - view.position();
    int tail = view.size() - head - view.bodyBytes();
    int limit = (int) Math.min(maxBodyBytes, left);
    // One byte more than allowed, to see whether there is more.
    long most = (long) head + limit + 1;
    byte[] record =
        new byte[(int) Math.min(most, head + FIRST_BYTES + (long) USUAL_RATIO * view.bodyBytes())];
    int end = head;
    while (!inflater.finished()) {
      if (end == record.length) {
        record = Arrays.copyOf(record, (int) Math.min(most, 2L * end));
      }
      int bytes = inflater.inflate(record, end, record.length - end);
      end += bytes;
      if (end - head > limit) {
        failed(view, "it is more than " + limit + " bytes");
        return null;
      }
      if (bytes == 0 && !inflater.finished()) {
        throw new DataFormatException(
            inflater.needsDictionary() ? "it needs a dictionary" : "its end is missing");
      }
    }
    if (record.length - end < tail) {
      record = Arrays.copyOf(record, end + tail);
    }
    view.buffer().get(view.position(), record, 0, head);
    view.buffer().get(view.bodyPosition() + view.bodyBytes(), record, end, tail);
    return ByteBuffer.wrap(record)
        .limit(end + tail)
        .putInt(MessageLayout.TOTAL_SIZE, end + tail)
        .putInt(
            MessageLayout.SYS_FLAG,
            view.sysFlag() & ~(MessageLayout.SYS_COMPRESSED | MessageLayout.SYS_COMPRESSION_MASK))
        .putInt(head - 4, end - head);
  }

  /** One line for the 1st, 2nd, 4th, 8th...: such a message may come again and again. */
  private void failed(MessageView view, String why) {
    failures++;
    if ((failures & failures - 1) == 0) {
      LOG.log(
          Level.WARNING,
          "the body of message {0} of {1} does not inflate: {2}; it is handed out as stored, with"
              + " its encoding ({3} such bodies so far)",
          String.valueOf(view.property(PropertyNames.UNIQUE_KEY)),
          view.topic(),
          why,
          failures);
    }
  }
}
