package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.Locale;

/** Writes an error as RFC 9457 has it; the same object stands in answers, batches and frames. */
final class Problem {

  static final String CONTENT_TYPE = "application/problem+json";

  private Problem() {}

  /** Writes the whole object. */
  static void write(JsonText out, SluiceException error) {
    out.raw('{');
    writeFields(out, error);
    out.raw('}');
  }

  /** Writes the object of an item of a batch. */
  static void writeItem(JsonText out, SluiceException error, String place, long number) {
    out.raw('{');
    writeFields(out, error);
    out.next(place).number(number).raw('}');
  }

  /** Writes what a WebSocket's error frame has in common with a problem. */
  static void writeCode(JsonText out, SluiceException error) {
    ErrorCode code = error.code();
    out.name("code").raw('"').raw(code.name()).raw('"');
    out.next("detail").string(error.getMessage());
    out.next("retryable").bool(code.retryable());
    if (code.retryAfterMs() >= 0) {
      out.next("retryAfterMs").number(code.retryAfterMs());
    }
  }

  private static void writeFields(JsonText out, SluiceException error) {
    ErrorCode code = error.code();
    out.name("type").raw("\"urn:sluice:error:");
    out.raw(code.name().toLowerCase(Locale.ROOT).replace('_', '-')).raw('"');
    out.next("title").string(code.title());
    out.next("status").number(code.httpStatus()).raw(',');
    writeCode(out, error);
  }
}
