package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstallationTest {

  private static final Path OPTIONS = Path.of("conf", "jvm.options");

  @TempDir Path home;

  @Test
  void shouldFindTheFlagsOfTheProjectThatTheJarWasBuiltIn() throws IOException {
    Path options = home.resolve(OPTIONS);
    Files.createDirectories(options.getParent());
    Files.writeString(options, "-Xmx64m\n");
    assertEquals(options, Installation.find(OPTIONS, home.resolve("target/sluice.jar").toString()));
  }

  @Test
  void shouldLookInTheWorkingDirectoryForAJarThatWasCopiedElsewhere() {
    assertEquals(OPTIONS, Installation.find(OPTIONS, home.resolve("target/sluice.jar").toString()));
    assertEquals(OPTIONS, Installation.find(OPTIONS, "/sluice.jar"));
    assertEquals(OPTIONS, Installation.find(OPTIONS, "target/classes:target/test-classes"));
  }
}
