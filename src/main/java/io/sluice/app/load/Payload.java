package io.sluice.app.load;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bodies that carry their number in their first digits, so that a receiver knows which it has. */
final class Payload {

  private static final int DIGITS = 12;

  private Payload() {}

  /** A body of so many bytes, at least as many as the digits. */
  static byte[] of(int size) {
    byte[] body = new byte[Math.max(DIGITS, size)];
    Arrays.fill(body, (byte) 'x');
    number(body, 0, 0);
    return body;
  }

  static String text(int size) {
    return new String(of(size), StandardCharsets.US_ASCII);
  }

  /** Writes the number of a body that starts at this place. */
  static void number(byte[] bytes, int from, long number) {
    long rest = number;
    for (int i = from + DIGITS - 1; i >= from; i--) {
      bytes[i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
  }

  /** Reads the number of the body that starts at this place. */
  static long number(byte[] bytes, int from) {
    long number = 0;
    for (int i = from; i < from + DIGITS; i++) {
      number = number * 10 + bytes[i] - '0';
    }
    return number;
  }

  /** Start of the body in a frame of {@code sluice.v1.bin}. */
  static int bodyOf(byte[] bytes, int from) {
    return from
        + 4
        + ((bytes[from] & 0xFF) << 24
            | (bytes[from + 1] & 0xFF) << 16
            | (bytes[from + 2] & 0xFF) << 8
            | bytes[from + 3] & 0xFF);
  }
}
