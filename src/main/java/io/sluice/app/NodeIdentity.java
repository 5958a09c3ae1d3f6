package io.sluice.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What a Broker's data directory is known by to the controllers: a name drawn once, in the file
 * {@code identity}. Whoever copies the directory deletes that file in the copy. For workers.
 */
final class NodeIdentity {

  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

  private NodeIdentity() {}

  /** Of this directory, drawn and kept at the first call. */
  static String of(Path directory) throws IOException {
    Path path = directory.resolve("identity");
    if (!Files.exists(path)) {
      Files.createDirectories(directory);
      Path beside = directory.resolve("identity.new");
      Files.writeString(beside, UUID.randomUUID() + "\n", StandardCharsets.US_ASCII);
      Files.move(beside, path, StandardCopyOption.ATOMIC_MOVE);
    }
    return Files.readString(path, StandardCharsets.US_ASCII).trim();
  }

  /**
   * The present start of the machine: what a process had written then is still there after its
   * death. Where the system does not tell, each start of the process counts as one.
   */
  static String boot() {
    try {
      return Files.readString(BOOT, StandardCharsets.US_ASCII).trim();
    } catch (IOException e) {
      return UUID.randomUUID().toString();
    }
  }

  /** Where the last file of the log begins, and a byte more; 0 if there is none. */
  static long leastEnd(Path directory) throws IOException {
    Path log = directory.resolve("commitlog");
    if (!Files.isDirectory(log)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(log)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("[0-9]{1,19}"))
          .mapToLong(name -> Long.parseLong(name) + 1)
          .max()
          .orElse(0);
    }
  }
}
