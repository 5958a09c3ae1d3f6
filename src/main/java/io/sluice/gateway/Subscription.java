package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.Receipt;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.metrics.Stage;
import io.vertx.core.Future;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One subscription of a socket: as long as it has credit and the socket takes what is written, one
 * request waits at the Broker; what it brings is written at once and the next request leaves. So
 * nothing is kept here, and nothing comes that was not asked for. Owned by the socket's event loop.
 */
abstract class Subscription {

  /** A request that waits is renewed after this time; an idle subscription costs no more. */
  static final long WAIT_MS = 60_000;

  /** Where several masters have the topic, it waits at each of them in turn. */
  private static final long TURN_MS = 200;

  /** Most messages and bytes of one request: frames are built from it in one go. */
  private static final int MAX_BURST = 2_000;

  private static final int MAX_BURST_BYTES = 512 << 10;

  /** A frame with several messages ends past this, so that it stays under the size of a frame. */
  private static final int MAX_BATCH_FRAME_BYTES = 48 << 10;

  /** Asked again after a failure that may pass. */
  private static final long RETRY_MS = 1_000;

  private static final byte[] SIZE = utf8(",\"size\":");
  private static final byte[] RECEIPT = utf8("\"receipt\":\"");
  private static final byte[] RECEIPT_END = utf8("\",");

  final Socket socket;
  final Loop loop;
  final SubscribeFields fields;

  /** Whom the next request goes to; another only where several masters have the topic. */
  private String broker;

  /** Names what waits and what is leased, so that it can be given back. */
  final String holder;

  private final byte[] single;
  private final byte[] several;
  private final int burst;

  /** How many messages may still be written. */
  private long credit;

  /**
   * How many bytes of records, as the client gets them: what was compressed counts inflated. The
   * Broker counts what is stored, so one answer may take more than was left; then it is below zero.
   */
  private long creditBytes;

  /** Written and not settled. */
  private long outstanding;

  private long outstandingBytes;

  /** By Broker, the leases whose credit comes back when they are settled; null where none does. */
  private final Map<String, LeaseSet> delivered;

  private Set<String> asked;
  private List<String> masters;
  private int drainedInARow;
  private boolean waiting = true;
  private boolean started;
  private boolean idle;
  private boolean closed;

  Subscription(Socket socket, SubscribeFields fields, String broker) {
    this.socket = socket;
    this.fields = fields;
    this.broker = broker;
    asked = Set.of(broker);
    masters = List.of(broker);
    loop = socket.loop();
    holder = loop.ids.next();
    String sub = new JsonText().string(fields.sub).toString();
    single = utf8("{\"type\":\"message\",\"sub\":" + sub + ",");
    several = utf8("{\"type\":\"messages\",\"sub\":" + sub + ",\"items\":[");
    int asked =
        fields.creditManual ? 0 : fields.credit < 0 ? GatewayOptions.DEFAULT_CREDIT : fields.credit;
    credit = asked;
    delivered =
        fields.isGroup() && !fields.ackAuto && !fields.creditManual ? new HashMap<>(2) : null;
    creditBytes = fields.creditBytes < 0 ? GatewayOptions.DEFAULT_CREDIT_BYTES : fields.creditBytes;
    // Half of the window at a time, so that the Broker reads while this half is written.
    burst = Math.max(1, Math.min(MAX_BURST, (asked + 1) / 2));
  }

  /**
   * Asks the Broker for up to so many messages; answers by {@link #received} or {@link #failed}.
   */
  abstract void ask(int max, int maxBytes, long waitMs);

  /** Where it is, for clients that keep it themselves; or null. */
  abstract String position();

  /** Goes somewhere else; completes on the event loop, and says so where it can not. */
  abstract Future<Void> seek(Position.From to);

  /** Ends what waits at the Broker and gives back what is leased. */
  abstract void release();

  /** Credit for what was written comes back as soon as it is written. */
  abstract boolean returnsCreditWhenWritten();

  /**
   * Starts to flow.
   *
   * @param sure whether the topic is known to be there; else the first answer tells
   */
  final void start(boolean sure) {
    waiting = false;
    if (sure) {
      started();
    }
    arm();
    if (!waiting && !started) {
      // Without credit nothing can be asked, so it is as good as started.
      started();
    }
  }

  /** Sends the next request if there is credit and room, and none waits. */
  final void arm() {
    if (waiting || closed || credit <= 0 || creditBytes <= 0 || !socket.takesMore()) {
      return;
    }
    waiting = true;
    int most = fields.creditManual || credit < burst ? MAX_BURST : burst;
    ask(
        (int) Math.min(credit, most),
        (int) Math.min(creditBytes, MAX_BURST_BYTES),
        // Until the backlog is drained the answer is wanted at once: it says when it is.
        !idle ? 0 : masters.size() > 1 ? TURN_MS : WAIT_MS);
  }

  final String broker() {
    return broker;
  }

