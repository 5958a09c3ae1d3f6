package io.sluice.gateway;

import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest;
import io.sluice.bus.TransactionRequest.Browse;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.bus.TransactionRequest.Transactions;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Asks all masters about transactions: an id does not say which one has it. Static; called on an
 * event loop.
 */
final class TransactionCalls {

  private TransactionCalls() {}

  /**
   * Asks for one transaction, or ends it.
   *
   * @return fails with TRANSACTION_NOT_FOUND only if all masters say so
   */
  static Future<Transaction> one(Loop loop, TransactionRequest request) {
    return all(loop, request)
        .compose(asked -> Masters.first(asked, ErrorCode.TRANSACTION_NOT_FOUND))
        .map(found -> (Transaction) found);
  }

  /** Lists those of all masters that answer: the open ones with the oldest first. */
  static Future<Transactions> list(Loop loop, Browse browse) {
    return all(loop, browse)
        .compose(
            asked -> {
              List<Transaction> listed = new ArrayList<>();
              long open = 0;
              boolean answered = false;
              for (Future<BusMessage> each : asked) {
                if (each.succeeded()) {
                  Transactions those = (Transactions) each.result();
                  listed.addAll(those.transactions());
                  open += those.open();
                  answered = true;
                }
              }
              if (!answered) {
                return Future.failedFuture(asked.get(0).cause());
              }
              if (asked.size() > 1) {
                Comparator<Transaction> byTime = Comparator.comparingLong(Transaction::begunAtMs);
                listed.sort(browse.state() == State.OPEN ? byTime : byTime.reversed());
              }
              List<Transaction> first = listed.subList(0, Math.min(browse.max(), listed.size()));
              return Future.succeededFuture(new Transactions(first, open));
            });
  }

  private static Future<List<Future<BusMessage>>> all(Loop loop, TransactionRequest request) {
    return loop.masters()
        .compose(
            masters -> {
              if (masters.isEmpty()) {
                return Future.failedFuture(
                    new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered"));
              }
              List<Future<BusMessage>> asked = new ArrayList<>();
              masters.forEach(master -> asked.add(loop.brokers.transactions(master, request)));
              return Future.join(asked).transform(done -> Future.succeededFuture(asked));
            });
  }
}
