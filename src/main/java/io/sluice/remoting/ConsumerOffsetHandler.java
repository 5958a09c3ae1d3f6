package io.sluice.remoting;

import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;

/** Codes 14 and 15: a group's position in a queue. */
final class ConsumerOffsetHandler implements RequestHandler {

  private final BrokerLink broker;

  ConsumerOffsetHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    if (exchange.request().code == RequestCode.QUERY_CONSUMER_OFFSET) {
      query(exchange);
    } else {
      update(exchange);
    }
  }

  private void query(Exchange exchange) {
    ExtFields fields = exchange.fields();
    // Only an explicit false forbids the zero (RocketMQ 5.5.0, ConsumerManageProcessor).
    boolean zeroIfWhole = !"false".equalsIgnoreCase(fields.get("setZeroIfNotFound"));
    exchange.when(
        broker.<ClientKept.Offset>clientKept(
            new ClientKept.GetOffset(
                fields.required("consumerGroup"),
                fields.required("topic"),
                fields.requiredInt("queueId"),
                zeroIfWhole)),
        found -> exchange.ok(new ExtFields(1).put("offset", found.queueOffset())));
  }

  private void update(Exchange exchange) {
    ExtFields fields = exchange.fields();
    long offset = fields.requiredLong("commitOffset");
    if (offset < 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "commitOffset is " + offset + "; allowed is 0 or more");
    }
    exchange.when(
        broker.<Done>clientKept(
            new ClientKept.Commit(
                fields.required("consumerGroup"),
                fields.required("topic"),
                fields.requiredInt("queueId"),
                offset)),
        done -> exchange.ok());
  }
}
