package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Writes JSON into a growing array: strict JSON, but that a map's key may be an object where the
 * protocol wants it. Commas are set by themselves. Reusable by {@link #clear}; for one thread.
 */
final class JsonWriter {

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private byte[] bytes = new byte[512];
  private int size;
  private boolean comma;

  JsonWriter clear() {
    size = 0;
    comma = false;
    return this;
  }

  int size() {
    return size;
  }

  /** The text so far, valid from 0 to {@link #size}. Not a copy. */
  byte[] bytes() {
    return bytes;
  }

  byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  JsonWriter open(char bracket) {
    separate();
    append(bracket);
    comma = false;
    return this;
  }

  JsonWriter close(char bracket) {
    append(bracket);
    comma = true;
    return this;
  }

  JsonWriter name(String name) {
    separate();
    quote(name);
    append(':');
    comma = false;
    return this;
  }

  /** Stands between a key that was written as an object and its value. */
  JsonWriter endKey() {
    append(':');
    comma = false;
    return this;
  }

  JsonWriter value(String value) {
    separate();
    if (value == null) {
      ascii("null");
    } else {
      quote(value);
    }
    comma = true;
    return this;
  }

  JsonWriter value(long value) {
    separate();
    ascii(Long.toString(value));
    comma = true;
    return this;
  }

  JsonWriter value(double value) {
    separate();
    ascii(Double.toString(value));
    comma = true;
    return this;
  }

  JsonWriter value(boolean value) {
    separate();
    ascii(value ? "true" : "false");
    comma = true;
    return this;
  }

  JsonWriter field(String name, String value) {
    return name(name).value(value);
  }

  JsonWriter field(String name, long value) {
    return name(name).value(value);
  }

  JsonWriter field(String name, double value) {
    return name(name).value(value);
  }

  JsonWriter field(String name, boolean value) {
    return name(name).value(value);
  }

  /** Writes what {@link JsonReader} has read. */
  JsonWriter tree(Object value) {
    if (value instanceof Map<?, ?> map) {
      open('{');
      map.forEach((name, member) -> name(name.toString()).tree(member));
      return close('}');
    }
    if (value instanceof List<?> list) {
      open('[');
      list.forEach(this::tree);
      return close(']');
    }
    if (value instanceof Boolean flag) {
      return value(flag.booleanValue());
    }
    if (value instanceof Double || value instanceof Float) {
      return value(((Number) value).doubleValue());
    }
    return value instanceof Number number
        ? value(number.longValue())
        : value(value == null ? null : value.toString());
  }

  @Override
  public String toString() {
    return new String(bytes, 0, size, StandardCharsets.UTF_8);
  }

  private void separate() {
    if (comma) {
      append(',');
      comma = false;
    }
  }

  private void ascii(String text) {
    ensure(text.length());
    for (int i = 0; i < text.length(); i++) {
      bytes[size++] = (byte) text.charAt(i);
    }
  }

  private void quote(String text) {
    int length = text.length();
    ensure(length + 2);
    bytes[size++] = '"';
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c >= 128) {
        quoteUtf8(text.substring(i));
        return;
      }
      if (c < ' ' || c == '"' || c == '\\') {
        escape(c, length - i);
      } else {
        bytes[size++] = (byte) c;
      }
    }
    append('"');
  }

  private void quoteUtf8(String rest) {
    for (byte b : rest.getBytes(StandardCharsets.UTF_8)) {
      if (b >= 0 && b < ' ' || b == '"' || b == '\\') {
        escape((char) b, 1);
      } else {
        append((char) (b & 0xff));
      }
    }
    append('"');
  }

  private void escape(char c, int rest) {
    ensure(6 + rest);
    bytes[size++] = '\\';
    if (c >= ' ') {
      bytes[size++] = (byte) c;
      return;
    }
    bytes[size++] = 'u';
    bytes[size++] = '0';
    bytes[size++] = '0';
    bytes[size++] = HEX[c >> 4];
    bytes[size++] = HEX[c & 0xF];
  }

  private void append(char c) {
    ensure(1);
    bytes[size++] = (byte) c;
  }

  private void ensure(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
  }
}
