package io.sluice.store;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** One open file. Any thread may call; who maps a range sees what others write to it. */
public interface StoreFile extends Closeable {

  /** Its size in bytes. */
  long size() throws IOException;

  /** Sets its size; what is added reads as zeros and has no room on the disk yet. */
  void setSize(long bytes) throws IOException;

  /**
   * Reads up to the buffer's limit or the end of the file.
   *
   * @return bytes read, -1 at the end
   */
  int read(ByteBuffer target, long position) throws IOException;

  /**
   * Writes all that remains in the buffer; when it returns there is room on the disk for it.
   *
   * @throws DiskFullException if there is no room; a part may be written
   */
  void write(ByteBuffer source, long position) throws IOException;

  /** Maps the file from its start for reading and writing. */
  ByteBuffer map(int bytes) throws IOException;

  /** Makes a range of a mapping durable. */
  void force(ByteBuffer mapped, int position, int bytes) throws IOException;

  /** Makes the whole file durable, its size included. */
  void force() throws IOException;

  /** Gives a mapping back; nobody may touch it afterwards. */
  void unmap(ByteBuffer mapped);

  @Override
  void close() throws IOException;
}
