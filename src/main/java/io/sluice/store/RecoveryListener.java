package io.sluice.store;

import io.sluice.message.MessageView;
import java.util.function.Consumer;

/** Hears, while a store is brought up, of the records that may change its queues. */
public interface RecoveryListener {

  /** Hears nothing. */
  RecoveryListener NONE = (deleteTopic, record) -> {};

  /**
   * A record of {@code Names.STATE_TOPIC} was found behind the checkpoint, before anything that
   * follows it is put into queues. Called in log order, on the recovering thread.
   *
   * @param deleteTopic deletes the queues of a topic, as {@link MessageStore#deleteTopic} does
   * @param record valid during the call
   */
  void onStateRecord(Consumer<String> deleteTopic, MessageView record);
}
