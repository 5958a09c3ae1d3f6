package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * One file of a {@link FileSpace}: a stretch of its addresses. It is mapped as a whole when first
 * needed and may be unmapped while it is cold. Who finds it mapped takes no lock; the lock is held
 * while it is opened and mapped, so that this is done once, and never over reading, unmapping,
 * forcing or deleting.
 */
final class SpaceFile {

  /** First address. */
  final long start;

  /** Size in bytes. */
  final int bytes;

  final Path path;
  private final FileAccess access;
  private StoreFile file;
  private volatile Mapping mapping;
  private boolean retired;

  /**
   * Physical offset of the last record that something was written for here. The owner writes it
   * with each message, so it is not volatile: the fence would cost more than the append. A
   * checkpoint's worker reads it behind the hand-over of its plan.
   */
  long lastPhysicalOffset = -1;

  /** Something older was changed: to be forced by the next checkpoint. Worker or recovery. */
  volatile boolean changed;

  /** Whether it was read since it was looked at last, for what nobody reads is unmapped. */
  volatile boolean used = true;

  /** When that was seen, by the store's steady time. One worker at a time. */
  long usedNs;

  SpaceFile(FileAccess access, Path path, long start, int bytes) {
    this.access = access;
    this.path = path;
    this.start = start;
    this.bytes = bytes;
  }

  long end() {
    return start + bytes;
  }

  /** The mapping if there is one now, or null. */
  Mapping mapping() {
    return mapping;
  }

  /** The mapped bytes; maps them if they are not. For whoever knows that it stays mapped. */
  ByteBuffer buffer() {
    Mapping now = mapping;
    if (now == null) {
      try {
        now = map();
      } catch (IOException e) {
        throw Failures.failed("mapping", path, e);
      }
    }
    return now.buffer;
  }

  /** A mapping that the caller is a user of, and must release; null once the file is retired. */
  Mapping retain() throws IOException {
    Mapping now = mapping;
    return now != null && now.tryRetain() ? now : retainMapped();
  }

  private synchronized Mapping retainMapped() throws IOException {
    if (retired) {
      return null;
    }
    Mapping now = map();
    return now.tryRetain() ? now : null;
  }

  synchronized StoreFile file() throws IOException {
    if (file == null) {
      file = access.open(path);
    }
    return file;
  }

  void force(int position, int count) throws IOException {
    Mapping now = retain();
    if (now == null) {
      return;
    }
    try {
      now.force(position, count);
    } finally {
      now.release();
    }
  }

  /** Unmaps as soon as nobody uses it; the next use maps it again. */
  void unmap() {
    Mapping now;
    synchronized (this) {
      now = mapping;
      mapping = null;
    }
    if (now != null) {
      now.release();
    }
  }

  /**
   * Ends its use.
   *
   * @param delete whether the file goes too, once nobody has it mapped any more
   */
  void retire(boolean delete) {
    Mapping now;
    StoreFile open;
    synchronized (this) {
      if (retired) {
        return;
      }
      retired = true;
      now = mapping;
      mapping = null;
      open = file;
    }
    Runnable end = () -> closeQuietly(open, delete);
    if (now == null) {
      end.run();
    } else {
      now.retire(end);
    }
  }

  /**
   * Ends its use, and deletes it now: who has it mapped keeps the bytes until it is done. May be
   * called again after it failed.
   */
  void delete() throws IOException {
    retire(false);
    access.delete(path);
  }

  private synchronized Mapping map() throws IOException {
    if (mapping == null) {
      mapping = new Mapping(file(), bytes);
    }
    return mapping;
  }

  private void closeQuietly(StoreFile open, boolean delete) {
    try {
      if (open != null) {
        open.close();
      }
      if (delete) {
        access.delete(path);
      }
    } catch (IOException e) {
      // Nothing depends on it: a file left behind is found and dropped again by the next start.
      System.getLogger(SpaceFile.class.getName())
          .log(System.Logger.Level.WARNING, "could not close or delete " + path, e);
    }
  }
}
