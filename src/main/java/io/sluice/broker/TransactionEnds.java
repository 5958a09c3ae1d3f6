package io.sluice.broker;

import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.TimerRecord;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Ends transactions, in the order that was asked for. A commit appends the message to its own topic
 * together with the change that says so, all or none: a crash neither loses nor doubles it. A
 * rollback is a change only. Ends of one turn are one group in the log.
 *
 * <p>A transaction ends once. Who asks again for the same end gets the same answer, who asks for
 * the other one CONFLICT. An end that cannot be recorded is refused, and the transaction stays
 * open.
 *
 * <p>Owned by the Broker's event loop.
 */
final class TransactionEnds {

  private static final System.Logger LOG = System.getLogger(TransactionEnds.class.getName());

  /** Ended by one append, at most: about 1 ms. */
  private static final int GROUP_ENDS = 256;

  /** Bytes of messages, beyond which no further one is added. */
  private static final int GROUP_BYTES = 1 << 20;

  /** What the changes and their marker take of a group, with room to spare: 14 bytes a change. */
  static final int CHANGE_BYTES = 8 << 10;

  /** Groups in one turn, then others have theirs. */
  private static final int GROUPS_PER_TURN = 8;

  /** Ends that may wait for the store: about 100 bytes each. */
  private static final int MAX_WAITING = 50_000;

  private final BrokerOptions options;
  private final MessageStore store;
  private final Transactions transactions;
  private final Catalog catalog;
  private final StateLog log;
  private final Turn turn;
  private final Arrivals arrivals;
  private final ConsumeQueue timerQueue;
  private final ConsumeQueue undecidedQueue;
  private final ArrayDeque<Ending> endings = new ArrayDeque<>();
  private final PropertiesWriter properties = new PropertiesWriter();

  /** So many of the first ones can be read without waiting for the disk. */
  private int warm;

  private boolean suspect;
  private boolean waits;

  /** One end that was asked for; answered with how the transaction ended. */
  private record Ending(OpenTransaction transaction, State outcome, Answer<State> answer) {}

  /** Hears of messages that were committed. */
  interface Arrivals {

    /** One arrived in its topic. */
    void arrived(TopicState topic);

    /** One has to wait until it is due. */
    void armed(long dueMs, long timerOffset);
  }

  /** A message that is committed later than now. */
  private record Delayed(int index, long dueMs) {}

  /** An end that can not be. */
  private record Refused(Ending ending, SluiceException reason) {}

  /** What is put into the log as one. */
  private static final class Group {
    private final MessageBatch batch = new MessageBatch(4 << 10);
    private final List<ConsumeQueue> targets = new ArrayList<>();
    private final List<TopicState> topics = new ArrayList<>();
    private final List<Delayed> delayed = new ArrayList<>();
    private final List<Ending> ended = new ArrayList<>();
    private final List<Refused> refused = new ArrayList<>();
    private int taken;
  }

  TransactionEnds(
      BrokerOptions options,
      MessageStore store,
      Transactions transactions,
      Catalog catalog,
      StateLog log,
      Turn turn,
      Arrivals arrivals) {
    this.options = options;
    this.store = store;
    this.transactions = transactions;
    this.catalog = catalog;
    this.log = log;
    this.turn = turn;
    this.arrivals = arrivals;
    timerQueue = store.queue(Names.TIMER_TOPIC, 0);
    undecidedQueue = store.queue(Names.UNDECIDED_TOPIC, 0);
  }

  /**
   * Ends an open transaction.
   *
   * @param outcome how; not OPEN
   * @param answer gets how it ended, when that has reached the server's default ack level
   */
  void end(OpenTransaction transaction, State outcome, Answer<State> answer) {
    if (endings.size() >= MAX_WAITING) {
      answer.fail(
          new SluiceException(
              ErrorCode.BUSY, MAX_WAITING + " ends of transactions wait for the store already"));
      return;
    }
    endings.add(new Ending(transaction, outcome, answer));
    turn.request();
  }

  /** Answers with how a transaction ended before, once that is durable; or says CONFLICT. */
  void answerAgain(String id, State before, State asked, Answer<State> answer) {
    if (isSame(before, asked)) {
      whenRecorded(before, answer);
    } else {
      answer.fail(conflict(id, before));
    }
  }

  private static boolean isSame(State before, State asked) {
    return (before == State.COMMITTED) == (asked == State.COMMITTED);
  }

  static SluiceException conflict(String id, State before) {
    return new SluiceException(
        ErrorCode.CONFLICT,
        "the transaction '"
            + id
            + "' "
            + switch (before) {
              case COMMITTED -> "was committed already";
              case ROLLED_BACK -> "was rolled back already";
              default -> "was rolled back, since nobody said in time how it ended";
            });
  }

