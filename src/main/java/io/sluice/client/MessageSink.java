package io.sluice.client;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.WriteStream;

/**
 * Sends each buffer written to it as a message. Full while as many messages are under way as its
 * maximum says. Use it on the client's context.
 */
public final class MessageSink implements WriteStream<Buffer> {

  /** Messages that may be under way before the sink says that it is full. */
  public static final int DEFAULT_MAX_PENDING = 1_024;

  private final SluiceClient client;
  private final String topic;
  private final SendOptions options;
  private Handler<Throwable> exceptionHandler;
  private Handler<Void> drainHandler;
  private int maxPending = DEFAULT_MAX_PENDING;
  private int pending;
  private Throwable firstFailure;
  private Promise<Void> ended;

  MessageSink(SluiceClient client, String topic, SendOptions options) {
    this.client = client;
    this.topic = topic;
    this.options = options;
  }

  @Override
  public MessageSink exceptionHandler(Handler<Throwable> handler) {
    exceptionHandler = handler;
    return this;
  }

  @Override
  public Future<Void> write(Buffer body) {
    pending++;
    Future<Void> sent = client.send(topic, body, options).mapEmpty();
    return sent.onComplete(done -> finished(done.cause()));
  }

  /** Completes when all that was written is stored; fails with the first failure. */
  @Override
  public Future<Void> end() {
    if (ended == null) {
      ended = Promise.promise();
      maybeEnd();
    }
    return ended.future();
  }

  @Override
  public MessageSink setWriteQueueMaxSize(int maxSize) {
    if (maxSize < 1) {
      throw new IllegalArgumentException("the maximum is " + maxSize + "; allowed is 1 or more");
    }
    maxPending = maxSize;
    return this;
  }

  @Override
  public boolean writeQueueFull() {
    return pending >= maxPending;
  }

  @Override
  public MessageSink drainHandler(Handler<Void> handler) {
    drainHandler = handler;
    return this;
  }

  private void finished(Throwable failure) {
    pending--;
    if (failure != null) {
      firstFailure = firstFailure == null ? failure : firstFailure;
      if (exceptionHandler != null) {
        exceptionHandler.handle(failure);
      }
    }
    if (drainHandler != null && pending <= maxPending / 2) {
      Handler<Void> drained = drainHandler;
      drainHandler = null;
      drained.handle(null);
    }
    maybeEnd();
  }

  private void maybeEnd() {
    if (ended == null || pending > 0) {
      return;
    }
    if (firstFailure == null) {
      ended.tryComplete();
    } else {
      ended.tryFail(firstFailure);
    }
  }
}
