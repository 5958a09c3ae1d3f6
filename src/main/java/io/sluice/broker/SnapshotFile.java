package io.sluice.broker;

import io.sluice.store.FileAccess;
import io.sluice.store.SmallFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * The Broker's state in a file, so that a start need not replay the whole log.
 *
 * <pre>
 *   0 magic     8   "SLUICEST"
 *   8 version   4   1
 *  12 covered   8   queue offset in the state topic: what is before it is in here
 *  20 size      4   bytes of changes
 *  24 changes   .   as {@link StateCodec} writes them
 *   . crc       4   CRC-32 of everything before
 * </pre>
 *
 * <p>Written beside, forced, and moved over the old one atomically; a crash leaves the old one or
 * the new one whole. Blocking: for workers only.
 */
final class SnapshotFile {

  static final String NAME = "state.snapshot";

  private static final long MAGIC = 0x534C554943455354L;
  private static final int VERSION = 1;
  private static final int HEADER_BYTES = 24;
  private static final int CRC_BYTES = 4;

  private final FileAccess files;
  private final Path file;

  /** The snapshot in this directory. */
  SnapshotFile(FileAccess files, Path directory) {
    this.files = files;
    file = directory.resolve(NAME);
  }

  /**
   * What a file holds.
   *
   * @param covered queue offset of the first state record that is not in it
   * @param changes the encoded changes
   */
  record Content(long covered, ByteBuffer changes) {}

  /**
   * Reads the file.
   *
   * @return its content, or null if there is no file
   * @throws IOException if it can not be read, is damaged, or was written by a newer version
   */
  Content read() throws IOException {
    byte[] bytes = SmallFiles.read(files, file);
    if (bytes == null) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    if (bytes.length < HEADER_BYTES + CRC_BYTES || buffer.getLong(0) != MAGIC) {
      throw damaged("it does not begin as a snapshot does");
    }
    if (buffer.getInt(8) > VERSION) {
      throw new IOException(
          file
              + " has version "
              + buffer.getInt(8)
              + ", this program reads version "
              + VERSION
              + "; start it with the newer program");
    }
    int size = buffer.getInt(20);
    if (size != bytes.length - HEADER_BYTES - CRC_BYTES) {
      throw damaged("it has " + bytes.length + " bytes and announces " + size + " of changes");
    }
    if (buffer.getInt(HEADER_BYTES + size) != crc(bytes, HEADER_BYTES + size)) {
      throw damaged("its checksum does not match");
    }
    return new Content(buffer.getLong(12), buffer.slice(HEADER_BYTES, size));
  }

  /** Replaces the file. */
  void write(long covered, byte[] changes, int size) throws IOException {
    byte[] bytes = new byte[HEADER_BYTES + size + CRC_BYTES];
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    buffer.putLong(MAGIC).putInt(VERSION).putLong(covered).putInt(size).put(changes, 0, size);
    buffer.putInt(crc(bytes, HEADER_BYTES + size));
    SmallFiles.replace(files, file, buffer.flip());
  }

  private IOException damaged(String why) {
    return new IOException(
        file
            + " is damaged: "
            + why
            + "; restore it from a copy, or move it away if the log still starts at its first"
            + " record: then the state is read from there");
  }

  private static int crc(byte[] bytes, int size) {
    CRC32 crc = new CRC32();
    crc.update(bytes, 0, size);
    return (int) crc.getValue();
  }
}
