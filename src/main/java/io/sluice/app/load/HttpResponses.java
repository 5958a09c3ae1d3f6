package io.sluice.app.load;

import java.nio.charset.StandardCharsets;

/**
 * Cuts a stream of bytes into HTTP/1.1 responses. As little work as can be, so that the load costs
 * less than what it measures: only status, length and body are looked at. One thread.
 */
final class HttpResponses {

  /** Hears of each response, in order. */
  interface Listener {

    /**
     * One response is whole.
     *
     * @param bytes holds the body during the call
     * @param from first byte of the body
     * @param to end of the body, exclusive
     */
    void onResponse(int status, byte[] bytes, int from, int to);
  }

  private static final byte[] LENGTH = "content-length:".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CHUNKED =
      "transfer-encoding: chunked".getBytes(StandardCharsets.US_ASCII);

  private final Listener listener;
  // Set for the time of one parse.
  private byte[] bytes;
  private int end;

  HttpResponses(Listener listener) {
    this.listener = listener;
  }

  /** Tells of every response that is whole now. */
  void parse(Inbound in) {
    bytes = in.bytes();
    end = in.end();
    int from = 0;
    while (from < end) {
      int next = tryResponse(from);
      if (next < 0) {
        break;
      }
      from = next;
    }
    in.consume(from);
  }

  private int tryResponse(int from) {
    int headEnd = endOfHead(from);
    if (headEnd < 0) {
      return -1;
    }
    int status =
        (bytes[from + 9] - '0') * 100 + (bytes[from + 10] - '0') * 10 + bytes[from + 11] - '0';
    int at = find(LENGTH, from, headEnd);
    if (at >= 0) {
      int bodyEnd = headEnd + number(at + LENGTH.length);
      if (bodyEnd > end) {
        return -1;
      }
      listener.onResponse(status, bytes, headEnd, bodyEnd);
      return bodyEnd;
    }
    if (find(CHUNKED, from, headEnd) >= 0) {
      return tryChunks(status, headEnd);
    }
    listener.onResponse(status, bytes, headEnd, headEnd);
    return headEnd;
  }

  /** Puts the chunks together in front of the head's end, once the last one has come. */
  private int tryChunks(int status, int headEnd) {
    byte[] body = new byte[Math.max(0, end - headEnd)];
    int length = 0;
    int at = headEnd;
    while (true) {
      int lineEnd = at;
      while (lineEnd < end && bytes[lineEnd] != '\n') {
        lineEnd++;
      }
      if (lineEnd >= end) {
        return -1;
      }
      String size = new String(bytes, at, lineEnd - at, StandardCharsets.US_ASCII).trim();
      int chunk = Integer.parseInt(size, 16);
      int next = lineEnd + 1 + chunk + 2;
      if (next > end) {
        return -1;
      }
      if (chunk == 0) {
        listener.onResponse(status, body, 0, length);
        return next;
      }
      System.arraycopy(bytes, lineEnd + 1, body, length, chunk);
      length += chunk;
      at = next;
    }
  }

  private int endOfHead(int from) {
    for (int i = from + 3; i < end; i++) {
      if (bytes[i] == '\n' && bytes[i - 1] == '\r' && bytes[i - 2] == '\n') {
        return i + 1;
      }
    }
    return -1;
  }

  private int find(byte[] word, int from, int to) {
    for (int i = from; i + word.length <= to; i++) {
      int j = 0;
      while (j < word.length && lower(bytes[i + j]) == word[j]) {
        j++;
      }
      if (j == word.length) {
        return i;
      }
    }
    return -1;
  }

  private static int lower(byte b) {
    return b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
  }

  private int number(int at) {
    int i = at;
    while (bytes[i] == ' ') {
      i++;
    }
    int value = 0;
    for (; bytes[i] >= '0' && bytes[i] <= '9'; i++) {
      value = value * 10 + bytes[i] - '0';
    }
    return value;
  }
}
