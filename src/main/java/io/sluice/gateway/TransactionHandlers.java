package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.Browse;
import io.sluice.bus.TransactionRequest.End;
import io.sluice.bus.TransactionRequest.Find;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageView;
import io.sluice.util.NearestName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Lists, shows and ends transactions. Static; each call is owned by its event loop. */
final class TransactionHandlers {

  static final List<String> END_FIELDS = List.of("outcome");

  private static final List<String> OUTCOMES = List.of("commit", "rollback");
  private static final int DEFAULT_LIMIT = 100;
  private static final int MAX_LIMIT = 1_000;

  private TransactionHandlers() {}

  /** GET /v1/transactions. */
  static void list(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    Query query = call.query("group", "state", "limit");
    String group = query.get("group");
    if (group != null) {
      TopicNames.checkGroup(group);
    }
    int limit = (int) query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT);
    Browse browse = new Browse(group, state(query.get("state")), limit);
    call.await(
        TransactionCalls.list(call.loop, browse),
        listed ->
            call.json(
                200,
                out -> {
                  out.raw("{\"transactions\":[");
                  for (int i = 0; i < listed.transactions().size(); i++) {
                    out.raw(i == 0 ? "{" : ",{");
                    write(out, listed.transactions().get(i));
                    out.raw('}');
                  }
                  out.raw(']').next("open").number(listed.open()).raw('}');
                }));
  }

  /** GET /v1/transactions/{transactionId}. */
  static void one(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    call.query();
    call.await(
        TransactionCalls.one(call.loop, new Find(call.pathParam("transactionId"))),
        found ->
            call.json(
                200,
                out -> {
                  out.raw('{');
                  write(out, found);
                  writeMessage(out, call.loop, found.topic(), found.record());
                  out.raw('}');
                }));
  }

  /** POST /v1/transactions/{transactionId}. */
  static void end(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    call.query();
    String id = call.pathParam("transactionId");
    String[] outcome = new String[1];
    call.jsonBody(
        END_FIELDS,
        (name, parser) -> takeOutcome(name, parser, outcome),
        () ->
            call.await(
                TransactionCalls.one(call.loop, new End(id, isCommit(outcome[0], OUTCOMES))),
                ended ->
                    call.json(
                        200,
                        out -> {
                          out.raw('{').name("transactionId").string(id);
                          out.next("state").string(ended.state().text()).raw('}');
                        })));
  }

  private static boolean takeOutcome(String name, JsonParser parser, String[] outcome)
      throws IOException {
    if (!name.equals("outcome")) {
      return false;
    }
    outcome[0] = Fields.text(name, parser);
    return true;
  }

  /** Whether an outcome is "commit"; an error if it is none of those allowed. */
  static boolean isCommit(String outcome, List<String> allowed) {
    if (outcome == null || !allowed.contains(outcome)) {
      String near = outcome == null ? null : NearestName.of(outcome, allowed);
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "outcome: found "
              + (outcome == null ? "nothing" : "'" + outcome + "'")
              + ", allowed are "
              + String.join(", ", allowed)
              + (near == null ? "" : "; did you mean " + near + "?"));
    }
    return outcome.equals("commit");
  }

  private static State state(String text) {
    List<String> known = new ArrayList<>();
    for (State state : State.values()) {
      if (text == null || state.text().equals(text)) {
        return state;
      }
      known.add(state.text());
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "state: found '" + text + "', allowed are " + String.join(", ", known));
  }

  /** Writes the fields of a transaction, without its message. */
  private static void write(JsonText out, Transaction transaction) {
    out.name("transactionId").string(transaction.transactionId());
    out.next("group").string(transaction.group());
    out.next("topic").string(transaction.topic());
    out.next("broker").string(transaction.brokerName());
    out.next("state").string(transaction.state().text());
    out.next("begunAt").number(transaction.begunAtMs());
    if (transaction.state() == State.OPEN) {
      out.next("checks").number(transaction.checks());
      out.next("nextCheckAt").number(transaction.nextCheckAtMs());
    }
  }

  /** Writes a message whose transaction is not committed, as a further field. */
  static void writeMessage(JsonText out, Loop loop, String topic, byte[] record) {
    if (record == null) {
      return;
    }
    MessageView view = loop.bodies.plain(loop.view.wrap(ByteBuffer.wrap(record), 0));
    out.next("message").raw('{');
    loop.messageJson.writeHalf(out, view, topic);
    out.raw('}');
  }
}
