package io.sluice.bus;

import java.util.List;

/**
 * What is asked of a Broker about transactions; a transaction begins by an {@link AppendRequest}
 * with a half message. Goes to {@link Addresses#transactions}; each request names its answer.
 */
public sealed interface TransactionRequest extends BusMessage {

  /**
   * Ends a transaction, by its id. Answer: {@link Transaction} once that is in the log, also if it
   * ended the same way before; CONFLICT if it ended otherwise, TRANSACTION_NOT_FOUND if there is
   * none.
   *
   * @param commit false to roll back
   */
  record End(String transactionId, boolean commit) implements TransactionRequest {}

  /**
   * As {@link End}, by the place of its half message.
   *
   * @param group must be the producer group it was begun with
   */
  record EndHalf(String group, long queueOffset, long physicalOffset, boolean commit)
      implements TransactionRequest {}

  /** One transaction with its message. Answer: {@link Transaction}, or TRANSACTION_NOT_FOUND. */
  record Find(String transactionId) implements TransactionRequest {}

  /**
   * Transactions: open ones with the oldest first, others with the newest first. Answer: {@link
   * Transactions}.
   *
   * @param group of this producer group only, or null for all
   */
  record Browse(String group, State state, int max) implements TransactionRequest {}

  /** What is known of a transaction. */
  enum State {
    /** Nobody has said how it ended. */
    OPEN("open"),
    COMMITTED("committed"),
    ROLLED_BACK("rolled-back"),
    /** Rolled back since nobody said how it ended, however often they were asked. */
    EXPIRED("expired");

    private final String text;

    State(String text) {
      this.text = text;
    }

    /** How users write it. */
    public String text() {
      return text;
    }
  }

  /**
   * A transaction.
   *
   * @param group the producer group that can say how it ended
   * @param topic where its message goes
   * @param queueOffset place in the queue of half messages
   * @param begunAtMs when the half message was stored
   * @param checks how often the group was asked; 0 for one that has ended
   * @param nextCheckAtMs when it is asked next, or 0
   * @param record its message as it was sent, in the stored layout; null in a list, and if it has
   *     expired
   */
  record Transaction(
      String transactionId,
      String group,
      String topic,
      String brokerName,
      State state,
      long queueOffset,
      long begunAtMs,
      int checks,
      long nextCheckAtMs,
      byte[] record)
      implements BusMessage {}

  /**
   * Transactions that were asked for.
   *
   * @param open how many are open at this Broker
   */
  record Transactions(List<Transaction> transactions, long open) implements BusMessage {}
}
