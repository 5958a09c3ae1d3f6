package io.sluice.store;

import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;

/** Collects slices of the log into a {@link MessageBlock}. Owner thread only. */
public interface BlockBuilder {

  /** Adds the record at this place; its segment stays mapped until the block is closed. */
  void add(long physicalOffset, int recordBytes);

  /**
   * Looks at the record at this place without adding it; its segment stays mapped until the block
   * is closed.
   */
  MessageView peek(long physicalOffset, int recordBytes, MessageView view);

  int count();

  /** Bytes of all records so far. */
  long bytes();

  /**
   * The block; the builder is done with. Always to be called, also when nothing was added: until
   * then the segments stay mapped.
   */
  MessageBlock build();
}
