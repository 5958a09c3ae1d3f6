package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.Appends;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.metrics.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Collects the messages that arrive in one turn of the event loop and passes them on as one request
 * for each Broker and ack level: a hop over the event bus costs as much as several messages. Owned
 * by the event loop.
 */
final class SendCollector {

  /** A batch of this size goes at once: more in one request would only make the others wait. */
  private static final int FLUSH_BYTES = 1 << 20;

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
    single.flush();
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
      MessageBatch batched = batch;
      Sent sent = new Sent(senders);
      // The next batch is likely as large as this one.
      lastBytes = Math.max(1024, Math.min(batched.size() + batched.size() / 4, FLUSH_BYTES));
      batch = null;
      senders = null;
      loop.taken(batched.size());
      loop.latencies.record(Stage.RECEIVE, loop.clock.nowNs() - receivedNs, count);
      AppendRequest request = new AppendRequest(batched, ack, false, receivedNs);
      if (broker == null) {
        loop.appends.append(request, sent);
      } else {
        loop.appends.append(broker, request, sent);
      }
    }
  }

  /** Those that wait for the answers to one request. */
  private final class Sent implements Appends.Sender {

    private final Sender[] waiting;

    Sent(Sender[] waiting) {
      this.waiting = waiting;
    }

    @Override
    public void answered(AppendReply reply, Appends.Part part) {
      loop.answered(part.bytes());
      loop.counters.messagesIn.add(part.count());
      loop.counters.bytesIn.add(part.bytes());
      for (int i = 0; i < part.count(); i++) {
        waiting[part.index(i)].answered(reply, i);
      }
    }

    @Override
    public void failed(SluiceException failure, Appends.Part part) {
      loop.answered(part.bytes());
      for (int i = 0; i < part.count(); i++) {
        waiting[part.index(i)].failed(failure);
      }
    }
  }
}
