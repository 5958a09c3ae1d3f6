package io.sluice.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.internal.buffer.BufferInternal;

/**
 * Reads a body whole, up to a limit, and hands it over as bytes. What is over the limit, too slow
 * or too much at once is answered here. The bytes count as taken in until the receiver returns.
 * Owned by the event loop.
 */
final class RequestBody implements Handler<Buffer>, Connections.Expirable {

  private static final byte[] NOTHING = new byte[0];

  /** Takes a whole body; a failure that it throws is answered. */
  interface Receiver {

    /** Takes the body: {@code length} bytes of an array, which may be kept. */
    void received(byte[] bytes, int from, int length);
  }

  private final Loop loop;
  private final HttpServerRequest request;
  private final Connections.Tracked connection;
  private final int limit;
  private final Receiver receiver;
  private Buffer first;
  private byte[] whole;
  private int size;
  private boolean done;
  private long lastMs;

  private RequestBody(
      Loop loop,
      HttpServerRequest request,
      Connections.Tracked connection,
      int limit,
      Receiver receiver) {
    this.loop = loop;
    this.request = request;
    this.connection = connection;
    this.limit = limit;
    this.receiver = receiver;
  }

  /**
   * Reads the body of a request.
   *
   * @param limit most bytes of it
   */
  static void read(
      Loop loop,
      HttpServerRequest request,
      Connections.Tracked connection,
      int limit,
      Receiver receiver) {
    new RequestBody(loop, request, connection, limit, receiver).start();
  }

  /**
   * Answers a request with a problem once its body has come, which is dropped: clients that write
   * the whole body first miss an answer that comes before. A body over the limit is not waited for.
   */
  static void drop(
      Loop loop, HttpServerRequest request, Connections.Tracked connection, Throwable failure) {
    if (request.isEnded() || request.response().ended()) {
      Answers.problem(loop, request.response(), failure);
      return;
    }
    read(
        loop,
        request,
        connection,
        loop.options.maxMessageBytes(),
        (bytes, from, length) -> Answers.problem(loop, request.response(), failure));
  }

  /** The announced length of a body, or -1. */
  static long announced(HttpServerRequest request) {
    String length = request.headers().get(HttpHeaders.CONTENT_LENGTH);
    if (length == null) {
      return -1;
    }
    try {
      return Long.parseLong(length.trim());
    } catch (NumberFormatException e) {
      return -1; // Netty has refused what is no number before.
    }
  }

  /** Tells a client that waits for it to go on with the body. */
  static void maybeContinue(HttpServerRequest request) {
    if ("100-continue".equalsIgnoreCase(request.headers().get(HttpHeaders.EXPECT))) {
      request.response().writeContinue();
    }
  }

  private void start() {
    long announced = announced(request);
    if (announced > limit) {
      refuse(MessageDraft.tooLarge(announced, limit));
      return;
    }
    maybeContinue(request);
    lastMs = loop.clock.nowMs();
    connection.reading(this);
    request.handler(this).exceptionHandler(this::broken).endHandler(ignored -> end());
  }

  @Override
  public void handle(Buffer chunk) {
    if (done) {
      return;
    }
    int length = chunk.length();
    if (size + (long) length > limit) {
      refuse(MessageDraft.tooLarge(size + (long) length, limit));
      return;
    }
    if (!loop.hasRoomFor(length)) {
      refuse(SendCollector.busy(loop));
      return;
    }
    loop.taken(length);
    lastMs = loop.clock.nowMs();
    if (size == 0) {
      first = chunk;
    } else {
      join(chunk, length);
    }
    size += length;
  }

  @Override
  public long idleSinceMs() {
    return lastMs;
  }

  @Override
  public void expire() {
    refuse(
        new SluiceException(
            ErrorCode.REQUEST_TIMEOUT,
            "nothing of the body came for "
                + loop.options.idleTimeout().toMillis()
                + " ms; send it again as a whole"));
  }

  private void join(Buffer chunk, int length) {
    if (whole == null) {
      long announced = announced(request);
      int room = announced >= size + length ? (int) announced : Math.max(8192, (size + length) * 2);
      whole = new byte[room];
      first.getBytes(whole);
      first = null;
    } else if (size + length > whole.length) {
      whole = java.util.Arrays.copyOf(whole, Math.max(whole.length * 2, size + length));
    }
    chunk.getBytes(whole, size);
  }

  private void end() {
    if (done) {
      return;
    }
    finish();
    try {
      if (size == 0) {
        receiver.received(NOTHING, 0, 0);
      } else if (whole != null) {
        receiver.received(whole, 0, size);
      } else {
        ByteBuf buffer = ((BufferInternal) first).getByteBuf();
        if (buffer.hasArray()) {
          receiver.received(
              buffer.array(), buffer.arrayOffset() + buffer.readerIndex(), buffer.readableBytes());
        } else {
          receiver.received(ByteBufUtil.getBytes(buffer), 0, size);
        }
      }
    } catch (RuntimeException e) {
      Answers.problem(loop, request.response(), e);
    } finally {
      loop.answered(size);
    }
  }

  private void broken(Throwable failure) {
    if (!done) {
      finish();
      loop.answered(size);
    }
  }

  /** Answers at once; the rest of the body is dropped, and the stream or connection ended soon. */
  private void refuse(SluiceException error) {
    boolean counted = !done && size > 0;
    finish();
    if (counted) {
      loop.answered(size);
    }
    first = null;
    whole = null;
    request.handler(ignored -> {});
    connection.linger(request);
    Answers.problem(loop, request.response(), error);
  }

  private void finish() {
    done = true;
    connection.read(this);
  }
}
