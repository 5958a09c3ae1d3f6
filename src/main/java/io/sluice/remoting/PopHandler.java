package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.PopRequest;
import io.sluice.bus.PopRequest.Popped;
import io.sluice.bus.ReadReply;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Codes 200050 to 200055 and 200151: messages with leases, and what ends or moves them.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, PopMessageProcessor, AckMessageProcessor,
 * ChangeInvisibleTimeProcessor, NotificationProcessor, PeekMessageProcessor, PollingInfoProcessor;
 * and the client's MQClientAPIImpl (processPopResponse).
 */
final class PopHandler implements RequestHandler {

  /** RocketMQ's {@code maxTransferBytesOnMessageInMemory}. */
  private static final int MAX_BYTES = 256 * 1024;

  /** A client waits 10 s longer than it asks for, by default 15 s. */
  private static final long MAX_WAIT_MS = 60_000;

  /** RocketMQ's, in PopMessageRequestHeader.isTimeoutTooMuch. */
  private static final long LATE_MS = 500;

  /** A pop is of 32 messages; a queue's part of several pops may be in one bit set. */
  private static final int MAX_BITS_CHARS = 1_024;

  /** Acks of a group in one batch; 4 MB of handles. */
  private static final int MAX_ACKS = 65_536;

  private final BrokerLink broker;
  private final Clock clock;
  private final LatencyRecorder latency;

