package io.sluice.gateway;

import io.sluice.bus.ErrorCode;

/** Close codes of the WebSocket protocol, and which errors they stand for. */
final class SocketClose {

  static final int BAD = 4400;
  static final int UNAUTHENTICATED = 4401;
  static final int DENIED = 4403;
  static final int NO_TOPIC = 4404;
  static final int SILENT = 4408;
  static final int TOO_BIG = 4413;
  static final int OVER_QUOTA = 4429;
  static final int DRAINING = 4503;

  /** A control frame has 125 bytes, two of them for the code (RFC 6455, 5.5). */
  private static final int MAX_REASON_BYTES = 123;

  private SocketClose() {}

  /** The close code that says an error. */
  static int of(ErrorCode code) {
    return switch (code) {
      case UNAUTHENTICATED -> UNAUTHENTICATED;
      case NO_PERMISSION -> DENIED;
      case TOPIC_NOT_FOUND -> NO_TOPIC;
      case MESSAGE_TOO_LARGE -> TOO_BIG;
      case BUSY -> OVER_QUOTA;
      case SHUTTING_DOWN, DRAINING, BROKER_UNAVAILABLE, NOT_MASTER -> DRAINING;
      default -> BAD;
    };
  }

  /** A reason that fits a close frame; ASCII. */
  static String shorten(String reason) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < reason.length() && text.length() < MAX_REASON_BYTES; i++) {
      char c = reason.charAt(i);
      text.append(c >= ' ' && c < 127 ? c : '?');
    }
    return text.toString();
  }
}
