package io.sluice.app;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The files that come with the jar, for the servers that a command starts: they run with the flags
 * that {@code scripts/run} gives to a server, from whatever directory the command was called.
 */
final class Installation {

  private static final Path JVM_OPTIONS = Path.of("conf", "jvm.options");

  private Installation() {}

  /**
   * Flags of the JVM for a server: those of {@code conf/jvm.options} of the project that the
   * running jar was built in, or of the working directory; none if there is no such file.
   */
  static List<String> jvmFlags() {
    Path options = find(JVM_OPTIONS, runningJar());
    return Files.exists(options) ? List.of("@" + options) : List.of();
  }

  /** The script that starts a server; it may not be there. */
  static Path runScript() {
    return find(Path.of("scripts", "run"), runningJar());
  }

  /**
   * A file of the project.
   *
   * @param file its path from the project's directory
   * @param jar as the JVM was given it: it stands in the project's {@code target/}
   */
  static Path find(Path file, String jar) {
    if (!jar.endsWith(".jar") || jar.contains(File.pathSeparator)) {
      return file;
    }
    Path project = Path.of(jar).toAbsolutePath().getParent().getParent();
    return project != null && Files.exists(project.resolve(file)) ? project.resolve(file) : file;
  }

  private static String runningJar() {
    return System.getProperty("sluice.jar", System.getProperty("java.class.path"));
  }
}
