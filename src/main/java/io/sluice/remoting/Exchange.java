package io.sluice.remoting;

import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.vertx.core.Future;
import java.util.function.Consumer;

/**
 * One request on its way to its one answer. A oneway request is answered all the same by its
 * handler; the answer ends here. Event loop of its connection only.
 */
final class Exchange {

  private static final System.Logger LOG = System.getLogger(Exchange.class.getName());

  private final ClientConnection connection;
  private final Command request;
  private boolean parked;
  private boolean answered;

  Exchange(ClientConnection connection, Command request) {
    this.connection = connection;
    this.request = request;
  }

  ClientConnection connection() {
    return connection;
  }

  Command request() {
    return request;
  }

  ExtFields fields() {
    return request.fields();
  }

  /**
   * Notes that the request waits for something that may not happen for long, so that it no longer
   * counts as work in flight.
   *
   * @return false if too many wait already; the caller answers busy
   */
  boolean park() {
    if (!parked && connection.park(request)) {
      parked = true;
    }
    return parked;
  }

  /** Answers when the future completes: with its failure, or as the action says. */
  <T> void when(Future<T> future, Consumer<T> action) {
    future.onComplete(
        result -> {
          if (result.failed()) {
            fail(result.cause());
            return;
          }
          try {
            action.accept(result.result());
          } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "request code " + request.code + " failed", e);
            fail(e);
          }
        });
  }

  void ok() {
    answer(ResponseCode.SUCCESS, null, null, null);
  }

  void ok(ExtFields fields) {
    answer(ResponseCode.SUCCESS, null, fields, null);
  }

  void ok(byte[] body) {
    answer(ResponseCode.SUCCESS, null, null, body);
  }

  void fail(int code, String remark) {
    answer(code, remark, null, null);
  }

  /** Answers with any failure. */
  void fail(Throwable failure) {
    if (failure instanceof MalformedFrameException malformed) {
      fail(ResponseCode.SYSTEM_ERROR, malformed.getMessage());
      return;
    }
    SluiceException known = SluiceException.of(failure);
    fail(known.code().remotingCode(), known.code() + ": " + known.getMessage());
  }

  /**
   * Answers.
   *
   * @param body copied at once; null for none
   */
  void answer(int code, String remark, ExtFields fields, byte[] body) {
    if (finish()) {
      connection.respond(request, code, remark, fields, body, body == null ? 0 : body.length);
    }
  }

  /** Answers with stored messages as they are in the log; the block is closed when written. */
  void answerMessages(String remark, ExtFields fields, MessageBlock block) {
    answerMessages(remark, fields, block, () -> {});
  }

  /** As the other, and says when the socket has taken the messages. */
  void answerMessages(String remark, ExtFields fields, MessageBlock block, Runnable whenWritten) {
    if (finish()) {
      connection.respondMessages(request, remark, fields, block, whenWritten);
    } else {
      block.close();
    }
  }

  /** Whether the answer is to be sent: it is the first, and one is wanted. */
  private boolean finish() {
    if (answered) {
      LOG.log(
          System.Logger.Level.ERROR,
          "request code {0} from {1} was answered twice; the second answer is dropped",
          request.code,
          connection.remoteAddress());
      return false;
    }
    answered = true;
    connection.finished(request, parked);
    return !request.isOneway();
  }
}
