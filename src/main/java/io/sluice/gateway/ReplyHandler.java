package io.sluice.gateway;

import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.message.MessageBatch;
import io.vertx.core.Future;

/** Takes consumers' replies. Static; each call is owned by its event loop. */
final class ReplyHandler {

  /** What a reply is said to be of; RocketMQ's clients show it. */
  static final String TOPIC = "DefaultCluster_REPLY_TOPIC";

  private ReplyHandler() {}

  /** POST /v1/replies/{replyTo}. */
  static void reply(Call call) {
    call.query();
    ReplyTo to = ReplyTo.parse(call.pathParam("replyTo"));
    call.body(
        (bytes, from, length) -> {
          Loop loop = call.loop;
          MessageDraft draft = loop.draft.start(TOPIC);
          SluiceHeaders.readMessage(call.request.headers(), draft);
          draft.body(bytes, from, length);
          Future<Void> sent = send(loop, draft, to, call.connection.bornHost());
          draft.forgetBody();
          call.await(sent, nothing -> Answers.empty(call.response));
        });
  }

  /** Sends what the draft holds to whoever asked. */
  static Future<Void> send(Loop loop, MessageDraft draft, ReplyTo to, byte[] bornHost) {
    draft.reply(to);
    MessageBatch batch = new MessageBatch(draft.bodyBytes() + 512);
    draft.addTo(
        batch, loop.ids.next(), bornHost, loop.clock.nowMs(), loop.options.maxMessageBytes());
    return loop.requests.reply(new ReplyMessage(to, null, batch));
  }
}
