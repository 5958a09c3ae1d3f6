package io.sluice.bus;

import java.nio.ByteBuffer;
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
