package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;

/** Codes 12 and 33: messages by key, unique id or offset message id. */
final class QueryHandler implements RequestHandler {

  /** RocketMQ's number for a query by unique id, and most that is given back at once. */
  private static final int MAX_MESSAGES = 64;

  private final BrokerLink broker;

  QueryHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    if (exchange.request().code == RequestCode.VIEW_MESSAGE_BY_ID) {
      view(exchange);
    } else {
      query(exchange);
    }
  }

  private void view(Exchange exchange) {
    long offset = exchange.fields().requiredLong("offset");
    exchange.when(
        broker.<AdminRequest.Found>admin(new AdminRequest.FindByPhysicalOffset(offset)),
        found -> {
          if (found.messages().count() == 0) {
            found.messages().close();
            exchange.fail(
                ResponseCode.SYSTEM_ERROR, "can not find message by the offset, " + offset);
          } else {
            exchange.answerMessages(null, null, found.messages());
          }
        });
  }

  private void query(Exchange exchange) {
    ExtFields fields = exchange.fields();
    int max = Math.max(1, Math.min(MAX_MESSAGES, fields.requiredInt("maxNum")));
    long beginMs = fields.number("beginTimestamp", 0);
    long endMs = fields.number("endTimestamp", Long.MAX_VALUE);
    exchange.when(
        broker.<AdminRequest.Found>admin(
            new AdminRequest.FindByKey(
                fields.required("topic"), fields.required("key"), max, beginMs, endMs)),
        found -> {
          MessageBlock messages = found.messages();
          if (messages.count() == 0) {
            messages.close();
            exchange.fail(
                ResponseCode.QUERY_NOT_FOUND, "can not find message, maybe time range not correct");
            return;
          }
          MessageView newest = messages.view(0, new MessageView());
          exchange.answerMessages(
              null,
              new ExtFields(2)
                  .put("indexLastUpdateTimestamp", newest.storedAtMs())
                  .put("indexLastUpdatePhyoffset", newest.physicalOffset()),
              messages);
        });
  }
}
