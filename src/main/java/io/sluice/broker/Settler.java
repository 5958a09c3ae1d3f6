package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.util.Clock;

/**
 * Settles leases, and answers when that has reached the server's default ack level. Owned by the
 * Broker's event loop.
 */
final class Settler {

  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final DeadLetters deadLetters;
  private final Dispatcher dispatcher;
  private final Clock clock;
  private final AckLevel ack;

  Settler(
      BrokerOptions options,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      DeadLetters deadLetters,
      Dispatcher dispatcher,
      Clock clock) {
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.deadLetters = deadLetters;
    this.dispatcher = dispatcher;
    this.clock = clock;
    ack = options.getDefaultAck();
  }

  /** Takes a request; answered once. */
  void settle(SettleRequest request, Answer<? super SettleReply> answer) {
    catalog.existingGroup(request.group());
    log.checkWritable();
    SettleReply reply = new SettleReply(settleAll(request));
    Answer<Void> recorded = Answer.mapped(answer, nothing -> reply);
    deadLetters.whenBuried(
        new Answer<>() {
          @Override
          public void succeed(Void nothing) {
            log.whenRecorded(ack, recorded);
          }

          @Override
          public void fail(SluiceException failure) {
            recorded.fail(failure);
          }
        });
  }

  private Outcome[] settleAll(SettleRequest request) {
    Outcome[] outcomes = new Outcome[request.count()];
    long nowMs = clock.nowMs();
    String topic = null;
    Consumption consumption = null;
    for (int i = 0; i < outcomes.length; i++) {
      if (topic == null || !topic.equals(request.topic(i))) {
        topic = request.topic(i);
        consumption = topic == null ? null : state.consumption(request.group(), topic);
        if (consumption != null && consumption.wasAwaited()) {
          dispatcher.touch(consumption);
        }
      }
      int queueId = request.queueId(i);
      if (consumption == null || !consumption.hasQueue(queueId)) {
        outcomes[i] = Outcome.UNKNOWN;
        continue;
      }
      outcomes[i] =
          consumption
              .cursor(queueId)
              .settle(
                  request.kind(i),
                  request.queueOffset(i),
                  request.lease(i),
                  request.durationMs(i),
                  request.reason(i),
                  nowMs,
                  log.changes());
    }
    return outcomes;
  }
}
