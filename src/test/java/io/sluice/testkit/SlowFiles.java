package io.sluice.testkit;

import io.sluice.store.FileAccess;
import io.sluice.store.StoreFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Files of which each force takes longer by the milliseconds that another file says; where that is
 * not there they are as fast as they are. So a test makes the disk of another process slow.
 */
public final class SlowFiles implements FileAccess {

  private final FileAccess files;
  private final Path delayFile;

  /**
   * Files of a disk that may become slow.
   *
   * @param delayFile holds a number in digits, or is not there
   */
  public SlowFiles(FileAccess files, Path delayFile) {
    this.files = files;
    this.delayFile = delayFile;
  }

  private void hold() throws IOException {
    try {
      String text = Files.readString(delayFile, StandardCharsets.US_ASCII);
      if (!text.isEmpty()) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(Long.parseLong(text)));
      }
    } catch (NoSuchFileException e) {
      // As fast as it is.
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
    return new SlowFile(files.open(file));
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
    hold();
    files.forceDirectory(directory);
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return files.usableBytes(directory);
  }

  @Override
  public Closeable tryLock(Path lockFile) throws IOException {
    return files.tryLock(lockFile);
  }

  @Override
  public String bootId() {
    return files.bootId();
  }

  private final class SlowFile implements StoreFile {

    private final StoreFile file;

    SlowFile(StoreFile file) {
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
      file.write(source, position);
    }

    @Override
    public ByteBuffer map(int bytes) throws IOException {
      return file.map(bytes);
    }

    @Override
    public void force(ByteBuffer mapped, int position, int bytes) throws IOException {
      hold();
      file.force(mapped, position, bytes);
    }

    @Override
    public void force() throws IOException {
      hold();
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
