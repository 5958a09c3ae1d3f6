package io.sluice.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Looks for what a closed server must have let go of: mappings and descriptors of its files. */
public final class Leaks {

  private Leaks() {}

  /**
   * Waits until nothing of this process holds a file under the directory; fails naming what does.
   */
  public static void awaitNone(Path directory) {
    Await.until(() -> "files are still held: " + held(directory), () -> held(directory).isEmpty());
  }

  /** Mappings and descriptors of files under the directory; empty where there is no /proc. */
  static List<String> held(Path directory) {
    String prefix = directory.toAbsolutePath().normalize() + "/";
    List<String> held = new ArrayList<>();
    Path self = Path.of("/proc/self");
    if (!Files.isDirectory(self)) {
      return held;
    }
    try (Stream<String> maps = Files.lines(self.resolve("maps"));
        Stream<Path> descriptors = Files.list(self.resolve("fd"))) {
      maps.filter(line -> line.contains(prefix)).forEach(held::add);
      for (Path descriptor : descriptors.toList()) {
        if (Files.isSymbolicLink(descriptor)
            && Files.readSymbolicLink(descriptor).toString().startsWith(prefix)) {
          held.add(Files.readSymbolicLink(descriptor).toString());
        }
      }
    } catch (IOException e) {
      // A descriptor was closed while it was looked at: look again.
      held.add(e.toString());
    }
    return held;
  }
}
