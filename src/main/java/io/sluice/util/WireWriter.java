package io.sluice.util;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes values to an array that grows, for another process: big-endian, of fixed width; {@link
 * WireReader} reads them back. For one thread.
 */
public final class WireWriter {

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private byte[] bytes;
  private int size;

  /**
   * Nothing written yet.
   *
   * @param capacityBytes room at the start, in bytes
   */
  public WireWriter(int capacityBytes) {
    bytes = new byte[capacityBytes];
  }

  public int size() {
    return size;
  }

  /** What was written, from 0 to {@link #size}. Not a copy. */
  public byte[] bytes() {
    return bytes;
  }

  /** Writes the lowest 8 bits. */
  public void writeByte(int value) {
    ensure(1);
    bytes[size++] = (byte) value;
  }

  public void writeInt(int value) {
    ensure(4);
    INT.set(bytes, size, value);
    size += 4;
  }

  public void writeLong(long value) {
    ensure(8);
    LONG.set(bytes, size, value);
    size += 8;
  }

  /** Writes a text or null. */
  public void writeText(String text) {
    writeBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes an array and its length, or null. */
  public void writeBytes(byte[] value) {
    if (value == null) {
      writeInt(-1);
      return;
    }
    writeInt(value.length);
    writeRaw(value, 0, value.length);
  }

  /** Writes bytes without their number. */
  public void writeRaw(byte[] value, int start, int length) {
    ensure(length);
    System.arraycopy(value, start, bytes, size, length);
    size += length;
  }

  /** Writes bytes without their number, from an absolute position; the buffer stays as it is. */
  public void writeRaw(ByteBuffer value, int start, int length) {
    ensure(length);
    value.get(start, bytes, size, length);
    size += length;
  }

  /** Leaves room for the length of what follows; {@link #endLength} fills it in. */
  public int beginLength() {
    writeInt(0);
    return size;
  }

  /** Fills in how much was written since {@link #beginLength} gave {@code start}. */
  public void endLength(int start) {
    INT.set(bytes, start - 4, size - start);
  }

  private void ensure(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, Math.addExact(size, more)));
    }
  }
}
