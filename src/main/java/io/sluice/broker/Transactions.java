package io.sluice.broker;

import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The transactions of a Broker that are open. Each is a record of the half topic, whose queue is
 * the durable list of all that began; how they ended is in {@link TransactionState}, by changes in
 * the log. What is in memory is rebuilt from both at the start. {@link TransactionEnds} ends them,
 * {@link TransactionChecks} asks for those that nobody ends.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Transactions {

  private static final System.Logger LOG = System.getLogger(Transactions.class.getName());

  /** Records read at once while the open ones are rebuilt. */
  private static final int CHUNK = 1_024;

  /** Names of groups and topics that are kept once, however many transactions have them. */
  private static final int MAX_NAMES = 10_000;

  private final BrokerOptions options;
  private final MessageStore store;
  private final TransactionState state;
  private final StateLog log;
  private final ConsumeQueue queue;
  private final Map<Long, OpenTransaction> byOffset = new HashMap<>();
  private final Map<String, OpenTransaction> byId = new HashMap<>();
  private final Map<String, String> names = new HashMap<>();
  private final TransactionHeap heap = new TransactionHeap();
  private final MessageView view = new MessageView();
  private final TransactionFigures figures;

  Transactions(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      StateLog log,
      TransactionFigures figures) {
    this.figures = figures;
    this.options = options;
    this.store = store;
    this.state = state.transactions;
    this.log = log;
    queue = store.queue(Names.HALF_TOPIC, 0);
    state.connect(this::addParts);
  }

  /** The queue of the half messages. */
  ConsumeQueue queue() {
    return queue;
  }

  /** Open ones, the next to be asked for first. */
  TransactionHeap heap() {
    return heap;
  }

  /** How many are open. */
  int open() {
    return byOffset.size();
  }

  /** An open one by the place of its half message, or null. */
  OpenTransaction find(long offset) {
    return byOffset.get(offset);
  }

  /** An open one by its id, the newest if there are several; or null. */
  OpenTransaction find(String id) {
    return byId.get(id);
  }

  /** All open ones, in no order. */
  Collection<OpenTransaction> all() {
    return byOffset.values();
  }

  /**
   * Refuses a further one at the bound, or any where they are switched off.
   *
   * @param coming how many are about to be begun before it
   */
  void checkRoom(int coming) {
    if (!options.getTransactions().isEnabled()) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION,
          "the broker["
              + options.getBrokerName()
              + "] sending transaction message is forbidden: transactions.enabled is off"
              + " (rejectTransactionMessage); send it without a transaction, or switch it on");
    }
    if (open() + coming >= options.getTransactions().getMaxOpen()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are "
              + open()
              + " open transactions, as many as transactions.max-open allows; end some, or wait until"
              + " they are asked for");
    }
  }

  /** A half message was appended; the batch may not know where and when. */
  void began(MessageBatch batch, int index, long offset, long physicalOffset, long storedAtMs) {
    view.wrap(ByteBuffer.wrap(batch.bytes()), batch.position(index));
    figures.begun();
    add(view, offset, physicalOffset, storedAtMs);
  }

  /** Rebuilds the open ones, after the state was replayed and before anybody may ask. */
  Future<Void> rebuild() {
    // Offsets that are known to be used do not come again, even if all their records have expired.
    store.ensureOffset(queue, state.lastOffset() + 1);
    return rebuild(Math.max(queue.minOffset(), state.firstOpen()))
        .onSuccess(
            done -> {
              state.rebuilt();
              state.moveOn(queue.maxOffset());
              if (open() > 0) {
                LOG.log(
                    Level.INFO,
                    "broker {0} has {1} open transactions",
                    options.getBrokerName(),
                    String.valueOf(open()));
              }
            });
  }

  private Future<Void> rebuild(long from) {
    long[] offsets = new long[CHUNK];
    int count = 0;
    long next = state.nextOpen(from, queue.maxOffset());
    while (count < CHUNK && next < queue.maxOffset()) {
      offsets[count++] = next;
      next = state.nextOpen(next + 1, queue.maxOffset());
    }
    if (count == 0) {
      return Future.succeededFuture();
    }
    long[] wanted = Arrays.copyOf(offsets, count);
    return Future.fromCompletionStage(store.warm(queue, wanted))
        .transform(
            read -> {
              readAll(wanted, read.failed());
              return rebuild(wanted[wanted.length - 1] + 1);
            });
  }

  private void readAll(long[] offsets, boolean suspect) {
    BlockBuilder builder = store.newBlock(offsets.length);
    try {
      for (long offset : offsets) {
        if (!isThere(offset)) {
          continue;
        }
        MessageView record = peek(builder, offset);
        if (suspect && !isWhole(record, offset)) {
          LOG.log(
              Level.ERROR,
              "the half message at offset {0} of {1} is damaged; its transaction is rolled back",
              Long.toString(offset),
              Names.HALF_TOPIC);
          state.ended(offset, State.ROLLED_BACK);
          log.changes().change(new TransactionsEnded(offset, 1, State.ROLLED_BACK));
          continue;
        }
        add(record, offset, record.physicalOffset(), record.storedAtMs());
      }
    } finally {
      builder.build().close();
    }
  }

  private boolean isThere(long offset) {
    return offset >= queue.minOffset() && offset < queue.maxOffset();
  }

  /** Reads a half message, which is known to be warm; valid until the builder is done with. */
  MessageView peek(BlockBuilder builder, long offset) {
    return builder.peek(queue.physicalOffset(offset), queue.recordBytes(offset), view);
  }

  /** Whether a record that could not be checked before is whole. */
  boolean isWhole(MessageView record, long offset) {
    int bytes = queue.recordBytes(offset);
    int end = record.position() + bytes;
    return MessageView.wholeRecordBytes(
            record.buffer(), record.position(), end, queue.physicalOffset(offset))
        == bytes;
  }

  private void add(MessageView record, long offset, long physicalOffset, long storedAtMs) {
    String id = record.property(PropertyNames.UNIQUE_KEY);
    OpenTransaction transaction =
        new OpenTransaction(
            id == null ? Long.toString(offset) : id,
            once(record.property(PropertyNames.PRODUCER_GROUP)),
            once(record.property(PropertyNames.REAL_TOPIC)),
            offset,
            physicalOffset,
            storedAtMs);
    TransactionChecked known = state.takeChecks(offset);
    if (known == null) {
      transaction.nextCheckMs = transaction.begunAtMs + firstCheckMs(record);
    } else {
      transaction.checks = known.checks();
      transaction.nextCheckMs = known.nextCheckMs();
    }
    byOffset.put(offset, transaction);
    byId.put(transaction.id, transaction);
    heap.add(transaction);
    figures.open(open());
  }

  /** RocketMQ 5.5.0, TransactionalMessageServiceImpl: a message may ask for more time. */
  private long firstCheckMs(MessageView record) {
    String seconds = record.property(PropertyNames.CHECK_IMMUNITY_SECONDS);
    long timeoutMs = options.getTransactions().getFirstCheck().toMillis();
    if (seconds == null) {
      return timeoutMs;
    }
    try {
      long asked = Long.parseLong(seconds);
      return asked < 0 ? timeoutMs : Math.min(asked, Integer.MAX_VALUE) * 1_000;
    } catch (NumberFormatException e) {
      return timeoutMs;
    }
  }

  private String once(String name) {
    String text = name == null ? "" : name;
    if (names.size() >= MAX_NAMES) {
      names.clear();
    }
    return names.computeIfAbsent(text, same -> same);
  }

  /** An open one has ended: forgets it. The change is about to be recorded. */
  void ended(OpenTransaction transaction, State outcome) {
    transaction.state = outcome;
    heap.remove(transaction);
    byOffset.remove(transaction.offset);
    byId.remove(transaction.id, transaction);
    state.ended(transaction.offset, outcome);
    figures.ended(outcome);
    figures.open(open());
  }

  /** It was asked for one: sets when it is asked for next. */
  void checked(OpenTransaction transaction, long nextCheckMs) {
    heap.remove(transaction);
    transaction.checks++;
    transaction.nextCheckMs = nextCheckMs;
    heap.add(transaction);
    log.changes()
        .change(new TransactionChecked(transaction.offset, transaction.checks, nextCheckMs));
  }

  /** First byte of the log that an open one needs, or {@code Long.MAX_VALUE}. */
  long retentionFloor() {
    state.moveOn(queue.maxOffset());
    OpenTransaction first = byOffset.get(state.firstOpen());
    return first == null ? Long.MAX_VALUE : first.physicalOffset;
  }

  private void addParts(List<BrokerState.Part> parts) {
    List<OpenTransaction> asked = new ArrayList<>();
    for (OpenTransaction transaction : byOffset.values()) {
      if (transaction.checks > 0) {
        asked.add(transaction);
        if (asked.size() == CHUNK) {
          parts.add(part(asked));
          asked = new ArrayList<>();
        }
      }
    }
    if (!asked.isEmpty()) {
      parts.add(part(asked));
    }
  }

  private static BrokerState.Part part(List<OpenTransaction> asked) {
    return out -> {
      for (OpenTransaction transaction : asked) {
        if (transaction.state == State.OPEN) {
          out.accept(
              new TransactionChecked(
                  transaction.offset, transaction.checks, transaction.nextCheckMs));
        }
      }
    };
  }
}
