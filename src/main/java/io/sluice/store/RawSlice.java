package io.sluice.store;

import java.nio.ByteBuffer;

/**
 * A stretch of the log as it is; its segment stays mapped until it is closed.
 *
 * @param physicalOffset of its first byte
 * @param bytes the bytes, to be read only
 */
public record RawSlice(long physicalOffset, ByteBuffer bytes, Runnable release)
    implements AutoCloseable {

  /** Lets go of the segment; once. Any thread. */
  @Override
  public void close() {
    release.run();
  }
}
