package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.vertx.core.http.HttpServerRequest;

/**
 * A send that is answered with a consumer's reply: stores the message, then waits. One answer: the
 * reply, why the message could not be stored, or that nobody replied in time. Owned by the event
 * loop.
 */
final class RequestSend implements SendCollector.Sender, Requests.Requester {

  /** It was not stored again, so nobody will reply to this one. */
  static final SluiceException REPEATED =
      new SluiceException(
          ErrorCode.CONFLICT,
          "a request with this idempotency key was stored before; the reply went to that one");

  private final Loop loop;
  private final HttpServerRequest request;
  private final Connections.Tracked connection;
  private ReplyTo replyTo;

  RequestSend(Loop loop, HttpServerRequest request, Connections.Tracked connection) {
    this.loop = loop;
    this.request = request;
    this.connection = connection;
  }

  /** Sends the draft; what it throws is answered by the caller. */
  void start(MessageDraft draft, AckLevel ack, long receivedNs) {
    if (loop.gateway.waiting().get() >= loop.options.maxWaiting()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are " + loop.options.maxWaiting() + " calls waiting, which is the most");
    }
    replyTo = loop.requests.await(draft.replyWaitMs(), this);
    try {
      draft.request(replyTo);
      loop.sends.add(draft, ack, connection.bornHost(), receivedNs, this);
    } catch (RuntimeException e) {
      loop.requests.forget(replyTo);
      throw e;
    }
    loop.gateway.waiting().incrementAndGet();
    connection.begin();
  }

  @Override
  public void answered(AppendReply reply, int index) {
    // Stored: the reply is what is waited for. It may even have come before the force.
    if (reply.error(index) != null) {
      failed(reply.error(index));
    } else if (reply.isDuplicate(index)) {
      failed(RequestSend.REPEATED);
    }
  }

  @Override
  public void failed(SluiceException failure) {
    if (replyTo != null) {
      loop.requests.forget(replyTo);
    }
    if (end()) {
      Answers.problem(loop, request.response(), failure);
    }
  }

  @Override
  public boolean replied(ReplyMessage reply) {
    boolean open = !request.response().closed() && !request.response().ended();
    if (end() && open) {
      ReplyAnswer.write(request.response(), loop.bodies.plain(reply.view(new MessageView())));
      return true;
    }
    return false;
  }

  /** Whether this is the end: there is one only. */
  private boolean end() {
    if (replyTo == null) {
      return false;
    }
    replyTo = null;
    loop.gateway.waiting().decrementAndGet();
    connection.end();
    return true;
  }
}
