package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Properties as text, one a line. */
final class PropertiesText {

  private PropertiesText() {}

  static byte[] write(Map<String, String> values) {
    StringBuilder text = new StringBuilder();
    values.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Takes what says what is so already; anything else needs a start. */
  static void refuseChanges(Exchange exchange, Map<String, String> present) {
    String text = StandardCharsets.UTF_8.decode(exchange.request().body()).toString();
    for (String line : (Iterable<String>) text.lines()::iterator) {
      int equals = line.indexOf('=');
      if (equals <= 0 || line.startsWith("#")) {
        continue;
      }
      String key = line.substring(0, equals).trim();
      String value = line.substring(equals + 1).trim();
      if (!value.equals(present.get(key))) {
        exchange.fail(
            ResponseCode.NOT_SUPPORTED,
            key
                + (present.containsKey(key)
                    ? " is " + present.get(key) + " and"
                    : " is not used here; configuration")
                + " can not be changed while the server runs; set it in its configuration and"
                + " start it again");
        return;
      }
    }
    exchange.ok();
  }
}
