package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Files that are read and written as a whole: what is replaced is, after a crash at any point, the
 * old one or the new one. Static; blocking, for workers.
 */
public final class SmallFiles {

  private SmallFiles() {}

  /** All bytes of a file, or null if it is not there. */
  public static byte[] read(FileAccess access, Path path) throws IOException {
    // Not through open() alone, which would make a file that is missing.
    if (!access.exists(path)) {
      return null;
    }
    try (StoreFile file = access.open(path)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) file.size());
      while (bytes.hasRemaining() && file.read(bytes, bytes.position()) >= 0) {
        // A read may give less.
      }
      return bytes.array();
    }
  }

  /** Writes beside it, forces, and moves that over it, durably. */
  public static void replace(FileAccess access, Path path, ByteBuffer bytes) throws IOException {
    Path beside = path.resolveSibling(path.getFileName() + ".new");
    try (StoreFile file = access.open(beside)) {
      file.setSize(0);
      file.write(bytes, 0);
      file.force();
    }
    move(access, beside, path);
  }

  /** Moves a file that was forced over another one of its directory, durably. */
  public static void move(FileAccess access, Path from, Path to) throws IOException {
    access.move(from, to);
    access.forceDirectory(to.toAbsolutePath().getParent());
  }
}
