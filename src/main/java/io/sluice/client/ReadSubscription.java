package io.sluice.client;

import io.sluice.bus.Addresses;
import io.sluice.bus.Done;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.lang.System.Logger.Level;

/**
 * Every message of one Broker's topic from a place on, with offsets kept here. Owned by the
 * client's context.
 */
final class ReadSubscription implements BrokerPart {

  private static final System.Logger LOG = System.getLogger(ReadSubscription.class.getName());
  private static final long WAIT_MS = 20_000;
  private static final int MAX_BYTES = 1 << 20;
  private static final long PAUSE_MS = 200;

  private final Context context;
  private final BrokerCalls calls;
  private final String brokerName;
  private final String topic;
  private final String holder;
  private final SubscribeOptions options;
  private final MessageHandler handler;
  private final MessageView view = new MessageView();
  private final PlainBodies bodies = new PlainBodies(PlainBodies.MAX_BODY_BYTES);
  private int[] queueIds;
  private long[] nextOffsets;
  private int inFlight;
  private boolean reading;
  private boolean closing;
  private Promise<Void> idle;

  ReadSubscription(
      Context context,
      BrokerCalls calls,
      String brokerName,
      String topic,
      String holder,
      SubscribeOptions options,
      MessageHandler handler) {
    this.context = context;
    this.calls = calls;
    this.brokerName = brokerName;
    this.topic = topic;
    this.holder = holder;
    this.options = options;
    this.handler = handler;
  }

  /** Finds out where to start. */
  @Override
  public Future<Void> start() {
    return read(0, 0)
        .map(
            reply -> {
              take(reply);
              readMore();
              return null;
            });
  }

  @Override
  public Future<Void> close() {
    closing = true;
    idle = Promise.promise();
    maybeIdle();
    return idle.future()
        .compose(
            nothing ->
                calls.<Done>request(
                    brokerName,
                    Addresses.release(brokerName),
                    new ReleaseRequest(holder),
                    BrokerCalls.TIMEOUT_MS))
        .<Void>mapEmpty()
        .otherwiseEmpty();
  }

  private void readMore() {
    if (reading || closing || inFlight > 0) {
      return;
    }
    reading = true;
    read(options.getConcurrency(), WAIT_MS)
        .onComplete(
            done -> {
              reading = false;
              if (done.succeeded()) {
                take(done.result());
                readMore();
              } else if (!closing) {
                LOG.log(
                    Level.DEBUG,
                    "could not read {0} at {1}: {2}",
                    topic,
                    brokerName,
                    done.cause().getMessage());
                calls.vertx().setTimer(PAUSE_MS, id -> readMore());
              }
            });
  }

  private Future<ReadReply> read(int max, long waitMs) {
    ReadRequest request =
        new ReadRequest(
            topic,
            queueIds,
            nextOffsets,
            options.getFrom(),
            max,
            MAX_BYTES,
            waitMs,
            options.getFilter(),
            holder);
    return calls.request(
        brokerName, Addresses.read(brokerName), request, waitMs + BrokerCalls.TIMEOUT_MS);
  }

  private void take(ReadReply reply) {
    queueIds = reply.queueIds();
    nextOffsets = reply.nextOffsets();
    try (MessageBlock block = bodies.plain(reply.messages())) {
      if (closing) {
        return;
      }
      inFlight += block.count();
      for (int i = 0; i < block.count(); i++) {
        ReceivedMessage message =
            new ReceivedMessage(
                brokerName, topic, block.view(i, view), 0, 1, (settled, kind, ms, reason) -> {});
        handle(message).onComplete(done -> context.runOnContext(nothing -> finished()));
      }
    }
  }

  private Future<?> handle(ReceivedMessage message) {
    try {
      Future<?> handled = handler.handle(message);
      return handled == null ? Future.succeededFuture() : handled;
    } catch (RuntimeException e) {
      LOG.log(Level.WARNING, "the handler of " + topic + " failed", e);
      return Future.failedFuture(e);
    }
  }

  private void finished() {
    inFlight--;
    maybeIdle();
    readMore();
  }

  private void maybeIdle() {
    if (closing && inFlight == 0 && idle != null) {
      idle.tryComplete();
    }
  }
}
