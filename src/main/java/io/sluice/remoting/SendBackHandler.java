package io.sluice.remoting;

import io.sluice.bus.AckLevel;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.util.List;

/**
 * Code 36: a consumer gives back a message that it could not consume.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, AbstractSendMessageProcessor
 * (consumerSendMsgBack).
 */
final class SendBackHandler implements RequestHandler {

  private final BrokerLink broker;
  private final AckLevel ack;
  private final List<Long> delayLevelsMs;

  SendBackHandler(BrokerLink broker, AckLevel ack, List<Long> delayLevelsMs) {
    this.delayLevelsMs = delayLevelsMs;
    this.broker = broker;
    this.ack = ack;
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    int maxRetries =
        exchange.request().version < RetryTopics.VERSION_WITH_LIMIT
            ? -1
            : fields.integer("maxReconsumeTimes", -1);
    exchange.when(
        broker
            .<Done>clientKept(
                new ClientKept.SendBack(
                    fields.required("group"),
                    fields.requiredLong("offset"),
                    delayMs(fields.requiredInt("delayLevel")),
                    maxRetries,
                    ack))
            .recover(SendBackHandler::asRocketMq),
        done -> exchange.ok());
  }

  private long delayMs(int level) {
    if (level == 0) {
      return ClientKept.DELAY_OF_GROUP;
    }
    return level < 0
        ? ClientKept.NEVER_AGAIN
        : delayLevelsMs.get(Math.min(level, delayLevelsMs.size()) - 1);
  }

  private static Future<Done> asRocketMq(Throwable failure) {
    SluiceException known = SluiceException.of(failure);
    return Future.failedFuture(
        known.code() == ErrorCode.MESSAGE_NOT_FOUND
            ? new SluiceException(ErrorCode.CONFLICT, known.getMessage())
            : known);
  }
}
