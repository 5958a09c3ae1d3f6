package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;

/**
 * A publish that is answered with a consumer's reply: as {@link RequestSend}, with one frame. Owned
 * by the event loop.
 */
final class SocketRequest implements SendCollector.Sender, Requests.Requester {

  private final Socket socket;
  private final Loop loop;
  private final String id;
  private final Runnable ended;
  private ReplyTo replyTo;

  /**
   * A request.
   *
   * @param id of the frame, or null
   * @param ended called once, when it was answered
   */
  SocketRequest(Socket socket, String id, Runnable ended) {
    this.socket = socket;
    this.id = id;
    this.ended = ended;
    loop = socket.loop();
  }

  /** Sends the draft; what it throws is answered by the caller. */
  void start(MessageDraft draft, AckLevel ack, byte[] bornHost, long receivedNs) {
    replyTo = loop.requests.await(draft.replyWaitMs(), this);
    try {
      draft.request(replyTo);
      loop.sends.add(draft, ack, bornHost, receivedNs, this);
    } catch (RuntimeException e) {
      loop.requests.forget(replyTo);
      throw e;
    }
  }

  @Override
  public void answered(AppendReply reply, int index) {
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
      replyTo = null;
      socket.sendError(failure, id, null);
      ended.run();
    }
  }

  @Override
  public boolean replied(ReplyMessage reply) {
    replyTo = null;
    boolean sent = socket.sendReply(id, reply.view(new MessageView()));
    ended.run();
    return sent;
  }
}
