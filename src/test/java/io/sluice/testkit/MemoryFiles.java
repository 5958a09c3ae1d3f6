package io.sluice.testkit;

import io.sluice.store.DiskFullException;
import io.sluice.store.FileAccess;
import io.sluice.store.StoreFile;
import java.io.Closeable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * Files in memory that know what was forced. A test makes them fail, fill up, or takes a copy as it
 * would be found after the death of the process or of the machine; the store that still runs on the
 * original does not touch the copy.
 *
 * <p>A page that was written through a mapping without room on the disk is noted: on a real disk it
 * could have killed the process.
 */
public final class MemoryFiles implements FileAccess {

  /** What a disk writes as a whole. */
  public static final int PAGE_BYTES = 4096;

  /** Called before each operation; throws to make it fail. */
  @FunctionalInterface
  public interface Fault {

    /**
     * @param operation open, size, write, map, force, delete, move or forceDirectory
     * @param file what it is done to
     */
    void before(String operation, Path file) throws IOException;
  }

  /**
   * A force fails as it does with the kernels there are: what it should have written stays in
   * memory and counts as written, and no later force writes it before somebody has written it anew.
   */
  public static final class LostPagesException extends IOException {

    private static final long serialVersionUID = 1L;

    /** Says what failed. */
    public LostPagesException(String message) {
      super(message);
    }
  }

  private final Object lock = new Object();
  private TreeMap<Path, Content> names = new TreeMap<>();
  private TreeMap<Path, Content> durableNames = new TreeMap<>();
  private final Set<Path> locked = new HashSet<>();
  private final List<String> violations = new ArrayList<>();
  private volatile Fault fault = (operation, file) -> {};
  private long capacityBytes = Long.MAX_VALUE;
  private String bootId = "boot-1";
  private int boots = 1;

  /** Sets what happens before each operation. */
  public void onOperation(Fault value) {
    fault = value;
  }

  /** Sets how many bytes there is room for. */
  public void capacity(long bytes) {
    synchronized (lock) {
      capacityBytes = bytes;
    }
  }

  /** Bytes that take room. */
  public long usedBytes() {
    synchronized (lock) {
      return names.values().stream().mapToLong(Content::allocatedBytes).sum();
    }
  }

  /** Writes through a mapping to where there was no room. */
  public List<String> violations() {
    synchronized (lock) {
      names.forEach((path, content) -> content.check(path, violations));
      return new ArrayList<>(violations);
    }
  }

  /** What the next process finds after this one died: everything written. */
  public MemoryFiles afterProcessDeath() {
    synchronized (lock) {
      MemoryFiles copy = new MemoryFiles();
      copy.bootId = bootId;
      copy.boots = boots;
      Map<Content, Content> copied = new HashMap<>();
      names.forEach(
          (path, content) -> copy.names.put(path, copied.computeIfAbsent(content, Content::copy)));
      durableNames.forEach(
          (path, content) ->
              copy.durableNames.put(path, copied.computeIfAbsent(content, Content::copy)));
      return copy;
    }
  }

  /**
   * What is found after the machine stopped: what was forced, and of the rest any pages.
   *
   * @param luck decides for each page that was not forced whether it reached the disk; null if none
   *     did
   */
  public MemoryFiles afterPowerCut(Random luck) {
    synchronized (lock) {
      MemoryFiles copy = new MemoryFiles();
      copy.boots = boots + 1;
      copy.bootId = "boot-" + copy.boots;
      Map<Content, Content> copied = new HashMap<>();
      durableNames.forEach(
          (path, content) ->
              copy.names.put(path, copied.computeIfAbsent(content, one -> one.copyDurable(luck))));
      if (luck != null) {
        names.forEach(
            (path, content) -> {
              if (!durableNames.containsKey(path) && luck.nextBoolean()) {
                copy.names.put(path, copied.computeIfAbsent(content, one -> one.copyDurable(luck)));
              }
            });
      }
      copy.durableNames.putAll(copy.names);
      return copy;
    }
  }

  /** The same files, seen by the next run of the machine. */
  public MemoryFiles rebooted() {
    MemoryFiles copy = afterProcessDeath();
    copy.boots++;
    copy.bootId = "boot-" + copy.boots;
    return copy;
  }

  /** Whether bytes of a file would be there after the machine stopped. */
  public boolean isDurable(Path file, int position, int bytes) {
    synchronized (lock) {
      Content content = names.get(file);
      return content != null
          && content == durableNames.get(file)
          && content.isDurable(position, position + bytes);
    }
  }