  /** All that it has asked. */
  final Set<String> askedBrokers() {
    return asked;
  }

  /** Goes on to the next master of the topic, if there are several. */
  private void turn() {
    List<String> known = loop.directory.cachedBrokersFor(fields.topic);
    if (known == null || known.isEmpty() || !mayMove()) {
      return;
    }
    masters = known;
    moveTo(known.get((known.indexOf(broker) + 1) % known.size()));
  }

  private void moveTo(String next) {
    if (!next.equals(broker)) {
      if (asked.size() == 1) {
        asked = new HashSet<>(asked);
      }
      asked.add(next);
      broker = next;
    }
  }

  /** Whether it may ask another master than the first; a reader's place is of one only. */
  boolean mayMove() {
    return false;
  }

  final void addCredit(long messages, long bytes) {
    credit = Math.min(SubscribeFields.MAX_CREDIT, credit + messages);
    creditBytes = Math.min(SubscribeFields.MAX_CREDIT_BYTES, creditBytes + bytes);
    arm();
  }

  /**
   * A message was settled; its credit comes back with the first settlement of its delivery.
   *
   * @return whether it was delivered by this subscription, and not settled before
   */
  final boolean settled(String group, Receipt delivery) {
    if (delivered == null
        || !group.equals(fields.group)
        || !delivery.topic().equals(fields.topic)) {
      return false;
    }
    LeaseSet leases = delivered.get(delivery.brokerName());
    if (leases == null || !leases.remove(delivery.lease())) {
      return false;
    }
    settled(1);
    return true;
  }

  private void delivered(long[] leases, int count) {
    if (delivered == null || leases == null) {
      return;
    }
    LeaseSet held = delivered.computeIfAbsent(broker, name -> new LeaseSet());
    // A client that adds credit and settles nothing has no more of it to get back.
    for (int i = 0; i < count && held.size() < SubscribeFields.MAX_CREDIT; i++) {
      held.add(leases[i]);
    }
  }

  /** So many of its messages were settled. */
  private void settled(int count) {
    long back = Math.min(count, outstanding);
    if (back == 0) {
      return;
    }
    // Which bytes were whose is not kept; on average it comes out right.
    long bytes = back == outstanding ? outstandingBytes : outstandingBytes * back / outstanding;
    outstanding -= back;
    outstandingBytes -= bytes;
    if (!fields.creditManual) {
      addCredit(back, bytes);
    }
  }

  /** Nothing is asked until {@link #restart}. */
  final void hold() {
    waiting = true;
  }

  /** What waited is over, as after a seek. */
  final void restart() {
    waiting = false;
    idle = false;
    arm();
  }

  final boolean isClosed() {
    return closed;
  }

  /** No more of it: nothing waits, and what is leased is given back. */
  final void close() {
    if (!closed) {
      closed = true;
      release();
    }
  }

