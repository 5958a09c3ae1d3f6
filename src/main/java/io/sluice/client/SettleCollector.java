package io.sluice.client;

import io.sluice.bus.Addresses;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.lang.System.Logger.Level;

/**
 * Collects the settlements of one turn of the event loop for one group at one Broker. Owned by the
 * client's context.
 */
final class SettleCollector {

  private static final System.Logger LOG = System.getLogger(SettleCollector.class.getName());

  private final Context context;
  private final BrokerCalls calls;
  private final String brokerName;
  private final String group;
  private SettleRequest collecting;
  private Promise<Void> sent;
  private Future<Void> last = Future.succeededFuture();

  SettleCollector(Context context, BrokerCalls calls, String brokerName, String group) {
    this.context = context;
    this.calls = calls;
    this.brokerName = brokerName;
    this.group = group;
  }

  void add(ReceivedMessage message, SettleRequest.Kind kind, long durationMs, String reason) {
    if (collecting == null) {
      collecting = new SettleRequest(group);
      sent = Promise.promise();
      last = sent.future();
      context.runOnContext(nothing -> flush());
    }
    collecting.add(
        kind,
        message.topic(),
        message.queueId(),
        message.queueOffset(),
        message.lease(),
        durationMs,
        reason);
  }

  /** Completes when what was added so far has been answered, well or not. */
  Future<Void> settled() {
    return last;
  }

  private void flush() {
    SettleRequest request = collecting;
    Promise<Void> done = sent;
    collecting = null;
    calls
        .<SettleReply>request(
            brokerName, Addresses.settle(brokerName), request, BrokerCalls.TIMEOUT_MS)
        .onComplete(
            answered -> {
              if (answered.failed()) {
                LOG.log(
                    Level.WARNING,
                    "{0} settlements of group {1} were not taken, the messages come again: {2}",
                    request.count(),
                    group,
                    answered.cause().getMessage());
              }
              done.complete();
            });
  }
}
