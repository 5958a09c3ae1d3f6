package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * Holds docs/configuration.md and conf/sluice.yaml to the table of configuration. Run with {@code
 * -Ddocs.write=true} to write them anew.
 */
class ConfigurationDocumentTest {

  @Test
  void shouldSayInTheDocumentWhatTheTableSays() throws IOException {
    hold(Path.of("docs", "configuration.md"), ConfigDocuments.markdown());
  }

  @Test
  void shouldShowEveryKeyInTheFileThatShips() throws IOException {
    hold(Path.of("conf", "sluice.yaml"), ConfigDocuments.yaml());
  }

  private static void hold(Path file, String expected) throws IOException {
    if (Boolean.getBoolean("docs.write")) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, expected);
    }
    assertEquals(expected, Files.readString(file), file + ": write it anew with -Ddocs.write=true");
  }
}
