package io.sluice.client;

import io.vertx.core.Future;

/** Takes messages. */
@FunctionalInterface
public interface MessageHandler {

  /**
   * Handles one message, on the client's context.
   *
   * @return settles the message: success acks, failure nacks; null counts as success
   */
  Future<?> handle(ReceivedMessage message);
}
