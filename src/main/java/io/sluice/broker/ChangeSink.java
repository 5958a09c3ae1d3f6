package io.sluice.broker;

/** Takes what becomes of the leases, in the order it happens. */
interface ChangeSink {

  /** A change to be recorded. */
  void change(QueueCursor cursor, StateChange change);

  /** One more offset is settled; neighbours become one change. */
  void settled(QueueCursor cursor, long offset);

  /** The position moved over unwanted messages only; may be recorded late. */
  void advanced(QueueCursor cursor);

  /**
   * An offset has had its last attempt. To be copied to the dead letters, and then settled by
   * {@link QueueCursor#buried}.
   *
   * @param reason the consumer's, or null
   */
  void dead(QueueCursor cursor, long offset, String reason);
}
