package io.sluice.client;

import io.vertx.core.Future;

/**
 * A message that is stored, and seen by nobody until it is committed. Safe for any thread.
 *
 * <p>It ends once. To say the same again succeeds; to say the other fails with CONFLICT.
 */
public interface Transaction {

  /** Its id, by which any process may end it. */
  String id();

  /** The producer group it was begun in. */
  String group();

  /** How its message was stored. */
  SendReceipt receipt();

  /** Lets the message be seen. Completes when that is in the log, for good. */
  Future<Void> commit();

  /** Drops the message. Completes when that is in the log, for good. */
  Future<Void> rollback();
}
