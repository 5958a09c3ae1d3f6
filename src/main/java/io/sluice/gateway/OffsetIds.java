package io.sluice.gateway;

import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import java.nio.ByteBuffer;

/**
 * Names a stored message by its place, for those without an id of their own: the hex digits of the
 * store host (8 or 20 bytes) and the physical offset (8), as RocketMQ's {@code
 * MessageDecoder.createMessageId} writes them.
 */
final class OffsetIds {

  private static final String HEX = "0123456789ABCDEF";

  private OffsetIds() {}

  /** Writes the offset id of a message, without quotes. */
  static void write(JsonText out, MessageView view) {
    int hostBytes = MessageLayout.storeHostBytes(view.sysFlag());
    int hostAt = view.position() + MessageLayout.storeHost(view.sysFlag());
    ByteBuffer buffer = view.buffer();
    for (int i = 0; i < hostBytes; i++) {
      writeByte(out, buffer.get(hostAt + i));
    }
    long offset = view.physicalOffset();
    for (int shift = 56; shift >= 0; shift -= 8) {
      writeByte(out, (byte) (offset >>> shift));
    }
  }

  /** The physical offset that an id names, or -1 if the text is no offset id. */
  static long physicalOffset(String id) {
    int v4 = (MessageLayout.HOST_V4_BYTES + 8) * 2;
    int v6 = (MessageLayout.HOST_V6_BYTES + 8) * 2;
    if (id.length() != v4 && id.length() != v6) {
      return -1;
    }
    try {
      return Long.parseUnsignedLong(id.substring(id.length() - 16), 16);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static void writeByte(JsonText out, byte b) {
    out.raw(HEX.charAt(b >>> 4 & 15)).raw(HEX.charAt(b & 15));
  }
}
