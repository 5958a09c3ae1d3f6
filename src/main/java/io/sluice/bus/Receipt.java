package io.sluice.bus;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Names one delivery of one message. Self-contained: any node can read it, nothing is looked up.
 *
 * <p>As text: 32 base64url characters (lease 8 bytes, queue offset 8, queue id 4, check 4), a dot,
 * the topic, a dot, the broker's name. The check covers the group, so a receipt of another group,
 * or one with a typing error, is not taken. It is no secret: a forged receipt would still need a
 * lease that is in force.
 *
 * @param lease number of the lease
 */
public record Receipt(String brokerName, String topic, int queueId, long queueOffset, long lease) {

  private static final int BINARY_BYTES = 24;
  private static final int BASE64_CHARS = 32;
  private static final byte[] ALPHABET =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
          .getBytes(StandardCharsets.US_ASCII);
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
  private static final Base64.Decoder DECODER = Base64.getUrlDecoder();

  /** Writes the receipt for a consumer of this group. */
  public String toText(String group) {
    return toText(group, brokerName, topic, queueId, queueOffset, lease);
  }

  /** As {@link #toText(String)}, without making a receipt first. */
  @SuppressWarnings("deprecation") // Latin-1 of base64 by hibyte 0 is the cheapest way to a String
  public static String toText(
      String group, String brokerName, String topic, int queueId, long queueOffset, long lease) {
    byte[] binary = new byte[BINARY_BYTES];
    ByteBuffer.wrap(binary)
        .putLong(lease)
        .putLong(queueOffset)
        .putInt(queueId)
        .putInt(check(group, brokerName, topic, queueId, queueOffset, lease));
    return new String(ENCODER.encode(binary), 0) + '.' + topic + '.' + brokerName;
  }

  /** How many bytes {@link #putText} writes. */
  public static int textBytes(String brokerName, String topic) {
    return BASE64_CHARS + 2 + topic.length() + brokerName.length();
  }

  /**
   * As {@link #toText(String)}, straight into an array with room for {@link #textBytes}: for fronts
   * that write hundreds of thousands a second.
   */
  @SuppressWarnings("deprecation") // names are ASCII, so their low bytes are their bytes
  public static void putText(
      byte[] target,
      int position,
      String group,
      String brokerName,
      String topic,
      int queueId,
      long queueOffset,
      long lease) {
    int check = check(group, brokerName, topic, queueId, queueOffset, lease);
    // 24 bytes are 8 times 3, and 3 bytes are 4 characters.
    put24(target, position, lease >>> 40);
    put24(target, position + 4, lease >>> 16);
    put24(target, position + 8, (lease & 0xffff) << 8 | queueOffset >>> 56);
    put24(target, position + 12, queueOffset >>> 32);
    put24(target, position + 16, queueOffset >>> 8);
    put24(target, position + 20, (queueOffset & 0xff) << 16 | queueId >>> 16);
    put24(target, position + 24, (long) (queueId & 0xffff) << 8 | check >>> 24);
    put24(target, position + 28, check);
    int at = position + BASE64_CHARS;
    target[at++] = '.';
    topic.getBytes(0, topic.length(), target, at);
    at += topic.length();
    target[at++] = '.';
    brokerName.getBytes(0, brokerName.length(), target, at);
  }

  private static void put24(byte[] target, int position, long value) {
    target[position] = ALPHABET[(int) (value >>> 18) & 63];
    target[position + 1] = ALPHABET[(int) (value >>> 12) & 63];
    target[position + 2] = ALPHABET[(int) (value >>> 6) & 63];
    target[position + 3] = ALPHABET[(int) value & 63];
  }

  /**
   * Reads a receipt.
   *
   * @param group the group that settles
   * @return the receipt, or null if the text is no receipt of this group
   */
  public static Receipt parse(String group, String text) {
    int topicEnd = text == null ? -1 : text.indexOf('.', BASE64_CHARS + 1);
    if (topicEnd < 0 || text.charAt(BASE64_CHARS) != '.') {
      return null;
    }
    ByteBuffer binary;
    try {
      binary = ByteBuffer.wrap(DECODER.decode(text.substring(0, BASE64_CHARS)));
    } catch (IllegalArgumentException e) {
      return null;
    }
    long lease = binary.getLong();
    long queueOffset = binary.getLong();
    int queueId = binary.getInt();
    String topic = text.substring(BASE64_CHARS + 1, topicEnd);
    String brokerName = text.substring(topicEnd + 1);
    if (binary.getInt() != check(group, brokerName, topic, queueId, queueOffset, lease)) {
      return null;
    }
    return new Receipt(brokerName, topic, queueId, queueOffset, lease);
  }

  private static int check(
      String group, String brokerName, String topic, int queueId, long queueOffset, long lease) {
    long hash = group.hashCode();
    hash = mix(hash, topic.hashCode());
    hash = mix(hash, brokerName.hashCode());
    hash = mix(hash, queueId);
    hash = mix(hash, queueOffset);
    hash = mix(hash, lease);
    return (int) (hash ^ hash >>> 32);
  }

  private static long mix(long hash, long value) {
    long mixed = (hash ^ value) * 0x9E3779B97F4A7C15L;
    return mixed ^ mixed >>> 29;
  }
}
