package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReadReply;
import io.sluice.bus.SluiceException;
import io.vertx.core.AsyncResult;
import io.vertx.core.Future;

/**
 * A reader, or a consumer in broadcast: sees every message, settles none, and its place is its own.
 * Owned by the socket's event loop.
 */
final class ReaderSubscription extends Subscription {

  private TopicReader reader;
  private int generation;

  ReaderSubscription(Socket socket, SubscribeFields fields, String broker) {
    super(socket, fields, broker);
    reader = newReader();
  }

  /** Finds the place to start at. */
  Future<Position> open() {
    return reader.start(fields.readerStart());
  }

  @Override
  void ask(int max, int maxBytes, long waitMs) {
    TopicReader asked = reader;
    asked.read(max, maxBytes, waitMs).onComplete(answer -> answered(asked, answer));
  }

  @Override
  String position() {
    return reader.position() == null ? null : reader.position().toText();
  }

  @Override
  Future<Void> seek(Position.From to) {
    hold();
    reader.release();
    reader = newReader();
    TopicReader moved = reader;
    return moved
        .start(to)
        .compose(
            found -> {
              if (moved != reader) {
                return Future.failedFuture(
                    new SluiceException(ErrorCode.CONFLICT, "another seek came after this one"));
              }
              restart();
              return Future.succeededFuture();
            });
  }

  @Override
  void release() {
    reader.release();
  }

  /**
   * With ack auto, and where the client did not say how much it takes: then the socket itself is
   * the measure. A client that gave a number gives more by credit frames, as it settles nothing.
   */
  @Override
  boolean returnsCreditWhenWritten() {
    return fields.ackAuto || (fields.credit < 0 && !fields.creditManual);
  }

  private TopicReader newReader() {
    return new TopicReader(
        loop.brokers, broker(), fields.topic, fields.filter, holder + '.' + generation++);
  }

  private void answered(TopicReader asked, AsyncResult<ReadReply> answer) {
    if (asked != reader) {
      // From before a seek.
      if (answer.succeeded()) {
        answer.result().messages().close();
      }
      return;
    }
    if (answer.failed()) {
      failed(answer.cause());
      return;
    }
    ReadReply reply = answer.result();
    boolean empty = reply.messages().count() == 0;
    asked.passed(reply);
    if (empty && !isClosed()) {
      asked
          .refresh()
          .onComplete(
              ignored -> {
                if (asked == reader) {
                  received(reply.messages(), null, null, true, 0);
                }
              });
      return;
    }
    received(reply.messages(), null, null, TopicReader.drained(reply), reply.receivedNs());
  }
}
