package io.sluice.bus;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Where a reply goes: who asked, and which of its requests. RocketMQ's properties REPLY_TO_CLIENT
 * and CORRELATION_ID, which stand in the request; to users of other fronts one opaque text.
 *
 * @param requester a RocketMQ client's id, or {@link #PREFIX} and the id of a front's event loop
 * @param correlationId the request's number
 */
public record ReplyTo(String requester, String correlationId) {

  /** What the names of requesters begin with that are no RocketMQ clients. */
  public static final String PREFIX = "sluice@";

  private static final char SEPARATOR = '\n';

  /** The text for users. */
  public String toText() {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString((requester + SEPARATOR + correlationId).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads the text.
   *
   * @throws SluiceException INVALID_ARGUMENT if it is none
   */
  public static ReplyTo parse(String text) {
    try {
      String both = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8);
      int at = both.indexOf(SEPARATOR);
      if (at > 0 && at < both.length() - 1) {
        return new ReplyTo(both.substring(0, at), both.substring(at + 1));
      }
    } catch (IllegalArgumentException e) {
      // Told below.
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "replyTo: found '" + text + "', allowed is the 'replyTo' that came with a message");
  }

  /** Whether a front of this cluster asked, and no RocketMQ client. */
  public boolean isFront() {
    return requester.startsWith(PREFIX);
  }
}
