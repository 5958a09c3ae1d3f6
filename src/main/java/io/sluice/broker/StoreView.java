package io.sluice.broker;

import io.sluice.message.MessageView;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;

/**
 * A queue of the store as a {@link QueueCursor} or a reader sees it: through a filter, and only
 * what is in memory. Reusable by {@link #at}, which {@link #done} ends. For one thread.
 */
final class StoreView implements QueueView {

  private static final long NOTHING_COLD = -1;

  /** So many records are looked at in one go where each may have expired: below 1 ms. */
  private static final int RECORD_SCAN = 2_048;

  private final MessageStore store;
  private ConsumeQueue queue;
  private MessageFilter filter;
  private WarmRange warm = WarmRange.NONE;
  private long coldFrom;
  private BlockBuilder peeks;
  private final Expiry expiry = new Expiry();
  private boolean buriesExpired;
  private boolean ofRetries;
  private int expired;
  private final MessageView record = new MessageView();

  StoreView(MessageStore store) {
    this.store = store;
  }

  /**
   * Looks at a queue.
   *
   * @param warm what a worker has just brought into memory
   */
  StoreView at(ConsumeQueue queue, MessageFilter filter, WarmRange warm) {
    this.queue = queue;
    this.filter = filter;
    this.warm = warm;
    coldFrom = NOTHING_COLD;
    expiry.off();
    expired = 0;
    ofRetries = false;
    return this;
  }

  /** The queue's messages were tried before they came into it, as their records say. */
  void ofRetries() {
    ofRetries = true;
  }

  @Override
  public int earlierAttempts(long offset) {
    return ofRetries ? peek(offset).reconsumeTimes() : 0;
  }

  /** Passes over the messages of this topic that have waited too long now. */
  void passOverExpired(TopicState topic, long nowMs) {
    expiry.at(topic, nowMs);
    buriesExpired = topic.buriesExpired;
  }

  /** How many it found that have waited too long. */
  int expired() {
    return expired;
  }

  @Override
  public boolean isExpired(long offset) {
    if (!expiry.mayBe(queue.tagsCode(offset)) || !expiry.isExpired(peek(offset))) {
      return false;
    }
    expired++;
    return true;
  }

  @Override
  public boolean buriesExpired() {
    return buriesExpired;
  }

  ConsumeQueue queue() {
    return queue;
  }

  /** The first offset that was asked for and is not in memory, or -1. */
  long coldFrom() {
    return coldFrom;
  }

  @Override
  public long minOffset() {
    return queue.minOffset();
  }

  @Override
  public long maxOffset() {
    return queue.confirmedOffset();
  }

  @Override
  public boolean wants(long offset) {
    if (filter.wantsAll()) {
      return true;
    }
    return filter.readsRecords()
        ? filter.wants(peek(offset))
        : filter.mayWant(queue.tagsCode(offset));
  }

  @Override
  public int scanLimit() {
    return expiry.looksAtAll() ? Math.min(RECORD_SCAN, filter.scanLimit()) : filter.scanLimit();
  }

  private MessageView peek(long offset) {
    if (peeks == null) {
      peeks = store.newBlock(1);
    }
    return peeks.peek(queue.physicalOffset(offset), queue.recordBytes(offset), record);
  }

  /** Lets go of the segments that were looked into. */
  void done() {
    if (peeks != null) {
      peeks.build().close();
      peeks = null;
    }
  }

  @Override
  public int recordBytes(long offset) {
    return queue.recordBytes(offset);
  }

  @Override
  public int readable(long fromOffset, int count) {
    if (warm.has(fromOffset)) {
      return warm.upTo(fromOffset, count);
    }
    if (store.isWarm(queue, fromOffset, count)) {
      return count;
    }
    coldFrom = fromOffset;
    return 0;
  }
}
