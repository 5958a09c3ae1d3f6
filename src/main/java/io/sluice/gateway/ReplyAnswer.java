package io.sluice.gateway;

import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertyNames;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * Answers an HTTP request with a message: the body as it is, everything else in headers, as a send
 * has it.
 */
final class ReplyAnswer {

  private static final CharSequence ANY_TYPE =
      HttpHeaders.createOptimized("application/octet-stream");

  /** Of use to servers and RocketMQ's clients only. */
  private static final Set<String> HIDDEN =
      Set.of(
          PropertyNames.CORRELATION_ID,
          PropertyNames.REPLY_TO_CLIENT,
          PropertyNames.MESSAGE_TYPE,
          PropertyNames.REQUEST_TTL,
          PropertyNames.CLUSTER,
          PropertyNames.WAIT,
          PropertyNames.IDEMPOTENCY_KEY,
          "MSG_REGION",
          "TRACE_ON");

  private ReplyAnswer() {}

  /** Writes the whole answer. */
  static void write(HttpServerResponse response, MessageView message) {
    response.setStatusCode(200).putHeader(HttpHeaders.CONTENT_TYPE, ANY_TYPE);
    message.forEachProperty((name, value) -> putHeader(response, name, value));
    String encoding = PlainBodies.contentEncoding(message);
    if (encoding != null) {
      // Not Content-Encoding: the client itself would try to decode it, and fail the answer.
      response.putHeader(SluiceHeaders.CONTENT_ENCODING, encoding);
    }
    response.end(Buffer.buffer(message.body()));
  }

  private static void putHeader(HttpServerResponse response, String name, String value) {
    String text = headerValue(value);
    if (HIDDEN.contains(name) || text == null) {
      return;
    }
    switch (name) {
      case PropertyNames.CONTENT_TYPE -> response.putHeader(HttpHeaders.CONTENT_TYPE, text);
      case PropertyNames.UNIQUE_KEY -> response.putHeader("Sluice-Message-Id", text);
      case PropertyNames.TAGS -> response.putHeader(SluiceHeaders.TAG, text);
      case PropertyNames.ORDERING_KEY -> response.putHeader(SluiceHeaders.ORDERING_KEY, text);
      case PropertyNames.KEYS -> {
        for (String key : text.split(" ")) {
          response.headers().add(SluiceHeaders.KEY, key);
        }
      }
      case "traceparent", "tracestate" -> response.putHeader(name, text);
      default -> {
        if (isToken(name)) {
          response.putHeader(SluiceHeaders.PROPERTY_PREFIX + name, text);
        }
      }
    }
  }

  /** UTF-8 one byte by char, as headers come in too; null if a line would be broken. */
  private static String headerValue(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' && c != '\t' || c == 127) {
        return null;
      }
      if (c > 127) {
        String bytes =
            new String(value.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        return value.chars().anyMatch(each -> each < ' ' && each != '\t' || each == 127)
            ? null
            : bytes;
      }
    }
    return value;
  }

  /** RFC 9110, 5.6.2: what may be a header's name. */
  private static boolean isToken(String name) {
    return name.chars()
        .allMatch(
            c ->
                c >= '0' && c <= '9'
                    || c >= 'A' && c <= 'Z'
                    || c >= 'a' && c <= 'z'
                    || "!#$%&'*+-.^_`|~".indexOf(c) >= 0);
  }
}
