package io.sluice.broker;

import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import java.util.BitSet;
import java.util.concurrent.CompletionStage;

/**
 * Looks at the tags in blocks of messages: the code in a queue entry may be that of another tag. A
 * filter that reads records has done so before they were collected.
 */
final class Blocks {

  /** Messages brought into memory at once for a consumer that is far behind. */
  private static final int READ_AHEAD_MESSAGES = 2_048;

  /** Bytes brought into memory at once, at most: about 10 ms of a slow disk. */
  private static final long READ_AHEAD_BYTES = 1 << 20;

  private Blocks() {}

  /**
   * Has a worker bring messages into memory.
   *
   * @return completes with how many can be read through the filter now
   */
  static CompletionStage<Integer> warm(
      MessageStore store, ConsumeQueue queue, long fromOffset, MessageFilter filter) {
    return filter.wantsAll()
        ? store.warm(queue, fromOffset, READ_AHEAD_MESSAGES, READ_AHEAD_BYTES, true)
        : store.warm(queue, fromOffset, filter.scanLimit(), READ_AHEAD_BYTES, filter);
  }

  /**
   * Which messages of a block the filter does not want after all.
   *
   * @return their indexes, or null if it wants all
   */
  static BitSet unwanted(MessageBlock block, MessageFilter filter, MessageView view) {
    if (filter.wantsAll() || filter.readsRecords()) {
      return null;
    }
    BitSet unwanted = null;
    for (int i = 0; i < block.count(); i++) {
      if (!filter.wants(block.view(i, view))) {
        unwanted = unwanted == null ? new BitSet() : unwanted;
        unwanted.set(i);
      }
    }
    return unwanted;
  }

  /** A block without these messages; the given one is closed. */
  static MessageBlock without(
      MessageStore store, MessageBlock block, BitSet unwanted, MessageView view) {
    BlockBuilder rest = store.newBlock(block.count());
    for (int i = unwanted.nextClearBit(0); i < block.count(); i = unwanted.nextClearBit(i + 1)) {
      block.view(i, view);
      rest.add(view.physicalOffset(), view.size());
    }
    block.close();
    return rest.build();
  }
}
