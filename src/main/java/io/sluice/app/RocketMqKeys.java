package io.sluice.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * The keys of RocketMQ's broker.conf and namesrv.conf that have no meaning here, each with the
 * reason. They stand in a resource; it is only read when a file of that form is given.
 */
final class RocketMqKeys {

  private static final String RESOURCE = "rocketmq-keys.txt";

  private RocketMqKeys() {}

  /** Key to reason. */
  static Map<String, String> reasons() {
    Map<String, String> reasons = new HashMap<>();
    try (InputStream in = RocketMqKeys.class.getResourceAsStream(RESOURCE);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      String reason = null;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("[")) {
          reason = line.substring(1, line.length() - 1);
        } else if (!line.isBlank() && !line.startsWith("#")) {
          for (String key : line.trim().split(" +")) {
            reasons.put(key, reason);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(RESOURCE + " is missing in the jar", e);
    }
    return reasons;
  }
}
