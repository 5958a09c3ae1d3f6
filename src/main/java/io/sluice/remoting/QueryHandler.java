package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import java.util.Set;

/** Codes 12 and 33: messages by key, unique id or offset message id. */
final class QueryHandler implements RequestHandler {

  /** RocketMQ's number for a query by unique id, and most that is given back at once. */
  private static final int MAX_MESSAGES = 64;

  /** RocketMQ's INDEX_KEY_TYPE and INDEX_UNIQUE_TYPE. */
  private static final Set<String> KEY_TYPES = Set.of("K", "U");

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

  /** What RocketMQ 5.5.0 has of its own index: rather nothing than what was not asked for. */
  private static void checkSupported(ExtFields fields) {
    String type = fields.text("indexType", "");
    if (!type.isEmpty() && !KEY_TYPES.contains(type)) {
      throw new SluiceException(
          ErrorCode.NOT_SUPPORTED,
          "indexType is "
              + type
              + "; the index has keys (K) and unique ids (U), and no tags: read the topic with a"
              + " filter by tag instead (mqadmin printMsg -s)");
    }
    if (!fields.text("lastKey", "").isEmpty()) {
      throw new SluiceException(
          ErrorCode.NOT_SUPPORTED,
          "lastKey is a place in an index that is not there; for the messages before those that"
              + " were found ask again with an endTimestamp (mqadmin -e)");
    }
  }

  private void query(Exchange exchange) {
    ExtFields fields = exchange.fields();
    checkSupported(fields);
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
