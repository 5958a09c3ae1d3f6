package io.sluice.bus;

import java.util.List;

/**
 * Answers to requests of {@link RequestBundle}s of one front, as they came up in one turn of the
 * Broker's event loop.
 *
 * @param numbers for each answer the number of its request
 * @param replies for each answer what a single request would have been answered with, or null if it
 *     failed
 * @param failures for each answer why it failed, or null
 */
public record ReplyBundle(long[] numbers, List<BusMessage> replies, List<SluiceException> failures)
    implements BusMessage {

  @Override
  public void drop() {
    for (BusMessage reply : replies) {
      if (reply != null) {
        reply.drop();
      }
    }
  }
}
