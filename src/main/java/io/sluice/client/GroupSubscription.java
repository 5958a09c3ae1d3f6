package io.sluice.client;

import io.sluice.bus.Addresses;
import io.sluice.bus.Done;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A group's messages from one Broker: one receive always waits there while fewer messages are with
 * the handler than may be. Owned by the client's context.
 */
final class GroupSubscription implements BrokerPart {

  private static final System.Logger LOG = System.getLogger(GroupSubscription.class.getName());

  /** How long one receive waits. */
  private static final long WAIT_MS = 20_000;

  /** Bytes of one receive, at most. */
  private static final int MAX_BYTES = 1 << 20;

  /** Pause after a failure, so that a Broker that is away is not asked without end. */
  private static final long PAUSE_MS = 200;

  private final Context context;
  private final BrokerCalls calls;
  private final String brokerName;
  private final String topic;
  private final String group;
  private final String holder;
  private final SubscribeOptions options;
  private final MessageHandler handler;
  private final SettleCollector settlements;
  private final MessageView view = new MessageView();
  private final PlainBodies bodies = new PlainBodies(PlainBodies.MAX_BODY_BYTES);
  private final Map<Integer, ArrayDeque<ReceivedMessage>> inOrder = new HashMap<>();
  private int inFlight;
  private boolean receiving;
  private boolean asking;
  private boolean closing;
  private Promise<Void> idle;

  GroupSubscription(
      Context context,
      BrokerCalls calls,
      String brokerName,
      String topic,
      String group,
      String holder,
      SubscribeOptions options,
      MessageHandler handler) {
    this.context = context;
    this.calls = calls;
    this.brokerName = brokerName;
    this.topic = topic;
    this.group = group;
    this.holder = holder;
    this.options = options;
    this.handler = handler;
    settlements = new SettleCollector(context, calls, brokerName, group);
  }

  /** Asks once without waiting: that makes the group's position, and tells what is wrong. */
  @Override
  public Future<Void> start() {
    receiving = true;
    return receive(0)
        .map(
            reply -> {
              take(reply);
              receiving = false;
              receiveMore();
              return null;
            });
  }

  /** Lets the handler finish, then gives back the rest. */
  @Override
  public Future<Void> close() {
    closing = true;
    idle = Promise.promise();
    maybeIdle();
    return idle.future()
        .compose(nothing -> settlements.settled())
        .compose(
            settled ->
                calls.<Done>request(
                    brokerName,
                    Addresses.release(brokerName),
                    new ReleaseRequest(holder),
                    BrokerCalls.TIMEOUT_MS))
        .<Void>mapEmpty()
        .otherwiseEmpty();
  }

  private void receiveMore() {
    if (receiving || closing || inFlight >= options.getConcurrency()) {
      return;
    }
    receiving = true;
    receive(WAIT_MS)
        .onComplete(
            done -> {
              if (done.succeeded()) {
                take(done.result());
              }
              receiving = false;
              if (done.succeeded()) {
                receiveMore();
              } else {
                pause(SluiceException.of(done.cause()));
              }
            });
  }

  private Future<ReceiveReply> receive(long waitMs) {
    ReceiveRequest request =
        new ReceiveRequest(
            group,
            topic,
            options.getConcurrency() - inFlight,
            MAX_BYTES,
            waitMs,
            options.getInvisible().toMillis(),
            options.getFilter(),
            options.getMode() == SubscribeOptions.Mode.ORDERED,
            options.getFrom(),
            holder);
    return calls.request(
        brokerName, Addresses.receive(brokerName), request, waitMs + BrokerCalls.TIMEOUT_MS);
  }

  private void pause(SluiceException failure) {
    if (closing) {
      return;
    }
    LOG.log(
        Level.DEBUG,
        "group {0} could not receive from {1} at {2}: {3}",
        group,
        topic,
        brokerName,
        failure.getMessage());
    calls.vertx().setTimer(PAUSE_MS, id -> receiveMore());
  }

  private void take(ReceiveReply reply) {
    try (MessageBlock block = bodies.plain(reply.messages())) {
      if (closing) {
        // The release that follows gives these leases back.
        return;
      }
      List<ReceivedMessage> messages = new ArrayList<>(block.count());
      for (int i = 0; i < block.count(); i++) {
        messages.add(
            new ReceivedMessage(
                brokerName,
                topic,
                block.view(i, view),
                reply.leases()[i],
                reply.attempts()[i],
                this::settle));
      }
      inFlight += messages.size();
      if (options.getMode() == SubscribeOptions.Mode.ORDERED) {
        handleInOrder(messages);
      } else {
        for (ReceivedMessage message : messages) {
          handle(message).onComplete(done -> here(() -> finished(message, done.succeeded())));
        }
      }
    }
  }

  /** Hands over one message of a queue after the other; a queue comes whole or not at all. */
  private void handleInOrder(List<ReceivedMessage> messages) {
    List<ArrayDeque<ReceivedMessage>> begun = new ArrayList<>();
    for (ReceivedMessage message : messages) {
      ArrayDeque<ReceivedMessage> queue =
          inOrder.computeIfAbsent(message.queueId(), made -> new ArrayDeque<>());
      if (queue.isEmpty()) {
        begun.add(queue);
      }
      queue.add(message);
    }
    begun.forEach(this::handleFirst);
  }

  /**
   * A loop for handlers that are done at once, so that a long queue does not become a deep stack.
   */
  private void handleFirst(ArrayDeque<ReceivedMessage> queue) {
    while (!queue.isEmpty()) {
      ReceivedMessage message = queue.peek();
      Future<?> handled = handle(message);
      if (!handled.isComplete()) {
        handled.onComplete(
            done ->
                here(
                    () -> {
                      finishFirst(queue, message, done.succeeded());
                      handleFirst(queue);
                    }));
        return;
      }
      finishFirst(queue, message, handled.succeeded());
    }
  }

  private void finishFirst(
      ArrayDeque<ReceivedMessage> queue, ReceivedMessage message, boolean succeeded) {
    queue.poll();
    if (!succeeded) {
      // The Broker takes the rest of the queue back and hands it out again.
      inFlight -= queue.size();
      queue.clear();
    }
    finished(message, succeeded);
  }

  /** The handler's future may complete on any thread. */
  private void here(Runnable task) {
    if (context == Vertx.currentContext()) {
      task.run();
    } else {
      context.runOnContext(nothing -> task.run());
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

  private void finished(ReceivedMessage message, boolean succeeded) {
    if (succeeded) {
      message.ack();
    } else {
      message.nack();
    }
    inFlight--;
    afterFinish();
  }

  private void afterFinish() {
    maybeIdle();
    if (!receiving && !asking) {
      // At the end of the turn, so that all that finished in it makes room for one receive.
      asking = true;
      context.runOnContext(
          nothing -> {
            asking = false;
            receiveMore();
          });
    }
  }

  private void maybeIdle() {
    if (closing && inFlight == 0 && idle != null) {
      idle.tryComplete();
    }
  }

  /** Any thread may settle; what was decided first counts. */
  private void settle(
      ReceivedMessage message, SettleRequest.Kind kind, long durationMs, String reason) {
    if (context == Vertx.currentContext()) {
      settleHere(message, kind, durationMs, reason);
    } else {
      context.runOnContext(nothing -> settleHere(message, kind, durationMs, reason));
    }
  }

  private void settleHere(
      ReceivedMessage message, SettleRequest.Kind kind, long durationMs, String reason) {
    if (message.decide(kind)) {
      settlements.add(message, kind, durationMs, reason);
    }
  }
}
