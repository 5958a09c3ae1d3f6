package io.sluice.broker;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes numbers in as few bytes as they need, and texts, to an array that grows. For one thread.
 */
final class ByteWriter {

  private byte[] bytes;
  private int size;

  ByteWriter(int capacityBytes) {
    bytes = new byte[capacityBytes];
  }

  int size() {
    return size;
  }

  /** What was written, from 0 to {@link #size}. Not a copy. */
  byte[] bytes() {
    return bytes;
  }

  ByteWriter clear() {
    size = 0;
    return this;
  }

  void writeByte(int value) {
    ensure(1);
    bytes[size++] = (byte) value;
  }

  /** Writes 1 to 10 bytes; numbers from 0 up are short, negative ones take 10 bytes. */
  void writeNumber(long value) {
    ensure(10);
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
  }

  void writeText(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    writeNumber(utf8.length);
    ensure(utf8.length);
    System.arraycopy(utf8, 0, bytes, size, utf8.length);
    size += utf8.length;
  }

  private void ensure(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
  }
}
