package io.sluice.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Examples of documents that are compiled and run in a test: they stand there between {@code //
 * example} and {@code // end of example}.
 */
public final class Snippets {

  private static final String BEGIN = "  // example\n";
  private static final String END = "  // end of example\n";

  private Snippets() {}

  /** Fails unless the document has the example of the test as it stands there. */
  public static void assertIsIn(Path document, Class<?> test) throws IOException {
    Path source = Path.of("src/test/java", test.getName().replace('.', '/') + ".java");
    String code = Files.readString(source);
    String example =
        code.substring(code.indexOf(BEGIN) + BEGIN.length(), code.indexOf(END))
            .stripTrailing()
            .stripIndent()
            .strip();
    assertTrue(Files.readString(document).contains(example), example);
  }
}
