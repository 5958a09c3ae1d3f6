package io.sluice.client;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertyNames;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;

/** A client's requests and replies. Owned by the client's context. */
final class Asking {

  /** As long as a long poll. */
  private static final long MAX_WAIT_MS = 300_000;

  /** What a reply is said to be of; RocketMQ's clients show it. */
  private static final String REPLY_TOPIC = "DefaultCluster_REPLY_TOPIC";

  /** RocketMQ's clients need some cluster's name to reply; every name is routed. */
  private static final String ANY_CLUSTER = "DefaultCluster";

  private final Requests requests;
  private final Sender sender;
  private final String clientId;

  Asking(Requests requests, Sender sender, String clientId) {
    this.requests = requests;
    this.sender = sender;
    this.clientId = clientId;
  }

  Future<ReceivedMessage> request(String topic, Buffer body, SendOptions options, Duration wait) {
    if (wait.isNegative() || wait.isZero() || wait.toMillis() > MAX_WAIT_MS) {
      return Future.failedFuture(
          new SluiceException(
              ErrorCode.INVALID_ARGUMENT,
              "wait: found " + wait + ", allowed are up to " + Duration.ofMillis(MAX_WAIT_MS)));
    }
    if (options.getDelay() != null || options.getDeliverAt() != null) {
      return Future.failedFuture(
          new SluiceException(
              ErrorCode.INVALID_ARGUMENT,
              "a message that waits for a reply can not be delayed; leave out one of the two"));
    }
    Promise<ReceivedMessage> promise = Promise.promise();
    ReplyTo to;
    try {
      to = requests.await(wait.toMillis(), new Waiting(promise));
    } catch (SluiceException e) {
      return Future.failedFuture(e);
    }
    SendOptions asking =
        new SendOptions(options)
            .putProperty(PropertyNames.CORRELATION_ID, to.correlationId())
            .putProperty(PropertyNames.REPLY_TO_CLIENT, to.requester())
            .putProperty(PropertyNames.REQUEST_TTL, Long.toString(wait.toMillis()))
            .putProperty(PropertyNames.CLUSTER, ANY_CLUSTER);
    sender
        .send(topic, body, asking, null)
        .onFailure(
            failure -> {
              requests.forget(to);
              promise.tryFail(failure);
            });
    return promise.future();
  }

  Future<Void> reply(ReplyTo to, Buffer body, SendOptions options) {
    SendOptions replying =
        new SendOptions(options)
            .putProperty(PropertyNames.CORRELATION_ID, to.correlationId())
            .putProperty(PropertyNames.REPLY_TO_CLIENT, to.requester())
            .putProperty(PropertyNames.MESSAGE_TYPE, PropertyNames.REPLY_TYPE);
    replying.setDelay(null);
    MessageBatch batch = new MessageBatch(body.length() + 512);
    try {
      sender.encode(batch, REPLY_TOPIC, body, replying);
    } catch (IllegalArgumentException e) {
      return Future.failedFuture(new SluiceException(ErrorCode.INVALID_ARGUMENT, e.getMessage()));
    }
    return requests.reply(new ReplyMessage(to, null, batch));
  }

  void close() {
    requests.close(
        new SluiceException(
            ErrorCode.SHUTTING_DOWN, "the client " + clientId + " was closed while it waited"));
  }

  /** One request. */
  private record Waiting(Promise<ReceivedMessage> promise) implements Requests.Requester {
    @Override
    public boolean replied(ReplyMessage reply) {
      MessageView view =
          new PlainBodies(PlainBodies.MAX_BODY_BYTES).plain(reply.view(new MessageView()));
      return promise.tryComplete(
          new ReceivedMessage(
              null, view.topic(), view, 0, 1, (message, kind, durationMs, reason) -> {}));
    }

    @Override
    public void failed(SluiceException failure) {
      promise.tryFail(failure);
    }
  }
}
