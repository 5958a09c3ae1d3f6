package io.sluice.store.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Directories for one run, under {@code -Dbench.directory} or the system's temporary one. */
final class Directories {

  private Directories() {}

  static Path create(String name) throws IOException {
    String parent = System.getProperty("bench.directory", System.getProperty("java.io.tmpdir"));
    return Files.createTempDirectory(Path.of(parent), "bench-" + name);
  }

  static void delete(Path directory) throws IOException {
    List<Path> paths;
    try (Stream<Path> all = Files.walk(directory)) {
      paths = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.deleteIfExists(path);
    }
  }
}
