package io.sluice.gateway;

import java.util.Arrays;

/**
 * Parts a stream of bytes into lines. A line inside one chunk is handed over in place; only one
 * that crosses chunks is copied. A line over the limit is passed over without keeping it. For one
 * thread.
 */
final class LineSplitter {

  /** Takes lines. */
  interface Lines {

    /** A line without its end; blank lines are not handed over but counted. */
    void line(long number, byte[] bytes, int from, int length);

    /** A line that was over the limit. */
    void tooLong(long number, long bytes);
  }

  private final int limit;
  private final Lines lines;
  private byte[] carry = new byte[0];
  private int carried;
  private long dropped;
  private long number = 1;

  /**
   * A splitter.
   *
   * @param limit most bytes of a line
   */
  LineSplitter(int limit, Lines lines) {
    this.limit = limit;
    this.lines = lines;
  }

  /** Takes the next bytes, which are not kept. */
  void take(byte[] bytes, int from, int length) {
    int end = from + length;
    int start = from;
    for (int i = from; i < end; i++) {
      if (bytes[i] == '\n') {
        finish(bytes, start, i - start);
        start = i + 1;
      }
    }
    keep(bytes, start, end - start);
  }

  /** The stream is over: what is left is a line too. */
  void end() {
    finish(carry, 0, 0);
    carry = new byte[0];
  }

  private void finish(byte[] bytes, int from, int length) {
    if (dropped > 0) {
      lines.tooLong(number, dropped + length);
      dropped = 0;
    } else if (carried > 0) {
      keep(bytes, from, length);
      if (dropped > 0) {
        lines.tooLong(number, dropped);
        dropped = 0;
      } else {
        int whole = carried;
        carried = 0;
        emit(carry, 0, whole);
      }
    } else if (length > limit) {
      lines.tooLong(number, length);
    } else {
      emit(bytes, from, length);
    }
    number++;
  }

  private void emit(byte[] bytes, int from, int length) {
    for (int i = from; i < from + length; i++) {
      if (bytes[i] > ' ' || bytes[i] < 0) {
        lines.line(number, bytes, from, length);
        return;
      }
    }
  }

  private void keep(byte[] bytes, int from, int length) {
    if (length == 0) {
      return;
    }
    if (dropped > 0 || carried + (long) length > limit) {
      dropped += carried + (long) length;
      carried = 0;
      return;
    }
    if (carried + length > carry.length) {
      carry = Arrays.copyOf(carry, Math.min(limit, Math.max(carry.length * 2, carried + length)));
    }
    System.arraycopy(bytes, from, carry, carried, length);
    carried += length;
  }
}
