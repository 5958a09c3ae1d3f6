package io.sluice.app.load;

import java.util.Arrays;

/** Bytes that came in and are not yet understood; grows to the largest message. One thread. */
final class Inbound {

  private byte[] bytes = new byte[512];
  private int end;

  byte[] bytes() {
    return bytes;
  }

  /** End of what is in, exclusive; new bytes are put here. */
  int end() {
    return end;
  }

  /** The array, with room for so many bytes behind {@link #end}. */
  byte[] room(int count) {
    if (bytes.length - end < count) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, end + count));
    }
    return bytes;
  }

  /** So many bytes were put into the room. */
  void add(int count) {
    end += count;
  }

  /** Forgets everything before this place. */
  void consume(int upTo) {
    System.arraycopy(bytes, upTo, bytes, 0, end - upTo);
    end -= upTo;
  }
}
