package io.sluice.bus;

import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;

/**
 * A failure with its code and a sentence that says what, where, and found against allowed. No stack
 * trace.
 */
public final class SluiceException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public SluiceException(ErrorCode code, String detail) {
    super(detail, null, false, false);
    this.code = code;
  }

  public ErrorCode code() {
    return code;
  }

  /** Answers a request on the event bus with a failure. */
  public static void fail(Message<?> message, ErrorCode code, String detail) {
    message.fail(code.wireNumber(), detail);
  }

  /**
   * Answers a request on the event bus with any failure: as it is if it has a code, else internal.
   */
  public static void fail(Message<?> message, Throwable failure) {
    SluiceException known = of(failure);
    fail(message, known.code, known.getMessage());
  }

  /** Turns any failure, such as that of a request on the event bus, into one with a code. */
  public static SluiceException of(Throwable failure) {
    if (failure instanceof SluiceException known) {
      return known;
    }
    if (failure instanceof ReplyException reply) {
      return switch (reply.failureType()) {
        case RECIPIENT_FAILURE ->
            new SluiceException(ErrorCode.ofWireNumber(reply.failureCode()), reply.getMessage());
        case NO_HANDLERS ->
            new SluiceException(
                ErrorCode.BROKER_UNAVAILABLE,
                "nobody listens at " + reply.getMessage().replace("No handlers for address ", ""));
        case TIMEOUT -> new SluiceException(ErrorCode.TIMEOUT, reply.getMessage());
        // The connection to another process failed, before or after the request had reached it.
        case ERROR -> new SluiceException(ErrorCode.TIMEOUT, reply.getMessage());
      };
    }
    return new SluiceException(ErrorCode.INTERNAL, String.valueOf(failure));
  }
}
