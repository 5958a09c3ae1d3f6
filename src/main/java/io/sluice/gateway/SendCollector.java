package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.metrics.Stage;
import io.vertx.core.AsyncResult;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Collects the messages that arrive in one turn of the event loop and passes them on as one request
 * for each Broker and ack level: a hop over the event bus costs as much as several messages. Owned
 * by the event loop.
 */
final class SendCollector {

  /** A batch of this size goes at once: more in one request would only make the others wait. */
  private static final int FLUSH_BYTES = 1 << 20;

  /** How long a message is offered to whoever may take it, where a Broker is gone. */
  private static final long RETRY_FOR_MS = 3_000;

  private static final long RETRY_MS = 200;

  /** Who waits for the answer to one message. */
  interface Sender {

    /** The message was stored, or refused: see {@link AppendReply#error}. */
    void answered(AppendReply reply, int index);

    /** Nothing is known of the message, or it was not stored. */
    void failed(SluiceException failure);
  }

  private final Loop loop;
  private final List<Lane> lanes = new ArrayList<>();
  private boolean scheduled;

  SendCollector(Loop loop) {
    this.loop = loop;
  }

  /**
   * Encodes a message behind those that arrived before it.
   *
   * @param receivedNs when its last byte was read
   * @throws SluiceException if it cannot be encoded or a bound is reached; the sender is not called
   *     then
   */
  void add(MessageDraft draft, AckLevel ack, byte[] bornHost, long receivedNs, Sender sender) {
    if (!loop.hasRoomFor(draft.bodyBytes())) {
      throw busy(loop);
    }
    String broker = loop.routes.knownBrokerFor(draft.topic());
    if (broker == null) {
      addUnrouted(draft, ack, bornHost, receivedNs, sender);
      return;
    }
    Lane lane = lane(broker, ack);
    if (lane.batch == null) {
      lane.start(receivedNs);
    }
    encode(draft, lane.batch, bornHost);
    lane.add(sender);
    if (lane.batch.size() >= FLUSH_BYTES) {
      lane.flush();
    } else if (!scheduled) {
      scheduled = true;
      loop.context.runOnContext(ignored -> flush());
    }
  }

  static SluiceException busy(Loop loop) {
    return new SluiceException(
        ErrorCode.BUSY,
        "messages of "
            + loop.options.maxInFlightBytes()
            + " bytes wait for their answers, which is the most; try again later");
  }

  private void encode(MessageDraft draft, MessageBatch batch, byte[] bornHost) {
    draft.addTo(
        batch, loop.ids.next(), bornHost, loop.clock.nowMs(), loop.options.maxMessageBytes());
  }

  /** The Broker is not known yet: the message waits encoded, in a batch of its own. */
  private void addUnrouted(
      MessageDraft draft, AckLevel ack, byte[] bornHost, long receivedNs, Sender sender) {
    Lane single = new Lane(null, ack);
    single.start(receivedNs);
    encode(draft, single.batch, bornHost);
    single.add(sender);
    loop.routes
        .brokerFor(draft.topic())
        .onComplete(
            found -> {
              if (found.succeeded()) {
                single.flushTo(found.result());
              } else {
                single.fail(SluiceException.of(found.cause()));
              }
            });
  }

  private Lane lane(String broker, AckLevel ack) {
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.ack == ack && lane.broker.equals(broker)) {
        return lane;
      }
    }
    Lane lane = new Lane(broker, ack);
    lanes.add(lane);
    return lane;
  }

  private void flush() {
    scheduled = false;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.batch != null && lane.batch.count() > 0) {
        lane.flush();
      }
    }
  }

  /** What goes to one Broker at one ack level. */
  private final class Lane {

    private final String broker;
    private final AckLevel ack;
    private MessageBatch batch;
    private Sender[] senders;
    private int count;
    private long receivedNs;
    private int lastBytes = 4096;

    Lane(String broker, AckLevel ack) {
      this.broker = broker;
      this.ack = ack;
    }

    void start(long receivedNs) {
      batch = new MessageBatch(lastBytes);
      senders = new Sender[8];
      count = 0;
      this.receivedNs = receivedNs;
    }

    void add(Sender sender) {
      if (count == senders.length) {
        senders = Arrays.copyOf(senders, count * 2);
      }
      senders[count++] = sender;
    }

    void flush() {
      flushTo(broker);
    }

    void flushTo(String brokerName) {
      MessageBatch sent = batch;
      Sender[] waiting = senders;
      int waitingCount = count;
      // The next batch is likely as large as this one.
      lastBytes = Math.max(1024, Math.min(sent.size() + sent.size() / 4, FLUSH_BYTES));
      // If the Broker fails, the route of one of its topics is asked for again, then of the next.
      String topic = sent.topic(0);
      batch = null;
      senders = null;
      loop.taken(sent.size());
      int bytes = sent.size();
      long untilNs = loop.clock.nowNs() + RETRY_FOR_MS * 1_000_000;
      loop.latencies.record(Stage.RECEIVE, loop.clock.nowNs() - receivedNs, waitingCount);
      AppendRequest request = new AppendRequest(sent, ack, false, receivedNs);
      append(brokerName, topic, request, untilNs)
          .onComplete(answer -> answered(answer, topic, waiting, waitingCount, bytes));
    }

    /**
     * Sends, and sends again where nobody heard it and so nothing was stored: to the Broker that
     * the NameServers name then, which is another master if this one is gone. Any other failure
     * leaves it open whether something was stored, so nothing is sent twice.
     */
    private Future<AppendReply> append(
        String brokerName, String topic, AppendRequest request, long untilNs) {
      return loop.brokers
          .append(brokerName, request)
          .recover(
              failure -> {
                ErrorCode code = SluiceException.of(failure).code();
                if (code == ErrorCode.DRAINING) {
                  loop.directory.avoid(brokerName);
                }
                if (!loop.mayAskAgain(code)
                    || !isOneTopic(request.batch())
                    || loop.clock.nowNs() > untilNs) {
                  return Future.failedFuture(failure);
                }
                loop.directory.forget(topic);
                return loop.vertx
                    .timer(RETRY_MS, TimeUnit.MILLISECONDS)
                    .compose(waited -> loop.routes.brokerFor(topic))
                    .compose(next -> append(next, topic, request, untilNs));
              });
    }

    private static boolean isOneTopic(MessageBatch batch) {
      for (int i = 1; i < batch.count(); i++) {
        if (!batch.topic(i).equals(batch.topic(0))) {
          return false;
        }
      }
      return true;
    }

    void fail(SluiceException failure) {
      failAll(failure, senders, count);
    }

    private void answered(
        AsyncResult<AppendReply> answer,
        String topic,
        Sender[] waiting,
        int waitingCount,
        int bytes) {
      loop.answered(bytes);
      if (answer.failed()) {
        loop.directory.forget(topic);
        failAll(SluiceException.of(answer.cause()), waiting, waitingCount);
        return;
      }
      loop.counters.messagesIn.add(waitingCount);
      loop.counters.bytesIn.add(bytes);
      AppendReply reply = answer.result();
      for (int i = 0; i < waitingCount; i++) {
        waiting[i].answered(reply, i);
      }
    }

    private void failAll(SluiceException failure, Sender[] waiting, int waitingCount) {
      for (int i = 0; i < waitingCount; i++) {
        waiting[i].failed(failure);
      }
    }
  }
}
