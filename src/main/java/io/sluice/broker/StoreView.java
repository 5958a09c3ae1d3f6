package io.sluice.broker;

import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;

/**
 * A queue of the store as a {@link QueueCursor} or a reader sees it: through a filter, and only
 * what is in memory. Reusable by {@link #at}. For one thread.
 */
final class StoreView implements QueueView {

  private static final long NOTHING_COLD = -1;

  private final MessageStore store;
  private ConsumeQueue queue;
  private TagFilter filter;
  private long warmFrom;
  private long warmTo;
  private long coldFrom;

  StoreView(MessageStore store) {
    this.store = store;
  }

  /**
   * Looks at a queue.
   *
   * @param warmFrom first offset that a worker has just brought into memory
   * @param warmTo end of those, exclusive
   */
  StoreView at(ConsumeQueue queue, TagFilter filter, long warmFrom, long warmTo) {
    this.queue = queue;
    this.filter = filter;
    this.warmFrom = warmFrom;
    this.warmTo = warmTo;
    coldFrom = NOTHING_COLD;
    return this;
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
    return queue.maxOffset();
  }

  @Override
  public boolean wants(long offset) {
    return filter.wantsAll() || filter.mayWant(queue.tagsCode(offset));
  }

  @Override
  public int recordBytes(long offset) {
    return queue.recordBytes(offset);
  }

  @Override
  public int readable(long fromOffset, int count) {
    if (fromOffset >= warmFrom && fromOffset < warmTo) {
      return (int) Math.min(count, warmTo - fromOffset);
    }
    if (store.isWarm(queue, fromOffset, count)) {
      return count;
    }
    coldFrom = fromOffset;
    return 0;
  }
}
