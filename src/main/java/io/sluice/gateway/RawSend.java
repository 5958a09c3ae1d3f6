package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.SluiceException;
import io.vertx.core.http.HttpServerRequest;

/**
 * Sends one message: the body as it is, everything else in headers. The hot path of the gateway.
 * Owned by the event loop.
 */
final class RawSend implements RequestBody.Receiver, SendCollector.Sender {

  private final Loop loop;
  private final HttpServerRequest request;
  private final Connections.Tracked connection;
  private final String topic;
  private final boolean isEvent;
  private String messageId;
  private AckLevel ack;

  /**
   * A send.
   *
   * @param isEvent whether the body is a structured CloudEvent
   */
  RawSend(
      Loop loop,
      HttpServerRequest request,
      Connections.Tracked connection,
      String topic,
      boolean isEvent) {
    this.isEvent = isEvent;
    this.loop = loop;
    this.request = request;
    this.connection = connection;
    this.topic = topic;
  }

  @Override
  public void received(byte[] bytes, int from, int length) {
    long receivedNs = loop.clock.nowNs();
    MessageDraft draft = loop.draft.start(topic);
    AckLevel asked = SluiceHeaders.readMessage(request.headers(), draft);
    ack = asked == null ? loop.options.defaultAck() : asked;
    if (isEvent) {
      loop.events.readWhole(bytes, from, length, draft);
    } else {
      draft.body(bytes, from, length);
    }
    if (draft.replyWaitMs() > 0) {
      new RequestSend(loop, request, connection).start(draft, ack, receivedNs);
      draft.forgetBody();
      return;
    }
    loop.sends.add(draft, ack, connection.bornHost(), receivedNs, this);
    messageId = draft.messageId();
    draft.forgetBody();
    connection.begin();
  }

  @Override
  public void answered(AppendReply reply, int index) {
    connection.end();
    SluiceException error = reply.error(index);
    if (error != null) {
      Answers.problem(loop, request.response(), error);
      return;
    }
    JsonText body = loop.json.clear();
    SendAnswer.write(body, messageId, topic, reply, index, ack);
    Answers.json(request.response(), 201, body);
  }

  @Override
  public void failed(SluiceException failure) {
    connection.end();
    Answers.problem(loop, request.response(), failure);
  }
}
