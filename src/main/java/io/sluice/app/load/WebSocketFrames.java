package io.sluice.app.load;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Cuts a stream of bytes from a server into WebSocket messages (RFC 6455), and makes frames of a
 * client. Server's frames are not masked, so nothing is copied but fragments. One thread.
 */
final class WebSocketFrames {

  /** Text frame. */
  static final int TEXT = 1;

  /** Binary frame. */
  static final int BINARY = 2;

  static final int CLOSE = 8;
  static final int PING = 9;
  static final int PONG = 10;

  /** Hears of each message and control frame. */
  interface Listener {

    /**
     * One message or control frame is whole.
     *
     * @param bytes holds the payload during the call
     */
    void onMessage(int opcode, byte[] bytes, int from, int to);
  }

  private final Listener listener;
  private final ByteArrayOutputStream fragments = new ByteArrayOutputStream();
  private int fragmentedOpcode;
  // Set for the time of one parse.
  private byte[] bytes;
  private int end;

  WebSocketFrames(Listener listener) {
    this.listener = listener;
  }

  /** Tells of every message and control frame that is whole now. */
  void parse(Inbound in) {
    bytes = in.bytes();
    end = in.end();
    int from = 0;
    while (end - from >= 2) {
      int next = tryFrame(from);
      if (next < 0) {
        break;
      }
      from = next;
    }
    in.consume(from);
  }

  private int tryFrame(int from) {
    long length = bytes[from + 1] & 0x7F;
    int at = from + 2;
    int lengthBytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (end - at < lengthBytes) {
      return -1;
    }
    if (lengthBytes > 0) {
      length = 0;
      for (int i = 0; i < lengthBytes; i++) {
        length = length << 8 | bytes[at++] & 0xFF;
      }
    }
    if (end - at < length) {
      return -1;
    }
    int to = at + (int) length;
    deliver((bytes[from] & 0x80) != 0, bytes[from] & 0x0F, at, to);
    return to;
  }

  private void deliver(boolean isFinal, int opcode, int from, int to) {
    if (isFinal && opcode != 0) {
      listener.onMessage(opcode, bytes, from, to);
      return;
    }
    if (opcode != 0) {
      fragmentedOpcode = opcode;
    }
    fragments.write(bytes, from, to - from);
    if (isFinal) {
      byte[] whole = fragments.toByteArray();
      fragments.reset();
      listener.onMessage(fragmentedOpcode, whole, 0, whole.length);
    }
  }

  /** A text frame of a client. */
  static byte[] text(String text) {
    return frame(TEXT, text.getBytes(StandardCharsets.UTF_8));
  }

  /** The frame of {@code sluice.v1.bin}: length of the header, header, body. */
  static byte[] binary(String header, byte[] body) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    byte[] payload = new byte[4 + json.length + body.length];
    payload[0] = (byte) (json.length >>> 24);
    payload[1] = (byte) (json.length >>> 16);
    payload[2] = (byte) (json.length >>> 8);
    payload[3] = (byte) json.length;
    System.arraycopy(json, 0, payload, 4, json.length);
    System.arraycopy(body, 0, payload, 4 + json.length, body.length);
    return frame(BINARY, payload);
  }

  /**
   * A frame of a client: masked as it must be, with a mask of zeros, which leaves the bytes alone.
   */
  static byte[] frame(int opcode, byte[] payload) {
    int length = payload.length;
    int lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    byte[] frame = new byte[2 + lengthBytes + 4 + length];
    frame[0] = (byte) (0x80 | opcode);
    frame[1] = (byte) (0x80 | (lengthBytes == 0 ? length : lengthBytes == 2 ? 126 : 127));
    for (int i = 0; i < lengthBytes; i++) {
      frame[2 + i] = (byte) ((long) length >>> 8 * (lengthBytes - 1 - i));
    }
    System.arraycopy(payload, 0, frame, frame.length - length, length);
    return frame;
  }
}
