package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import io.sluice.bus.ReplyTo;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertyNames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes a stored message as JSON, straight from its mapped record. Reused; owned by an event loop.
 */
final class MessageJson {

  private static final byte NAME_END = 1;
  private static final byte VALUE_END = 2;

  private static final byte[] UNIQUE_KEY = ascii(PropertyNames.UNIQUE_KEY);
  private static final byte[] TAGS = ascii(PropertyNames.TAGS);
  private static final byte[] KEYS = ascii(PropertyNames.KEYS);
  private static final byte[] ORDERING_KEY = ascii(PropertyNames.ORDERING_KEY);
  private static final byte[] CONTENT_TYPE = ascii(PropertyNames.CONTENT_TYPE);
  private static final byte[] RECORD_CRC = ascii(PropertyNames.RECORD_CRC);
  private static final byte[] TRANSACTIONAL = ascii(PropertyNames.TRANSACTIONAL);
  private static final byte[] PRODUCER_GROUP = ascii(PropertyNames.PRODUCER_GROUP);
  private static final byte[] WAIT = ascii(PropertyNames.WAIT);

  private static final byte[] CORRELATION_ID = ascii(PropertyNames.CORRELATION_ID);
  private static final byte[] REPLY_TO_CLIENT = ascii(PropertyNames.REPLY_TO_CLIENT);

  private static final byte[] MESSAGE_ID = ascii("\"messageId\":");
  private static final byte[] TOPIC = ascii(",\"topic\":\"");
  private static final byte[] QUEUE_ID = ascii(",\"queueId\":");
  private static final byte[] QUEUE_OFFSET = ascii(",\"queueOffset\":");
  private static final byte[] ATTEMPT = ascii(",\"attempt\":");
  private static final byte[] BORN_AT = ascii(",\"bornAt\":");
  private static final byte[] STORED_AT = ascii(",\"storedAt\":");
  private static final byte[] BODY = ascii(",\"body\":");
  private static final byte[] JSON = ascii(",\"json\":");
  private static final byte[] BODY_BASE64 = ascii(",\"bodyBase64\":");

  private final byte[] properties = new byte[MessageLayout.MAX_PROPERTIES_BYTES];
  private final JsonText user = new JsonText();
  private int idFrom;
  private int idTo;
  private int tagFrom;
  private int tagTo;
  private int keysFrom;
  private int keysTo;
  private int orderingFrom;
  private int orderingTo;
  private int typeFrom;
  private int typeTo;
  private int correlationFrom;
  private int correlationTo;
  private int requesterFrom;
  private int requesterTo;

  /**
   * Writes the fields of a message, without the braces, its body included.
   *
   * @param topic its topic
   * @param attempt how often it has been handed out, or 0 where nobody counts
   */
  void write(JsonText out, MessageView view, String topic, int attempt) {
    writeHead(out, view, topic, attempt);
    writeBody(out, view);
  }

  /** Writes the fields of a reply, which was not stored and so has no place. */
  void writeReply(JsonText out, MessageView view) {
    writeReplyHead(out, view);
    writeBody(out, view);
  }

  /** As {@link #writeReply}, without the body. */
  void writeReplyHead(JsonText out, MessageView view) {
    scan(view);
    text(out.raw(MESSAGE_ID), idFrom, idTo);
    writeUsers(out);
    out.raw(BORN_AT).number(view.bornAtMs());
    writeTypes(out, view);
  }

  /** As {@link #write}, for a message whose transaction is open: it has no place yet. */
  void writeHalf(JsonText out, MessageView view, String topic) {
    writeHead(out, view, topic, 0, false);
    writeBody(out, view);
  }

  /** The id of a message: its unique id, or where it is stored. */
  static String id(MessageView view) {
    String uniqueKey = view.property(PropertyNames.UNIQUE_KEY);
    if (uniqueKey != null) {
      return uniqueKey;
    }
    JsonText id = new JsonText();
    OffsetIds.write(id, view);
    return id.toString();
  }