  PopHandler(BrokerLink broker, Clock clock, LatencyRecorder latency) {
    this.broker = broker;
    this.clock = clock;
    this.latency = latency;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.POP_MESSAGE -> pop(exchange);
      case RequestCode.ACK_MESSAGE -> ack(exchange);
      case RequestCode.BATCH_ACK_MESSAGE -> batchAck(exchange);
      case RequestCode.CHANGE_MESSAGE_INVISIBLE_TIME -> changeInvisible(exchange);
      case RequestCode.NOTIFICATION -> await(exchange);
      case RequestCode.PEEK_MESSAGE -> peek(exchange);
      default -> pollingInfo(exchange);
    }
  }

  private void pop(Exchange exchange) {
    ExtFields fields = exchange.fields();
    if (isStale(fields)) {
      exchange.answer(
          ResponseCode.POLLING_TIMEOUT,
          "the broker[" + broker.brokerName() + "] pop message is timeout too much",
          header(0, 0, 0, 0),
          null);
      return;
    }
    long waitMs = waitMs(fields);
    long invisibleMs = fields.requiredLong("invisibleTime");
    PopRequest.Pop pop =
        new PopRequest.Pop(
            fields.required("consumerGroup"),
            fields.required("topic"),
            fields.requiredInt("queueId"),
            fields.requiredInt("maxMsgNums"),
            MAX_BYTES,
            waitMs,
            invisibleMs,
            Filters.of(fields.get("expType"), fields.get("exp")),
            fields.flag("order"),
            fields.integer("initMode", 0) == 1,
            exchange.connection().holder());
    park(exchange);
    broker
        .<Popped>pop(pop, waitMs)
        .onComplete(
            result -> {
              if (result.succeeded()) {
                answer(exchange, pop.topic(), invisibleMs, result.result());
              } else {
                refuse(exchange, SluiceException.of(result.cause()));
              }
            });
  }

  /** Whether the client does not wait any more: what it is given now would be in flight in vain. */
  private boolean isStale(ExtFields fields) {
    long bornAtMs = fields.number("bornTime", 0);
    long waitsUntilMs = bornAtMs + fields.number("pollTime", 0);
    return bornAtMs > 0 && clock.nowMs() - waitsUntilMs > LATE_MS;
  }

  private static long waitMs(ExtFields fields) {
    return Math.max(0, Math.min(MAX_WAIT_MS, fields.number("pollTime", 0)));
  }

  private static void park(Exchange exchange) {
    if (!exchange.park()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          ClientConnection.MAX_PARKED + " requests of this connection wait, no more are taken");
    }
  }

  /** The client reads the fields of the header whatever the code is. */
  private static void refuse(Exchange exchange, SluiceException failure) {
    int code =
        failure.code() == ErrorCode.BUSY
            ? ResponseCode.POLLING_FULL
            : failure.code().remotingCode();
    exchange.answer(code, failure.code() + ": " + failure.getMessage(), header(0, 0, 0, 0), null);
  }

  private static ExtFields header(long poppedAtMs, long invisibleMs, int mark, long rest) {
    return new ExtFields(7)
        .put("popTime", poppedAtMs)
        .put("invisibleTime", invisibleMs)
        .put("reviveQid", mark)
        .put("restNum", rest);
  }

  private void answer(Exchange exchange, String topic, long invisibleMs, Popped popped) {
    MessageBlock messages = popped.messages();
    ExtFields fields = header(popped.poppedAtMs(), invisibleMs, popped.mark(), popped.rest());
    if (messages.count() == 0) {
      messages.close();
      exchange.answer(ResponseCode.POLLING_TIMEOUT, "NO_MESSAGE_IN_QUEUE", fields, null);
      return;
    }
    putOffsets(fields, messages, popped.attempts(), exchange.fields().flag("order"));
    int count = messages.count();
    if (comesAgain(popped.attempts())) {
      // The client reads from the record how often a message came, so that has to be written in.
      byte[] body = withAttempts(messages, popped.attempts());
      messages.close();
      exchange.answer(ResponseCode.SUCCESS, "FOUND", fields, body);
      recordDelivery(popped, count);
    } else {
      exchange.answerMessages("FOUND", fields, messages, () -> recordDelivery(popped, count));
    }
  }

  /** For each queue where its part begins, and its offsets in rising order. */
  private static void putOffsets(
      ExtFields fields, MessageBlock messages, int[] attempts, boolean ordered) {
    Map<Integer, TreeSet<Long>> offsets = new TreeMap<>();
    StringBuilder counts = new StringBuilder();
    MessageView view = new MessageView();
    for (int i = 0; i < messages.count(); i++) {
      messages.view(i, view);
      offsets.computeIfAbsent(view.queueId(), id -> new TreeSet<>()).add(view.queueOffset());
      if (ordered && attempts[i] > 1) {
        append(counts, "qo" + view.queueId() + "%" + view.queueOffset());
        counts.append(attempts[i] - 1);
      }
    }
    StringBuilder starts = new StringBuilder();
    StringBuilder all = new StringBuilder();
    offsets.forEach(
        (queueId, some) -> {
          append(starts, String.valueOf(queueId));
          starts.append(some.first());
          append(all, String.valueOf(queueId));
          for (long offset : some) {
            all.append(offset).append(',');
          }
          all.setLength(all.length() - 1);
        });
    fields.put("startOffsetInfo", starts.toString()).put("msgOffsetInfo", all.toString());
    if (counts.length() > 0) {
      fields.put("orderCountInfo", counts.toString());
    }
  }

  private static void append(StringBuilder info, String key) {
    if (info.length() > 0) {
      info.append(';');
    }
    info.append(PopReceipt.NORMAL).append(' ').append(key).append(' ');
  }

  private static boolean comesAgain(int[] attempts) {
    for (int attempt : attempts) {
      if (attempt > 1) {
        return true;
      }
    }
    return false;
  }

  private static byte[] withAttempts(MessageBlock messages, int[] attempts) {
    int bytes = 0;
    for (int i = 0; i < messages.count(); i++) {
      bytes += messages.size(i);
    }
    ByteBuffer body = ByteBuffer.allocate(bytes);
    MessageView view = new MessageView();
    for (int i = 0; i < messages.count(); i++) {
      int start = body.position();
      messages.view(i, view);
      body.put(
          messages
              .buffer(i)
              .duplicate()
              .limit(messages.position(i) + messages.size(i))
              .position(messages.position(i)));
      body.putInt(
          start + MessageLayout.reconsumeTimes(view.sysFlag()),
          view.reconsumeTimes() + attempts[i] - 1);
    }
    return body.array();
  }

  private void recordDelivery(Popped popped, int count) {
    long nowNs = clock.nowNs();
    latency.record(Stage.DELIVERY, nowNs - popped.dispatchedNs(), count);
    if (popped.receivedNs() != 0) {
      latency.record(Stage.END_TO_END, nowNs - popped.receivedNs(), count);
    }
  }

  private void ack(Exchange exchange) {
    ExtFields fields = exchange.fields();
    PopReceipt receipt = receipt(fields);
    PopRequest.Ack ack =
        new PopRequest.Ack(
            fields.required("consumerGroup"), List.of(receipt.handle(fields.required("topic"))));
    exchange.when(
        broker.<SettleReply>pop(ack, 0),
        reply -> {
          if (reply.outcomes()[0] == Outcome.OK) {
            exchange.ok();
          } else {
            exchange.fail(
                ResponseCode.NO_MESSAGE,
                "the receipt for offset "
                    + receipt.queueOffset()
                    + " of queue "
                    + receipt.queueId()
                    + " is not in force any more");
          }
        });
  }

  /** The request names queue and offset besides; the receipt's must be the same. */
  private static PopReceipt receipt(ExtFields fields) {
    PopReceipt receipt = PopReceipt.parse(fields.required("extraInfo"));
    long queueId = fields.requiredInt("queueId");
    long offset = fields.requiredLong("offset");
    if (queueId != receipt.queueId() || offset != receipt.queueOffset()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the request is about offset "
              + offset
              + " of queue "
              + queueId
              + ", its extraInfo about offset "
              + receipt.queueOffset()
              + " of queue "
              + receipt.queueId());
    }
    return receipt;
  }

  /** Those whose receipts are not in force any more are passed over, as RocketMQ does it. */
  private void batchAck(Exchange exchange) {
    Map<String, List<PopRequest.Handle>> byGroup = new TreeMap<>();
    for (Map<Object, Object> ack : JsonTree.objects(exchange.request().bodyObject(), "acks")) {
      addHandles(
          ack, byGroup.computeIfAbsent(JsonTree.required(ack, "c"), group -> new ArrayList<>()));
    }
    List<Future<SettleReply>> asked = new ArrayList<>();
    byGroup.forEach(
        (group, handles) -> asked.add(broker.pop(new PopRequest.Ack(group, handles), 0)));
    exchange.when(Future.all(asked), all -> exchange.ok());
  }

  /** Bit i of the set, the lowest of the first byte first, is the message at start offset + i. */
  private static void addHandles(Map<Object, Object> ack, List<PopRequest.Handle> handles) {
    String topic = JsonTree.required(ack, "t");
    int queueId = (int) JsonTree.number(ack, "q", -1);
    long startOffset = JsonTree.number(ack, "so", 0);
    int mark = (int) JsonTree.number(ack, "rq", -1);
    long deadlineMs = JsonTree.number(ack, "pt", 0) + JsonTree.number(ack, "it", 0);
    String text = JsonTree.text(ack, "b", "");
    if (text.length() > MAX_BITS_CHARS || handles.size() > MAX_ACKS) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the batch has a bit set of "
              + text.length()
              + " characters behind "
              + handles.size()
              + " acks; allowed are "
              + MAX_BITS_CHARS
              + " and "
              + MAX_ACKS);
    }
    BitSet bits;
    try {
      bits = BitSet.valueOf(Base64.getDecoder().decode(text));
    } catch (IllegalArgumentException e) {
      throw new MalformedFrameException("the body's b is no base64: " + e.getMessage());
    }
    for (int bit = bits.nextSetBit(0); bit >= 0; bit = bits.nextSetBit(bit + 1)) {
      handles.add(new PopRequest.Handle(topic, queueId, startOffset + bit, mark, deadlineMs));
    }
  }

  private void changeInvisible(Exchange exchange) {
    ExtFields fields = exchange.fields();
    long invisibleMs = fields.requiredLong("invisibleTime");
    PopReceipt receipt = receipt(fields);
    broker
        .<PopRequest.Changed>pop(
            new PopRequest.ChangeInvisible(
                fields.required("consumerGroup"),
                receipt.handle(fields.required("topic")),
                invisibleMs),
            0)
        .onComplete(
            result -> {
              if (result.succeeded()) {
                PopRequest.Changed changed = result.result();
                exchange.ok(
                    new ExtFields(3)
                        .put("popTime", changed.changedAtMs())
                        .put("invisibleTime", invisibleMs)
                        .put("reviveQid", changed.mark()));
                return;
              }
              SluiceException failure = SluiceException.of(result.cause());
              int code =
                  failure.code() == ErrorCode.MESSAGE_NOT_FOUND
                      ? ResponseCode.NO_MESSAGE
                      : failure.code().remotingCode();
              exchange.answer(
                  code,
                  failure.getMessage(),
                  new ExtFields(3).put("popTime", 0).put("invisibleTime", 0).put("reviveQid", 0),
                  null);
            });
  }

  private void await(Exchange exchange) {
    ExtFields fields = exchange.fields();
    long waitMs = waitMs(fields);
    PopRequest.Notify notify =
        new PopRequest.Notify(
            fields.required("consumerGroup"),
            fields.required("topic"),
            fields.requiredInt("queueId"),
            waitMs,
            Filters.of(fields.get("expType"), fields.get("exp")),
            exchange.connection().holder());
    park(exchange);
    broker
        .<PopRequest.Notified>pop(notify, waitMs)
        .onComplete(
            result -> {
              if (result.succeeded()) {
                exchange.ok(
                    new ExtFields(2)
                        .put("hasMsg", result.result().available())
                        .put("pollingFull", false));
                return;
              }
              SluiceException failure = SluiceException.of(result.cause());
              if (failure.code() == ErrorCode.BUSY) {
                exchange.ok(new ExtFields(2).put("hasMsg", false).put("pollingFull", true));
              } else {
                exchange.fail(failure);
              }
            });
  }

  private void peek(Exchange exchange) {
    ExtFields fields = exchange.fields();
    int max = Math.max(1, Math.min(PopRequest.MAX_MESSAGES, fields.requiredInt("maxMsgNums")));
    exchange.when(
        broker.<ReadReply>pop(
            new PopRequest.Peek(
                fields.required("consumerGroup"),
                fields.required("topic"),
                fields.requiredInt("queueId"),
                max,
                MAX_BYTES),
            0),
        reply -> {
          MessageBlock messages = reply.messages();
          long rest = reply.maxOffsets()[0] - reply.nextOffsets()[0];
          ExtFields header = header(clock.nowMs(), 0, 0, Math.max(0, rest));
          if (messages.count() == 0) {
            messages.close();
            exchange.answer(ResponseCode.PULL_NOT_FOUND, null, header, null);
          } else {
            exchange.answerMessages("FOUND", header, messages);
          }
        });
  }

  private void pollingInfo(Exchange exchange) {
    ExtFields fields = exchange.fields();
    exchange.when(
        broker.<PopRequest.Waiting>pop(
            new PopRequest.CountWaiting(
                fields.required("consumerGroup"),
                fields.required("topic"),
                fields.requiredInt("queueId")),
            0),
        waiting -> exchange.ok(new ExtFields(1).put("pollingNum", waiting.count())));
  }
}
