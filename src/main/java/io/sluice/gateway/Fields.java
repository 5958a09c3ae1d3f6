package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.util.Durations;
import io.sluice.util.NearestName;
import io.sluice.util.Timestamps;
import java.io.IOException;
import java.util.List;

/**
 * Reads JSON objects field by field with Jackson's streaming parser, and says what is wrong in the
 * words of the API. Static; safe for any thread.
 */
final class Fields {

  /** Deeper nesting than this is refused: a parser's stack is no place to store a client's data. */
  private static final int MAX_DEPTH = 500;

  static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxStringLength(Integer.MAX_VALUE) // the bytes are bounded already
                  .build())
          .build();

  private Fields() {}

  /** Takes one field; the parser stands on its value and is left on the value's last token. */
  interface Taker {

    /**
     * Takes a field.
     *
     * @return false if there is no field of this name
     */
    boolean take(String name, JsonParser parser) throws IOException;
  }

  /**
   * Reads a whole text that is one object.
   *
   * @param known the names that {@code taker} takes, to name the nearest
   */
  static void readObject(byte[] bytes, int from, int length, List<String> known, Taker taker) {
    try (JsonParser parser = JSON.createParser(bytes, from, length)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw malformed("found " + found(parser) + ", expected a JSON object");
      }
      readFields(parser, known, taker);
      if (parser.nextToken() != null) {
        throw malformed("found " + found(parser) + " after the end of the JSON object");
      }
    } catch (JsonProcessingException e) {
      throw malformed(e);
    } catch (IOException e) {
      throw malformed(e.getMessage());
    }
  }

  /** Reads the fields of an object; the parser stands on its start and is left on its end. */
  static void readFields(JsonParser parser, List<String> known, Taker taker) throws IOException {
    long seen = 0;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      int index = known.indexOf(name);
      if (index >= 0) {
        if ((seen & 1L << index) != 0) {
          throw malformed("the field '" + name + "' stands twice");
        }
        seen |= 1L << index;
      }
      parser.nextToken();
      if (!taker.take(name, parser)) {
        throw unknown(name, known);
      }
    }
  }

  static SluiceException unknown(String name, List<String> known) {
    String near = NearestName.of(name, known);
    return new SluiceException(
        ErrorCode.UNKNOWN_FIELD,
        "the field '"
            + name
            + "' is not known"
            + (near == null
                ? "; known are " + String.join(", ", known)
                : "; did you mean '" + near + "'?"));
  }

  /** A string. */
  static String text(String name, JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw wrong(name, parser, "a string");
    }
    return parser.getText();
  }

  /** A string, a number or a boolean, as text. */
  static String scalar(String name, JsonParser parser) throws IOException {
    if (!parser.currentToken().isScalarValue() || parser.currentToken() == JsonToken.VALUE_NULL) {
      throw wrong(name, parser, "a string, a number or a boolean");
    }
    return parser.getText();
  }

  static boolean bool(String name, JsonParser parser) throws IOException {
    if (!parser.currentToken().isBoolean()) {
      throw wrong(name, parser, "true or false");
    }
    return parser.getBooleanValue();
  }

  /** A whole number within a range. */
  static long number(String name, JsonParser parser, long min, long max) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
      if (parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
        long value = parser.getLongValue();
        if (value >= min && value <= max) {
          return value;
        }
      }
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          name + ": found " + parser.getText() + ", allowed are " + min + " to " + max);
    }
    throw wrong(name, parser, "a whole number from " + min + " to " + max);
  }

  /** A duration as text, in milliseconds. */
  static long durationMs(String name, JsonParser parser, long min, long max) throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw wrong(name, parser, "a duration in quotes such as \"30s\"");
    }
    return durationMs(name, parser.getText(), min, max);
  }

  static long durationMs(String name, String text, long min, long max) {
    long value;
    try {
      value = Durations.parseMs(text);
    } catch (IllegalArgumentException e) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, name + ": " + e.getMessage());
    }
    if (value < min || value > max) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          name
              + ": found "
              + text
              + ", allowed are "
              + Durations.format(min)
              + " to "
              + Durations.format(max));
    }
    return value;
  }

  /** A time as text or number, in milliseconds since the epoch. */
  static long timeMs(String name, JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
      return number(name, parser, 0, Long.MAX_VALUE);
    }
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw wrong(name, parser, "a time (RFC 3339 or milliseconds since the epoch)");
    }
    return timeMs(name, parser.getText());
  }

  static long timeMs(String name, String text) {
    try {
      return Timestamps.parseMs(text);
    } catch (IllegalArgumentException e) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, name + ": " + e.getMessage());
    }
  }

  /** A start of an array. */
  static void expectArray(String name, JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw wrong(name, parser, "an array");
    }
  }

  /** A start of an object. */
  static void expectObject(String name, JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw wrong(name, parser, "an object");
    }
  }

  static SluiceException wrong(String name, JsonParser parser, String expected) {
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT, name + ": found " + found(parser) + ", expected " + expected);
  }

  static SluiceException malformed(String detail) {
    return new SluiceException(ErrorCode.MALFORMED_REQUEST, detail);
  }

  static SluiceException malformed(JsonProcessingException e) {
    String place =
        e.getLocation() == null ? "" : " at byte " + Math.max(0, e.getLocation().getByteOffset());
    return malformed("this is not valid JSON: " + e.getOriginalMessage() + place);
  }

  private static String found(JsonParser parser) {
    JsonToken token = parser.currentToken();
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NULL -> "null";
      default -> "'" + token.asString() + "'";
    };
  }
}
