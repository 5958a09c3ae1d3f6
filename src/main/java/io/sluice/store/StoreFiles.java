package io.sluice.store;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The files of a store, and the lock on its directory.
 *
 * <pre>
 *   version              the layout's version, in digits
 *   lock                 locked by the process that has the store
 *   owner                the process id of the last one that had it
 *   checkpoint           see {@link Checkpoint}
 *   commitlog/&lt;offset&gt;   segments, named by their first physical offset
 *   queues/names, queues/chunks, index    derived; may be deleted while nobody has the store
 *   lost/&lt;offset&gt;        what recovery cut off although it held valid records
 * </pre>
 */
final class StoreFiles {

  /** Version of this layout. */
  static final int VERSION = 1;

  /** Share of a segment that is kept back for the broker's own state. */
  private static final int RESERVE_SHARE = 16;

  /** Prepared ahead in the log at least: 10 ms of the fastest writer measured. */
  private static final long LOG_WINDOW_BYTES = 4L << 20;

  final FileAccess access;
  final Path directory;
  final FileSpace log;
  final QueueChunks chunks;
  final QueueDirectory names;
  final KeyIndex index;
  Checkpoint checkpoint;
  private Closeable lock;

  StoreFiles(StoreOptions options, FileAccess access, StoreThreads threads) {
    this.access = access;
    directory = options.directory();
    int segmentBytes = options.segmentBytes();
    log =
        new FileSpace(
            access,
            threads,
            directory.resolve("commitlog"),
            segmentBytes,
            segmentBytes / RESERVE_SHARE,
            Math.min(LOG_WINDOW_BYTES, segmentBytes / 2),
            this::logPrepared);
    chunks =
        new QueueChunks(
            new FileSpace(
                access,
                threads,
                directory.resolve("queues").resolve("chunks"),
                options.queueFileBytes(),
                (long) QueueChunks.RESERVE_CHUNKS * QueueChunks.CHUNK_BYTES,
                Math.min(
                    (long) QueueChunks.WINDOW_CHUNKS * QueueChunks.CHUNK_BYTES,
                    options.queueFileBytes() / 2),
                end -> {}));
    names =
        new QueueDirectory(
            new FileSpace(
                access,
                threads,
                directory.resolve("queues").resolve("names"),
                QueueDirectory.FILE_BYTES,
                16L * QueueDirectory.SLOT_BYTES,
                (long) QueueChunks.WINDOW_CHUNKS * QueueDirectory.SLOT_BYTES,
                end -> {}),
            options.maxQueues());
    index =
        new KeyIndex(
            access,
            new FileSpace(
                access,
                threads,
                directory.resolve("index"),
                options.indexFileEntries() * KeyIndex.ENTRY_BYTES,
                0,
                Math.min(512 << 10, options.indexFileEntries() * KeyIndex.ENTRY_BYTES),
                end -> {}));
  }

  /** Takes the directory for this process and checks its version. */
  void lock() {
    try {
      access.createDirectories(directory);
      lock = access.tryLock(directory.resolve("lock"));
    } catch (IOException e) {
      throw notWritable(e);
    }
    if (lock == null) {
      throw new StoreException(
          StoreException.Kind.LOCKED,
          "the store in "
              + directory
              + " is in use by another process"
              + lockedBy()
              + "; stop that one first, or give this one another directory");
    }
    try {
      // Not into the lock's own file: closing any descriptor of it would give the lock back
      // (POSIX).
      writeSmall(directory.resolve("owner"), Long.toString(ProcessHandle.current().pid()), false);
      checkVersion();
    } catch (IOException e) {
      unlock();
      throw notWritable(e);
    } catch (StoreException e) {
      unlock();
      throw e;
    }
  }

  void open() throws IOException {
    checkpoint = Checkpoint.open(access, directory.resolve("checkpoint"));
    log.open();
    chunks.space().open();
    names.space().open();
    index.space().open();
    // The names of the files and directories just made must survive with what they hold.
    access.forceDirectory(directory.resolve("queues"));
    access.forceDirectory(directory);
  }

  FileSpace[] spaces() {
    return new FileSpace[] {log, chunks.space(), names.space(), index.space()};
  }

  /** Unmaps, closes and unlocks. */
  void close() {
    for (FileSpace space : spaces()) {
      space.close();
    }
    if (checkpoint != null) {
      checkpoint.close();
    }
    unlock();
  }

  Path lostDirectory() {
    return directory.resolve("lost");
  }

  private void unlock() {
    Closeable held = lock;
    lock = null;
    if (held != null) {
      try {
        held.close();
      } catch (IOException e) {
        System.getLogger(StoreFiles.class.getName())
            .log(System.Logger.Level.WARNING, "could not unlock " + directory, e);
      }
    }
  }

  private void logPrepared(long end) {
    if (checkpoint.state() != null) {
      checkpoint.preparedTo(end);
    }
  }

  private void checkVersion() throws IOException {
    Path path = directory.resolve("version");
    if (!access.exists(path)) {
      Path beside = directory.resolve("version.new");
      writeSmall(beside, Integer.toString(VERSION), true);
      access.move(beside, path);
      access.forceDirectory(directory);
      // Said so that a directory that was emptied, or is another one than meant, does not go
      // unseen.
      System.getLogger(StoreFiles.class.getName())
          .log(System.Logger.Level.INFO, "made a new store in {0}", directory);
      return;
    }
    String found = readSmall(path);
    int version;
    try {
      version = Integer.parseInt(found);
    } catch (NumberFormatException e) {
      throw new StoreException(
          StoreException.Kind.DAMAGED,
          path
              + " holds '"
              + found
              + "' where a version number belongs; if the directory is a store of version "
              + VERSION
              + ", write "
              + VERSION
              + " into it",
          e);
    }
    if (version > VERSION) {
      throw new StoreException(
          StoreException.Kind.NEWER_VERSION,
          "the store in "
              + directory
              + " has version "
              + version
              + ", this program knows up to "
              + VERSION
              + "; start the newer program, or give this one another directory");
    }
  }

  private String lockedBy() {
    try {
      String pid = readSmall(directory.resolve("owner"));
      return pid.isEmpty() ? "" : " (pid " + pid + ")";
    } catch (IOException e) {
      return "";
    }
  }

  private StoreException notWritable(IOException cause) {
    if (cause instanceof DiskFullException) {
      return Failures.failed("opening", directory, cause);
    }
    return new StoreException(
        StoreException.Kind.NOT_WRITABLE,
        "the store's directory "
            + directory.toAbsolutePath()
            + " can not be written to ("
            + cause
            + "); give it another one, or give this user the right to write there",
        cause);
  }

  private String readSmall(Path path) throws IOException {
    // Not through open(), which would make a file that is missing.
    if (!access.exists(path)) {
      return "";
    }
    try (StoreFile file = access.open(path)) {
      ByteBuffer bytes = ByteBuffer.allocate(64);
      file.read(bytes, 0);
      return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII).trim();
    }
  }

  private void writeSmall(Path path, String text, boolean force) throws IOException {
    try (StoreFile file = access.open(path)) {
      file.setSize(0);
      file.write(ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.US_ASCII)), 0);
      if (force) {
        file.force();
      }
    }
  }
}
