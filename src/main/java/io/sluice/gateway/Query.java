package io.sluice.gateway;

import io.netty.handler.codec.http.QueryStringDecoder;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.util.NearestName;
import java.util.List;
import java.util.Map;

/** The parameters of a request's query, each known by name and given once. */
final class Query {

  /** More parameters than this are no query of ours. */
  private static final int MAX_PARAMETERS = 64;

  private final Map<String, List<String>> values;

  private Query(Map<String, List<String>> values) {
    this.values = values;
  }

  /**
   * Reads a query.
   *
   * @param query the text behind the question mark, or null
   * @param known the names that are allowed
   */
  static Query read(String query, List<String> known) {
    if (query == null || query.isEmpty()) {
      return new Query(Map.of());
    }
    Map<String, List<String>> values;
    try {
      values =
          QueryStringDecoder.builder()
              .hasPath(false)
              .maxParams(MAX_PARAMETERS)
              .semicolonIsNormalChar(true)
              .build(query)
              .parameters();
    } catch (IllegalArgumentException e) {
      throw new SluiceException(
          ErrorCode.MALFORMED_REQUEST, "the query could not be read: " + e.getMessage());
    }
    for (Map.Entry<String, List<String>> entry : values.entrySet()) {
      if (!known.contains(entry.getKey())) {
        String near = NearestName.of(entry.getKey(), known);
        throw new SluiceException(
            ErrorCode.UNKNOWN_FIELD,
            "the query parameter '"
                + entry.getKey()
                + "' is not known here"
                + (near != null
                    ? "; did you mean '" + near + "'?"
                    : known.isEmpty() ? "; none is" : "; known are " + String.join(", ", known)));
      }
      if (entry.getValue().size() > 1) {
        throw invalid(entry.getKey(), "it stands twice");
      }
    }
    return new Query(values);
  }

  boolean isEmpty() {
    return values.isEmpty();
  }

  /** The value, or null. */
  String get(String name) {
    List<String> value = values.get(name);
    return value == null ? null : value.get(0);
  }

  /** True for {@code name}, {@code name=} and {@code name=true}. */
  boolean flag(String name) {
    String value = get(name);
    if (value == null || value.equalsIgnoreCase("false")) {
      return false;
    }
    if (value.isEmpty() || value.equalsIgnoreCase("true")) {
      return true;
    }
    throw invalid(name, "found '" + value + "', allowed are true and false");
  }

  /** A whole number within a range. */
  long number(String name, long defaultValue, long min, long max) {
    String text = get(name);
    if (text == null) {
      return defaultValue;
    }
    try {
      long value = Long.parseLong(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw invalid(name, "found '" + text + "', allowed are " + min + " to " + max);
  }

  private static SluiceException invalid(String name, String detail) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, name + ": " + detail);
  }
}