  /** As {@link #write}, without the body: for frames that carry it as it is. */
  void writeHead(JsonText out, MessageView view, String topic, int attempt) {
    writeHead(out, view, topic, attempt, true);
  }

  private void writeHead(
      JsonText out, MessageView view, String topic, int attempt, boolean hasPlace) {
    scan(view);
    out.raw(MESSAGE_ID);
    if (idTo > idFrom) {
      text(out, idFrom, idTo);
    } else {
      out.raw('"');
      OffsetIds.write(out, view);
      out.raw('"');
    }
    out.raw(TOPIC).raw(topic).raw('"');
    if (hasPlace) {
      out.raw(QUEUE_ID).number(view.queueId());
      out.raw(QUEUE_OFFSET).number(view.queueOffset());
    }
    writeUsers(out);
    out.raw(BORN_AT).number(view.bornAtMs()).raw(STORED_AT).number(view.storedAtMs());
    if (attempt > 0) {
      out.raw(ATTEMPT).number(attempt);
    }
    writeTypes(out, view);
    if (requesterTo > requesterFrom && correlationTo > correlationFrom) {
      ReplyTo replyTo =
          new ReplyTo(
              property(requesterFrom, requesterTo), property(correlationFrom, correlationTo));
      out.next("replyTo").string(replyTo.toText());
    }
  }

  /** What the body is, and how it is encoded if it could not be made plain. */
  private void writeTypes(JsonText out, MessageView view) {
    if (typeTo > typeFrom) {
      text(out.next("contentType"), typeFrom, typeTo);
    }
    String encoding = PlainBodies.contentEncoding(view);
    if (encoding != null) {
      out.next("contentEncoding").string(encoding);
    }
  }

  private String property(int from, int to) {
    return new String(properties, from, to - from, StandardCharsets.UTF_8);
  }

  /** What the sender said of it. */
  private void writeUsers(JsonText out) {
    if (tagTo > tagFrom) {
      text(out.next("tag"), tagFrom, tagTo);
    }
    if (keysTo > keysFrom) {
      writeKeys(out);
    }
    if (orderingTo > orderingFrom) {
      text(out.next("orderingKey"), orderingFrom, orderingTo);
    }
    if (user.size() > 0) {
      out.next("properties").raw('{').raw(user.bytes(), 0, user.size()).raw('}');
    }
  }

  private void writeBody(JsonText out, MessageView view) {
    ByteBuffer buffer = view.buffer();
    int at = view.bodyPosition();
    int length = view.bodyBytes();
    int before = out.size();
    if (PlainBodies.contentEncoding(view) != null) {
      out.raw(BODY_BASE64).base64(buffer, at, length);
      return;
    }
    if (isJsonType() && isJson(buffer, at, length)) {
      out.raw(JSON).raw(buffer, at, length);
      return;
    }
    out.raw(BODY);
    if (!out.tryQuoted(buffer, at, length)) {
      out.truncate(before);
      out.raw(BODY_BASE64).base64(buffer, at, length);
    }
  }

  /** Finds the properties with a meaning of their own, and writes the others into {@link #user}. */
  private void scan(MessageView view) {
    idFrom = idTo = tagFrom = tagTo = keysFrom = keysTo = 0;
    orderingFrom = orderingTo = typeFrom = typeTo = 0;
    correlationFrom = correlationTo = requesterFrom = requesterTo = 0;
    user.clear();
    int length = view.propertiesBytes();
    byte[] p = properties;
    view.buffer().get(view.propertiesPosition(), p, 0, length);
    int at = 0;
    while (at < length) {
      int nameEnd = at;
      while (nameEnd < length && p[nameEnd] != NAME_END && p[nameEnd] != VALUE_END) {
        nameEnd++;
      }
      int valueEnd = nameEnd;
      while (valueEnd < length && p[valueEnd] != VALUE_END) {
        valueEnd++;
      }
      if (nameEnd > at && nameEnd + 1 < valueEnd) {
        property(at, nameEnd, valueEnd);
      }
      at = valueEnd + 1;
    }
  }

