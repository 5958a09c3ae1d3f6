package io.sluice.client;

import io.vertx.core.Future;

/** A checker that is asked, until it is closed. Safe for any thread. */
public interface TransactionChecks {

  /** The producer group whose transactions it is asked for. */
  String group();

  /** It is not asked any more. */
  Future<Void> close();
}
