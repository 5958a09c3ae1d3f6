package io.sluice.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A mapped file under a count of its users. The last one to leave unmaps it, so nobody ever reads
 * from unmapped memory. Any thread may retain and release; who has not retained it must not touch
 * the buffer.
 */
final class Mapping {

  private static final AtomicLong OPEN = new AtomicLong();

  final ByteBuffer buffer;
  private final StoreFile file;
  private final AtomicInteger users = new AtomicInteger(1);
  private volatile Runnable whenGone;

  Mapping(StoreFile file, int bytes) throws IOException {
    this.file = file;
    buffer = file.map(bytes);
    OPEN.incrementAndGet();
  }

  /** How many mappings there are in this process; for leak checks. */
  static long open() {
    return OPEN.get();
  }

  /** Adds a user, unless the last one has left already. */
  boolean tryRetain() {
    int now = users.get();
    while (now > 0) {
      if (users.compareAndSet(now, now + 1)) {
        return true;
      }
      now = users.get();
    }
    return false;
  }

  void release() {
    if (users.decrementAndGet() == 0) {
      file.unmap(buffer);
      OPEN.decrementAndGet();
      Runnable action = whenGone;
      if (action != null) {
        action.run();
      }
    }
  }

  /** Releases the owner's share and runs the action once all others have left too. */
  void retire(Runnable action) {
    whenGone = action;
    release();
  }

  void force(int position, int bytes) throws IOException {
    file.force(buffer, position, bytes);
  }
}
