package io.sluice.broker;

import io.sluice.bus.SluiceException;

/**
 * A request that waits for messages: it stands in a {@link WaiterList} (whom it waits with), in
 * {@link WaiterTimes} (until when) and at its {@link Holder} (who may cancel it). Answered exactly
 * once. Owned by the Broker's event loop.
 */
abstract class Waiter {

  /** When the wait is over; put off while messages are on their way into memory. */
  long deadlineMs;

  /** When it was to be over. Owned by {@link Waiting}. */
  long endsMs;

  /** Who may cancel it, or null. */
  Holder holder;

  /** Owned by {@link WaiterList}. */
  WaiterList list;

  Waiter previous;
  Waiter next;

  /** Owned by {@link WaiterTimes}. */
  int place = -1;

  /** Whether messages are on their way into memory, so that an answer without any is too early. */
  abstract boolean isReading();

  /** Answers that there is nothing. */
  abstract void answerEmpty();

  /** Answers with a failure. */
  abstract void fail(SluiceException failure);
}
