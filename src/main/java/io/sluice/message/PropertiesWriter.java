package io.sluice.message;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Collects the properties of one message in their stored form ({@code name 0x01 value 0x02 ...},
 * UTF-8) and remembers what the queues and the key index need of them. Reusable by {@link #clear}.
 * For one thread.
 */
public final class PropertiesWriter {

  private static final char NAME_END = 1;
  private static final char VALUE_END = 2;

  private byte[] bytes = new byte[256];
  private int size;
  private String tag;
  private String keys;
  private String uniqueKey;
  private int uniqueKeyFrom;
  private int uniqueKeyTo;
  private int idempotencyKeyFrom;
  private int idempotencyKeyTo;
  private boolean expires;
  private boolean recognised;
  private boolean recognisedById;

  /** Forgets everything that was put. */
  public PropertiesWriter clear() {
    size = 0;
    tag = null;
    keys = null;
    uniqueKey = null;
    expires = false;
    idempotencyKeyTo = 0;
    recognised = false;
    recognisedById = false;
    return this;
  }

  /**
   * Says that this is a send whose repeats are to be recognised by its idempotency key. What the
   * Broker copies itself is none.
   *
   * @param byUniqueKey whether its client made the unique key, so that a repeat has the same one
   */
  public PropertiesWriter recognise(boolean byUniqueKey) {
    recognised = true;
    recognisedById = byUniqueKey;
    return this;
  }

  /**
   * Adds a property. A null or empty value adds nothing, as RocketMQ's parser would drop it.
   *
   * @throws IllegalArgumentException if the name is empty or either holds the separators U+0001 or
   *     U+0002
   */
  public PropertiesWriter put(String name, String value) {
    if (value == null || value.isEmpty()) {
      return this;
    }
    if (name.isEmpty()) {
      throw new IllegalArgumentException("a property has an empty name");
    }
    noteMeaning(name, value);
    append(name, name);
    appendByte(NAME_END);
    int valueFrom = size;
    append(name, value);
    if (value == uniqueKey) {
      uniqueKeyFrom = valueFrom;
      uniqueKeyTo = size;
    } else if (name.equals(PropertyNames.IDEMPOTENCY_KEY)) {
      idempotencyKeyFrom = valueFrom;
      idempotencyKeyTo = size;
    }
    appendByte(VALUE_END);
    return this;
  }

  /**
   * Adds properties that are encoded already, as a RocketMQ client sends them: with or without the
   * last separator. Pairs without a name or a value are dropped.
   */
  public PropertiesWriter putEncoded(String encoded) {
    int start = 0;
    while (start < encoded.length()) {
      int end = encoded.indexOf(VALUE_END, start);
      if (end < 0) {
        end = encoded.length();
      }
      int nameEnd = encoded.indexOf(NAME_END, start);
      if (nameEnd > start && nameEnd < end - 1) {
        put(encoded.substring(start, nameEnd), encoded.substring(nameEnd + 1, end));
      }
      start = end + 1;
    }
    return this;
  }

  /**
   * Adds properties in their stored form as they are: none of them means anything to the queues or
   * the key index.
   */
  public PropertiesWriter putStored(byte[] encoded) {
    ensure(encoded.length);
    System.arraycopy(encoded, 0, bytes, size, encoded.length);
    size += encoded.length;
    return this;
  }

  /** What was put so far, in the stored form. A copy. */
  public byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  /** The value of the tag, or null. */
  public String tag() {
    return tag;
  }

  /** The value of the keys property, words parted by blanks, or null. */
  public String keys() {
    return keys;
  }

  /** The value of the unique key, or null. */
  public String uniqueKey() {
    return uniqueKey;
  }

  /** The {@link RepeatKey#hash} of a message of this topic; 0 if its repeats are not recognised. */
  long repeatHash(String topic) {
    if (!recognised) {
      return 0;
    }
    if (idempotencyKeyTo > 0) {
      return RepeatKey.hash(topic, false, bytes, idempotencyKeyFrom, idempotencyKeyTo);
    }
    return recognisedById && uniqueKey != null
        ? RepeatKey.hash(topic, true, bytes, uniqueKeyFrom, uniqueKeyTo)
        : 0;
  }

  /** What the queue's entry says of tag and time to live, see {@link TagsCode}. */
  long tagsCode() {
    return TagsCode.of(tag == null ? 0 : tag.hashCode(), expires);
  }

  /** The encoded size so far, in bytes. */
  public int size() {
    return size;
  }

  void copyTo(byte[] target, int position) {
    System.arraycopy(bytes, 0, target, position, size);
  }

  private void noteMeaning(String name, String value) {
    switch (name) {
      case PropertyNames.TAGS -> tag = value;
      case PropertyNames.KEYS -> keys = value;
      case PropertyNames.UNIQUE_KEY -> uniqueKey = value;
      case PropertyNames.TTL_MS -> expires = true;
      default -> {
        // No meaning to queues or index.
      }
    }
  }

  /** Copies a text that is plain ASCII, which nearly all are, at once; any other one by UTF-8. */
  @SuppressWarnings("deprecation") // the only copy of a Latin-1 String without an array between
  private void append(String name, String text) {
    int length = text.length();
    int signs = 0;
    for (int i = 0; i < length; i++) {
      // Below zero for a separator (and U+0000), and for everything beyond ASCII.
      int c = text.charAt(i);
      signs |= (c - 3) | (127 - c);
    }
    if (signs < 0) {
      appendUtf8(name, text);
      return;
    }
    ensure(length);
    text.getBytes(0, length, bytes, size);
    size += length;
  }

  private void appendUtf8(String name, String text) {
    if (text.indexOf(NAME_END) >= 0 || text.indexOf(VALUE_END) >= 0) {
      throw separatorIn(name);
    }
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    ensure(encoded.length);
    System.arraycopy(encoded, 0, bytes, size, encoded.length);
    size += encoded.length;
  }

  private void appendByte(char c) {
    ensure(1);
    bytes[size++] = (byte) c;
  }

  private void ensure(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
  }

  private static IllegalArgumentException separatorIn(String name) {
    return new IllegalArgumentException(
        "the property '"
            + name.replace('\u0001', '?').replace('\u0002', '?')
            + "' holds U+0001 or U+0002, which part properties in the log");
  }
}
