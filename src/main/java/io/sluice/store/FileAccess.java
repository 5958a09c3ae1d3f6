package io.sluice.store;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The way to the disk, and the only one in this package: tests put another one in its place that
 * holds, fails, tears or loses what was written. Any thread may call.
 */
public interface FileAccess {

  /** Makes a directory and those above it. */
  void createDirectories(Path directory) throws IOException;

  /** The files in a directory, by name; empty if it is not there. */
  List<Path> list(Path directory) throws IOException;

  /** Whether a file is there. */
  boolean exists(Path file);

  /**
   * Opens a file for reading and writing, making it if it is not there.
   *
   * @throws IOException if it can not be opened; {@link DiskFullException} if there is no room
   */
  StoreFile open(Path file) throws IOException;

  /** Deletes a file; does nothing if it is not there. */
  void delete(Path file) throws IOException;

  /** Gives a file another name in one step, replacing what had that name. */
  void move(Path from, Path to) throws IOException;

  /** Makes the names in a directory durable. */
  void forceDirectory(Path directory) throws IOException;

  /** Bytes that may still be written on the disk of a directory. */
  long usableBytes(Path directory) throws IOException;

  /**
   * Takes a directory for this process by its lock file.
   *
   * @return closing it gives the lock back; null if another process, or this one, has it
   */
  Closeable tryLock(Path lockFile) throws IOException;

  /** Names this run of the machine: another value after each boot; empty where it is not known. */
  String bootId();

  /** The machine's own files. */
  static FileAccess system() {
    return NioFileAccess.INSTANCE;
  }
}
