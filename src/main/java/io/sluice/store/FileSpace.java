package io.sluice.store;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * A growing space of bytes, kept in files of one size that are named by their first address. The
 * commit log, the queues' chunks, the queue directory and the key index each have one.
 *
 * <p>Bytes are prepared ahead of their use: a worker writes zeros through the file, so that there
 * is room on the disk for them, and touches each page of the mapping, so that the writer never
 * waits for a fault (16 GB/s against 0.4 to 2.7 GB/s). The writer stays before {@link #preparedTo},
 * which is why a full disk can not become a fault in mapped memory. How far ahead follows the speed
 * of the writer.
 *
 * <p>Threads: the owner writes the space and calls {@link #use}; one preparer calls {@link
 * #prepareStep}; anyone may read. The list of files is an immutable snapshot, replaced under this
 * object's lock.
 *
 * <p>After a crash what lies behind the used part may be anything; it is zeroed again before it is
 * used.
 */
final class FileSpace {

  private static final int PAGE_BYTES = 4096;
  private static final int NAME_LENGTH = 20;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(256 << 10);

  /** Prepared at most so far ahead: 0.15 s of the fastest writer measured. */
  private static final long MAX_WINDOW_BYTES = 64L << 20;

  /** The window holds what the writer wrote in so much time, to outlast a stall of the disk. */
  private static final long WINDOW_NS = 250_000_000L;

  /** So long after somebody waited for a force the prepared part is forced ahead. */
  private static final long PLACE_NS = 10_000_000_000L;

  private static final VarHandle USED_TO;

  static {
    try {
      USED_TO = MethodHandles.lookup().findVarHandle(FileSpace.class, "usedTo", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final FileAccess access;
  private final StoreThreads threads;
  private final Path directory;
  private final int fileBytes;
  private final long reserveBytes;
  private final long minWindowBytes;
  private final int stepBytes;
  private final LongConsumer beforeUse;

  private volatile SpaceFile[] files = new SpaceFile[0];
  private volatile long preparedTo;
  private volatile long usedTo;
  private volatile long signalAt;
  private volatile long wantedBytes;
  private volatile long wantedAt;
  private volatile Runnable signal = () -> {};

  private volatile long placeUntilNs;

  // Preparer only.
  private long placedTo;
  private long windowBytes;
  private long lastUsedTo;
  private long lastLookNs;

  /**
   * A space; nothing is opened yet.
   *
   * @param fileBytes size of new files
   * @param reserveBytes prepared on top of the window, for whoever may use the reserve
   * @param windowBytes prepared ahead at least
   * @param beforeUse told of a new end of the prepared part before anyone may write up to it
   */
  FileSpace(
      FileAccess access,
      StoreThreads threads,
      Path directory,
      int fileBytes,
      long reserveBytes,
      long windowBytes,
      LongConsumer beforeUse) {
    this.access = access;
    this.threads = threads;
    placeUntilNs = threads.nowNs();
    this.directory = directory;
    this.fileBytes = fileBytes;
    this.reserveBytes = reserveBytes;
    minWindowBytes = windowBytes;
    this.windowBytes = windowBytes;
    this.beforeUse = beforeUse;
    stepBytes = (int) Math.max(PAGE_BYTES, Math.min(windowBytes / 2, 4 << 20));
  }

  /**
   * Finds the files that are there. They must follow each other; who cares checks {@link #files}.
   */
  void open() throws IOException {
    access.createDirectories(directory);
    List<SpaceFile> found = new ArrayList<>();
    for (Path path : access.list(directory)) {
      long start = addressOf(path);
      if (start >= 0) {
        found.add(new SpaceFile(access, path, start, sizeOf(path)));
      }
    }
    files = found.toArray(SpaceFile[]::new);
  }

  /** Starts the use of the space at this address: everything from there on is prepared anew. */
  void startAt(long address) {
    startAt(address, address);
  }

  /**
   * Starts the use of the space.
   *
   * @param address the next to be used
   * @param prepareFrom from here on everything is prepared anew; not behind the first
   */
  void startAt(long address, long prepareFrom) {
    usedTo = address;
    preparedTo = prepareFrom;
    lastUsedTo = address;
    lastLookNs = threads.nowNs();
    signalAt = address;
  }

  void onShortage(Runnable action) {
    signal = action;
  }

  Path directory() {
    return directory;
  }

  int fileBytes() {
    return fileBytes;
  }

  SpaceFile[] files() {
    return files;
  }

  /** The file with this address, or null if there is none. */
  SpaceFile find(long address) {
    SpaceFile[] now = files;
    int low = 0;
    int high = now.length - 1;
    if (high < 0) {
      return null;
    }
    if (address >= now[high].start) {
      return address < now[high].end() ? now[high] : null;
    }
    while (low <= high) {
      int middle = (low + high) >>> 1;
      SpaceFile file = now[middle];
      if (address < file.start) {
        high = middle - 1;
      } else if (address >= file.end()) {
        low = middle + 1;
      } else {
        return file;
      }
    }
    return null;
  }

  /** The end of what may be written, exclusive, the reserve included. */
  long preparedTo() {
    return preparedTo;
  }

  /** The end of what may be written. */
  long limit(boolean withReserve) {
    return withReserve ? preparedTo : preparedTo - reserveBytes;
  }

  long usedTo() {
    return usedTo;
  }

  /** The owner has used everything before this address. */
  void use(long address) {
    USED_TO.setRelease(this, address);
    if (address >= signalAt) {
      signalAt = Long.MAX_VALUE;
      signal.run();
    }
  }

  /** The owner needs so many bytes at once; the window grows to hold them. */
  void want(long bytes) {
    if (bytes > wantedBytes) {
      wantedBytes = bytes;
    }
    wantedAt = usedTo;
    signal.run();
  }

  /**
   * Prepares one step more, if the window asks for it.
   *
   * @return whether it did
   */
  boolean prepareStep() throws IOException {
    long target = target();
    long from = preparedTo;
    if (from >= target) {
      signalAt = from - reserveBytes - windowBytes / 2;
      return false;
    }
    SpaceFile file = find(from);
    if (file == null) {
      file = create(from);
    }
    int position = (int) (from - file.start);
    int count = Math.min(stepBytes, file.bytes - position);
    zero(file, position, count);
    if (placedTo == from && placesAhead()) {
      file.force(position, count);
      placedTo = from + count;
    }
    touch(file.buffer(), position, count);
    beforeUse.accept(from + count);
    preparedTo = from + count;
    return true;
  }

  /**
   * Forces one step of what was prepared before anybody waited for forces.
   *
   * @return whether there was something to do
   */
  boolean placeStep() throws IOException {
    // The page that is being written to may be left out: it is forced with what is in it.
    long from = Math.max(placedTo, (usedTo & -PAGE_BYTES) + PAGE_BYTES);
    SpaceFile file = from < preparedTo && placesAhead() ? find(from) : null;
    if (file == null) {
      return false;
    }
    int position = (int) (from - file.start);
    int count = (int) Math.min(stepBytes, Math.min(preparedTo, file.end()) - from);
    file.force(position, count);
    placedTo = from + count;
    return true;
  }

  /**
   * Somebody waits for forces of what is written here: for the next seconds what is prepared is
   * also forced ahead. Its blocks have their place on the disk then, and a force writes over them
   * without a commit of the file system's journal (60 KiB: 1.4 instead of 3.8 ms on a busy
   * machine). Who never waits for the disk is not slowed down by it.
   */
  void placeAhead() {
    long nowNs = threads.nowNs();
    if (placeUntilNs - nowNs < PLACE_NS / 2) {
      placeUntilNs = nowNs + PLACE_NS;
      signal.run();
    }
  }

  /** Not when the writer is close behind: then room comes first. */
  private boolean placesAhead() {
    return placeUntilNs - threads.nowNs() > 0
        && preparedTo - reserveBytes - usedTo >= windowBytes / 2;
  }

  /** Prepares until the owner can use so many bytes, on the calling thread: for recovery. */
  void prepareFor(long bytes) throws IOException {
    wantedBytes = Math.max(wantedBytes, bytes);
    wantedAt = usedTo;
    while (preparedTo < usedTo + bytes) {
      prepareStep();
    }
  }

  /** Ends the use of files that lie before this address as a whole; the first address kept. */
  List<SpaceFile> removeBefore(long address) {
    List<SpaceFile> removed = new ArrayList<>();
    synchronized (this) {
      SpaceFile[] now = files;
      int first = 0;
      while (first < now.length && now[first].end() <= address) {
        removed.add(now[first++]);
      }
      files = Arrays.copyOfRange(now, first, now.length);
    }
    return removed;
  }

  /** Ends the use of the files that start at this address or later. */
  List<SpaceFile> removeFrom(long address) {
    List<SpaceFile> removed = new ArrayList<>();
    synchronized (this) {
      SpaceFile[] now = files;
      int end = now.length;
      while (end > 0 && now[end - 1].start >= address) {
        removed.add(now[--end]);
      }
      files = Arrays.copyOf(now, end);
    }
    return removed;
  }

  /** Unmaps and closes; blocks that are still held keep their mapping. */
  void close() {
    for (SpaceFile file : removeFrom(Long.MIN_VALUE)) {
      file.retire(false);
    }
  }

  void forceDirectory() throws IOException {
    access.forceDirectory(directory);
  }

  /** Writes zeros through the file and so takes room on the disk. */
  static void zero(SpaceFile file, int position, int count) throws IOException {
    StoreFile target = file.file();
    for (int done = 0; done < count; ) {
      int chunk = Math.min(ZEROS.capacity(), count - done);
      target.write(ZEROS.duplicate().limit(chunk), (long) position + done);
      done += chunk;
    }
  }

  private static void touch(ByteBuffer buffer, int position, int count) {
    int end = position + count;
    for (int at = position; at < end; at = (at & -PAGE_BYTES) + PAGE_BYTES) {
      buffer.put(at, (byte) 0);
    }
  }

  private long target() {
    long used = usedTo;
    long now = threads.nowNs();
    long tookNs = now - lastLookNs;
    if (tookNs > 5_000_000) {
      long rated = (long) ((double) (used - lastUsedTo) * WINDOW_NS / tookNs);
      // Grows at once, shrinks slowly.
      windowBytes = Math.max(rated, windowBytes - windowBytes / 16);
      lastUsedTo = used;
      lastLookNs = now;
    }
    if (used - wantedAt > wantedBytes) {
      wantedBytes = 0;
    }
    // Not more than one whole file ahead, unless one batch asks for more.
    long most = Math.min(MAX_WINDOW_BYTES, fileBytes);
    windowBytes = Math.max(Math.max(minWindowBytes, wantedBytes), Math.min(most, windowBytes));
    return used + reserveBytes + windowBytes;
  }

  private SpaceFile create(long address) throws IOException {
    long start = address;
    Path path = directory.resolve(name(start));
    SpaceFile file = new SpaceFile(access, path, start, fileBytes);
    try {
      file.file().setSize(fileBytes);
      file.file().force();
      access.forceDirectory(directory);
    } catch (IOException e) {
      file.retire(false);
      throw e;
    }
    synchronized (this) {
      SpaceFile[] now = files;
      SpaceFile[] more = Arrays.copyOf(now, now.length + 1);
      more[now.length] = file;
      files = more;
    }
    return file;
  }

  private int sizeOf(Path path) throws IOException {
    try (StoreFile file = access.open(path)) {
      return (int) Math.min(file.size(), StoreOptions.MAX_SEGMENT_BYTES);
    }
  }

  static String name(long address) {
    // Not by a format: loading that takes longer than all else at a start.
    String digits = Long.toString(address);
    return "0".repeat(NAME_LENGTH - digits.length()) + digits;
  }

  /** The address that a file name stands for, or -1 if it is not one of ours. */
  static long addressOf(Path path) {
    String name = path.getFileName().toString();
    if (name.length() != NAME_LENGTH) {
      return -1;
    }
    for (int i = 0; i < NAME_LENGTH; i++) {
      if (name.charAt(i) < '0' || name.charAt(i) > '9') {
        return -1;
      }
    }
    try {
      return Long.parseLong(name);
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
