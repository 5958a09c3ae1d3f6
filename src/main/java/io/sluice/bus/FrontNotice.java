package io.sluice.bus;

import java.util.List;

/**
 * What a Broker tells a front about its connections. Goes to {@link Addresses#front}; not answered,
 * and nothing is lost with it: clients find out by themselves, only later.
 */
public sealed interface FrontNotice extends BusMessage {

  /**
   * Who is in a consumer group, or what it wants, has changed.
   *
   * @param holders the front's connections to tell
   */
  record GroupChanged(String group, List<String> holders) implements FrontNotice {}

  /**
   * Asks a producer how a transaction ended. If it does not say so by a {@link TransactionRequest},
   * somebody is asked again later.
   *
   * @param holder the front's connection to ask
   * @param queueOffset place in the queue of half messages
   * @param physicalOffset place of the half message in the log
   * @param record the message as it was sent, in the stored layout
   */
  record CheckTransaction(
      String holder,
      String brokerName,
      String group,
      String topic,
      String transactionId,
      long queueOffset,
      long physicalOffset,
      byte[] record)
      implements FrontNotice {}
}
