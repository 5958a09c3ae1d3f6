package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageView;
import io.vertx.core.Future;

/**
 * Codes 29 to 32: offsets of a queue by time, its ends, and when its first message was stored. A
 * topic or queue that is not there has the offsets 0, as RocketMQ answers.
 */
final class QueueOffsetHandler implements RequestHandler {

  private final BrokerLink broker;

  QueueOffsetHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String topic = fields.required("topic");
    int queueId = fields.requiredInt("queueId");
    switch (exchange.request().code) {
      case RequestCode.GET_MAX_OFFSET ->
          answer(
              exchange, resolve(topic, queueId, StartPosition.LATEST).map(r -> r.maxOffsets()[0]));
      case RequestCode.GET_MIN_OFFSET ->
          answer(
              exchange,
              resolve(topic, queueId, StartPosition.EARLIEST).map(r -> r.minOffsets()[0]));
      case RequestCode.SEARCH_OFFSET_BY_TIMESTAMP ->
          answer(exchange, search(fields, topic, queueId, fields.requiredLong("timestamp")));
      default -> earliestStoreTime(exchange, topic, queueId);
    }
  }

  /**
   * LOWER is the first message stored at that time or later, UPPER the last one stored at that time
   * or before; 0 if there is none (RocketMQ 5.5.0, ConsumeQueue).
   */
  private Future<Long> search(ExtFields fields, String topic, int queueId, long timeMs) {
    if (!"UPPER".equalsIgnoreCase(fields.get("boundaryType"))) {
      return resolve(topic, queueId, StartPosition.time(timeMs))
          .map(reply -> reply.nextOffsets()[0]);
    }
    long behindMs = timeMs == Long.MAX_VALUE ? timeMs : timeMs + 1;
    return resolve(topic, queueId, StartPosition.time(behindMs))
        .map(
            reply -> {
              long next = reply.nextOffsets()[0];
              return next > reply.minOffsets()[0] ? next - 1 : 0;
            });
  }

  private static void answer(Exchange exchange, Future<Long> offset) {
    exchange.when(
        offset.recover(QueueOffsetHandler::zeroIfMissing),
        found -> exchange.ok(new ExtFields(1).put("offset", found)));
  }

  private void earliestStoreTime(Exchange exchange, String topic, int queueId) {
    exchange.when(
        broker
            .read(request(topic, queueId, StartPosition.EARLIEST, 1))
            .map(QueueOffsetHandler::storedAtMs),
        time -> exchange.ok(new ExtFields(1).put("timestamp", time)));
  }

  private Future<ReadReply> resolve(String topic, int queueId, StartPosition from) {
    return broker
        .read(request(topic, queueId, from, 0))
        .onSuccess(reply -> reply.messages().close());
  }

  private static ReadRequest request(String topic, int queueId, StartPosition from, int max) {
    return new ReadRequest(
        topic, new int[] {queueId}, null, from, max, Integer.MAX_VALUE, 0, Filter.ALL, null);
  }

  private static long storedAtMs(ReadReply reply) {
    try (var messages = reply.messages()) {
      return messages.count() == 0 ? -1 : messages.view(0, new MessageView()).storedAtMs();
    }
  }

  private static Future<Long> zeroIfMissing(Throwable failure) {
    ErrorCode code = SluiceException.of(failure).code();
    return code == ErrorCode.TOPIC_NOT_FOUND || code == ErrorCode.INVALID_ARGUMENT
        ? Future.succeededFuture(0L)
        : Future.failedFuture(failure);
  }
}
