package io.sluice.broker;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads what {@link ByteWriter} wrote. Absolute access: the buffer is not changed. Anything that
 * does not fit is an IllegalArgumentException. For one thread.
 */
final class ByteReader {

  private final ByteBuffer buffer;
  private final int end;
  private int at;

  /** Reads from {@code start}, inclusive, to {@code end}, exclusive. */
  ByteReader(ByteBuffer buffer, int start, int end) {
    this.buffer = buffer;
    this.end = end;
    at = start;
  }

  boolean atEnd() {
    return at >= end;
  }

  int readByte() {
    if (at >= end) {
      throw new IllegalArgumentException("the state ends in the middle of a change");
    }
    return buffer.get(at++) & 0xff;
  }

  long readNumber() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int next = readByte();
      value |= (long) (next & 0x7f) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number of the state is longer than 10 bytes");
  }

  int readInt() {
    return (int) readNumber();
  }

  /** A number of things that follow, each of at least one byte. */
  int readCount() {
    long count = readNumber();
    if (count < 0 || count > end - at) {
      throw new IllegalArgumentException(
          "the state announces " + count + " items, but has only " + (end - at) + " bytes left");
    }
    return (int) count;
  }

  boolean readFlag() {
    return readByte() != 0;
  }

  String readText() {
    byte[] utf8 = new byte[readCount()];
    buffer.get(at, utf8);
    at += utf8.length;
    return new String(utf8, StandardCharsets.UTF_8);
  }
}
