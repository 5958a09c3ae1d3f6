package io.sluice.client;

import io.vertx.core.Future;

/** Messages on their way to a handler, until it is closed. Safe for any thread. */
public interface Subscription {

  /** The topic. */
  String topic();

  /** The group, or null for a reader. */
  String group();

  /**
   * Ends it: nothing more is handed out, what is with the handler is settled first, what it has not
   * got yet is given back.
   */
  Future<Void> close();
}
