package io.sluice.broker;

import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.store.FileAccess;
import io.sluice.store.StoreFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The commit log in a directory that RocketMQ wrote, read-only. Blocking; one thread.
 *
 * <p>Source of the layout: Apache RocketMQ 5.5.0, CommitLog and MappedFileQueue.
 */
final class RocketMqStore implements AutoCloseable {

  /** A file of the log, up to the end of its last record or filler. */
  record Segment(Path file, long start, ByteBuffer bytes, int end) {}

  private static final String FILE_NAME = "\\d{20}";

  private final Path directory;
  private final List<Segment> segments = new ArrayList<>();
  private final boolean own;
  private final List<Runnable> unmaps = new ArrayList<>();
  private FileChannel lockChannel;
  private FileLock lock;

  private RocketMqStore(Path directory, boolean own) {
    this.directory = directory;
    this.own = own;
  }

  /** Whether a directory looks like one that RocketMQ wrote. */
  static boolean isOne(Path directory) {
    return Files.isDirectory(directory.resolve("commitlog"))
        && !Files.exists(directory.resolve("version"))
        && (Files.isDirectory(directory.resolve("consumequeue"))
            || Files.isDirectory(directory.resolve("config")));
  }

  /**
   * Opens the log and finds its end.
   *
   * @param records hears of each record, in order; the view is used again
   * @throws IOException if it can not be read, is in use, or is damaged before its end
   */
  static RocketMqStore open(Path directory, Consumer<MessageView> records) throws IOException {
    if (!isOne(directory)) {
      throw new IOException(
          directory
              + " is no store of RocketMQ: there should be the directories commitlog and config;"
              + " name its storePathRootDir");
    }
    RocketMqStore store = new RocketMqStore(directory, false);
    try {
      store.lock();
      store.scan(records);
      return store;
    } catch (IOException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  /** As {@link #open}, of a log that was copied into a data directory of ours and is closed. */
  static RocketMqStore copied(Path directory, Consumer<MessageView> records) throws IOException {
    RocketMqStore store = new RocketMqStore(directory, true);
    try {
      store.scan(records);
      return store;
    } catch (IOException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  /** Behind the last record or filler; 0 if there is none. */
  long end() {
    if (segments.isEmpty()) {
      return 0;
    }
    Segment last = segments.get(segments.size() - 1);
    return last.start + last.end;
  }

  List<Segment> segments() {
    return segments;
  }

  /** The record that starts at a physical offset of the log. */
  MessageView record(long physicalOffset, MessageView view) {
    for (Segment segment : segments) {
      if (physicalOffset >= segment.start && physicalOffset < segment.start + segment.end) {
        return view.wrap(segment.bytes, (int) (physicalOffset - segment.start));
      }
    }
    throw new IllegalArgumentException("no record starts at " + physicalOffset);
  }

  @Override
  public void close() {
    unmaps.forEach(Runnable::run);
    unmaps.clear();
    try {
      if (lock != null) {
        lock.release();
      }
      if (lockChannel != null) {
        lockChannel.close();
      }
    } catch (IOException e) {
      // It was only read; the end of the process gives the lock back.
    }
  }

  /** RocketMQ's Broker holds this lock while it runs. */
  private void lock() throws IOException {
    Path file = directory.resolve("lock");
    if (!Files.isWritable(file)) {
      return;
    }
    lockChannel = FileChannel.open(file, StandardOpenOption.WRITE);
    try {
      lock = lockChannel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      throw new IOException(directory + " is in use by a running Broker; stop that one first");
    }
  }

  private void scan(Consumer<MessageView> records) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(directory.resolve("commitlog"))) {
      files =
          all.filter(file -> file.getFileName().toString().matches(FILE_NAME)).sorted().toList();
    }
    MessageView view = new MessageView();
    boolean ended = false;
    for (Path file : files) {
      ByteBuffer bytes = map(file);
      long start = Long.parseLong(file.getFileName().toString());
      if (ended) {
        checkEmpty(file, bytes, start);
        continue;
      }
      checkFollows(file, start);
      int at = 0;
      while (true) {
        int size = MessageView.wholeRecordBytes(bytes, at, bytes.limit(), start + at);
        if (size == 0) {
          break;
        }
        records.accept(view.wrap(bytes, at));
        at += size;
      }
      ended = !isFiller(bytes, at);
      if (at > 0) {
        segments.add(new Segment(file, start, bytes, ended ? at : bytes.limit()));
      }
    }
  }

  private void checkFollows(Path file, long start) throws IOException {
    if (!segments.isEmpty()) {
      Segment last = segments.get(segments.size() - 1);
      if (last.start + last.end != start) {
        throw new IOException(
            "the commit log has a gap: "
                + last.file
                + " ends at physical offset "
                + (last.start + last.end)
                + " and the next file is "
                + file);
      }
    }
  }

  /** RocketMQ makes files ahead; one behind the end with a record in it means damage before. */
  private void checkEmpty(Path file, ByteBuffer bytes, long start) throws IOException {
    if (MessageView.wholeRecordBytes(bytes, 0, bytes.limit(), start) > 0) {
      Segment last = segments.isEmpty() ? null : segments.get(segments.size() - 1);
      throw new IOException(
          "the commit log is damaged: "
              + (last == null
                  ? "its first file has no whole record"
                  : "behind physical offset "
                      + (last.start + last.end)
                      + " in "
                      + last.file
                      + " there is no whole record")
              + ", but "
              + file
              + " begins with one; let RocketMQ recover it, or move the files behind the damage"
              + " elsewhere");
    }
  }

  private ByteBuffer map(Path file) throws IOException {
    if (own) {
      // Given back at once: the Broker that is started next deletes such files.
      try (StoreFile opened = FileAccess.system().open(file)) {
        ByteBuffer bytes = opened.map((int) opened.size());
        unmaps.add(() -> opened.unmap(bytes));
        return bytes;
      }
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
    }
  }

  private static boolean isFiller(ByteBuffer buffer, int at) {
    int left = buffer.limit() - at;
    return left == 0
        || left >= MessageLayout.FILLER_BYTES
            && buffer.getInt(at) == left
            && buffer.getInt(at + 4) == MessageLayout.MAGIC_FILLER;
  }
}
