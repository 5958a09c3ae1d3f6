package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;

/**
 * Code 370: recalls a delayed message that is not delivered yet. What is no message that waits is
 * answered 604, so that success is only said of what is recalled.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, RecallMessageProcessor.
 */
final class RecallHandler implements RequestHandler {

  private final BrokerLink broker;

  RecallHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String topic = fields.required("topic");
    RecallHandle handle = RecallHandle.parse(fields.required("recallHandle"));
    if (handle == null) {
      exchange.fail(ResponseCode.ILLEGAL_OPERATION, "recall failed, the handle can not be read");
      return;
    }
    if (!handle.topic().equals(topic) || !handle.brokerName().equals(broker.brokerName())) {
      exchange.fail(
          ResponseCode.ILLEGAL_OPERATION,
          "recall failed, the handle is of the topic "
              + handle.topic()
              + " at the broker "
              + handle.brokerName());
      return;
    }
    broker
        .<Done>admin(new AdminRequest.Recall(topic, handle.messageId()))
        .onComplete(
            recalled -> {
              if (recalled.succeeded()) {
                exchange.ok(
                    new ExtFields(2)
                        .put("msgId", handle.messageId())
                        .put("MSG_REGION", SendHandler.REGION));
              } else {
                refuse(exchange, SluiceException.of(recalled.cause()));
              }
            });
  }

  private static void refuse(Exchange exchange, SluiceException failure) {
    if (failure.code() == ErrorCode.CONFLICT || failure.code() == ErrorCode.MESSAGE_NOT_FOUND) {
      exchange.fail(ResponseCode.ILLEGAL_OPERATION, "recall failed, " + failure.getMessage());
    } else {
      exchange.fail(failure);
    }
  }
}
