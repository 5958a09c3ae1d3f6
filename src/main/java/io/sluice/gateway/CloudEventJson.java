package io.sluice.gateway;

import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertyNames;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes a stored message as a structured CloudEvent (JSON event format 1.0.2): one that came as an
 * event with its attributes, any other with attributes made for it. Reused; owned by an event loop.
 */
final class CloudEventJson {

  /** The type of messages that did not come as events. */
  static final String MESSAGE_TYPE = "io.sluice.message";

  /** The extension of an event whose data is compressed. */
  private static final String ENCODING = "sluiceencoding";

  private static final String[] REQUIRED = {"specversion", "id", "source", "type"};

  /** Never extensions, though their names would do. */
  private static final Set<String> RESERVED = Set.of("data", "datacontenttype", "sluicereceipt");

  private final TreeMap<String, String> attributes = new TreeMap<>();
  private String contentType;
  private String structuredType;

  /**
   * Writes the event with its braces.
   *
   * @param receipt becomes the extension sluicereceipt; or null
   * @param attempt becomes the extension sluiceattempt; 0 where nobody counts
   */
  void write(JsonText out, MessageView view, String topic, String receipt, int attempt) {
    attributes.clear();
    contentType = null;
    structuredType = null;
    view.forEachProperty(this::take);
    boolean isEvent = attributes.containsKey("specversion");
    String encoding = PlainBodies.contentEncoding(view);
    if (!isEvent
        && encoding == null
        && isStructured()
        && writeStored(out, view, receipt, attempt)) {
      return;
    }
    if (!isEvent) {
      makeAttributes(view, topic);
    }
    char before = '{';
    for (String name : REQUIRED) {
      out.raw(before).name(name).string(attributes.remove(name));
      before = ',';
    }
    attributes.remove("sluiceattempt");
    attributes.remove(ENCODING);
    if (encoding != null) {
      attributes.put(ENCODING, encoding);
    }
    attributes.forEach((name, value) -> out.next(name).string(value));
    writeExtensions(out, receipt, attempt);
    if (contentType != null) {
      out.next("datacontenttype").string(contentType);
    }
    writeData(out, view, encoding != null);
    out.raw('}');
  }

  private void take(String name, String value) {
    if (name.equals(CloudEvent.CONTENT_TYPE_PROPERTY)) {
      structuredType = value;
      contentType = contentType == null ? value : contentType;
    } else if (name.startsWith(CloudEvent.PROPERTY_PREFIX)) {
      attributes.put(name.substring(CloudEvent.PROPERTY_PREFIX.length()), value);
    } else if (name.equals(PropertyNames.CONTENT_TYPE)) {
      contentType = value;
    } else if (isAttributeName(name) && !RESERVED.contains(name)) {
      attributes.putIfAbsent(name, value);
    }
  }

  /** A user's property may be an extension if its name is allowed for one. */
  private static boolean isAttributeName(String name) {
    return name.length() <= 20
        && name.chars().allMatch(c -> c >= 'a' && c <= 'z' || c >= '0' && c <= '9');
  }

  /** Whether a client of RocketMQ has sent a whole event as the body. */
  private boolean isStructured() {
    return structuredType != null && structuredType.startsWith(CloudEvent.STRUCTURED_TYPE);
  }

  private boolean writeStored(JsonText out, MessageView view, String receipt, int attempt) {
    ByteBuffer buffer = view.buffer();
    int at = view.bodyPosition();
    int end = at + view.bodyBytes();
    while (end > at && buffer.get(end - 1) <= ' ' && buffer.get(end - 1) >= 0) {
      end--;
    }
    if (end - at < 2
        || buffer.get(end - 1) != '}'
        || !MessageJson.isJson(buffer, at, view.bodyBytes())) {
      return false;
    }
    out.raw(buffer, at, end - 1 - at);
    writeExtensions(out, receipt, attempt);
    out.raw('}');
    return true;
  }

  private void makeAttributes(MessageView view, String topic) {
    attributes.put("specversion", "1.0");
    attributes.put("id", MessageJson.id(view));
    attributes.put("source", "/v1/topics/" + topic.replace("%", "%25").replace("|", "%7C"));
    attributes.put("type", MESSAGE_TYPE);
    attributes.put("time", Instant.ofEpochMilli(view.bornAtMs()).toString());
    String orderingKey = view.property(PropertyNames.ORDERING_KEY);
    if (orderingKey != null) {
      attributes.putIfAbsent("partitionkey", orderingKey);
    }
    String tag = view.property(PropertyNames.TAGS);
    if (tag != null) {
      attributes.putIfAbsent("subject", tag);
    }
  }

  private static void writeExtensions(JsonText out, String receipt, int attempt) {
    if (receipt != null) {
      out.next("sluicereceipt").string(receipt);
    }
    if (attempt > 0) {
      out.next("sluiceattempt").number(attempt);
    }
  }

  private void writeData(JsonText out, MessageView view, boolean encoded) {
    ByteBuffer buffer = view.buffer();
    int at = view.bodyPosition();
    int length = view.bodyBytes();
    if (length == 0) {
      return;
    }
    if (encoded) {
      out.next("data_base64").base64(buffer, at, length);
      return;
    }
    boolean json = contentType == null || CloudEventReader.isJson(contentType);
    if (json && MessageJson.isJson(buffer, at, length)) {
      out.next("data").raw(buffer, at, length);
      return;
    }
    int before = out.size();
    if (json || !out.next("data").tryQuoted(buffer, at, length)) {
      out.truncate(before);
      out.next("data_base64").base64(buffer, at, length);
    }
  }
}
