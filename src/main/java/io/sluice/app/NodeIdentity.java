package io.sluice.app;

import io.sluice.store.FileAccess;
import io.sluice.store.SmallFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;

/**
 * What a Broker's data directory is known by to the controllers: a name drawn once, in the file
 * {@code identity}. Whoever copies the directory deletes that file in the copy. For workers.
 */
final class NodeIdentity {

  private NodeIdentity() {}

  /** Of this directory, drawn at the first call, and durable when it returns. */
  static String of(FileAccess files, Path directory) throws IOException {
    Path path = directory.resolve("identity");
    byte[] known = SmallFiles.read(files, path);
    if (known != null) {
      String identity = new String(known, StandardCharsets.US_ASCII).trim();
      if (identity.isEmpty()) {
        throw new IOException(
            path
                + " is empty: delete it, and this directory becomes a new node to the controllers");
      }
      return identity;
    }
    String drawn = UUID.randomUUID().toString();
    files.createDirectories(directory);
    SmallFiles.replace(
        files, path, ByteBuffer.wrap((drawn + "\n").getBytes(StandardCharsets.US_ASCII)));
    return drawn;
  }

  /**
   * The present start of the machine: what a process had written then is still there after its
   * death. Where the system does not tell, each start of the process counts as one.
   */
  static String boot(FileAccess files) {
    String boot = files.bootId();
    return boot.isEmpty() ? UUID.randomUUID().toString() : boot;
  }

  /** Where the last file of the log begins, and a byte more; 0 if there is none. */
  static long leastEnd(FileAccess files, Path directory) throws IOException {
    Path log = directory.resolve("commitlog");
    if (!files.exists(log)) {
      return 0;
    }
    return files.list(log).stream()
        .map(file -> file.getFileName().toString())
        .filter(name -> name.matches("[0-9]{20}"))
        .mapToLong(name -> Long.parseLong(name) + 1)
        .max()
        .orElse(0);
  }
}
