package io.sluice.controller;

import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.core.parsetools.RecordParser;

/**
 * What Brokers and controllers say to each other: length 4 (big-endian, of what follows), then an
 * object in JSON. A request has an {@code id}, which its answer repeats.
 */
final class JsonFrames {

  /** Of a request; an answer may have a state of thousands of groups in it. */
  static final int MAX_REQUEST_BYTES = 64 << 10;

  static final int MAX_ANSWER_BYTES = 64 << 20;

  private JsonFrames() {}

  static Buffer encode(JsonObject json) {
    Buffer body = json.toBuffer();
    return Buffer.buffer(4 + body.length()).appendInt(body.length()).appendBuffer(body);
  }

  /**
   * Parses what comes; a frame that is too long, or no JSON, goes to {@code broken} and nothing
   * more is taken.
   */
  static Handler<Buffer> parser(int most, Handler<JsonObject> handler, Handler<Throwable> broken) {
    RecordParser parser = RecordParser.newFixed(4);
    boolean[] inBody = new boolean[2];
    parser.handler(
        buffer -> {
          if (inBody[1]) {
            return;
          }
          try {
            if (inBody[0]) {
              inBody[0] = false;
              parser.fixedSizeMode(4);
              handler.handle(new JsonObject(buffer));
              return;
            }
            int length = buffer.getInt(0);
            if (length < 2 || length > most) {
              throw new IllegalArgumentException(
                  "a frame of " + length + " bytes; allowed are 2 to " + most);
            }
            inBody[0] = true;
            parser.fixedSizeMode(length);
          } catch (RuntimeException e) {
            inBody[1] = true;
            broken.handle(e);
          }
        });
    return parser;
  }
}