  /** Direct access to a file's bytes, to damage them. */
  public ByteBuffer bytes(Path file) {
    synchronized (lock) {
      return names.get(file).current;
    }
  }

  @Override
  public void createDirectories(Path directory) {
    // Directories are there by themselves.
  }

  @Override
  public List<Path> list(Path directory) {
    synchronized (lock) {
      return names.keySet().stream().filter(path -> directory.equals(path.getParent())).toList();
    }
  }

  @Override
  public boolean exists(Path file) {
    synchronized (lock) {
      return names.containsKey(file);
    }
  }

  @Override
  public StoreFile open(Path file) throws IOException {
    fault.before("open", file);
    synchronized (lock) {
      Content content = names.computeIfAbsent(file, path -> new Content());
      return new OpenFile(file, content);
    }
  }

  @Override
  public void delete(Path file) throws IOException {
    fault.before("delete", file);
    synchronized (lock) {
      names.remove(file);
    }
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    fault.before("move", from);
    synchronized (lock) {
      Content content = names.remove(from);
      if (content == null) {
        throw new FileNotFoundException(from.toString());
      }
      names.put(to, content);
    }
  }

  @Override
  public void forceDirectory(Path directory) throws IOException {
    fault.before("forceDirectory", directory);
    synchronized (lock) {
      durableNames.keySet().removeIf(path -> directory.equals(path.getParent()));
      names.forEach(
          (path, content) -> {
            if (directory.equals(path.getParent())) {
              durableNames.put(path, content);
            }
          });
    }
  }

  @Override
  public long usableBytes(Path directory) {
    synchronized (lock) {
      return capacityBytes == Long.MAX_VALUE ? capacityBytes : capacityBytes - usedBytes();
    }
  }

  @Override
  public Closeable tryLock(Path lockFile) {
    synchronized (lock) {
      if (!locked.add(lockFile)) {
        return null;
      }
      names.computeIfAbsent(lockFile, path -> new Content());
      return () -> {
        synchronized (lock) {
          locked.remove(lockFile);
        }
      };
    }
  }

  @Override
  public String bootId() {
    return bootId;
  }

  private static long pagesOf(long bytes) {
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
  }

  /** A file's bytes, whatever its name. */
  private static final class Content {

    private ByteBuffer current = ByteBuffer.allocate(0);
    private final Map<Integer, byte[]> durable = new HashMap<>();

    /** Pages as they were when they could not be forced. */
    private final Map<Integer, byte[]> forgotten = new HashMap<>();

    private int durableSize;
    private final BitSet allocated = new BitSet();

    long allocatedBytes() {
      return (long) allocated.cardinality() * PAGE_BYTES;
    }

    void setSize(int bytes) {
      ByteBuffer next = ByteBuffer.allocate(bytes);
      int kept = Math.min(bytes, current.capacity());
      next.put(0, current, 0, kept);
      current = next;
      forgotten.keySet().removeIf(page -> page >= pagesOf(bytes));
      allocated.clear((int) pagesOf(bytes), Math.max((int) pagesOf(bytes), allocated.length()));
    }

    void force(int from, int to) {
      durableSize = current.capacity();
      for (int page = from / PAGE_BYTES; page < pagesOf(to); page++) {
        byte[] bytes = page(page);
        byte[] before = forgotten.get(page);
        if (before != null && Arrays.equals(before, bytes)) {
          continue;
        }
        forgotten.remove(page);
        if (bytes == null) {
          durable.remove(page);
        } else {
          durable.put(page, bytes);
        }
      }
    }

    /** A force failed: what it should have written is not tried again. */
    void forget(int from, int to) {
      for (int page = from / PAGE_BYTES; page < pagesOf(to); page++) {
        byte[] bytes = page(page);
        if (bytes != null && !Arrays.equals(bytes, durable.get(page))) {
          forgotten.put(page, bytes);
        }
      }
    }

    void writtenAnew(int from, int to) {
      forgotten.keySet().removeIf(page -> page >= from / PAGE_BYTES && page < pagesOf(to));
    }

    boolean isDurable(int from, int to) {
      for (int at = from; at < to; at++) {
        byte[] page = durable.get(at / PAGE_BYTES);
        byte there = page == null ? 0 : page[at % PAGE_BYTES];
        if (at >= durableSize || there != current.get(at)) {
          return false;
        }
      }
      return true;
    }

