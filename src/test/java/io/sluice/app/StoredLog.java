package io.sluice.app;

import io.sluice.app.ClientHistory.Place;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A Broker's log and its epochs as they lie in the files, read while the Broker may go on behind
 * the end that is asked for.
 */
final class StoredLog {

  private final Path data;
  private final int segmentBytes;
  private final TreeMap<Long, Path> segments = new TreeMap<>();

  /** From here on the log is of this epoch, until the next one begins. */
  record Epoch(long number, long start) {}

  /**
   * The log in a data directory.
   *
   * @param segmentBytes of all segments
   */
  StoredLog(Path data, int segmentBytes) throws IOException {
    this.data = data;
    this.segmentBytes = segmentBytes;
    try (var files = Files.list(data.resolve("commitlog"))) {
      files
          .filter(file -> file.getFileName().toString().matches("[0-9]{20}"))
          .forEach(file -> segments.put(Long.parseLong(file.getFileName().toString()), file));
    }
  }

  /** Its first byte. */
  long begin() {
    return segments.isEmpty() ? 0 : segments.firstKey();
  }

  /**
   * Looks whether another one has all that this one has.
   *
   * @param to exclusive
   * @throws AssertionError if it lacks a byte, or has another one; it may have more in front
   */
  void compare(StoredLog copy, long to) throws IOException {
    compare(copy, begin(), to);
  }

  /**
   * As the other, where a full disk may have made the other one give up its oldest segments: from
   * the first on that it has. It has one at least.
   */
  void compareWhatIsKept(StoredLog copy, long to) throws IOException {
    compare(
        copy, Math.min(Math.max(begin(), copy.begin()), to - 1) / segmentBytes * segmentBytes, to);
  }

  private void compare(StoredLog copy, long from, long to) throws IOException {
    for (long start = from; start < to; start += segmentBytes) {
      int count = (int) Math.min(segmentBytes, to - start);
      int mismatch = read(start, count).mismatch(copy.read(start, count));
      if (mismatch >= 0) {
        throw new AssertionError(
            copy.data + " is not as " + data + " at physical offset " + (start + mismatch));
      }
    }
  }

  private ByteBuffer read(long start, int count) throws IOException {
    Path file = segments.get(start);
    if (file == null) {
      throw new AssertionError(
          data + " has no segment " + start + ", only " + segments.keySet() + " of the log");
    }
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer bytes = ByteBuffer.allocate(count);
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
        // A read may give less.
      }
      if (bytes.hasRemaining()) {
        throw new AssertionError(file + " ends after " + bytes.position() + " bytes of " + count);
      }
      return bytes.flip();
    }
  }

  /**
   * Physical offsets of a topic's messages.
   *
   * @param to where a record ends
   */
  Map<Place, Long> places(String topic, long to) throws IOException {
    Map<Place, Long> places = new HashMap<>();
    MessageView view = new MessageView();
    for (long start = begin(); start < to; start += segmentBytes) {
      ByteBuffer bytes = read(start, (int) Math.min(segmentBytes, to - start));
      int at = 0;
      while (bytes.limit() - at >= MessageLayout.FILLER_BYTES
          && bytes.getInt(at + MessageLayout.MAGIC) != MessageLayout.MAGIC_FILLER) {
        int size = MessageView.wholeRecordBytes(bytes, at, bytes.limit(), start + at);
        if (size == 0) {
          throw new AssertionError(data + " has no record at physical offset " + (start + at));
        }
        view.wrap(bytes, at);
        if (view.topic().equals(topic)) {
          places.put(new Place(view.queueId(), view.queueOffset()), start + at);
        }
        at += size;
      }
    }
    return places;
  }

  /** Its epochs, the oldest first; those in which nothing was written are not all there. */
  List<Epoch> epochs() throws IOException {
    List<Epoch> epochs = new ArrayList<>();
    for (String line : Files.readAllLines(data.resolve("epochs"))) {
      String[] words = line.split(" ");
      epochs.add(new Epoch(Long.parseLong(words[0]), Long.parseLong(words[1])));
    }
    return epochs;
  }
}
