package io.sluice.broker;

import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest;
import io.sluice.bus.TransactionRequest.Browse;
import io.sluice.bus.TransactionRequest.End;
import io.sluice.bus.TransactionRequest.EndHalf;
import io.sluice.bus.TransactionRequest.Find;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Answers {@link TransactionRequest}s: those of open transactions from memory, those of others from
 * the log. Owned by the Broker's event loop.
 */
final class TransactionHandler {

  /** Half messages with one id that are looked at: a repeated send has the same. */
  private static final int SAME_ID = 16;

  /** More are not listed at once. */
  static final int MAX_LISTED = 1_000;

  /** So many half messages are read for those of a group that have ended. */
  private static final int MAX_READ = 4_096;

  /** So many of the newest transactions are looked through for those that have ended. */
  private static final long MAX_LOOKED_AT = 1 << 18;

  private final BrokerOptions options;
  private final MessageStore store;
  private final TransactionState state;
  private final Transactions transactions;
  private final TransactionEnds ends;
  private final ConsumeQueue queue;
  private final MessageView view = new MessageView();

  TransactionHandler(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      Transactions transactions,
      TransactionEnds ends) {
    this.options = options;
    this.store = store;
    this.state = state.transactions;
    this.transactions = transactions;
    this.ends = ends;
    queue = transactions.queue();
  }

  /** Takes a request; answered once. */
  void handle(TransactionRequest request, Answer<BusMessage> answer) {
    if (request instanceof End end) {
      end(end, answer);
    } else if (request instanceof EndHalf end) {
      endHalf(end, answer);
    } else if (request instanceof Find find) {
      complete(find(find.transactionId()), answer);
    } else if (request instanceof Browse browse) {
      complete(browse(browse), answer);
    } else {
      throw new IllegalStateException("no answer for " + request);
    }
  }

  private void end(End end, Answer<BusMessage> answer) {
    State outcome = outcome(end.commit());
    OpenTransaction open = transactions.find(end.transactionId());
    if (open != null) {
      ends.end(open, outcome, answerOf(describe(open, null), answer));
      return;
    }
    find(end.transactionId())
        .onComplete(
            found -> {
              if (found.failed()) {
                answer.fail(Refusals.ofFailure(found.cause()));
                return;
              }
              Transaction known = found.result();
              OpenTransaction still = transactions.find(known.queueOffset());
              if (still != null) {
                ends.end(still, outcome, answerOf(known, answer));
              } else {
                State before = known.state() == State.OPEN ? stateNow(known) : known.state();
                ends.answerAgain(known.transactionId(), before, outcome, answerOf(known, answer));
              }
            });
  }

  /** It ended between the two looks. */
  private State stateNow(Transaction known) {
    State now = state.outcome(known.queueOffset());
    return now == null ? State.ROLLED_BACK : now;
  }

