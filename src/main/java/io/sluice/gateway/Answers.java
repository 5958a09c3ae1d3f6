package io.sluice.gateway;

import io.netty.util.AsciiString;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;

/** Ends HTTP responses. An answer to a client that has gone is dropped. */
final class Answers {

  static final CharSequence JSON = AsciiString.cached("application/json");
  static final CharSequence TEXT = AsciiString.cached("text/plain; charset=utf-8");

  private static final System.Logger LOG = System.getLogger(Answers.class.getName());
  private static final CharSequence PROBLEM = AsciiString.cached(Problem.CONTENT_TYPE);
  private static final CharSequence WWW_AUTHENTICATE = AsciiString.cached("www-authenticate");
  private static final CharSequence CHALLENGE = AsciiString.cached("Bearer");
  private static final CharSequence RETRY_AFTER = AsciiString.cached("retry-after");

  /** Where a retry helps only after someone has acted, such as started a Broker again. */
  private static final long NOT_SOON_MS = 60_000;

  private Answers() {}

  /** Answers with what the scratch text holds. */
  static void json(HttpServerResponse response, int status, JsonText body) {
    end(response, status, JSON, body.toBuffer());
  }

  /** Answers with a body. */
  static void end(HttpServerResponse response, int status, CharSequence contentType, Buffer body) {
    if (gone(response)) {
      return;
    }
    response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, contentType);
    response.end(body);
  }

  /** Answers with plain text. */
  static void text(HttpServerResponse response, int status, CharSequence contentType, String body) {
    end(response, status, contentType, Buffer.buffer(body));
  }

  /** Answers 204. */
  static void empty(HttpServerResponse response) {
    if (!gone(response)) {
      response.setStatusCode(204).end();
    }
  }

  /** Answers with a problem, whatever the failure is. */
  static void problem(Loop loop, HttpServerResponse response, Throwable failure) {
    SluiceException error = known(failure);
    count(loop, error);
    if (gone(response)) {
      return;
    }
    if (response.headWritten()) {
      // The status is out: all that is left is to break off, so that the client notices.
      response.reset();
      return;
    }
    ErrorCode code = error.code();
    if (code.httpStatus() == 429 || code.httpStatus() == 503) {
      long afterMs = code.retryAfterMs() >= 0 ? code.retryAfterMs() : NOT_SOON_MS;
      response.putHeader(RETRY_AFTER, Long.toString((afterMs + 999) / 1000));
    }
    if (code == ErrorCode.UNAUTHENTICATED) {
      // RFC 9110, 15.5.2.
      response.putHeader(WWW_AUTHENTICATE, CHALLENGE);
    }
    JsonText body = loop.json.clear();
    Problem.write(body, error);
    end(response, code.httpStatus(), PROBLEM, body.toBuffer());
  }

  /** Counts an error that is answered. */
  static void count(Loop loop, SluiceException error) {
    if (error.code() == ErrorCode.BUSY) {
      loop.counters.busy.increment();
    }
    (error.code().httpStatus() < 500 ? loop.counters.clientErrors : loop.counters.serverErrors)
        .increment();
  }

  /**
   * The failure with its code; one of our own faults is logged, as its text tells a client little.
   */
  static SluiceException known(Throwable failure) {
    if (failure instanceof IllegalArgumentException) {
      return new SluiceException(ErrorCode.INVALID_ARGUMENT, failure.getMessage());
    }
    SluiceException known = SluiceException.of(failure);
    if (!(failure instanceof SluiceException) && known.code() == ErrorCode.INTERNAL) {
      LOG.log(System.Logger.Level.ERROR, "a request failed", failure);
    }
    return known;
  }

  private static boolean gone(HttpServerResponse response) {
    return response.ended() || response.closed();
  }
}
