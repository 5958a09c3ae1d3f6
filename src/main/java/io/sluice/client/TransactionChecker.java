package io.sluice.client;

import io.vertx.core.Future;

/** Knows how transactions ended. */
@FunctionalInterface
public interface TransactionChecker {

  /** What is known of a transaction. */
  enum Outcome {
    COMMIT,
    ROLLBACK,
    /** It is not known yet: ask again later. */
    UNKNOWN
  }

  /**
   * Says how a transaction ended, on the client's context.
   *
   * @param transactionId its id
   * @param message its message; there is nothing to settle
   * @return null or a failure counts as UNKNOWN
   */
  Future<Outcome> check(String transactionId, ReceivedMessage message);
}
