package io.sluice.util;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads what {@link WireWriter} wrote. Trusts nothing: whatever does not fit into the bytes that
 * are there is a {@link WireException}, and nothing is allocated beyond them. For one thread.
 */
public final class WireReader {

  private final byte[] bytes;
  private final ByteBuffer view;
  private int at;
  private int limit;

  /** Reads the whole array. What is read may share it. */
  public WireReader(byte[] bytes) {
    this.bytes = bytes;
    view = ByteBuffer.wrap(bytes);
    limit = bytes.length;
  }

  public boolean atEnd() {
    return at >= limit;
  }

  /** Bytes that are left. */
  public int remaining() {
    return limit - at;
  }

  /** From 0 to 255. */
  public int readByte() {
    return view.get(take(1)) & 0xff;
  }

  public int readInt() {
    return view.getInt(take(4));
  }

  public long readLong() {
    return view.getLong(take(8));
  }

  /** Reads a text or null. */
  public String readText() {
    int length = readLength();
    return length < 0 ? null : new String(bytes, take(length), length, StandardCharsets.UTF_8);
  }

  /** Reads an array of bytes or null. */
  public byte[] readBytes() {
    int length = readLength();
    return length < 0 ? null : readRaw(length);
  }

  /** Reads so many bytes. */
  public byte[] readRaw(int length) {
    byte[] value = new byte[length];
    System.arraycopy(bytes, take(length), value, 0, length);
    return value;
  }

  /** Passes over so many bytes without a copy: they are in {@link #shared} from the result on. */
  public int skip(int length) {
    return take(length);
  }

  /** All the bytes, not a copy; use absolute access only. */
  public ByteBuffer shared() {
    return view;
  }

  /** A length in bytes, -1 for null; what it announces is there. */
  public int readLength() {
    int length = readInt();
    if (length < -1 || length > remaining()) {
      throw new WireException(
          "at byte " + (at - 4) + ": " + length + " bytes are announced, " + remaining() + " left");
    }
    return length;
  }

  /**
   * A number of things, -1 for null.
   *
   * @param minBytes the least that each of them takes, 1 or more
   */
  public int readCount(int minBytes) {
    int count = readInt();
    if (count < -1 || count > remaining() / minBytes) {
      throw new WireException(
          "at byte " + (at - 4) + ": " + count + " are announced, " + remaining() + " bytes left");
    }
    return count;
  }

  /** Bounds reading to the next so many bytes; {@link #leave} with the result undoes it. */
  public int enter(int length) {
    int outer = limit;
    limit = at + length;
    return outer;
  }

  /** Passes over what was not read since {@link #enter}, such as fields of a newer version. */
  public void leave(int outer) {
    at = limit;
    limit = outer;
  }

  private int take(int length) {
    if (length < 0 || length > limit - at) {
      throw new WireException(
          "at byte " + at + ": " + length + " bytes are needed, " + (limit - at) + " left");
    }
    int start = at;
    at += length;
    return start;
  }
}
