package io.sluice.bus;

/**
 * What became of each settlement, in the order of the request.
 *
 * @param outcomes one per settlement
 */
public record SettleReply(Outcome[] outcomes) implements BusMessage {

  /** What became of a settlement. */
  public enum Outcome {
    /** Done, now or by an earlier call with the same receipt. */
    OK,
    /** The lease is over: the message was or will be handed out again, or was settled otherwise. */
    EXPIRED,
    /** No such lease was ever given. */
    UNKNOWN
  }
}
