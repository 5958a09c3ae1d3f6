package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;

/**
 * Reads a structured CloudEvent (JSON event format 1.0.2) into a draft. JSON data is kept as it
 * stands in the text. Owned by an event loop.
 */
final class CloudEventReader {

  private static final String JSON_TYPE = "application/json";

  private final CloudEvent event = new CloudEvent();

  /** Reads a text that is one event. */
  void readWhole(byte[] bytes, int from, int length, MessageDraft draft) {
    try (JsonParser parser = Fields.JSON.createParser(bytes, from, length)) {
      parser.nextToken();
      readNext(parser, bytes, from, draft);
      if (parser.nextToken() != null) {
        throw Fields.malformed("there is something after the end of the event");
      }
    } catch (JsonProcessingException e) {
      throw Fields.malformed(e);
    } catch (IOException e) {
      throw Fields.malformed(e.getMessage());
    }
  }

  /** Reads an event; the parser stands on its start and is left on its end. */
  void readNext(JsonParser parser, byte[] bytes, int parsedFrom, MessageDraft draft)
      throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw Fields.wrong("an event", parser, "a JSON object");
    }
    event.clear();
    draft.noBody();
    int dataFrom = -1;
    int dataTo = -1;
    String text = null;
    byte[] binary = null;
    String type = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (value == JsonToken.VALUE_NULL && !name.equals("data")) {
        continue;
      }
      switch (name) {
        case "data" -> {
          dataFrom = parsedFrom + (int) parser.currentTokenLocation().getByteOffset();
          text = value == JsonToken.VALUE_STRING ? parser.getText() : null;
          parser.skipChildren();
          parser.finishToken();
          dataTo = end(bytes, parsedFrom + (int) parser.currentLocation().getByteOffset());
        }
        case "data_base64" -> binary = base64(Fields.text(name, parser));
        default -> {
          String attribute = Fields.scalar(name, parser);
          event.put(name, attribute);
          type = name.equals("datacontenttype") ? attribute : type;
        }
      }
    }
    if (binary != null && dataFrom >= 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "the event has data and data_base64; give one of them");
    }
    event.finish(draft);
    if (binary != null) {
      draft.body(binary, 0, binary.length);
    } else if (dataFrom >= 0 && (type == null || isJson(type))) {
      draft.body(bytes, dataFrom, dataTo - dataFrom);
      draft.defaultContentType(JSON_TYPE);
    } else if (text != null) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      draft.body(utf8, 0, utf8.length);
    } else if (dataFrom >= 0) {
      // JSON format, 3.1.1: such data is written as JSON all the same.
      draft.body(bytes, dataFrom, dataTo - dataFrom);
    }
  }

  /** Whether a media type means JSON. */
  static boolean isJson(String type) {
    int end = type.indexOf(';');
    String plain = (end < 0 ? type : type.substring(0, end)).trim().toLowerCase(Locale.ROOT);
    return plain.endsWith("/json") || plain.endsWith("+json");
  }

  private static int end(byte[] bytes, int to) {
    int end = to;
    while (bytes[end - 1] <= ' ' && bytes[end - 1] >= 0) {
      end--;
    }
    return end;
  }

  private static byte[] base64(String text) {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "data_base64 is not valid base64: " + e.getMessage());
    }
  }
}