  /** Fails what waits: it is not ended. */
  void close(SluiceException reason) {
    while (!endings.isEmpty()) {
      endings.poll().answer().fail(reason);
    }
    warm = 0;
  }

  /** Ends what was asked for. A step of the turn. */
  void endAll() {
    SluiceException lasting = log.lastingRefusal();
    if (lasting != null) {
      // A store that takes nothing: the transactions stay open.
      close(lasting);
      return;
    }
    int groups = 0;
    while (!endings.isEmpty() && !waits && !log.isBlocked()) {
      if (groups++ == GROUPS_PER_TURN) {
        turn.request();
        return;
      }
      if (!endGroup()) {
        return;
      }
    }
  }

  /** Ends the first of those that wait; false if they have to wait on. */
  private boolean endGroup() {
    if (warm == 0 && !areWarm()) {
      return false;
    }
    Group group = collect();
    // Topics that were made just now stand in the log before their first message.
    if (!log.flushAll()) {
      return false;
    }
    boolean hasMessages = group.batch.count() > 0;
    if (hasMessages && !store.hasRoom(group.batch.size() + CHANGE_BYTES, false)) {
      return waitOrRefuse(group);
    }
    forget(group);
    record(group);
    if (!hasMessages) {
      return log.flush();
    }
    int delayed = group.delayed.size();
    return log.flushWith(
        group.batch,
        group.targets.toArray(ConsumeQueue[]::new),
        () -> {
          group.topics.forEach(arrivals::arrived);
          for (int i = 0; i < delayed; i++) {
            Delayed each = group.delayed.get(i);
            long dueMs = Math.max(each.dueMs(), group.batch.storedAtMs(each.index()));
            arrivals.armed(dueMs, timerQueue.maxOffset() - delayed + i);
          }
        });
  }

  /** Whether all messages that the next group needs can be read; else they are brought in. */
  private boolean areWarm() {
    long[] cold = new long[GROUP_ENDS];
    int count = 0;
    int looked = 0;
    for (Ending ending : endings) {
      if (looked++ == GROUP_ENDS) {
        break;
      }
      long offset = ending.transaction.offset;
      if (needsMessage(ending) && !store.isWarm(transactions.queue(), offset, 1)) {
        cold[count++] = offset;
      }
    }
    int readable = Math.min(looked, GROUP_ENDS);
    if (count == 0) {
      warm = readable;
      suspect = false;
      return true;
    }
    waits = true;
    Future.fromCompletionStage(store.warm(transactions.queue(), Arrays.copyOf(cold, count)))
        .onComplete(
            done -> {
              waits = false;
              warm = Math.min(readable, endings.size());
              suspect = done.failed();
              if (done.failed()) {
                LOG.log(Level.ERROR, "could not read half messages", done.cause());
              }
              turn.request();
            });
    return false;
  }

  private static boolean needsMessage(Ending ending) {
    return ending.transaction.state == State.OPEN && ending.outcome != State.ROLLED_BACK;
  }

  /** What fits into one group; ends that are refused are left out of it. */
  private Group collect() {
    int mostBytes = Math.min(GROUP_BYTES, store.maxAtomicBytes() - CHANGE_BYTES);
    Group group = new Group();
    BlockBuilder builder = store.newBlock(GROUP_ENDS);
    try {
      for (Ending ending : endings) {
        OpenTransaction transaction = ending.transaction;
        boolean again = transaction.state != State.OPEN || isEnding(group, transaction);
        if (!again && needsMessage(ending)) {
          int bytes = transactions.queue().recordBytes(transaction.offset);
          if (group.batch.count() > 0 && group.batch.size() + bytes > mostBytes) {
            break;
          }
          add(group, ending, transactions.peek(builder, transaction.offset));
        } else {
          group.ended.add(ending);
        }
        if (++group.taken == warm) {
          break;
        }
      }
      return group;
    } finally {
      builder.build().close();
    }
  }

  private static boolean isEnding(Group group, OpenTransaction transaction) {
    for (int i = group.ended.size() - 1; i >= 0; i--) {
      if (group.ended.get(i).transaction == transaction) {
        return true;
      }
    }
    return false;
  }

