package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.List;

/** How messages are written out, where a consumer may choose. */
final class CloudEventFormat {

  static final List<String> FORMATS = List.of("sluice", "cloudevents");

  private CloudEventFormat() {}

  /** Whether the format is that of CloudEvents; null is ours. */
  static boolean of(String name, String format) {
    if (format != null && !FORMATS.contains(format)) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          name + ": found '" + format + "', allowed are " + String.join(" and ", FORMATS));
    }
    return "cloudevents".equals(format);
  }
}
