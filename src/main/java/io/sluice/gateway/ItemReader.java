package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/**
 * Reads a batch item into a draft. The common shapes (strings without escapes in ASCII) are scanned
 * by hand straight from the bytes; everything else, errors included, goes through Jackson's
 * streaming parser. Owned by an event loop.
 */
final class ItemReader implements Fields.Taker {

  /** The fields of an item; the document of the API lists the same. */
  static final List<String> FIELDS =
      List.of(
          "body",
          "json",
          "bodyBase64",
          "tag",
          "keys",
          "orderingKey",
          "delay",
          "deliverAt",
          "ttl",
          "idempotencyKey",
          "transaction",
          "properties",
          "contentType");

  private static final String JSON_TYPE = "application/json";
  private static final byte[] BODY = "body".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TAG = "tag".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] KEY = "keys".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ORDERING_KEY = "orderingKey".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CONTENT_TYPE = "contentType".getBytes(StandardCharsets.US_ASCII);

  private MessageDraft draft;
  private byte[] source;
  private int sourceFrom;
  private boolean hasBody;

  /**
   * Reads one item that is a whole text, such as a line.
   *
   * @throws SluiceException saying what is wrong with it
   */
  void readWhole(byte[] bytes, int from, int length, MessageDraft target) {
    if (scan(bytes, from, from + length, target)) {
      return;
    }
    target.start(target.topic());
    begin(bytes, from, target);
    Fields.readObject(bytes, from, length, FIELDS, this);
    end();
  }

  /** Reads one item of an array; the parser stands on its start. */
  void readNext(JsonParser parser, byte[] bytes, int parsedFrom, MessageDraft target)
      throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw Fields.wrong("an item", parser, "an object");
    }
    begin(bytes, parsedFrom, target);
    Fields.readFields(parser, FIELDS, this);
    end();
  }

  /** Starts an item whose fields are handed over one by one. */
  void begin(byte[] bytes, int from, MessageDraft target) {
    source = bytes;
    sourceFrom = from;
    draft = target;
    hasBody = false;
    target.noBody();
  }

  /** Checks that the item is whole. */
  void end() {
    source = null;
    if (!hasBody) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "there is no body: one of body, json and bodyBase64 is needed");
    }
  }

  boolean hasBody() {
    return hasBody;
  }

  @Override
  public boolean take(String name, JsonParser parser) throws IOException {
    switch (name) {
      case "body" -> {
        byte[] text = Fields.text(name, parser).getBytes(StandardCharsets.UTF_8);
        oneBody();
        draft.body(text, 0, text.length);
      }
      case "json" -> takeJson(parser);
      case "bodyBase64" -> takeBase64(parser);
      case "tag" -> draft.tag(Fields.text(name, parser));
      case "keys" -> takeKeys(parser);
      case "orderingKey" -> draft.orderingKey(Fields.text(name, parser));
      case "idempotencyKey" -> draft.idempotencyKey(Fields.text(name, parser));
      case "contentType" -> draft.contentType(Fields.text(name, parser));
      case "transaction" -> draft.transaction(Fields.text(name, parser));
      case "properties" -> takeProperties(parser);
      case "delay" -> draft.delay(name, Fields.scalar(name, parser));
      case "ttl" -> draft.ttl(name, Fields.scalar(name, parser));
      case "deliverAt" -> draft.deliverAt(name, Fields.timeMs(name, parser));
      default -> {
        return false;
      }
    }
    return true;
  }

  /** The value as it stands in the text, blanks and order of fields included. */
  private void takeJson(JsonParser parser) throws IOException {
    oneBody();
    int from = sourceFrom + (int) parser.currentTokenLocation().getByteOffset();
    if (parser.currentToken().isStructStart()) {
      parser.skipChildren();
    } else {
      parser.finishToken();
    }
    int to = sourceFrom + (int) parser.currentLocation().getByteOffset();
    while (to > from && source[to - 1] <= ' ' && source[to - 1] >= 0) {
      to--;
    }
    draft.body(source, from, to - from);
    draft.defaultContentType(JSON_TYPE);
  }

  private void takeBase64(JsonParser parser) throws IOException {
    String text = Fields.text("bodyBase64", parser);
    oneBody();
    try {
      byte[] body = Base64.getDecoder().decode(text);
      draft.body(body, 0, body.length);
    } catch (IllegalArgumentException e) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "bodyBase64 is not valid base64: " + e.getMessage());
    }
  }

  private void takeKeys(JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      draft.key(parser.getText());
      return;
    }
    Fields.expectArray("keys", parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      draft.key(Fields.text("keys", parser));
    }
  }

  private void takeProperties(JsonParser parser) throws IOException {
    Fields.expectObject("properties", parser);
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      draft.property(name, Fields.scalar("properties." + name, parser));
    }
  }

  /** Notes that there is a body, and that there is only one. */
  void oneBody() {
    if (hasBody) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "there are two bodies: only one of body, json and bodyBase64");
    }
    hasBody = true;
  }

  /**
   * Scans a flat object whose values are plain ASCII strings.
   *
   * @return false if it is anything else; then the draft holds remains
   */
  private boolean scan(byte[] b, int from, int to, MessageDraft target) {
    int at = skipBlanks(b, from, to);
    if (at >= to || b[at++] != '{') {
      return false;
    }
    int seen = 0;
    target.noBody();
    while (true) {
      at = skipBlanks(b, at, to);
      if (at >= to || b[at++] != '"') {
        return false;
      }
      int nameFrom = at;
      int nameTo = stringEnd(b, at, to);
      if (nameTo < 0) {
        return false;
      }
      at = skipBlanks(b, nameTo + 1, to);
      if (at >= to || b[at++] != ':') {
        return false;
      }
      at = skipBlanks(b, at, to);
      if (at >= to || b[at++] != '"') {
        return false;
      }
      int valueFrom = at;
      int valueTo = stringEnd(b, at, to);
      if (valueTo < 0) {
        return false;
      }
      int field = field(b, nameFrom, nameTo - nameFrom);
      if (field == 0 || (seen & field) != 0) {
        return false;
      }
      seen |= field;
      if (field == 1) {
        target.body(b, valueFrom, valueTo - valueFrom);
      } else {
        take(field, ascii(b, valueFrom, valueTo), target);
      }
      at = skipBlanks(b, valueTo + 1, to);
      if (at >= to) {
        return false;
      }
      byte next = b[at++];
      if (next == '}') {
        return (seen & 1) != 0 && skipBlanks(b, at, to) == to;
      }
      if (next != ',') {
        return false;
      }
    }
  }

  private static void take(int field, String value, MessageDraft target) {
    switch (field) {
      case 2 -> target.tag(value);
      case 4 -> target.key(value);
      case 8 -> target.orderingKey(value);
      default -> target.contentType(value);
    }
  }

  private static int field(byte[] b, int from, int length) {
    return switch (length) {
      case 4 -> is(b, from, BODY) ? 1 : is(b, from, KEY) ? 4 : 0;
      case 3 -> is(b, from, TAG) ? 2 : 0;
      case 11 -> is(b, from, ORDERING_KEY) ? 8 : is(b, from, CONTENT_TYPE) ? 16 : 0;
      default -> 0;
    };
  }

  private static boolean is(byte[] b, int from, byte[] name) {
    for (int i = 0; i < name.length; i++) {
      if (b[from + i] != name[i]) {
        return false;
      }
    }
    return true;
  }

  /** Where a plain ASCII string ends, or -1 if it is not plain. */
  private static int stringEnd(byte[] b, int at, int to) {
    for (int i = at; i < to; i++) {
      byte c = b[i];
      if (c == '"') {
        return i;
      }
      // Control characters and everything beyond ASCII are < ' ' as signed bytes.
      if (c < ' ' || c == '\\') {
        return -1;
      }
    }
    return -1;
  }

  private static int skipBlanks(byte[] b, int at, int to) {
    int i = at;
    while (i < to && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n')) {
      i++;
    }
    return i;
  }

  private static String ascii(byte[] b, int from, int to) {
    return new String(b, from, to - from, StandardCharsets.ISO_8859_1);
  }
}
