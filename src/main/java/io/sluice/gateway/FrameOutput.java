package io.sluice.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;

/**
 * The way out of one WebSocket: frames are encoded by hand behind each other and leave as one
 * buffer with one flush.
 *
 * <p>Vert.x writes each frame by itself, as a promise, a frame object, two buffers and, outside of
 * a read, a flush: a system call for each message. A server's frames are not masked, so a frame is
 * a head of 2 to 10 bytes before its payload, and Netty's encoder lets a plain buffer pass. Owned
 * by the event loop; everything but pongs and the close frame goes through here, so the order is
 * kept.
 */
final class FrameOutput {

  static final int TEXT = 1;
  static final int BINARY = 2;
  private static final int CONTINUATION = 0;
  private static final int PING = 9;
  private static final int FINAL = 0x80;

  /**
   * Larger messages go as several frames: clients take frames of 64 KiB by default (Vert.x'
   * DEFAULT_MAX_FRAME_SIZE), and join them to messages.
   */
  static final int MAX_FRAME_BYTES = 1 << 16;

  /** Room kept before a payload: the head of one of 126 to 65535 bytes. */
  private static final int HEAD_BYTES = 4;

  /** Told when what was written before has been taken by the kernel, or was lost. */
  interface Written {

    /** Called on the event loop. */
    void written(boolean success);
  }

  private final Loop loop;
  private final ChannelHandlerContext channel;
  private final int opcode;
  private ByteBuf pending;
  private Written[] watchers = new Written[2];
  private int watcherCount;
  private long unwrittenBytes;
  private Runnable onDrain;

  /**
   * An output.
   *
   * @param opcode of the frames: {@link #TEXT} or {@link #BINARY}
   */
  FrameOutput(Loop loop, ChannelHandlerContext channel, int opcode) {
    this.loop = loop;
    this.channel = channel;
    this.opcode = opcode;
  }

  /** Starts a frame in the scratch text; its payload is to be written behind. */
  int begin(JsonText out) {
    int start = out.size();
    out.reserve(HEAD_BYTES);
    out.advance(HEAD_BYTES);
    return start;
  }

  /** Ends the frame that {@link #begin} started. */
  void end(JsonText out, int start) {
    int length = out.size() - start - HEAD_BYTES;
    byte[] bytes = out.bytes();
    if (length > 125 && length < MAX_FRAME_BYTES) {
      bytes[start] = (byte) (FINAL | opcode);
      bytes[start + 1] = 126;
      bytes[start + 2] = (byte) (length >>> 8);
      bytes[start + 3] = (byte) length;
    } else if (length <= 125) {
      System.arraycopy(bytes, start + HEAD_BYTES, bytes, start + 2, length);
      bytes[start] = (byte) (FINAL | opcode);
      bytes[start + 1] = (byte) length;
      out.truncate(start + 2 + length);
    } else {
      split(out, start, length);
    }
  }

  /** Takes the frames that the scratch text holds; they leave at the end of this turn. */
  void write(JsonText frames) {
    if (frames.size() == 0) {
      return;
    }
    boolean first = pending == null;
    if (first) {
      pending = channel.alloc().directBuffer(frames.size());
    }
    pending.writeBytes(frames.bytes(), 0, frames.size());
    if (first) {
      loop.flushLater(this);
    }
  }

  /** Asks whether the other end lives. */
  void ping() {
    write(loop.json.clear().raw((char) (FINAL | PING)).raw((char) 0));
  }

  /** Wants to know when everything written so far has gone. */
  void watch(Written watcher) {
    if (watcherCount == watchers.length) {
      watchers = java.util.Arrays.copyOf(watchers, watcherCount * 2);
    }
    watchers[watcherCount++] = watcher;
  }

  /** Bytes collected here that leave at the end of this turn. */
  int collectedBytes() {
    return pending == null ? 0 : pending.readableBytes();
  }

  /** Bytes written here that the kernel has not taken yet. */
  long unwrittenBytes() {
    return unwrittenBytes + collectedBytes();
  }

  /** Called each time that bytes have gone. */
  void onDrain(Runnable handler) {
    onDrain = handler;
  }

  /** Sends what was collected. */
  void flush() {
    ByteBuf out = pending;
    if (out == null) {
      return;
    }
    pending = null;
    int bytes = out.readableBytes();
    unwrittenBytes += bytes;
    Written[] told = watcherCount == 0 ? null : watchers;
    int count = watcherCount;
    if (told != null) {
      watchers = new Written[2];
      watcherCount = 0;
    }
    ChannelFuture done = channel.writeAndFlush(out);
    if (done.isDone()) {
      // The kernel took it at once, as nearly always; still this turn, no need for another task.
      written(bytes, told, count, done.isSuccess());
    } else {
      done.addListener(later -> loop.run(() -> written(bytes, told, count, later.isSuccess())));
    }
  }

  private void written(int bytes, Written[] told, int count, boolean success) {
    unwrittenBytes -= bytes;
    for (int i = 0; i < count; i++) {
      told[i].written(success);
    }
    if (onDrain != null) {
      onDrain.run();
    }
  }

  /** A payload over the size of a frame, as frames of that size. */
  private void split(JsonText out, int start, int length) {
    byte[] payload =
        java.util.Arrays.copyOfRange(out.bytes(), start + HEAD_BYTES, start + HEAD_BYTES + length);
    out.truncate(start);
    int most = MAX_FRAME_BYTES - 1;
    for (int from = 0; from < length; from += most) {
      int part = Math.min(most, length - from);
      int first = from == 0 ? opcode : CONTINUATION;
      byte[] head = out.reserve(part + 4);
      int at = out.size();
      head[at] = (byte) (from + part == length ? FINAL | first : first);
      if (part <= 125) {
        head[at + 1] = (byte) part;
        out.advance(2);
      } else {
        head[at + 1] = 126;
        head[at + 2] = (byte) (part >>> 8);
        head[at + 3] = (byte) part;
        out.advance(4);
      }
      out.raw(payload, from, part);
    }
  }
}
