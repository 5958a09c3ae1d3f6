package io.sluice.remoting;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * One frame that was read: a request or a response. The body is a slice of the bytes read, not a
 * copy; it stays valid, since nobody writes into them again.
 */
final class Command {

  /** Bit 0 of the flag: this is a response. */
  static final int FLAG_RESPONSE = 1;

  /** Bit 1 of the flag: no answer wanted. */
  static final int FLAG_ONEWAY = 2;

  /** How a header is written. */
  enum HeaderType {
    JSON,
    BINARY
  }

  final HeaderType type;
  int code;
  String language = "JAVA";
  int version;
  int opaque;
  int flag;
  String remark;
  ExtFields fields;
  private byte[] bytes;
  private int bodyFrom;
  private int bodyTo;

  Command(HeaderType type) {
    this.type = type;
  }

  void setBody(byte[] bytes, int from, int to) {
    this.bytes = bytes;
    bodyFrom = from;
    bodyTo = to;
  }

  boolean isResponse() {
    return (flag & FLAG_RESPONSE) != 0;
  }

  boolean isOneway() {
    return (flag & FLAG_ONEWAY) != 0;
  }

  /** The header fields; empty if there are none. */
  ExtFields fields() {
    if (fields == null) {
      fields = new ExtFields(1);
    }
    return fields;
  }

  int bodyBytes() {
    return bodyTo - bodyFrom;
  }

  ByteBuffer body() {
    return ByteBuffer.wrap(bytes, bodyFrom, bodyTo - bodyFrom);
  }

  /** The body as a JSON object. */
  Map<Object, Object> bodyObject() {
    if (bodyBytes() == 0) {
      throw new MalformedFrameException("the body is empty; a JSON object is needed");
    }
    return JsonReader.object(bytes, bodyFrom, bodyTo);
  }
}
