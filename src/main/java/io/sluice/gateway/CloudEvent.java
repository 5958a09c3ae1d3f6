package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The attributes of a CloudEvent on its way in: checked, then kept as properties of the message.
 * Reused; for one thread.
 *
 * <p>Source of the rules: CloudEvents 1.0.2, "Context Attributes" and "Type System". The names of
 * the properties are those of the RocketMQ binding of CloudEvents' Java SDK, so that its users and
 * those of HTTP understand each other.
 */
final class CloudEvent {

  /** Before the name of an attribute, as a property of the message. */
  static final String PROPERTY_PREFIX = "CE_";

  /** The content type as the RocketMQ binding has it. */
  static final String CONTENT_TYPE_PROPERTY = PROPERTY_PREFIX + "contenttype";

  static final String STRUCTURED_TYPE = "application/cloudevents+json";
  static final String BATCH_TYPE = "application/cloudevents-batch+json";

  private static final String VERSION = "1.0";
  private static final String[] REQUIRED = {"specversion", "id", "source", "type"};

  private final Map<String, String> attributes = new LinkedHashMap<>();

  /** Starts the next event. */
  void clear() {
    attributes.clear();
  }

  boolean isEmpty() {
    return attributes.isEmpty();
  }

  /**
   * Takes an attribute.
   *
   * @throws SluiceException naming it, with what was found and what is allowed
   */
  void put(String name, String value) {
    checkName(name);
    if (attributes.put(name, value) != null) {
      throw wrong(name, "stands twice");
    }
    checkCharacters(name, value);
    if (value.isEmpty()) {
      throw wrong(name, "is empty; leave it out, or give it a value");
    }
    switch (name) {
      case "specversion" -> {
        if (!value.equals(VERSION)) {
          throw wrong(name, "is '" + value + "'; allowed is " + VERSION);
        }
      }
      case "source" -> checkUri(name, value, false);
      case "dataschema" -> checkUri(name, value, true);
      case "time" -> checkTime(name, value);
      case "datacontenttype" -> {
        if (value.indexOf('/') <= 0) {
          throw wrong(name, "is '" + value + "'; allowed is a media type such as application/json");
        }
      }
      default -> {
        // Any text: id, type, subject, extensions.
      }
    }
  }

  /** Checks that nothing is missing, and hands the event to the draft of its message. */
  void finish(MessageDraft draft) {
    for (String name : REQUIRED) {
      if (!attributes.containsKey(name)) {
        throw wrong(name, "is missing; an event needs specversion, id, source and type");
      }
    }
    String dataType = attributes.get("datacontenttype");
    attributes.forEach(
        (name, value) -> {
          if (!name.equals("datacontenttype")) {
            draft.property(PROPERTY_PREFIX + name, value);
          }
        });
    draft.property(CONTENT_TYPE_PROPERTY, dataType);
    draft.contentType(dataType);
    String id = attributes.get("id");
    // An event is known by its source and id; a source has no blank.
    draft.defaultIdempotencyKey(attributes.get("source") + " " + id);
    if (id.indexOf(' ') < 0) {
      draft.key(id);
    }
    String type = attributes.get("type");
    if (type.indexOf('|') < 0) {
      draft.defaultTag(type);
    }
    draft.defaultOrderingKey(attributes.get("partitionkey"));
  }

  private static void checkName(String name) {
    if (name.isEmpty()) {
      throw wrong(name, "has no name");
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!(c >= 'a' && c <= 'z' || c >= '0' && c <= '9')) {
        throw wrong(
            name,
            "has '"
                + c
                + "' at position "
                + i
                + " of its name; allowed are lower case letters and digits");
      }
    }
    if (name.equals("data")) {
      throw wrong(name, "is the body, not an attribute");
    }
  }

  private static void checkCharacters(String name, String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      boolean control = c < ' ' || c >= 0x7f && c <= 0x9f || c >= 0xfdd0 && c <= 0xfdef;
      boolean lone =
          Character.isHighSurrogate(c)
                  && (i + 1 == value.length() || !Character.isLowSurrogate(value.charAt(i + 1)))
              || Character.isLowSurrogate(c)
                  && (i == 0 || !Character.isHighSurrogate(value.charAt(i - 1)));
      if (control || lone || c >= 0xfffe) {
        throw wrong(
            name,
            String.format(
                "has the character U+%04X at position %d, which is not allowed", (int) c, i));
      }
    }
  }

  private static void checkUri(String name, String value, boolean absolute) {
    try {
      if (!absolute || new URI(value).isAbsolute()) {
        new URI(value);
        return;
      }
    } catch (URISyntaxException e) {
      // Told below.
    }
    throw wrong(
        name,
        "is '"
            + value
            + "'; allowed is "
            + (absolute
                ? "an absolute URI such as https://example.com/schema"
                : "a URI or a part of one such as /shop/orders"));
  }

  private static void checkTime(String name, String value) {
    try {
      OffsetDateTime.parse(value);
    } catch (DateTimeParseException e) {
      throw wrong(name, "is '" + value + "'; allowed is RFC 3339 such as 2026-01-31T12:00:00Z");
    }
  }

  static SluiceException wrong(String name, String what) {
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT, "the CloudEvents attribute " + name + " " + what);
  }

  /** CloudEvents' HTTP binding, 3.1.3.2: values of headers are percent-encoded UTF-8. */
  static String decodeHeader(String value) {
    if (value.indexOf('%') < 0) {
      return value;
    }
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    byte[] out = new byte[bytes.length];
    int size = 0;
    for (int i = 0; i < bytes.length; i++) {
      int high = i + 2 < bytes.length && bytes[i] == '%' ? Character.digit(bytes[i + 1], 16) : -1;
      int low = high < 0 ? -1 : Character.digit(bytes[i + 2], 16);
      if (low < 0) {
        out[size++] = bytes[i];
      } else {
        out[size++] = (byte) (high << 4 | low);
        i += 2;
      }
    }
    return new String(out, 0, size, StandardCharsets.UTF_8);
  }
}
