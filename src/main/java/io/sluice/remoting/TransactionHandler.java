package io.sluice.remoting;

import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.TransactionRequest.EndHalf;
import io.sluice.bus.TransactionRequest.Transaction;

/**
 * Code 37, by which a producer says how a transaction ended, and code 39, by which it is asked.
 * What the end is not known of stays as it is.
 *
 * <p>Source: Apache RocketMQ 5.5.0, EndTransactionProcessor and Broker2Client.
 */
final class TransactionHandler implements RequestHandler {

  private static final System.Logger LOG = System.getLogger(TransactionHandler.class.getName());

  private static final int UNKNOWN = 0;
  private static final int COMMIT = 8;
  private static final int ROLLBACK = 12;

  private final BrokerLink broker;
  private final OffsetMessageId ids;

  TransactionHandler(BrokerLink broker, byte[] storeHost) {
    this.broker = broker;
    ids = new OffsetMessageId(storeHost);
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    int outcome = fields.requiredInt("commitOrRollback");
    if (outcome == UNKNOWN) {
      exchange.ok();
      return;
    }
    if (outcome != COMMIT && outcome != ROLLBACK) {
      throw new MalformedFrameException(
          "commitOrRollback is " + outcome + "; allowed are 0, 8 and 12");
    }
    EndHalf end =
        new EndHalf(
            fields.required("producerGroup"),
            fields.requiredLong("tranStateTableOffset"),
            fields.requiredLong("commitLogOffset"),
            outcome == COMMIT);
    broker
        .<Transaction>transactions(end)
        .onComplete(
            ended -> {
              if (ended.succeeded()) {
                exchange.ok();
                return;
              }
              if (exchange.request().isOneway()) {
                // Nobody hears of it but who reads this; the client is asked again later.
                LOG.log(
                    System.Logger.Level.WARNING,
                    "could not end the transaction at offset {0} of the producer group {1}: {2}",
                    Long.toString(end.queueOffset()),
                    end.group(),
                    ended.cause().getMessage());
              }
              exchange.fail(ended.cause());
            });
  }

  /** Asks a client; one that is gone or takes nothing now is not. */
  void ask(CheckTransaction check, ClientConnection connection) {
    if (connection == null || !connection.takesMore()) {
      return;
    }
    connection.tell(
        RequestCode.CHECK_TRANSACTION_STATE,
        new ExtFields(7)
            .put("tranStateTableOffset", check.queueOffset())
            .put("commitLogOffset", check.physicalOffset())
            .put("msgId", check.transactionId())
            .put("transactionId", check.transactionId())
            .put("offsetMsgId", ids.of(check.physicalOffset()))
            .put("topic", check.topic())
            .put("bname", check.brokerName()),
        check.record());
  }
}
