package io.sluice.replication;

import io.sluice.store.StoreException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The file {@code epochs} in the data directory: a line {@code number start id} for each epoch, the
 * id in hexadecimal digits. Written beside, forced, and moved over; the directory is forced too. So
 * an epoch is on the disk before the first byte of it. For workers.
 */
final class EpochFile {

  static final String NAME = "epochs";

  private final Path directory;

  EpochFile(Path directory) {
    this.directory = directory;
  }

  EpochHistory read() throws IOException {
    Path path = directory.resolve(NAME);
    if (!Files.exists(path)) {
      return EpochHistory.NONE;
    }
    List<Epoch> epochs = new ArrayList<>();
    for (String line : Files.readAllLines(path, StandardCharsets.US_ASCII)) {
      String[] words = line.trim().split(" ");
      try {
        epochs.add(
            new Epoch(
                Long.parseLong(words[0]),
                Long.parseLong(words[1]),
                Long.parseUnsignedLong(words[2], 16)));
      } catch (RuntimeException e) {
        throw new StoreException(
            StoreException.Kind.DAMAGED,
            path
                + " holds '"
                + line
                + "' where 'number start id' belongs; restore it from a copy, or, if this Broker"
                + " has no slaves, delete it",
            e);
      }
    }
    return new EpochHistory(epochs);
  }

  void write(EpochHistory history) throws IOException {
    StringBuilder text = new StringBuilder();
    for (Epoch epoch : history.epochs()) {
      text.append(epoch.number()).append(' ').append(epoch.start()).append(' ');
      text.append(Long.toHexString(epoch.id())).append('\n');
    }
    replace(directory.resolve(NAME), text.toString());
  }

  /** Replaces a small file durably and in one step. */
  static void replace(Path path, String text) throws IOException {
    replace(path, text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Replaces a file durably and in one step. */
  static void replace(Path path, byte[] content) throws IOException {
    Path beside = path.resolveSibling(path.getFileName() + ".new");
    try (FileChannel file =
        FileChannel.open(
            beside,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      file.force(true);
    }
    Files.move(beside, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel names = FileChannel.open(path.toAbsolutePath().getParent())) {
      names.force(true);
    }
  }
}