  private void property(int from, int nameEnd, int valueEnd) {
    int value = nameEnd + 1;
    switch (nameEnd - from) {
      case 4 -> {
        if (is(TAGS, from)) {
          tagFrom = value;
          tagTo = valueEnd;
          return;
        }
        if (is(KEYS, from)) {
          keysFrom = value;
          keysTo = valueEnd;
          return;
        }
        if (is(WAIT, from)) {
          return;
        }
      }
      case 8 -> {
        if (is(UNIQUE_KEY, from)) {
          idFrom = value;
          idTo = valueEnd;
          return;
        }
        if (is(RECORD_CRC, from) || is(TRANSACTIONAL, from)) {
          return;
        }
      }
      case 6 -> {
        if (is(PRODUCER_GROUP, from)) {
          return;
        }
      }
      case 12 -> {
        if (is(CONTENT_TYPE, from)) {
          typeFrom = value;
          typeTo = valueEnd;
          return;
        }
      }
      case 13 -> {
        if (is(ORDERING_KEY, from)) {
          orderingFrom = value;
          orderingTo = valueEnd;
          return;
        }
      }
      case 14 -> {
        if (is(CORRELATION_ID, from)) {
          correlationFrom = value;
          correlationTo = valueEnd;
          return;
        }
      }
      case 15 -> {
        if (is(REPLY_TO_CLIENT, from)) {
          requesterFrom = value;
          requesterTo = valueEnd;
          return;
        }
      }
      default -> {
        // A user's property.
      }
    }
    if (user.size() > 0) {
      user.raw(',');
    }
    text(user, from, nameEnd);
    user.raw(':');
    text(user, value, valueEnd);
  }

  /** A text of a property; what another client wrote may be no UTF-8. */
  private void text(JsonText out, int from, int to) {
    if (JsonText.isUtf8(properties, from, to - from)) {
      out.quoted(properties, from, to - from);
    } else {
      out.string(new String(properties, from, to - from, StandardCharsets.UTF_8));
    }
  }

  private void writeKeys(JsonText out) {
    out.next("keys").raw('[');
    int start = keysFrom;
    boolean first = true;
    for (int i = keysFrom; i <= keysTo; i++) {
      if (i == keysTo || properties[i] == ' ') {
        if (i > start) {
          if (!first) {
            out.raw(',');
          }
          first = false;
          text(out, start, i);
        }
        start = i + 1;
      }
    }
    out.raw(']');
  }

  /** {@code application/json} with or without parameters, or any {@code +json}. */
  private boolean isJsonType() {
    if (typeTo == typeFrom) {
      return false;
    }
    int end = typeFrom;
    while (end < typeTo && properties[end] != ';') {
      end++;
    }
    String type = new String(properties, typeFrom, end - typeFrom, StandardCharsets.ISO_8859_1);
    type = type.trim();
    return type.equalsIgnoreCase("application/json")
        || type.regionMatches(true, type.length() - 5, "+json", 0, 5);
  }

  /** A body that says it is JSON may not be; embedded unread it would break the text around it. */
  static boolean isJson(ByteBuffer buffer, int at, int length) {
    if (length == 0) {
      return false;
    }
    byte[] body = new byte[length];
    buffer.get(at, body);
    if (!JsonText.isUtf8(body, 0, length)) {
      return false;
    }
    try (JsonParser parser = Fields.JSON.createParser(body)) {
      if (parser.nextToken() == null) {
        return false;
      }
      parser.skipChildren();
      return parser.nextToken() == null;
    } catch (IOException e) {
      return false;
    }
  }

  private boolean is(byte[] name, int from) {
    for (int i = 0; i < name.length; i++) {
      if (properties[from + i] != name[i]) {
        return false;
      }
    }
    return true;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
