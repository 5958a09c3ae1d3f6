package io.sluice.replication;

import java.nio.ByteBuffer;

/**
 * Finds the frames in a stream of bytes that may be cut anywhere. The bytes of a DATA frame are
 * handed on as they come, without being collected; other frames are collected, and are small.
 */
final class FrameReader {

  /** Most bytes of a frame other than DATA: a hello with all epochs has 24 KB. */
  static final int MAX_FRAME_BYTES = 512 << 10;

  /** Takes what was found. */
  interface Handler {

    /** A DATA frame begins. */
    void onData(Frames.Data data);

    /** Bytes of it; valid during the call. */
    void onBytes(ByteBuffer bytes);

    /** Another frame; what is in it begins behind its type. */
    void onFrame(byte type, ByteBuffer content);
  }

  private final Handler handler;
  private final ByteBuffer head = ByteBuffer.allocate(4 + Frames.DATA_HEAD_BYTES);
  private ByteBuffer frame;
  private int dataLeft;

  FrameReader(Handler handler) {
    this.handler = handler;
    head.limit(5);
  }

  /**
   * Takes bytes.
   *
   * @throws IllegalArgumentException if they are no frames
   */
  void read(ByteBuffer in) {
    while (in.hasRemaining()) {
      if (dataLeft > 0) {
        int count = Math.min(dataLeft, in.remaining());
        ByteBuffer part = in.slice(in.position(), count);
        in.position(in.position() + count);
        dataLeft -= count;
        handler.onBytes(part);
      } else if (frame != null) {
        fill(frame, in);
        finishFrame();
      } else {
        fill(head, in);
        if (!head.hasRemaining()) {
          begin();
        }
      }
    }
  }

  private void begin() {
    int length = head.getInt(0);
    byte type = head.get(4);
    if (type == Frames.DATA && length >= Frames.DATA_HEAD_BYTES) {
      if (head.limit() == 5) {
        head.limit(4 + Frames.DATA_HEAD_BYTES);
        return;
      }
      Frames.Data data = Frames.readData(head.duplicate().position(5));
      dataLeft = length - Frames.DATA_HEAD_BYTES;
      head.clear().limit(5);
      handler.onData(data);
      return;
    }
    if (length < 1 || length > MAX_FRAME_BYTES) {
      throw new IllegalArgumentException(
          "a frame of type "
              + type
              + " has the length "
              + length
              + "; allowed is 1 to "
              + MAX_FRAME_BYTES);
    }
    frame = ByteBuffer.allocate(length).put(type);
    head.clear().limit(5);
    finishFrame();
  }

  private void finishFrame() {
    if (!frame.hasRemaining()) {
      ByteBuffer whole = frame.flip();
      frame = null;
      handler.onFrame(whole.get(), whole.slice());
    }
  }

  private static void fill(ByteBuffer target, ByteBuffer in) {
    int count = Math.min(target.remaining(), in.remaining());
    target.put(in.slice(in.position(), count));
    in.position(in.position() + count);
  }
}
