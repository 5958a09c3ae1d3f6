package io.sluice.broker;

import io.sluice.store.DiskFullException;
import io.sluice.store.FileAccess;
import io.sluice.store.StoreFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The machine's files, with a gate before each write, a disk that fills and a force that fails. */
final class TroubledFiles implements FileAccess {

  private final FileAccess files = FileAccess.system();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition opened = lock.newCondition();
  private boolean held;
  private volatile boolean full;
  private volatile boolean failsToForce;

  /** Writes wait from now on. */
  void hold() {
    setHeld(true);
  }

  /** Writes go on. */
  void letGo() {
    setHeld(false);
  }

  void setFull(boolean full) {
    this.full = full;
  }

  void failToForce() {
    failsToForce = true;
  }

  private void setHeld(boolean value) {
    lock.lock();
    try {
      held = value;
      opened.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void pass() {
    lock.lock();
    try {
      while (held) {
        opened.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void maybeFail() throws IOException {
    if (failsToForce) {
      throw new IOException("the disk failed, as the test wants it");
    }
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    files.createDirectories(directory);
  }

  @Override
  public List<Path> list(Path directory) throws IOException {
    return files.list(directory);
  }

  @Override
  public boolean exists(Path file) {
    return files.exists(file);
  }

  @Override
  public StoreFile open(Path file) throws IOException {
    return new Troubled(files.open(file));
  }

  @Override
  public void delete(Path file) throws IOException {
    files.delete(file);
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    files.move(from, to);
  }

  @Override
  public void forceDirectory(Path directory) throws IOException {
    files.forceDirectory(directory);
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return full ? 0 : files.usableBytes(directory);
  }

  @Override
  public Closeable tryLock(Path lockFile) throws IOException {
    return files.tryLock(lockFile);
  }

  @Override
  public String bootId() {
    return files.bootId();
  }

  private final class Troubled implements StoreFile {
    private final StoreFile file;

    private Troubled(StoreFile file) {
      this.file = file;
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void setSize(long bytes) throws IOException {
      file.setSize(bytes);
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return file.read(target, position);
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      pass();
      if (full) {
        throw new DiskFullException("the disk is full, as the test wants it", null);
      }
      file.write(source, position);
    }

    @Override
    public ByteBuffer map(int bytes) throws IOException {
      return file.map(bytes);
    }

    @Override
    public void force(ByteBuffer mapped, int position, int bytes) throws IOException {
      maybeFail();
      file.force(mapped, position, bytes);
    }

    @Override
    public void force() throws IOException {
      maybeFail();
      file.force();
    }

    @Override
    public void unmap(ByteBuffer mapped) {
      file.unmap(mapped);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
