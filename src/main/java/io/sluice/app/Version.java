package io.sluice.app;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/** What was built: the version of the project, as Maven wrote it into a resource. */
final class Version {

  private Version() {}

  static String of() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream("/sluice.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      return "unknown";
    }
    return properties.getProperty("version", "unknown");
  }
}
