package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.SmallFiles;
import io.sluice.store.StoreException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The file {@code epochs} in the data directory: a line {@code number start id} for each epoch, the
 * id in hexadecimal digits. Written beside, forced, and moved over; the directory is forced too. So
 * an epoch is on the disk before the first byte of it. For workers.
 */
final class EpochFile {

  static final String NAME = "epochs";

  private final FileAccess files;
  private final Path directory;

  EpochFile(FileAccess files, Path directory) {
    this.files = files;
    this.directory = directory;
  }

  EpochHistory read() throws IOException {
    Path path = directory.resolve(NAME);
    byte[] bytes = SmallFiles.read(files, path);
    if (bytes == null) {
      return EpochHistory.NONE;
    }
    List<Epoch> epochs = new ArrayList<>();
    for (String line : new String(bytes, StandardCharsets.US_ASCII).lines().toList()) {
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
    byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
    SmallFiles.replace(files, directory.resolve(NAME), ByteBuffer.wrap(bytes));
  }
}
