package io.sluice.store;

import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Looks at, and cuts off, what lies behind the end of the log. During recovery only. */
final class LogSearch {

  private static final int COPY_BYTES = 1 << 20;

  /** Zeros are skipped so many at a time. */
  private static final int STRIDE = 128;

  private final FileSpace log;

  LogSearch(FileSpace log) {
    this.log = log;
  }

  /**
   * Looks byte by byte for a valid record whose physical offset is its place.
   *
   * @param from place to look behind
   * @param to end of the search, exclusive
   * @return its physical offset, or -1 if there is none
   */
  long firstValidBehind(long from, long to) {
    for (SpaceFile segment : log.files()) {
      if (segment.end() > from && segment.start < to) {
        ByteBuffer buffer = segment.buffer();
        int limit = (int) (Math.min(to, segment.end()) - segment.start);
        int at = (int) Math.max(0, from + 1 - segment.start);
        while (at < limit) {
          if (at + STRIDE <= limit && isZero(buffer, at)) {
            // A record's magic begins behind four bytes of size: none starts where it would be
            // zero.
            at += STRIDE - MessageLayout.MAGIC;
          } else if (isValid(segment, buffer, at)) {
            return segment.start + at;
          } else {
            at++;
          }
        }
      }
    }
    return -1;
  }

  private static boolean isZero(ByteBuffer buffer, int at) {
    long bits = 0;
    for (int i = 0; i < STRIDE; i += 8) {
      bits |= buffer.getLong(at + i);
    }
    return bits == 0;
  }

  private static boolean isValid(SpaceFile segment, ByteBuffer buffer, int at) {
    return at + MessageLayout.MIN_RECORD_BYTES <= segment.bytes
        && MessageLayout.isMessageMagic(buffer.getInt(at + MessageLayout.MAGIC))
        && MessageView.wholeRecordBytes(buffer, at, segment.bytes, segment.start + at) > 0;
  }

  /** The last place at or behind another that is not zero, or -1. */
  long lastNonZero(long from, long to) {
    SpaceFile[] segments = log.files();
    for (int i = segments.length - 1; i >= 0; i--) {
      SpaceFile segment = segments[i];
      if (segment.end() > from && segment.start < to) {
        ByteBuffer buffer = segment.buffer();
        int begin = (int) Math.max(0, from - segment.start);
        int at = (int) (Math.min(to, segment.end()) - segment.start) - 1;
        while (at >= begin) {
          if (at + 1 - STRIDE >= begin && isZero(buffer, at + 1 - STRIDE)) {
            at -= STRIDE;
          } else if (buffer.get(at) != 0) {
            return segment.start + at;
          } else {
            at--;
          }
        }
      }
    }
    return -1;
  }

  /**
   * Cuts the log: what lies behind the place becomes zeros, durably, from the end on, so that a
   * crash half-way leaves the same decision to the next start.
   *
   * @param keep whether what is cut is kept in {@code lost/<place>} first
   * @return how many bytes were cut
   */
  long cut(StoreFiles files, long place, boolean keep) throws IOException {
    long last = lastNonZero(place, Long.MAX_VALUE);
    if (last < 0) {
      return 0;
    }
    if (keep) {
      keep(files, place, last + 1);
    }
    for (SpaceFile segment : log.removeFrom(place + 1)) {
      segment.retire(true);
    }
    log.forceDirectory();
    SpaceFile segment = log.find(place);
    if (segment != null) {
      ByteBuffer buffer = segment.buffer();
      int end = (int) Math.min(segment.bytes, last + 1 - segment.start);
      for (int at = end - 1; at >= place - segment.start; at--) {
        if (buffer.get(at) != 0) {
          buffer.put(at, (byte) 0);
        }
      }
      int begin = (int) (place - segment.start);
      segment.force(begin, segment.bytes - begin);
    }
    return last + 1 - place;
  }

  private void keep(StoreFiles files, long from, long to) throws IOException {
    files.access.createDirectories(files.lostDirectory());
    Path path = files.lostDirectory().resolve(FileSpace.name(from));
    try (StoreFile out = files.access.open(path)) {
      out.setSize(0);
      for (SpaceFile segment : log.files()) {
        long begin = Math.max(from, segment.start);
        long end = Math.min(to, segment.end());
        for (long at = begin; at < end; at += COPY_BYTES) {
          int count = (int) Math.min(COPY_BYTES, end - at);
          out.write(segment.buffer().slice((int) (at - segment.start), count), at - from);
        }
      }
      out.force();
    }
    files.access.forceDirectory(files.lostDirectory());
  }
}
