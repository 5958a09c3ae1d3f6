package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the JSON of RocketMQ's clients, which is a little more than JSON: names may be unquoted
 * numbers or words, a map's key may be an object, strings may hold raw control characters, and a
 * comma may stand before a closing bracket. Every failure is a {@link MalformedFrameException};
 * nesting is bounded. For one thread.
 */
final class JsonReader {

  /** RocketMQ's own bodies nest five deep; the bound keeps a hostile body off the stack's end. */
  static final int MAX_DEPTH = 32;

  private static final String[] ONE_CHAR = new String[128];

  static {
    for (char c = 0; c < ONE_CHAR.length; c++) {
      ONE_CHAR[c] = String.valueOf(c);
    }
  }

  private final byte[] bytes;
  private final int end;
  private int at;

  /**
   * A reader.
   *
   * @param from first byte to read
   * @param to end, exclusive
   */
  JsonReader(byte[] bytes, int from, int to) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
  }

  /** Reads a whole body that has to be an object. */
  static Map<Object, Object> object(byte[] bytes, int from, int to) {
    JsonReader reader = new JsonReader(bytes, from, to);
    reader.expect('{');
    Map<Object, Object> result = reader.restOfObject(1);
    reader.expectEnd();
    return result;
  }

  /** Goes past blanks and this character if it comes next. */
  boolean accept(char wanted) {
    skipBlanks();
    if (at < end && bytes[at] == wanted) {
      at++;
      return true;
    }
    return false;
  }

  void expect(char wanted) {
    if (!accept(wanted)) {
      throw unexpected("'" + wanted + "'");
    }
  }

  void expectEnd() {
    skipBlanks();
    if (at < end) {
      throw unexpected("the end");
    }
  }

  /** Reads a member's name, quoted or not. */
  String readName() {
    skipBlanks();
    return at < end && bytes[at] == '"' ? readString() : readWord();
  }

  /**
   * Reads a string, number, boolean or null as text; null for null. Anything else is its source
   * text.
   */
  String readScalarText() {
    skipBlanks();
    if (at == end) {
      throw unexpected("a value");
    }
    byte first = bytes[at];
    if (first == '"') {
      return readString();
    }
    if (first == '{' || first == '[') {
      int start = at;
      readTree(1);
      return new String(bytes, start, at - start, StandardCharsets.UTF_8);
    }
    String word = readWord();
    return word.equals("null") ? null : word;
  }

  /** Reads any value: Map, List, String, Long, Double, Boolean or null. */
  Object readTree(int depth) {
    if (depth > MAX_DEPTH) {
      throw new MalformedFrameException("JSON nests deeper than " + MAX_DEPTH);
    }
    skipBlanks();
    if (at == end) {
      throw unexpected("a value");
    }
    switch (bytes[at]) {
      case '{':
        at++;
        return restOfObject(depth);
      case '[':
        at++;
        return restOfArray(depth);
      case '"':
        return readString();
      default:
        return wordValue(readWord());
    }
  }

  private Map<Object, Object> restOfObject(int depth) {
    Map<Object, Object> members = new LinkedHashMap<>();
    while (!accept('}')) {
      skipBlanks();
      Object name = at < end && bytes[at] == '{' ? readTree(depth + 1) : readName();
      expect(':');
      members.put(name, readTree(depth + 1));
      if (!accept(',') && !peek('}')) {
        throw unexpected("',' or '}'");
      }
    }
    return members;
  }

  private List<Object> restOfArray(int depth) {
    List<Object> items = new ArrayList<>();
    while (!accept(']')) {
      items.add(readTree(depth + 1));
      if (!accept(',') && !peek(']')) {
        throw unexpected("',' or ']'");
      }
    }
    return items;
  }

  private boolean peek(char wanted) {
    skipBlanks();
    return at < end && bytes[at] == wanted;
  }

  private static Object wordValue(String word) {
    switch (word) {
      case "null":
        return null;
      case "true":
        return Boolean.TRUE;
      case "false":
        return Boolean.FALSE;
      default:
        return number(word);
    }
  }

  private static Object number(String word) {
    try {
      return Long.valueOf(word);
    } catch (NumberFormatException notWhole) {
      try {
        return Double.valueOf(word);
      } catch (NumberFormatException e) {
        throw new MalformedFrameException("JSON has the word '" + shortened(word) + "'");
      }
    }
  }

  private String readWord() {
    int start = at;
    while (at < end && isWordByte(bytes[at])) {
      at++;
    }
    if (at == start) {
      throw unexpected("a name or value");
    }
    return new String(bytes, start, at - start, StandardCharsets.ISO_8859_1);
  }

  private static boolean isWordByte(byte b) {
    return b >= '0' && b <= '9'
        || b >= 'a' && b <= 'z'
        || b >= 'A' && b <= 'Z'
        || b == '_'
        || b == '-'
        || b == '+'
        || b == '.'
        || b == '$';
  }

  private String readString() {
    int start = ++at;
    boolean ascii = true;
    while (at < end) {
      byte b = bytes[at];
      if (b == '"') {
        int length = at++ - start;
        if (length == 1 && ascii) {
          return ONE_CHAR[bytes[start]];
        }
        return new String(
            bytes, start, length, ascii ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
      }
      if (b == '\\') {
        return readEscaped(start);
      }
      ascii &= b >= 0;
      at++;
    }
    throw unexpected("the end of a string");
  }

  private String readEscaped(int start) {
    StringBuilder text =
        new StringBuilder(Math.max(16, 2 * (at - start)))
            .append(new String(bytes, start, at - start, StandardCharsets.UTF_8));
    while (at < end) {
      byte b = bytes[at];
      if (b == '"') {
        at++;
        return text.toString();
      }
      if (b == '\\') {
        at++;
        text.append(readEscape());
      } else if (b >= 0) {
        text.append((char) b);
        at++;
      } else {
        int from = at;
        while (at < end && bytes[at] < 0) {
          at++;
        }
        text.append(new String(bytes, from, at - from, StandardCharsets.UTF_8));
      }
    }
    throw unexpected("the end of a string");
  }

  private char readEscape() {
    if (at == end) {
      throw unexpected("an escape");
    }
    byte b = bytes[at++];
    return switch (b) {
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'r' -> '\r';
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'u' -> (char) readHex(4);
      case 'x' -> (char) readHex(2); // fastjson 1 writes control characters in keys so
      default -> (char) (b & 0xff); // '"', '\\', '/', and whatever else was escaped for nothing
    };
  }

  private int readHex(int digits) {
    if (end - at < digits) {
      throw unexpected(digits + " hex digits");
    }
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = Character.digit(bytes[at++], 16);
      if (digit < 0) {
        throw unexpected("a hex digit");
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private void skipBlanks() {
    while (at < end && bytes[at] <= ' ' && bytes[at] >= 0) {
      at++;
    }
  }

  private MalformedFrameException unexpected(String wanted) {
    return new MalformedFrameException(
        "JSON has "
            + (at < end ? "the byte " + (bytes[at] & 0xff) : "its end")
            + " where "
            + wanted
            + " should be");
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "...";
  }
}
