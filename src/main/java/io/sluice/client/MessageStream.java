package io.sluice.client;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.streams.ReadStream;
import java.time.Duration;
import java.util.ArrayDeque;

/**
 * Messages as a stream. Each must be settled by its own methods ({@link ReceivedMessage#ack} and so
 * on), unless it comes from a reader or broadcast. While the stream is paused at most as many
 * messages as the concurrency allows wait here. Use it on the client's context.
 */
public final class MessageStream implements ReadStream<ReceivedMessage> {

  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private Handler<ReceivedMessage> handler;
  private Handler<Void> endHandler;
  private Handler<Throwable> exceptionHandler;
  private Subscription subscription;
  private long demand = Long.MAX_VALUE;
  private boolean delivering;

  private record Waiting(ReceivedMessage message, Promise<Void> handled) {}

  MessageStream() {}

  /** Given by the client once it is subscribed. */
  MessageStream subscribed(Subscription made) {
    subscription = made;
    return this;
  }

  /** Takes a message; it counts as handled when it is handed over. */
  Future<?> offer(ReceivedMessage message) {
    Promise<Void> handled = Promise.promise();
    waiting.add(new Waiting(message, handled));
    deliver();
    return handled.future();
  }

  @Override
  public MessageStream exceptionHandler(Handler<Throwable> handler) {
    exceptionHandler = handler;
    return this;
  }

  @Override
  public MessageStream handler(Handler<ReceivedMessage> handler) {
    this.handler = handler;
    deliver();
    return this;
  }

  @Override
  public MessageStream pause() {
    demand = 0;
    return this;
  }

  @Override
  public MessageStream resume() {
    return fetch(Long.MAX_VALUE);
  }

  @Override
  public MessageStream fetch(long amount) {
    demand = demand + amount < 0 ? Long.MAX_VALUE : demand + amount;
    deliver();
    return this;
  }

  @Override
  public MessageStream endHandler(Handler<Void> handler) {
    endHandler = handler;
    return this;
  }

  /** Ends the stream; what was not handed over yet is given back to the group. */
  public Future<Void> close() {
    for (Waiting each : waiting) {
      each.message().nack(Duration.ZERO);
      each.handled().complete();
    }
    waiting.clear();
    return subscription
        .close()
        .onSuccess(
            closed -> {
              if (endHandler != null) {
                endHandler.handle(null);
              }
            });
  }

  private void deliver() {
    if (delivering) {
      return;
    }
    delivering = true;
    try {
      while (handler != null && demand > 0 && !waiting.isEmpty()) {
        if (demand != Long.MAX_VALUE) {
          demand--;
        }
        deliver(waiting.poll());
      }
    } finally {
      delivering = false;
    }
  }

  private void deliver(Waiting next) {
    try {
      handler.handle(next.message());
    } catch (RuntimeException e) {
      if (exceptionHandler == null) {
        throw e;
      }
      exceptionHandler.handle(e);
    }
    next.message().whenSettled(next.handled());
  }
}
