package io.sluice.gateway;

import io.netty.buffer.ByteBuf;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.impl.buffer.VertxByteBufAllocator;
import io.vertx.core.internal.buffer.BufferInternal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes JSON by hand into a growing array of bytes, which is kept for the next use: no tree, no
 * strings in between. It knows nothing of structure; the caller puts the commas. For one thread.
 */
final class JsonText {

  /** Kept between two uses at most: a text larger than this was rare, and its array is let go. */
  private static final int KEPT_BYTES = 1 << 20;

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] BASE64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
          .getBytes(StandardCharsets.US_ASCII);

  private byte[] bytes = new byte[4096];
  private int size;

  /** Forgets what was written. */
  JsonText clear() {
    size = 0;
    if (bytes.length > KEPT_BYTES) {
      bytes = new byte[4096];
    }
    return this;
  }

  int size() {
    return size;
  }

  /** What was written: valid from 0 to {@link #size}. Not a copy. */
  byte[] bytes() {
    return bytes;
  }

  /** Takes back what was written behind this size. */
  void truncate(int newSize) {
    size = newSize;
  }

  /** Makes room for so many bytes and gives the array they go to, see {@link #advance}. */
  byte[] reserve(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
    return bytes;
  }

  /** Counts bytes that were written into the {@link #reserve reserved} room. */
  void advance(int written) {
    size += written;
  }

  /** ASCII as it is. */
  JsonText raw(String ascii) {
    int length = ascii.length();
    byte[] target = reserve(length);
    int at = size;
    for (int i = 0; i < length; i++) {
      target[at + i] = (byte) ascii.charAt(i);
    }
    size += length;
    return this;
  }

  /** Bytes as they are. */
  JsonText raw(byte[] source) {
    return raw(source, 0, source.length);
  }

  JsonText raw(byte[] source, int from, int length) {
    System.arraycopy(source, from, reserve(length), size, length);
    size += length;
    return this;
  }

  /** Bytes of a mapped record as they are. */
  JsonText raw(ByteBuffer source, int from, int length) {
    source.get(from, reserve(length), size, length);
    size += length;
    return this;
  }

  JsonText raw(char ascii) {
    reserve(1)[size++] = (byte) ascii;
    return this;
  }

  JsonText bool(boolean value) {
    return raw(value ? "true" : "false");
  }

  /** A whole number. */
  JsonText number(long value) {
    if (value < 0) {
      if (value == Long.MIN_VALUE) {
        return raw("-9223372036854775808");
      }
      raw('-');
      return number(-value);
    }
    int digits = 1;
    for (long rest = value; rest >= 10; rest /= 10) {
      digits++;
    }
    byte[] target = reserve(digits);
    long rest = value;
    for (int i = size + digits - 1; i >= size; i--) {
      target[i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    size += digits;
    return this;
  }

  /** A string: quoted and escaped; {@code null} without quotes if it is null. */
  JsonText string(String text) {
    if (text == null) {
      return raw("null");
    }
    int length = text.length();
    byte[] target = reserve(length + 2);
    int at = size;
    target[at++] = '"';
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c < ' ' || c > 126 || c == '"' || c == '\\') {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        // A lone surrogate has become '?', so this is valid UTF-8 always.
        return quoted(utf8, 0, utf8.length);
      }
      target[at++] = (byte) c;
    }
    target[at++] = '"';
    size = at;
    return this;
  }

  /** A field's name and the colon; the name needs no escaping. */
  JsonText name(String ascii) {
    return raw('"').raw(ascii).raw("\":");
  }

  /** A comma, a field's name and the colon. */
  JsonText next(String ascii) {
    return raw(",\"").raw(ascii).raw("\":");
  }

  /** UTF-8 as a string: quoted and escaped. The bytes are known to be valid. */
  JsonText quoted(byte[] source, int from, int length) {
    byte[] target = reserve(length + 2);
    target[size++] = '"';
    int end = from + length;
    int plain = from;
    for (int i = from; i < end; i++) {
      byte b = source[i];
      if ((b >= 0 && b < ' ') || b == '"' || b == '\\') {
        raw(source, plain, i - plain);
        escape(b);
        plain = i + 1;
      }
    }
    raw(source, plain, end - plain);
    return raw('"');
  }

  /**
   * Bytes of a mapped record as a string if they are UTF-8.
   *
   * @return false if they are not; then nothing was written
   */
  boolean tryQuoted(ByteBuffer source, int from, int length) {
    byte[] target = reserve(length + 2);
    int at = size + 1;
    target[size] = '"';
    source.get(from, target, at, length);
    int end = at + length;
    int special = 0;
    for (int i = at; i < end; i++) {
      byte b = target[i];
      // Control characters and everything beyond ASCII are < ' ' as signed bytes.
      if (b < ' ' || b == '"' || b == '\\') {
        special = b < 0 ? 2 : Math.max(special, 1);
        if (special == 2) {
          break;
        }
      }
    }
    if (special == 0) {
      target[end] = '"';
      size = end + 1;
      return true;
    }
    byte[] copy = Arrays.copyOfRange(target, at, end);
    if (special == 2 && !isUtf8(copy, 0, length)) {
      return false;
    }
    quoted(copy, 0, length);
    return true;
  }

  /** Bytes of a mapped record as a base64 string. */
  JsonText base64(ByteBuffer source, int from, int length) {
    byte[] target = reserve((length + 2) / 3 * 4 + 2);
    int at = size;
    target[at++] = '"';
    int i = from;
    int end = from + length;
    for (; i + 2 < end; i += 3) {
      int three =
          (source.get(i) & 0xff) << 16 | (source.get(i + 1) & 0xff) << 8 | source.get(i + 2) & 0xff;
      target[at++] = BASE64[three >>> 18];
      target[at++] = BASE64[three >>> 12 & 63];
      target[at++] = BASE64[three >>> 6 & 63];
      target[at++] = BASE64[three & 63];
    }
    if (i < end) {
      boolean two = i + 1 < end;
      int rest = (source.get(i) & 0xff) << 16 | (two ? (source.get(i + 1) & 0xff) << 8 : 0);
      target[at++] = BASE64[rest >>> 18];
      target[at++] = BASE64[rest >>> 12 & 63];
      target[at++] = two ? BASE64[rest >>> 6 & 63] : (byte) '=';
      target[at++] = '=';
    }
    target[at++] = '"';
    size = at;
    return this;
  }

  /** A copy of what was written, as a buffer of its own. */
  Buffer toBuffer() {
    ByteBuf copy = VertxByteBufAllocator.DEFAULT.heapBuffer(Math.max(1, size));
    copy.writeBytes(bytes, 0, size);
    return BufferInternal.buffer(copy);
  }

  @Override
  public String toString() {
    return new String(bytes, 0, size, StandardCharsets.UTF_8);
  }

  /** Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7). */
  static boolean isUtf8(byte[] source, int from, int length) {
    int i = from;
    int end = from + length;
    while (i < end) {
      int b = source[i++];
      if (b >= 0) {
        continue;
      }
      int more;
      int low = 0x80;
      int high = 0xBF;
      int lead = b & 0xff;
      if (lead >= 0xC2 && lead <= 0xDF) {
        more = 1;
      } else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED ? 0x9F : 0xBF;
      } else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
      } else {
        return false;
      }
      for (; more > 0; more--) {
        int next = i < end ? source[i++] & 0xff : 0;
        if (next < low || next > high) {
          return false;
        }
        low = 0x80;
        high = 0xBF;
      }
    }
    return true;
  }

  private void escape(byte b) {
    raw('\\');
    switch (b) {
      case '"', '\\' -> raw((char) b);
      case '\n' -> raw('n');
      case '\r' -> raw('r');
      case '\t' -> raw('t');
      default -> raw("u00").raw((char) HEX[b >>> 4]).raw((char) HEX[b & 15]);
    }
  }
}
