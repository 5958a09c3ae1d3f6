package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Base64;

/**
 * Where a reader is in a topic: the next offset of each queue. As text it is opaque to clients:
 * {@code p} and base64url of a version byte and, as varints, the number of queues and for each its
 * id and offset.
 *
 * @param queueIds the queues
 * @param queueOffsets for each the offset to read next
 */
record Position(int[] queueIds, long[] queueOffsets) {

  private static final int VERSION = 1;
  private static final char MARK = 'p';

  /** What a client may say: a word, a time or a position. One of the two is null. */
  record From(StartPosition start, Position position) {}

  /** Reads {@code latest}, {@code earliest}, a time or a position. */
  static From from(String name, String text) {
    switch (text) {
      case "latest" -> {
        return new From(StartPosition.LATEST, null);
      }
      case "earliest" -> {
        return new From(StartPosition.EARLIEST, null);
      }
      default -> {
        if (!text.isEmpty() && text.charAt(0) == MARK) {
          return new From(null, parse(text));
        }
        try {
          return new From(StartPosition.time(Fields.timeMs(name, text)), null);
        } catch (SluiceException e) {
          throw new SluiceException(
              ErrorCode.INVALID_ARGUMENT,
              name
                  + ": found '"
                  + text
                  + "', allowed are latest, earliest, a time (RFC 3339 or milliseconds) and a"
                  + " position that was given out");
        }
      }
    }
  }

  /** Reads a position that {@link #toText} wrote. */
  static Position parse(String text) {
    try {
      byte[] bytes = Base64.getUrlDecoder().decode(text.substring(1));
      ByteArrayInputStream in = new ByteArrayInputStream(bytes);
      int count = in.read() == VERSION ? (int) readVarint(in) : -1;
      if (text.charAt(0) == MARK && count >= 0 && count <= bytes.length) {
        int[] queueIds = new int[count];
        long[] queueOffsets = new long[count];
        for (int i = 0; i < count; i++) {
          queueIds[i] = (int) readVarint(in);
          queueOffsets[i] = readVarint(in);
        }
        if (in.read() < 0) {
          return new Position(queueIds, queueOffsets);
        }
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      // Said below.
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "the position '" + text + "' was not given out here; start at earliest, latest or a time");
  }

  /** The position as clients keep it. */
  String toText() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(2 + queueIds.length * 4);
    out.write(VERSION);
    writeVarint(out, queueIds.length);
    for (int i = 0; i < queueIds.length; i++) {
      writeVarint(out, queueIds[i]);
      writeVarint(out, queueOffsets[i]);
    }
    return MARK + Base64.getUrlEncoder().withoutPadding().encodeToString(out.toByteArray());
  }

  /** The same place, free to be moved on. */
  Position copy() {
    return new Position(queueIds.clone(), queueOffsets.clone());
  }

  /** Moves on past a message. */
  void passed(int queueId, long queueOffset) {
    for (int i = 0; i < queueIds.length; i++) {
      if (queueIds[i] == queueId) {
        queueOffsets[i] = queueOffset + 1;
        return;
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Position that
        && Arrays.equals(queueIds, that.queueIds)
        && Arrays.equals(queueOffsets, that.queueOffsets);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(queueIds) + Arrays.hashCode(queueOffsets);
  }

  @Override
  public String toString() {
    return toText();
  }

  private static void writeVarint(ByteArrayOutputStream out, long value) {
    long rest = value;
    while (rest > 127) {
      out.write((int) (rest & 127 | 128));
      rest >>>= 7;
    }
    out.write((int) rest);
  }

  private static long readVarint(ByteArrayInputStream in) {
    long value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      int next = in.read();
      if (next < 0) {
        throw new IllegalArgumentException("too short");
      }
      value |= (next & 127L) << shift;
      if (next < 128) {
        return value;
      }
    }
    throw new IllegalArgumentException("too long a number");
  }
}
