package io.sluice.message;

/** What a record of the timer topic says. Static. */
public final class TimerRecord {

  private TimerRecord() {}

  /**
   * When a record of the timer topic is due: as asked for, but not before it was stored. So what is
   * stored later is never due before what has been delivered already.
   *
   * @return in ms since 1970; the time it was stored if it does not say when it is due
   */
  public static long dueAtMs(MessageView record) {
    String due = record.property(PropertyNames.TIMER_OUT_MS);
    try {
      return due == null ? record.storedAtMs() : Math.max(Long.parseLong(due), record.storedAtMs());
    } catch (NumberFormatException e) {
      return record.storedAtMs();
    }
  }

  /**
   * Which queue of its topic a delayed message goes to.
   *
   * @param queues how many there are now; a queue that is not there any more is any
   */
  public static long selector(MessageView record, int queues) {
    String orderingKey = record.property(PropertyNames.ORDERING_KEY);
    String queueId = record.property(PropertyNames.REAL_QUEUE_ID);
    long queue = queueId == null ? -1 : Long.parseLong(queueId);
    if (queue >= 0 && queue < queues) {
      return QueueSelector.queue((int) queue);
    }
    return orderingKey == null ? QueueSelector.ANY : QueueSelector.orderingKey(orderingKey);
  }

  /** Whether a property belongs to the timer, so that the delivered message is without it. */
  public static boolean isOfTimer(String name) {
    return switch (name) {
      case PropertyNames.REAL_TOPIC,
          PropertyNames.REAL_QUEUE_ID,
          PropertyNames.TIMER_OUT_MS,
          PropertyNames.TIMER_DELAY_MS,
          PropertyNames.TIMER_DELAY_SEC,
          PropertyNames.TIMER_DELIVER_MS,
          PropertyNames.DELAY_LEVEL ->
          true;
      default -> false;
    };
  }
}
