package io.sluice.broker;

import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.store.BlockBuilder;
import io.sluice.store.MessageStore;
import java.util.BitSet;

/**
 * Looks at the tags in blocks of messages: the code in a queue entry may be that of another tag.
 */
final class Blocks {

  private Blocks() {}

  /**
   * Which messages of a block the filter does not want after all.
   *
   * @return their indexes, or null if it wants all
   */
  static BitSet unwanted(MessageBlock block, TagFilter filter, MessageView view) {
    if (filter.wantsAll()) {
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
