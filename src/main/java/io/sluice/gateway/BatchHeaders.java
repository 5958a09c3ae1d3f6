package io.sluice.gateway;

import io.sluice.bus.AckLevel;

/**
 * What the headers of a batch say for all of its messages.
 *
 * @param ack what must have happened before the answer
 * @param traceparent of the call, or null
 * @param tracestate of the call, or null
 */
record BatchHeaders(AckLevel ack, String traceparent, String tracestate) {

  /** Gives a message of the batch what it does not say itself. */
  void applyTo(MessageDraft draft) {
    if (traceparent != null) {
      draft.defaultTrace(traceparent, tracestate);
    }
  }
}
