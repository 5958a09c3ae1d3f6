package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.End;
import io.sluice.bus.TransactionRequest.Transaction;
import io.vertx.core.Future;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The part of one WebSocket that deals with transactions: it says of which producer groups it can
 * be asked, is asked, and ends them. Owned by the event loop.
 */
final class SocketTransactions {

  static final List<String> CHECKBACK_FIELDS = List.of("type", "id", "group");
  static final List<String> END_FIELDS = List.of("type", "id", "transactionId", "outcome");

  private static final List<String> OUTCOMES = List.of("commit", "rollback", "unknown");

  /** Groups of one socket: each is told to every Broker again and again. */
  private static final int MAX_GROUPS = 64;

  private final Socket socket;
  private final Loop loop;
  private final Set<String> groups = new LinkedHashSet<>();
  private String holder;

  SocketTransactions(Socket socket) {
    this.socket = socket;
    loop = socket.loop();
  }

  /** The producer groups it can be asked for. */
  List<String> groups() {
    return List.copyOf(groups);
  }

  /** From now on this socket can be asked how transactions of a group ended. */
  void checkback(String id, byte[] bytes, int from, int length) {
    String[] group = new String[1];
    Socket.fields(
        bytes,
        from,
        length,
        CHECKBACK_FIELDS,
        (name, parser) -> {
          if (!name.equals("group")) {
            return false;
          }
          group[0] = Fields.text(name, parser);
          return true;
        });
    if (group[0] == null) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "group is missing");
    }
    TopicNames.checkGroup(group[0]);
    if (groups.size() >= MAX_GROUPS && !groups.contains(group[0])) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "the socket is asked for "
              + MAX_GROUPS
              + " groups, which is the most; open another socket");
    }
    groups.add(group[0]);
    if (holder == null) {
      holder = loop.checkbacks.add(this);
    }
    Future<Void> tellings = loop.checkbacks.tell(holder);
    socket.begun(length);
    tellings.onComplete(
        told -> {
          socket.answered(length);
          if (told.failed()) {
            socket.sendError(Answers.known(told.cause()), id, null);
          } else {
            sendOk(id, null, null);
          }
        });
  }

  /** Asks the client; one that takes nothing now is asked again later, or another one is. */
  void ask(CheckTransaction check) {
    if (!socket.takesMore()) {
      return;
    }
    socket.send(
        out -> {
          out.raw("{\"type\":\"check\"");
          out.next("transactionId").string(check.transactionId());
          out.next("group").string(check.group());
          TransactionHandlers.writeMessage(out, loop, check.topic(), check.record());
          out.raw('}');
        });
  }

  /** Ends a transaction, or says that its end is not known yet. */
  void end(String id, byte[] bytes, int from, int length) {
    String[] said = new String[2];
    Socket.fields(
        bytes,
        from,
        length,
        END_FIELDS,
        (name, parser) -> {
          switch (name) {
            case "transactionId" -> said[0] = Fields.text(name, parser);
            case "outcome" -> said[1] = Fields.text(name, parser);
            default -> {
              return false;
            }
          }
          return true;
        });
    if (said[0] == null) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "transactionId is missing");
    }
    boolean commit = TransactionHandlers.isCommit(said[1], OUTCOMES);
    if (said[1].equals("unknown")) {
      sendOk(id, said[0], null);
      return;
    }
    Future<Transaction> ending = TransactionCalls.one(loop, new End(said[0], commit));
    socket.begun(length);
    ending.onComplete(
        ended -> {
          socket.answered(length);
          if (ended.failed()) {
            socket.sendError(Answers.known(ended.cause()), id, null);
          } else {
            sendOk(id, said[0], ended.result().state().text());
          }
        });
  }

  /** The socket is gone. */
  void close() {
    if (holder != null) {
      loop.checkbacks.remove(holder);
    }
  }

  private void sendOk(String id, String transactionId, String state) {
    socket.send(
        out -> {
          out.raw("{\"type\":\"ok\"");
          if (id != null) {
            out.next("id").string(id);
          }
          if (transactionId != null) {
            out.next("transactionId").string(transactionId);
          }
          if (state != null) {
            out.next("state").string(state);
          }
          out.raw('}');
        });
  }
}
