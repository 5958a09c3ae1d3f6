package io.sluice.app.load;

import java.nio.charset.StandardCharsets;

/** Looks into frames without decoding them. */
final class Bytes {

  private static final byte[] MESSAGE = ascii("\"message");
  private static final byte[] SIZE = ascii("\"size\":");

  private Bytes() {}

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  static boolean contains(byte[] bytes, int from, int to, String word) {
    return indexOf(bytes, from, to, ascii(word)) >= 0;
  }

  /** Whether a frame's header is of type message or messages; the type stands in front. */
  static boolean isMessage(byte[] bytes, int from, int to) {
    return indexOf(bytes, from, Math.min(to, from + 32), MESSAGE) >= 0;
  }

  /** How many messages a binary frame carries: one, or as many as there are sizes in its header. */
  static int messages(byte[] bytes, int from, int to) {
    if (!isMessage(bytes, from, to)) {
      return 0;
    }
    int headerEnd = Payload.bodyOf(bytes, from);
    int count = 0;
    for (int at = indexOf(bytes, from, headerEnd, SIZE);
        at >= 0;
        at = indexOf(bytes, at + SIZE.length, headerEnd, SIZE)) {
      count++;
    }
    return Math.max(1, count);
  }

  private static int indexOf(byte[] bytes, int from, int to, byte[] word) {
    for (int i = from; i + word.length <= to; i++) {
      int j = 0;
      while (j < word.length && bytes[i + j] == word[j]) {
        j++;
      }
      if (j == word.length) {
        return i;
      }
    }
    return -1;
  }
}
