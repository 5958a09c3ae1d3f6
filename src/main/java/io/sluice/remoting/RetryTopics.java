package io.sluice.remoting;

import io.sluice.bus.ClientKept;
import io.sluice.message.Names;
import io.vertx.core.Future;

/**
 * Where a message goes that a consumer sends to its group's retry topic by itself: RocketMQ's
 * orderly consumers when they give up, and any consumer whose send-back failed.
 */
final class RetryTopics {

  /**
   * RocketMQ 3.4.9 by its number: from there on a client's own limit counts, not the group's
   * (AbstractSendMessageProcessor, 5.5.0).
   */
  static final int VERSION_WITH_LIMIT = 121;

  private final BrokerLink broker;

  RetryTopics(BrokerLink broker) {
    this.broker = broker;
  }

  /** The topic for a send to a retry topic. */
  Future<ClientKept.RetryTopic> find(SendHeader header, int clientVersion) {
    int maxRetries = clientVersion < VERSION_WITH_LIMIT ? -1 : header.maxReconsumeTimes();
    return broker.clientKept(
        new ClientKept.GetRetryTopic(
            header.topic().substring(Names.RETRY_PREFIX.length()),
            header.reconsumeTimes(),
            maxRetries));
  }
}
