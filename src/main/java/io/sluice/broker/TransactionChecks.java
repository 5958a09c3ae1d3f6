package io.sluice.broker;

import io.sluice.bus.Addresses;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.store.BlockBuilder;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Asks for open transactions that nobody ends: a live producer of the group, each time another one.
 * The first time after a while, then again and again; after the last time without an answer the
 * transaction is rolled back and its message kept in {@link Names#UNDECIDED_TOPIC}. A group without
 * a live producer is counted as asked, as RocketMQ does, so that no transaction is open for ever.
 *
 * <p>Each transaction has its own time in a heap, so none waits for another one. What is due at the
 * same time is asked for in rounds, so that clients and memory are not flooded.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, TransactionalMessageServiceImpl.check. Owned by
 * the Broker's event loop.
 */
final class TransactionChecks {

  private static final System.Logger LOG = System.getLogger(TransactionChecks.class.getName());

  /** Asked for in one round; with the pause that follows some 12,000 a second. */
  private static final int ROUND_CHECKS = 128;

  /** Bytes of messages in one round, beyond which no further one is asked for. */
  private static final long ROUND_BYTES = 1 << 20;

  private static final long ROUND_MS = 10;

  private final BrokerOptions options;
  private final MessageStore store;
  private final Transactions transactions;
  private final TransactionEnds ends;
  private final StateLog log;
  private final Function<String, List<Member>> producers;
  private final Notices notices;
  private final Turn turn;
  private final Clock clock;
  private final TransactionFigures figures;
  private final Map<String, List<Member>> producersOfRound = new HashMap<>();
  private long nextRoundMs = Long.MIN_VALUE;
  private int asking;
  private int turns;
  private boolean stopped;

  /** Sends to a front. */
  interface Notices {
    void send(String address, CheckTransaction notice);
  }

  TransactionChecks(
      BrokerOptions options,
      MessageStore store,
      Transactions transactions,
      TransactionEnds ends,
      StateLog log,
      Function<String, List<Member>> producers,
      Notices notices,
      Turn turn,
      Clock clock,
      TransactionFigures figures) {
    this.options = options;
    this.store = store;
    this.transactions = transactions;
    this.ends = ends;
    this.log = log;
    this.producers = producers;
    this.notices = notices;
    this.turn = turn;
    this.clock = clock;
    this.figures = figures;
  }

  /** Nobody is asked any more. */
  void stop() {
    stopped = true;
  }

  /** When something has to be done next, or {@code Long.MAX_VALUE}. */
  long nextMs() {
    return stopped ? Long.MAX_VALUE : Math.max(transactions.heap().firstMs(), nextRoundMs);
  }

  /** Asks for what is due. A step of the turn. */
  void askAll() {
    TransactionHeap heap = transactions.heap();
    long nowMs = clock.nowMs();
    boolean pauses = nowMs < nextRoundMs && nextRoundMs - nowMs <= ROUND_MS;
    if (stopped || pauses || heap.firstMs() > nowMs || log.isBlocked()) {
      return;
    }
    int count = 0;
    long bytes = 0;
    while (heap.firstMs() <= nowMs
        && count < ROUND_CHECKS
        && asking < ROUND_CHECKS
        && bytes < ROUND_BYTES) {
      OpenTransaction transaction = heap.first();
      count++;
      if (transaction.checks >= options.getTransactions().getMaxChecks()) {
        expire(transaction);
      } else {
        bytes += ask(transaction, nowMs);
      }
    }
    producersOfRound.clear();
    nextRoundMs = nowMs + ROUND_MS;
  }

  private void expire(OpenTransaction transaction) {
    // Out of the heap until its end is recorded; if that fails it is tried again a while later.
    transactions.heap().remove(transaction);
    ends.end(
        transaction,
        State.EXPIRED,
        new Answer<>() {
          @Override
          public void succeed(State outcome) {
            LOG.log(
                Level.WARNING,
                "the transaction {0} of the producer group {1} is rolled back: after {2} checks"
                    + " nobody has said how it ended; its message to {3} is kept in {4}",
                transaction.id,
                transaction.group,
                transaction.checks,
                transaction.topic,
                Names.UNDECIDED_TOPIC);
          }

          @Override
          public void fail(SluiceException failure) {
            if (!stopped && transaction.state == State.OPEN) {
              transaction.nextCheckMs =
                  clock.nowMs() + options.getTransactions().getCheckInterval().toMillis();
              transactions.heap().remove(transaction);
              transactions.heap().add(transaction);
            }
          }
        });
  }

  /** Asks for one; the bytes of its message if somebody was asked. */
  private long ask(OpenTransaction transaction, long nowMs) {
    transactions.checked(
        transaction, nowMs + options.getTransactions().getCheckInterval().toMillis());
    List<Member> live = producersOfRound.computeIfAbsent(transaction.group, producers::apply);
    if (live.isEmpty()) {
      return 0;
    }
    Member producer = live.get(Math.floorMod(turns++, live.size()));
    figures.asked();
    if (store.isWarm(transactions.queue(), transaction.offset, 1)) {
      send(transaction, producer, false);
    } else {
      asking++;
      Future.fromCompletionStage(store.warm(transactions.queue(), new long[] {transaction.offset}))
          .onComplete(
              read -> {
                asking--;
                turn.request();
                if (!stopped && transaction.state == State.OPEN) {
                  send(transaction, producer, read.failed());
                }
              });
    }
    return transactions.queue().recordBytes(transaction.offset);
  }

  private void send(OpenTransaction transaction, Member producer, boolean suspect) {
    BlockBuilder builder = store.newBlock(1);
    try {
      MessageView half = transactions.peek(builder, transaction.offset);
      if (suspect && !transactions.isWhole(half, transaction.offset)) {
        LOG.log(
            Level.ERROR,
            "the message of the transaction {0} is damaged; roll it back by hand",
            transaction.id);
        return;
      }
      notices.send(
          Addresses.frontOf(producer.holder()),
          new CheckTransaction(
              producer.holder(),
              options.getBrokerName(),
              transaction.group,
              transaction.topic,
              transaction.id,
              transaction.offset,
              transaction.physicalOffset,
              HalfRecords.asSent(half)));
    } finally {
      builder.build().close();
    }
  }
}
