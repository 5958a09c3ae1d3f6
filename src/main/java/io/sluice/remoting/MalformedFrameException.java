package io.sluice.remoting;

/** Bytes that are no frame, header or body of the protocol: says what was found. No stack trace. */
final class MalformedFrameException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  MalformedFrameException(String detail) {
    super(detail, null, false, false);
  }
}
