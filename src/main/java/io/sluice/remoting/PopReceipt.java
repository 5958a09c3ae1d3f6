package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.PopRequest;
import io.sluice.bus.SluiceException;

/**
 * RocketMQ's receipt of a popped message (extraInfo, POP_CK), eight words: offset where the pop's
 * part of the queue begins, time of the pop, invisible time, revive queue, mark of the topic
 * (always 0 here: messages are popped from their own topic), Broker, queue, offset.
 *
 * <p>The client puts it together from the fields of the pop's answer and hands it back as it is.
 * The revive queue, of which Sluice has none, carries the mark of {@link PopRequest#mark}.
 *
 * <p>Source: Apache RocketMQ 5.5.0, ExtraInfoUtil.
 */
record PopReceipt(
    long startOffset,
    long poppedAtMs,
    long invisibleMs,
    int mark,
    String brokerName,
    int queueId,
    long queueOffset) {

  private static final int WORDS = 8;

  /** RocketMQ's mark of the normal topic; 1 and 2 are its retry topics. */
  static final String NORMAL = "0";

  /**
   * Reads a receipt.
   *
   * @throws SluiceException INVALID_ARGUMENT if it is none
   */
  static PopReceipt parse(String text) {
    String[] words = text.split(" ");
    if (words.length < WORDS) {
      throw invalid(text);
    }
    try {
      return new PopReceipt(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Integer.parseInt(words[3]),
          words[5],
          Integer.parseInt(words[6]),
          Long.parseLong(words[7]));
    } catch (NumberFormatException e) {
      throw invalid(text);
    }
  }

  /** The delivery it is of. */
  PopRequest.Handle handle(String topic) {
    return new PopRequest.Handle(topic, queueId, queueOffset, mark, poppedAtMs + invisibleMs);
  }

  private static SluiceException invalid(String text) {
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "extraInfo is '"
            + text
            + "'; needed are "
            + WORDS
            + " words, as a pop's answer gives them");
  }
}