  private void add(Group group, Ending ending, MessageView half) {
    OpenTransaction transaction = ending.transaction;
    if (suspect && !transactions.isWhole(half, transaction.offset)) {
      SluiceException damaged =
          new SluiceException(
              ErrorCode.STORE_FAILED,
              "the message of the transaction '"
                  + transaction.id
                  + "' is damaged in the log; it can only be rolled back");
      group.refused.add(new Refused(ending, damaged));
      return;
    }
    try {
      if (ending.outcome == State.COMMITTED) {
        addCommitted(group, transaction, half);
      } else {
        addUndecided(group, half);
      }
      group.ended.add(ending);
    } catch (SluiceException reason) {
      group.refused.add(new Refused(ending, reason));
    }
  }

  private void addCommitted(Group group, OpenTransaction transaction, MessageView half) {
    TopicState topic = catalog.topicForUse(transaction.topic);
    properties.clear();
    half.forEachProperty(
        (name, value) -> {
          if (!TimerRecord.isOfTimer(name)) {
            properties.put(name, value);
          }
        });
    long selector = TimerRecord.selector(half, topic.config.queues());
    int sysFlag = MessageLayout.sysFlagOfCopy(half.sysFlag()) | MessageLayout.SYS_COMMIT;
    long dueAtMs = dueAtMs(half);
    ByteBuffer body = half.bodySlice();
    if (dueAtMs > 0) {
      group.delayed.add(new Delayed(group.batch.count(), dueAtMs));
      group.targets.add(timerQueue);
      group.batch.addDelayed(
          transaction.topic,
          selector,
          dueAtMs,
          half.flag(),
          sysFlag,
          half.bornAtMs(),
          half.bornHost(),
          half.reconsumeTimes(),
          body,
          properties);
      return;
    }
    group.batch.add(
        transaction.topic,
        QueueSelector.ANY,
        half.flag(),
        sysFlag,
        half.bornAtMs(),
        half.bornHost(),
        half.reconsumeTimes(),
        transaction.physicalOffset,
        body,
        properties);
    group.targets.add(catalog.queueFor(topic, selector));
    group.topics.add(topic);
  }

  /** RocketMQ keeps what nobody decided on as it was, for operators to look at. */
  private void addUndecided(Group group, MessageView half) {
    properties.clear();
    half.forEachProperty(properties::put);
    group.batch.add(
        Names.UNDECIDED_TOPIC,
        QueueSelector.queue(0),
        half.flag(),
        MessageLayout.sysFlagOfCopy(half.sysFlag()),
        half.bornAtMs(),
        half.bornHost(),
        half.reconsumeTimes(),
        0,
        half.bodySlice(),
        properties);
    group.targets.add(undecidedQueue);
  }

  /** When a committed message is due, or 0 for at once. */
  private static long dueAtMs(MessageView half) {
    String text = half.property(PropertyNames.TIMER_DELIVER_MS);
    return text == null ? 0 : Long.parseLong(text);
  }

  /** Those of a group are waited for no more; those that can not be are told. */
  private void forget(Group group) {
    for (int i = 0; i < group.taken; i++) {
      endings.poll();
    }
    warm -= group.taken;
    group.refused.forEach(refused -> refused.ending.answer.fail(refused.reason));
  }

  /**
   * Waits for room, or refuses a group that there will be none for.
   *
   * @return whether to go on with the next group
   */
  private boolean waitOrRefuse(Group group) {
    StoreException refusal = store.refusal();
    if (refusal == null || refusal.kind() == StoreException.Kind.BUSY) {
      waits = true;
      store.whenWritable(
          () -> {
            waits = false;
            turn.request();
          });
      return false;
    }
    // The transactions stay open, and may be ended when there is room again.
    SluiceException reason = Refusals.of(refusal);
    forget(group);
    group.ended.forEach(ending -> ending.answer.fail(reason));
    return true;
  }

  /** Adds the changes, neighbours as one, and lines up the answers behind them. */
  private void record(Group group) {
    long first = -1;
    int count = 0;
    State last = null;
    for (Ending ending : group.ended) {
      OpenTransaction transaction = ending.transaction;
      if (transaction.state != State.OPEN) {
        answerAgain(transaction.id, transaction.state, ending.outcome, ending.answer);
        continue;
      }
      transactions.ended(transaction, ending.outcome);
      if (count > 0 && ending.outcome == last && transaction.offset == first + count) {
        count++;
      } else {
        change(first, count, last);
        first = transaction.offset;
        count = 1;
        last = ending.outcome;
      }
      whenRecorded(ending.outcome, ending.answer);
    }
    change(first, count, last);
  }

  private void change(long first, int count, State outcome) {
    if (count > 0) {
      log.changes().change(new TransactionsEnded(first, count, outcome));
    }
  }

  private void whenRecorded(State outcome, Answer<State> answer) {
    log.whenRecorded(options.getDefaultAck(), Answer.mapped(answer, nothing -> outcome));
  }
}