  private void endHalf(EndHalf end, Answer<BusMessage> answer) {
    State outcome = outcome(end.commit());
    OpenTransaction open = transactions.find(end.queueOffset());
    if (open == null) {
      State before =
          end.queueOffset() < queue.maxOffset() ? state.outcome(end.queueOffset()) : null;
      if (before == null || before == State.OPEN) {
        throw notFound("at offset " + end.queueOffset());
      }
      Transaction known =
          new Transaction(
              "at offset " + end.queueOffset(),
              end.group(),
              "",
              options.getBrokerName(),
              before,
              end.queueOffset(),
              0,
              0,
              0,
              null);
      ends.answerAgain(known.transactionId(), before, outcome, answerOf(known, answer));
      return;
    }
    // RocketMQ 5.5.0, EndTransactionProcessor.checkPrepareMessage.
    if (!open.group.equals(end.group()) || open.physicalOffset != end.physicalOffset()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the transaction at offset "
              + open.offset
              + " is of the producer group '"
              + open.group
              + "' and at physical offset "
              + open.physicalOffset
              + "; found '"
              + end.group()
              + "' and "
              + end.physicalOffset());
    }
    ends.end(open, outcome, answerOf(describe(open, null), answer));
  }

  private static State outcome(boolean commit) {
    return commit ? State.COMMITTED : State.ROLLED_BACK;
  }

  private static Answer<State> answerOf(Transaction known, Answer<BusMessage> answer) {
    return new Answer<>() {
      @Override
      public void succeed(State outcome) {
        answer.succeed(
            new Transaction(
                known.transactionId(),
                known.group(),
                known.topic(),
                known.brokerName(),
                outcome,
                known.queueOffset(),
                known.begunAtMs(),
                0,
                0,
                null));
      }

      @Override
      public void fail(SluiceException failure) {
        answer.fail(failure);
      }
    };
  }

  /** A transaction with its message; an open one rather than one of the same id that has ended. */
  private Future<Transaction> find(String id) {
    return Future.fromCompletionStage(store.findByKey(Names.HALF_TOPIC, id, SAME_ID))
        .compose(
            found -> {
              try (found) {
                return choose(found, id);
              }
            });
  }

  private Future<Transaction> choose(MessageBlock found, String id) {
    Transaction newest = null;
    long physicalOffset = -1;
    for (int i = 0; i < found.count(); i++) {
      MessageView half = found.view(i, view);
      if (!id.equals(half.property(PropertyNames.UNIQUE_KEY))) {
        continue;
      }
      OpenTransaction open = transactions.find(half.queueOffset());
      if (open != null) {
        return Future.succeededFuture(describe(open, HalfRecords.asSent(half)));
      }
      if (newest == null) {
        physicalOffset = half.physicalOffset();
        newest = describe(half, state.outcome(half.queueOffset()), HalfRecords.asSent(half));
      }
    }
    if (newest == null) {
      return Future.failedFuture(notFound("'" + id + "'"));
    }
    return newest.state() != null
        ? Future.succeededFuture(newest)
        : foundInLog(newest, physicalOffset);
  }

  /** It ended so long ago that only the committed message itself can tell how. */
  private Future<Transaction> foundInLog(Transaction old, long physicalOffset) {
    return Future.fromCompletionStage(store.findByKey(old.topic(), old.transactionId(), SAME_ID))
        .compose(
            found -> {
              try (found) {
                for (int i = 0; i < found.count(); i++) {
                  if (found.view(i, view).preparedOffset() == physicalOffset) {
                    return Future.succeededFuture(withState(old, State.COMMITTED));
                  }
                }
                return Future.failedFuture(notFound("'" + old.transactionId() + "'"));
              }
            });
  }

  private Future<TransactionRequest.Transactions> browse(Browse browse) {
    int max = Math.min(Math.max(1, browse.max()), MAX_LISTED);
    Future<List<Transaction>> listed =
        browse.state() == State.OPEN
            ? Future.succeededFuture(openOnes(browse.group(), max))
            : ended(browse, max);
    return listed.map(all -> new TransactionRequest.Transactions(all, transactions.open()));
  }

  private List<Transaction> openOnes(String group, int max) {
    List<Transaction> listed = new ArrayList<>();
    long end = queue.maxOffset();
    long offset = state.nextOpen(queue.minOffset(), end);
    while (offset < end && listed.size() < max) {
      OpenTransaction open = transactions.find(offset);
      if (open != null && (group == null || group.equals(open.group))) {
        listed.add(describe(open, null));
      }
      offset = state.nextOpen(offset + 1, end);
    }
    return listed;
  }

  /** Goes back through the queue; the group is only in the records. */
  private Future<List<Transaction>> ended(Browse browse, int max) {
    int wanted = browse.group() == null ? max : MAX_READ;
    long[] offsets = new long[wanted];
    int count = 0;
    long first = Math.max(queue.minOffset(), queue.maxOffset() - MAX_LOOKED_AT);
    for (long offset = queue.maxOffset() - 1; offset >= first && count < wanted; offset--) {
      if (state.outcome(offset) == browse.state()) {
        offsets[count++] = offset;
      }
    }
    long[] matching = Arrays.copyOf(offsets, count);
    return Future.fromCompletionStage(store.warm(queue, matching))
        .map(warm -> read(matching, browse, max));
  }

  private List<Transaction> read(long[] offsets, Browse browse, int max) {
    List<Transaction> listed = new ArrayList<>();
    BlockBuilder builder = store.newBlock(offsets.length);
    try {
      for (int i = 0; i < offsets.length && listed.size() < max; i++) {
        if (offsets[i] < queue.minOffset()) {
          break;
        }
        Transaction ended = describe(transactions.peek(builder, offsets[i]), browse.state(), null);
        if (browse.group() == null || browse.group().equals(ended.group())) {
          listed.add(ended);
        }
      }
      return listed;
    } finally {
      builder.build().close();
    }
  }

  private Transaction describe(OpenTransaction open, byte[] record) {
    return new Transaction(
        open.id,
        open.group,
        open.topic,
        options.getBrokerName(),
        State.OPEN,
        open.offset,
        open.begunAtMs,
        open.checks,
        open.nextCheckMs,
        record);
  }

  private Transaction describe(MessageView half, State outcome, byte[] record) {
    return new Transaction(
        half.property(PropertyNames.UNIQUE_KEY),
        half.property(PropertyNames.PRODUCER_GROUP),
        half.property(PropertyNames.REAL_TOPIC),
        options.getBrokerName(),
        outcome,
        half.queueOffset(),
        half.storedAtMs(),
        0,
        0,
        record);
  }

  private static Transaction withState(Transaction known, State state) {
    return new Transaction(
        known.transactionId(),
        known.group(),
        known.topic(),
        known.brokerName(),
        state,
        known.queueOffset(),
        known.begunAtMs(),
        0,
        0,
        known.record());
  }

  private static SluiceException notFound(String what) {
    return new SluiceException(
        ErrorCode.TRANSACTION_NOT_FOUND,
        "there is no transaction "
            + what
            + ", or it ended so long ago that nothing is known of it");
  }

  private static <T extends BusMessage> void complete(Future<T> future, Answer<BusMessage> answer) {
    future.onComplete(
        done -> {
          if (done.succeeded()) {
            answer.succeed(done.result());
          } else {
            answer.fail(Refusals.ofFailure(done.cause()));
          }
        });
  }
}
