package io.sluice.remoting;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Collects the messages of one turn of the front's event loop into one request to the Broker, in
 * the order they came. Event loop of the front only.
 */
final class AppendCollector {

  /** Hears where one send's messages were stored. */
  interface Waiter {

    /**
     * The answer.
     *
     * @param first place of the send's first message in the reply
     */
    void stored(AppendReply reply, int first);

    void failed(SluiceException failure);
  }

  /** A batch is sent on when it reaches so many bytes, so that one turn's work stays short. */
  private static final int MAX_BATCH_BYTES = 1024 * 1024;

  private final BrokerLink broker;
  private final Context context;
  private final Clock clock;
  private final LatencyRecorder latency;
  private MessageBatch batch;
  private List<Waiter> waiters;
  private List<Integer> firsts;
  private AckLevel ack;
  private long receivedNs;
  private boolean flushScheduled;

  AppendCollector(BrokerLink broker, Context context, Clock clock, LatencyRecorder latency) {
    this.latency = latency;
    this.broker = broker;
    this.context = context;
    this.clock = clock;
    begin();
  }

  /**
   * Adds one message.
   *
   * @param level what must have happened before the answer; null if nobody waits for it
   * @param encoder adds exactly one message to the batch, or throws and adds none
   */
  void add(AckLevel level, Waiter waiter, Consumer<MessageBatch> encoder) {
    if (level != null && ack != null && level != ack) {
      // Two levels are two requests; the earlier one goes first, so order is kept.
      flush();
    }
    int first = batch.count();
    encoder.accept(batch);
    if (first == 0) {
      receivedNs = clock.nowNs();
    }
    if (level != null) {
      ack = level;
    }
    waiters.add(waiter);
    firsts.add(first);
    if (batch.size() >= MAX_BATCH_BYTES) {
      flush();
    } else if (!flushScheduled) {
      flushScheduled = true;
      context.runOnContext(
          nothing -> {
            flushScheduled = false;
            flush();
          });
    }
  }

  /** Sends messages that are stored all or none, behind everything that was added before. */
  void addAtomic(AckLevel level, Waiter waiter, MessageBatch messages) {
    flush();
    send(
        new AppendRequest(messages, orLeast(level), true, clock.nowNs()),
        List.of(waiter),
        List.of(0));
  }

  private void flush() {
    if (batch.count() == 0) {
      return;
    }
    AppendRequest request = new AppendRequest(batch, orLeast(ack), false, receivedNs);
    latency.record(Stage.RECEIVE, clock.nowNs() - receivedNs, batch.count());
    List<Waiter> requestWaiters = waiters;
    List<Integer> requestFirsts = firsts;
    begin();
    send(request, requestWaiters, requestFirsts);
  }

  private void begin() {
    batch = new MessageBatch();
    waiters = new ArrayList<>();
    firsts = new ArrayList<>();
    ack = null;
  }

  private void send(AppendRequest request, List<Waiter> waiting, List<Integer> places) {
    broker
        .append(request)
        .onComplete(
            result -> {
              SluiceException failure = result.failed() ? SluiceException.of(result.cause()) : null;
              for (int i = 0; i < waiting.size(); i++) {
                if (failure == null) {
                  waiting.get(i).stored(result.result(), places.get(i));
                } else {
                  waiting.get(i).failed(failure);
                }
              }
            });
  }

  private static AckLevel orLeast(AckLevel level) {
    return level == null ? AckLevel.MEMORY : level;
  }
}