    /** A copy of a page, or null if it is all zero. */
    private byte[] page(int page) {
      int start = page * PAGE_BYTES;
      byte[] bytes = new byte[Math.min(PAGE_BYTES, current.capacity() - start)];
      current.get(start, bytes);
      for (byte b : bytes) {
        if (b != 0) {
          return bytes;
        }
      }
      return null;
    }

    Content copy() {
      Content copy = new Content();
      copy.current = ByteBuffer.allocate(current.capacity());
      copy.current.put(0, current, 0, current.capacity());
      copy.durable.putAll(durable);
      copy.forgotten.putAll(forgotten);
      copy.durableSize = durableSize;
      copy.allocated.or(allocated);
      return copy;
    }

    Content copyDurable(Random luck) {
      Content copy = new Content();
      boolean sizeToo = luck != null && luck.nextBoolean();
      int size = sizeToo ? Math.max(durableSize, current.capacity()) : durableSize;
      copy.current = ByteBuffer.allocate(size);
      durable.forEach((page, bytes) -> copy.put(page, bytes));
      if (luck != null) {
        for (int page = 0; page < pagesOf(Math.min(size, current.capacity())); page++) {
          byte[] bytes = page(page);
          byte[] before = forgotten.get(page);
          boolean wasForgotten = before != null && Arrays.equals(before, bytes);
          if (luck.nextBoolean() && !wasForgotten) {
            copy.put(page, bytes == null ? new byte[PAGE_BYTES] : bytes);
          }
        }
      }
      copy.force(0, size);
      copy.allocated.or(allocated);
      return copy;
    }

    private void put(int page, byte[] bytes) {
      int start = page * PAGE_BYTES;
      int count = Math.min(bytes.length, current.capacity() - start);
      if (count > 0) {
        current.put(start, bytes, 0, count);
      }
    }

    void check(Path path, List<String> violations) {
      for (int page = 0; page < pagesOf(current.capacity()); page++) {
        if (!allocated.get(page) && page(page) != null) {
          violations.add(path + " page " + page);
        }
      }
    }
  }

  /** An open file. */
  private final class OpenFile implements StoreFile {

    private final Path path;
    private final Content content;

    OpenFile(Path path, Content content) {
      this.path = path;
      this.content = content;
    }

    @Override
    public long size() {
      synchronized (lock) {
        return content.current.capacity();
      }
    }

    @Override
    public void setSize(long bytes) throws IOException {
      fault.before("size", path);
      synchronized (lock) {
        content.setSize((int) bytes);
      }
    }

    @Override
    public int read(ByteBuffer target, long position) {
      synchronized (lock) {
        int count = (int) Math.min(target.remaining(), content.current.capacity() - position);
        if (count <= 0) {
          return -1;
        }
        target.put(content.current.slice((int) position, count));
        return count;
      }
    }

    @Override
    public void write(ByteBuffer source, long position) throws IOException {
      fault.before("write", path);
      synchronized (lock) {
        int end = (int) position + source.remaining();
        takeRoom((int) position, end);
        if (end > content.current.capacity()) {
          content.setSize(end);
        }
        content.writtenAnew((int) position, end);
        int count = source.remaining();
        content.current.put((int) position, source, source.position(), count);
        source.position(source.limit());
      }
    }

    private void takeRoom(int from, int to) throws DiskFullException {
      long used = usedBytes();
      for (int page = from / PAGE_BYTES; page < pagesOf(to); page++) {
        if (!content.allocated.get(page)) {
          used += PAGE_BYTES;
          if (used > capacityBytes) {
            throw new DiskFullException("no room in memory for " + path, null);
          }
          content.allocated.set(page);
        }
      }
    }

    @Override
    public ByteBuffer map(int bytes) throws IOException {
      fault.before("map", path);
      synchronized (lock) {
        if (content.current.capacity() < bytes) {
          throw new IOException(path + " is shorter than " + bytes);
        }
        return content.current.slice(0, bytes);
      }
    }

    @Override
    public void force(ByteBuffer mapped, int position, int bytes) throws IOException {
      forceRange(position, position + bytes);
    }

    @Override
    public void force() throws IOException {
      forceRange(0, (int) size());
    }

    private void forceRange(int from, int to) throws IOException {
      try {
        fault.before("force", path);
      } catch (LostPagesException e) {
        synchronized (lock) {
          content.forget(from, to);
        }
        throw e;
      }
      synchronized (lock) {
        content.force(from, to);
      }
    }

    @Override
    public void unmap(ByteBuffer mapped) {
      // The buffer goes with its last reference.
    }

    @Override
    public void close() {
      // Nothing is held open.
    }
  }
}
