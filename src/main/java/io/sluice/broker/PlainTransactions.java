package io.sluice.broker;

import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.End;
import io.sluice.bus.TransactionRequest.Transaction;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;

/**
 * Ends transactions by plain use of the event bus: {@code request("sluice.transactions.<broker>",
 * {"transactionId": ..., "outcome": "commit" or "rollback"})}, with the Broker that {@link
 * PlainSends} named in its answer. The answer is {@code {"transactionId", "state"}}. Owned by the
 * Broker's event loop.
 */
final class PlainTransactions {

  /** What the address begins with; the Broker's name follows. */
  static final String ADDRESS_PREFIX = "sluice.transactions.";

  private final Vertx vertx;
  private final BrokerOptions options;
  private final TransactionHandler handler;

  PlainTransactions(Vertx vertx, BrokerOptions options, TransactionHandler handler) {
    this.vertx = vertx;
    this.options = options;
    this.handler = handler;
  }

  /** Begins to listen. */
  Future<Void> listen() {
    return vertx
        .eventBus()
        .<JsonObject>consumer(ADDRESS_PREFIX + options.getBrokerName(), this::handle)
        .completion();
  }

  private void handle(Message<JsonObject> message) {
    try {
      End end = read(message.body());
      handler.handle(
          end,
          new Answer<BusMessage>() {
            @Override
            public void succeed(BusMessage ended) {
              message.reply(
                  new JsonObject()
                      .put("transactionId", end.transactionId())
                      .put("state", ((Transaction) ended).state().text()));
            }

            @Override
            public void fail(SluiceException failure) {
              SluiceException.fail(message, failure);
            }
          });
    } catch (ClassCastException e) {
      SluiceException.fail(
          message, ErrorCode.INVALID_ARGUMENT, "the body is no object of texts: " + e.getMessage());
    } catch (SluiceException e) {
      SluiceException.fail(message, e);
    }
  }

  private static End read(JsonObject body) {
    String id = body == null ? null : body.getString("transactionId");
    String outcome = body == null ? null : body.getString("outcome");
    boolean known = "commit".equals(outcome) || "rollback".equals(outcome);
    if (id == null || !known) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "found transactionId '"
              + id
              + "' and outcome '"
              + outcome
              + "'; needed are an id, and commit or rollback");
    }
    return new End(id, outcome.equals("commit"));
  }
}