  /**
   * Writes what the Broker gave, and asks for more before.
   *
   * @param leases for each message its lease, or null where there are none
   * @param drained whether nothing more was deliverable
   * @param brokerReceivedNs when the oldest was sent, or 0
   */
  final void received(
      MessageBlock block, long[] leases, int[] attempts, boolean drained, long brokerReceivedNs) {
    waiting = false;
    if (closed) {
      block.close();
      return;
    }
    if (!started) {
      started();
    }
    int count = block.count();
    drainedInARow = drained ? drainedInARow + 1 : 0;
    boolean allDrained = drainedInARow >= masters.size();
    boolean becameIdle = allDrained && !idle;
    idle = allDrained;
    if (count == 0) {
      block.close();
      turn();
      if (becameIdle) {
        socket.sendIdle(fields.sub);
      }
      arm();
      return;
    }
    long receivedNs = loop.clock.nowNs();
    Runnable settle = beforeWrite(block, leases, count);
    MessageBlock plain = loop.bodies.plain(block);
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      bytes += plain.size(i);
    }
    credit -= count;
    creditBytes -= bytes;
    outstanding += count;
    outstandingBytes += bytes;
    delivered(leases, count);
    JsonText out = loop.json.clear();
    if (fields.batch > 1) {
      writeSeveral(out, plain, leases, attempts, count);
    } else {
      writeEach(out, plain, leases, attempts, count);
    }
    block.close();
    socket.output().write(out);
    loop.counters.messagesOut.add(count);
    loop.counters.bytesOut.add(bytes);
    socket.output().watch(success -> written(success, count, receivedNs, brokerReceivedNs, settle));
    if (becameIdle) {
      socket.sendIdle(fields.sub);
    }
    if (drained) {
      turn();
    }
    arm();
  }

  /** What has to happen once the messages are written; or null. May look at the block. */
  Runnable beforeWrite(MessageBlock block, long[] leases, int count) {
    return null;
  }

  /** The request failed. */
  final void failed(Throwable failure) {
    waiting = false;
    if (closed) {
      return;
    }
    SluiceException error = Answers.known(failure);
    if (error.code() == ErrorCode.TIMEOUT) {
      arm();
      return;
    }
    loop.directory.forget(fields.topic);
    boolean over = !error.code().retryable();
    socket.sendError(error, null, fields.sub);
    if (over) {
      socket.ended(this, error);
    } else {
      waiting = true;
      loop.vertx.setTimer(
          RETRY_MS,
          ignored ->
              loop.routes
                  .brokerFor(fields.topic)
                  .onComplete(
                      found -> {
                        if (found.succeeded() && mayMove()) {
                          masters = List.of(found.result());
                          moveTo(found.result());
                        }
                        waiting = false;
                        arm();
                      }));
    }
  }

  private void started() {
    started = true;
    socket.sendSubscribed(this);
  }

  private void written(
      boolean success, int count, long receivedNs, long brokerReceivedNs, Runnable settle) {
    if (!success || closed) {
      return;
    }
    long nowNs = loop.clock.nowNs();
    loop.latencies.record(Stage.DELIVERY, nowNs - receivedNs, count);
    if (brokerReceivedNs != 0) {
      loop.latencies.record(Stage.END_TO_END, nowNs - brokerReceivedNs, count);
    }
    if (settle != null) {
      settle.run();
    }
    if (returnsCreditWhenWritten()) {
      settled(count);
    }
  }

  private void writeEach(
      JsonText out, MessageBlock block, long[] leases, int[] attempts, int count) {
    FrameOutput output = socket.output();
    MessageView view = loop.view;
    boolean binary = socket.isBinary();
    for (int i = 0; i < count; i++) {
      block.view(i, view);
      int frame = output.begin(out);
      int header = binary ? beginHeader(out) : 0;
      out.raw(single);
      writeItem(out, view, leases, attempts, i, binary);
      out.raw('}');
      if (binary) {
        endHeader(out, header);
        out.raw(view.buffer(), view.bodyPosition(), view.bodyBytes());
      }
      output.end(out, frame);
    }
  }

  private void writeSeveral(
      JsonText out, MessageBlock block, long[] leases, int[] attempts, int count) {
    FrameOutput output = socket.output();
    MessageView view = loop.view;
    boolean binary = socket.isBinary();
    int next = 0;
    while (next < count) {
      int first = next;
      int bytes = 0;
      int frame = output.begin(out);
      int header = binary ? beginHeader(out) : 0;
      out.raw(several);
      while (next < count
          && next - first < fields.batch
          && (next == first || bytes + block.size(next) < MAX_BATCH_FRAME_BYTES)) {
        block.view(next, view);
        out.raw(next == first ? "{" : ",{");
        writeItem(out, view, leases, attempts, next, binary);
        if (binary) {
          out.raw(SIZE).number(view.bodyBytes());
        }
        out.raw('}');
        // The text is longer than the record: names of fields stand in each item.
        bytes = out.size() - frame + (binary ? bodies(block, first, next) : 0);
        next++;
      }
      out.raw("]}");
      if (binary) {
        endHeader(out, header);
        for (int i = first; i < next; i++) {
          block.view(i, view);
          out.raw(view.buffer(), view.bodyPosition(), view.bodyBytes());
        }
      }
      output.end(out, frame);
    }
  }

  private static int bodies(MessageBlock block, int first, int last) {
    int bytes = 0;
    for (int i = first; i <= last; i++) {
      bytes += block.size(i);
    }
    return bytes;
  }

  private void writeItem(
      JsonText out, MessageView view, long[] leases, int[] attempts, int index, boolean binary) {
    if (leases != null) {
      out.raw(RECEIPT);
      int length = Receipt.textBytes(broker, fields.topic);
      Receipt.putText(
          out.reserve(length),
          out.size(),
          fields.group,
          broker,
          fields.topic,
          view.queueId(),
          view.queueOffset(),
          leases[index]);
      out.advance(length);
      out.raw(RECEIPT_END);
    }
    int attempt = attempts == null ? 0 : attempts[index];
    if (fields.events) {
      out.name("messageId").string(MessageJson.id(view));
      if (attempt > 0) {
        out.next("attempt").number(attempt);
      }
      loop.eventJson.write(out.next("event"), view, fields.topic, null, attempt);
      return;
    }
    if (binary) {
      loop.messageJson.writeHead(out, view, fields.topic, attempt);
    } else {
      loop.messageJson.write(out, view, fields.topic, attempt);
    }
  }

  /** Keeps room for the length of a binary frame's header. */
  static int beginHeader(JsonText out) {
    int start = out.size();
    out.reserve(4);
    out.advance(4);
    return start;
  }

  static void endHeader(JsonText out, int start) {
    int length = out.size() - start - 4;
    byte[] bytes = out.bytes();
    bytes[start] = (byte) (length >>> 24);
    bytes[start + 1] = (byte) (length >>> 16);
    bytes[start + 2] = (byte) (length >>> 8);
    bytes[start + 3] = (byte) length;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
