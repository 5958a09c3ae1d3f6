package io.sluice.remoting;

import io.sluice.bus.ClientKept;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import io.sluice.util.Clock;
import io.vertx.core.Future;

/**
 * Codes 11 and 361: pulls of one queue, with long polling. The answer's body is the messages as
 * they stand in the log.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, PullMessageProcessor and PullSysFlag.
 */
final class PullHandler implements RequestHandler {

  private static final int FLAG_COMMIT_OFFSET = 0x1;
  private static final int FLAG_SUSPEND = 0x2;
  private static final int FLAG_SUBSCRIPTION = 0x4;

  /** RocketMQ's clients ask for 32; the bound is that of its {@code pullBatchSize}. */
  private static final int MAX_MESSAGES = 1_024;

  /** RocketMQ's {@code maxTransferBytesOnMessageInMemory}. */
  private static final int MAX_BYTES = 256 * 1024;

  /** A client's socket waits 30 s for the answer of a pull. */
  private static final long MAX_WAIT_MS = 25_000;

  private final BrokerLink broker;
  private final ClientHandler clients;
  private final Clock clock;
  private final LatencyRecorder latency;

  PullHandler(BrokerLink broker, ClientHandler clients, Clock clock, LatencyRecorder latency) {
    this.broker = broker;
    this.clients = clients;
    this.clock = clock;
    this.latency = latency;
  }

  @Override
  public void handle(Exchange exchange) {
    ClientKept.Pull pull = read(exchange.fields(), exchange.connection().holder());
    if (!exchange.park()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          ClientConnection.MAX_PARKED + " pulls of this connection wait, no more are taken");
    }
    exchange.when(
        broker.pull(pull).recover(failure -> pullAgain(exchange, pull, failure)),
        pulled -> answer(exchange, pulled));
  }

  /** A Broker that was started anew does not know the group yet, though its client has named it. */
  private Future<ClientKept.Pulled> pullAgain(
      Exchange exchange, ClientKept.Pull pull, Throwable failure) {
    if (SluiceException.of(failure).code() != ErrorCode.SUBSCRIPTION_NOT_FOUND) {
      return Future.failedFuture(failure);
    }
    return clients
        .repeatHeartbeat(exchange.connection(), pull.group())
        .compose(told -> told ? broker.pull(pull) : Future.failedFuture(failure));
  }

  private static ClientKept.Pull read(ExtFields fields, String holder) {
    int flags = fields.requiredInt("sysFlag");
    int maxBytes = fields.integer("maxMsgBytes", MAX_BYTES);
    boolean commits = (flags & FLAG_COMMIT_OFFSET) != 0;
    boolean waits = (flags & FLAG_SUSPEND) != 0;
    return new ClientKept.Pull(
        fields.required("consumerGroup"),
        fields.required("topic"),
        fields.requiredInt("queueId"),
        fields.requiredLong("queueOffset"),
        Math.max(1, Math.min(MAX_MESSAGES, fields.requiredInt("maxMsgNums"))),
        maxBytes <= 0 ? MAX_BYTES : Math.min(MAX_BYTES, maxBytes),
        waits ? Math.max(0, Math.min(MAX_WAIT_MS, fields.number("suspendTimeoutMillis", 0))) : 0,
        (flags & FLAG_SUBSCRIPTION) != 0 ? filter(fields) : null,
        fields.number("subVersion", 0),
        // All clients compare tags by text again, since the broker goes by their hash.
        "TAG".equals(fields.get("expressionType")),
        commits ? fields.number("commitOffset", -1) : -1,
        holder);
  }

  private static Filter filter(ExtFields fields) {
    return Filters.of(fields.get("expressionType"), fields.get("subscription"));
  }

  private void answer(Exchange exchange, ClientKept.Pulled pulled) {
    ExtFields fields =
        new ExtFields(4)
            .put("suggestWhichBrokerId", pulled.suggestedBrokerId())
            .put("nextBeginOffset", pulled.nextOffset())
            .put("minOffset", pulled.minOffset())
            .put("maxOffset", pulled.maxOffset());
    MessageBlock messages = pulled.messages();
    switch (pulled.outcome()) {
      case FOUND ->
          exchange.answerMessages(
              "FOUND", fields, messages, () -> recordDelivery(pulled, messages.count()));
      case EMPTY -> answerWithout(exchange, ResponseCode.PULL_NOT_FOUND, fields, messages);
      case PASSED_OVER ->
          answerWithout(exchange, ResponseCode.PULL_RETRY_IMMEDIATELY, fields, messages);
      case MOVED -> answerWithout(exchange, ResponseCode.PULL_OFFSET_MOVED, fields, messages);
    }
  }

  private void recordDelivery(ClientKept.Pulled pulled, int count) {
    long nowNs = clock.nowNs();
    latency.record(Stage.DELIVERY, nowNs - pulled.dispatchedNs(), count);
    if (pulled.receivedNs() != 0) {
      latency.record(Stage.END_TO_END, nowNs - pulled.receivedNs(), count);
    }
  }

  private static void answerWithout(
      Exchange exchange, int code, ExtFields fields, MessageBlock messages) {
    messages.close();
    exchange.answer(code, null, fields, null);
  }
}
