package io.sluice.store;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import sun.misc.Unsafe;

/** The machine's own files, by NIO. */
enum NioFileAccess implements FileAccess {
  /** The only one. */
  INSTANCE;

  /**
   * Locks held by this process. Asked first, without opening the file: closing any descriptor of a
   * file gives all locks of the process on it back (POSIX).
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

  @Override
  public void createDirectories(Path directory) throws IOException {
    Files.createDirectories(directory);
  }

  @Override
  public List<Path> list(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  @Override
  public boolean exists(Path file) {
    return Files.exists(file);
  }

  @Override
  public StoreFile open(Path file) throws IOException {
    try {
      return new NioFile(file, new RandomAccessFile(file.toFile(), "rw"));
    } catch (IOException e) {
      throw translate(file, e);
    }
  }

  @Override
  public void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void forceDirectory(Path directory) throws IOException {
    if (System.getProperty("os.name").startsWith("Windows")) {
      // Directories can not be opened there, and names are durable without it.
      return;
    }
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  @Override
  public long usableBytes(Path directory) throws IOException {
    return Files.getFileStore(directory).getUsableSpace();
  }

  @Override
  public Closeable tryLock(Path lockFile) throws IOException {
    Path key = lockFile.getParent().toRealPath().resolve(lockFile.getFileName());
    if (!HELD.add(key)) {
      return null;
    }
    FileChannel channel = null;
    FileLock lock = null;
    try {
      channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      lock = channel.tryLock();
    } finally {
      if (lock == null) {
        HELD.remove(key);
        if (channel != null) {
          channel.close();
        }
      }
    }
    FileChannel held = channel;
    return lock == null ? null : () -> release(key, held);
  }

  private static void release(Path key, FileChannel channel) throws IOException {
    try {
      channel.close();
    } finally {
      HELD.remove(key);
    }
  }

  @Override
  public String bootId() {
    try {
      return Files.readString(BOOT_ID, StandardCharsets.US_ASCII).trim();
    } catch (IOException e) {
      return "";
    }
  }

  private static IOException translate(Path file, IOException e) {
    String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
    if (message.contains("no space left") || message.contains("quota exceeded")) {
      return new DiskFullException("no room on the disk for " + file, e);
    }
    return e;
  }

  /** One open file. */
  private static final class NioFile implements StoreFile {

    private static final Unsafe UNSAFE = unsafe();

    private final Path path;
    private final RandomAccessFile file;
    private final FileChannel channel;

    NioFile(Path path, RandomAccessFile file) {
      this.path = path;
      this.file = file;
      channel = file.getChannel();
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public void setSize(long bytes) throws IOException {
      try {
        file.setLength(bytes);
      } catch (IOException e) {
        throw translate(path, e);
      }
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      int total = 0;
      while (target.hasRemaining()) {
        int count = channel.read(target, position + total);
        if (count < 0) {
          return total == 0 ? -1 : total;
        }
        total += count;
      }
      return total;
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      long at = position;
      try {
        while (source.hasRemaining()) {
          at += channel.write(source, at);
        }
      } catch (IOException e) {
        throw translate(path, e);
      }
    }

    @Override
    public ByteBuffer map(int bytes) throws IOException {
      if (channel.size() < bytes) {
        throw new NoSuchFileException(
            path.toString(), null, "has " + channel.size() + " bytes where " + bytes + " belong");
      }
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes);
    }

    @Override
    public void force(ByteBuffer mapped, int position, int bytes) throws IOException {
      try {
        ((MappedByteBuffer) mapped).force(position, bytes);
      } catch (UncheckedIOException e) {
        throw translate(path, e.getCause());
      }
    }

    @Override
    public void force() throws IOException {
      channel.force(true);
    }

    @Override
    public void unmap(ByteBuffer mapped) {
      UNSAFE.invokeCleaner(mapped);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }

    private static Unsafe unsafe() {
      try {
        Field field = Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (Unsafe) field.get(null);
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }
  }
}
