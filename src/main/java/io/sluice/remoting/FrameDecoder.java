package io.sluice.remoting;

import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Cuts the bytes of one connection into commands.
 *
 * <pre>
 *   0 total          4   bytes that follow this word
 *   4 type           1   of the header: 0 JSON, 1 binary
 *   5 header length  3
 *   8 header, then the body to the end
 * </pre>
 *
 * <p>Frames that are whole in one read are taken where they are; only a frame over the end of a
 * read is copied together. Memory grows with the bytes that came, not with the length that a frame
 * claims. For one thread.
 */
final class FrameDecoder {

  /** Start room for a frame that did not come whole: what one read brings. */
  private static final int FIRST_ROOM_BYTES = 64 * 1024;

  private final int maxFrameBytes;
  private byte[] partial;
  private int partialBytes;

  /**
   * A decoder.
   *
   * @param maxFrameBytes longest frame, its length word counted
   */
  FrameDecoder(int maxFrameBytes) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes belong to the commands from now on
   * @param sink hears each whole command, in order
   * @throws MalformedFrameException at the first broken frame; the decoder is of no use afterwards
   */
  void feed(byte[] bytes, int from, int to, Consumer<Command> sink) {
    int at = from;
    while (partialBytes > 0 && at < to) {
      at += complete(bytes, at, to, sink);
    }
    while (to - at >= 4) {
      int frameBytes = frameBytes(bytes, at);
      if (to - at < frameBytes) {
        break;
      }
      sink.accept(decode(bytes, at, at + frameBytes));
      at += frameBytes;
    }
    if (at < to) {
      partial = new byte[Math.max(FIRST_ROOM_BYTES, to - at)];
      partialBytes = to - at;
      System.arraycopy(bytes, at, partial, 0, partialBytes);
    }
  }

  /** Adds to the frame that has begun; returns how many bytes were taken. */
  private int complete(byte[] bytes, int from, int to, Consumer<Command> sink) {
    if (partialBytes < 4) {
      int taken = Math.min(4 - partialBytes, to - from);
      append(bytes, from, taken);
      return taken;
    }
    int frameBytes = frameBytes(partial, 0);
    int taken = Math.min(frameBytes - partialBytes, to - from);
    append(bytes, from, taken);
    if (partialBytes == frameBytes) {
      byte[] frame = partial;
      partial = null;
      partialBytes = 0;
      sink.accept(decode(frame, 0, frameBytes));
    }
    return taken;
  }

  private void append(byte[] bytes, int from, int count) {
    if (partialBytes + count > partial.length) {
      int room = Math.min(maxFrameBytes, Math.max(partial.length * 2, partialBytes + count));
      partial = Arrays.copyOf(partial, room);
    }
    System.arraycopy(bytes, from, partial, partialBytes, count);
    partialBytes += count;
  }

  private int frameBytes(byte[] bytes, int at) {
    int total = readInt(bytes, at);
    if (total < 4 || total > maxFrameBytes - 4) {
      throw new MalformedFrameException(
          "a frame claims the length "
              + (total & 0xffffffffL)
              + "; allowed are 4 to "
              + (maxFrameBytes - 4)
              + hint(total));
    }
    return total + 4;
  }

  private static Command decode(byte[] bytes, int from, int to) {
    int typeAndLength = readInt(bytes, from + 4);
    int headerBytes = typeAndLength & 0xffffff;
    int headerFrom = from + 8;
    if (headerBytes > to - headerFrom) {
      throw new MalformedFrameException(
          "a header claims the length "
              + headerBytes
              + " in a frame with "
              + (to - headerFrom)
              + " bytes left");
    }
    Command command =
        HeaderCodec.read(typeAndLength >>> 24, bytes, headerFrom, headerFrom + headerBytes);
    command.setBody(bytes, headerFrom + headerBytes, to);
    return command;
  }

  private static int readInt(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | bytes[at + 3] & 0xff;
  }

  /** What other protocols' first four bytes look like, for those who dialled the wrong port. */
  private static String hint(int total) {
    return switch (total >>> 8) {
      case 0x160301, 0x160302, 0x160303 -> " (this is a TLS hello; TLS is not switched on here)";
      case 0x474554, 0x504F53, 0x505554 -> " (this is HTTP; the HTTP port is another one)";
      // Version 1 is text, "PROXY TCP4 ..."; version 2 begins with a line end.
      case 0x50524F, 0x0D0A0D -> " (this is the PROXY protocol, which is not taken: pass TCP on)";
      default -> "";
    };
  }
}
