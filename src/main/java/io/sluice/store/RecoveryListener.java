package io.sluice.store;

import io.sluice.message.MessageView;

/** Hears, while a store is brought up, of the records that may change its queues. */
public interface RecoveryListener {

  /** Hears nothing. */
  RecoveryListener NONE = (store, record) -> {};

  /**
   * A record of {@code Names.STATE_TOPIC} was found behind the checkpoint, before anything that
   * follows it is put into queues. Called in log order, on the recovering thread.
   *
   * @param store for {@link MessageStore#deleteTopic} only
   * @param record valid during the call
   */
  void onStateRecord(MessageStore store, MessageView record);
}
