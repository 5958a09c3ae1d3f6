package io.sluice.metrics;

/** The stages of a message's way whose latency is measured. */
public enum Stage {
  /** From the last byte of a send read at the front to its request leaving for the broker. */
  RECEIVE,
  /** From the request's arrival at the broker to the record in the log and its queue. */
  APPEND,
  /** One force of the log to the disk. */
  FORCE,
  /** From the record in the log to the answer that hands it to a front. */
  DISPATCH,
  /** From the front's receipt of a message to its bytes written to the consumer's socket. */
  DELIVERY,
  /** From the last byte of the send to the bytes written to the consumer's socket. */
  END_TO_END
}
