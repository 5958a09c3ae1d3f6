package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * By which a client recalls a delayed message: base64url of version, topic, Broker, the time it is
 * due plus one ms, and its unique id, separated by blanks. The client reads the Broker's name out
 * of it.
 *
 * <p>Source: Apache RocketMQ 5.5.0, RecallMessageHandle.HandleV1.
 *
 * @param dueAtMs when the message is due, in ms since 1970
 */
record RecallHandle(String topic, String brokerName, long dueAtMs, String messageId) {

  private static final String VERSION = "v1";

  String toText() {
    String plain =
        String.join(" ", VERSION, topic, brokerName, Long.toString(dueAtMs + 1), messageId);
    return Base64.getUrlEncoder().encodeToString(plain.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads a handle; null if it is none. */
  static RecallHandle parse(String text) {
    try {
      String plain = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8);
      String[] parts = plain.split(" ");
      return parts.length == 5 && parts[0].equals(VERSION)
          ? new RecallHandle(parts[1], parts[2], Long.parseLong(parts[3]) - 1, parts[4])
          : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
