package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Stage;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.function.Consumer;

/**
 * Hands messages to those who wait for them. A receive always waits first, if only until the end of
 * the turn: then each consumption that something happened to is looked at once, its waiters are
 * served in the order they came, its queues in turn.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Dispatcher {

  private static final System.Logger LOG = System.getLogger(Dispatcher.class.getName());

  /** One receive gets at most so many messages: 64 MB of 1 KB each. */
  private static final int MAX_MESSAGES = 65_536;

  private static final int ANY_QUEUE = -1;

  /** What a worker brought into memory is taken to be there for so long. */
  private static final long WARM_MS = 1_000;

  private final BrokerOptions options;
  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Turn turn;
  private final Waiting waiting;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final ArrivalTimes arrivals;
  private final BrokerMetrics metrics;
  private final QueueLocks locks;
  private final LeaseBatch batch = new LeaseBatch();
  private final StoreView view;
  private final MessageView messageView = new MessageView();
  private List<Consumption> touched = new ArrayList<>();
  private List<Consumption> looking = new ArrayList<>();
  private Consumer<GroupState> retries = group -> {};
  private long messagesOut;
  private long oldestPhysicalOffset;

  /** A receive that waits. */
  private final class ReceiveWaiter extends Waiter {
    private final Consumption consumption;
    private final ReceiveRequest request;
    private final MessageFilter filter;
    private final Answer<? super ReceiveReply> answer;
    private final Popping popping;

    private ReceiveWaiter(
        Consumption consumption,
        ReceiveRequest request,
        MessageFilter filter,
        Popping popping,
        Answer<? super ReceiveReply> answer) {
      this.popping = popping;
      this.consumption = consumption;
      this.request = request;
      this.filter = filter;
      this.answer = answer;
    }

    private int queueId() {
      return popping == null ? ANY_QUEUE : popping.queueId;
    }

    /** Whose leases they are. A pop's end by time alone. */
    private Holder leaseHolder() {
      return popping == null ? holder : null;
    }

    @Override
    boolean isReading() {
      return consumption.reading > 0 || consumption.touched;
    }

    @Override
    void answerEmpty() {
      answer.succeed(
          new ReceiveReply(MessageBlock.empty(), new long[0], new int[0], clock.nowNs(), 0, true));
    }

    @Override
    void fail(SluiceException failure) {
      answer.fail(failure);
    }
  }

  Dispatcher(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Turn turn,
      Waiting waiting,
      Clock clock,
      LatencyRecorder latency,
      ArrivalTimes arrivals,
      BrokerMetrics metrics,
      QueueLocks locks) {
    this.metrics = metrics;
    this.locks = locks;
    this.options = options;
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.turn = turn;
    this.waiting = waiting;
    this.clock = clock;
    this.latency = latency;
    this.arrivals = arrivals;
    view = new StoreView(store);
  }

  /** Names who is told that a group may have retries which are the other kind's to consume. */
  void connect(Consumer<GroupState> retries) {
    this.retries = retries;
  }

  /** Messages handed out by receives since the start. */
  long messagesOut() {
    return messagesOut;
  }

  /** Takes a receive; answered once. */
  void receive(ReceiveRequest request, Answer<? super ReceiveReply> answer) {
    receive(request, null, answer);
  }

  /** Takes a receive that may be a pop's; answered once. */
  void receive(ReceiveRequest request, Popping popping, Answer<? super ReceiveReply> answer) {
    MessageFilter filter = MessageFilter.of(request.filter());
    check(request);
    Consumption known = state.consumption(request.group(), request.topic());
    if (known != null) {
      catalog.checkConsumes(known.group.config);
      await(known, request, filter, popping, answer);
      return;
    }
    catalog
        .consume(request.group(), request.topic(), request.from())
        .onComplete(
            made -> {
              if (made.failed()) {
                answer.fail(Refusals.ofFailure(made.cause()));
                return;
              }
              try {
                await(made.result(), request, filter, popping, answer);
              } catch (SluiceException e) {
                answer.fail(e);
              }
            });
  }

  /** Gives back what a holder has: its waits end, its leases are due again. */
  void release(String holderName) {
    Holder holder = waiting.knownHolder(holderName);
    if (holder == null) {
      return;
    }
    for (Waiter waiter : List.copyOf(holder.waiters)) {
      waiting.remove(waiter);
      waiter.answerEmpty();
    }
    long nowMs = clock.nowMs();
    for (QueueCursor cursor : holder.cursors) {
      cursor.release(holder.number, nowMs, log.changes());
      touch(cursor.consumption);
    }
    waiting.forget(holder);
    turn.request();
  }

  /** Has a consumption looked at, at the end of the turn. */
  void touch(Consumption consumption) {
    if (!consumption.touched) {
      consumption.touched = true;
      touched.add(consumption);
      if (consumption.holdsRetries()) {
        retries.accept(consumption.group);
      }
      turn.request();
    }
  }

  /** Somebody came, or something arrived, that may make a group's retries somebody else's. */
  void lookForRetries(String group) {
    GroupState known = state.groups.get(group);
    if (known != null) {
      retries.accept(known);
    }
  }

  /** Something arrived for a topic. */
  void arrived(TopicState topic) {
    if (topic.retriesOf != null) {
      lookForRetries(topic.retriesOf);
    }
    for (Consumption consumption : topic.consumptions) {
      if (consumption.isAwaited()) {
        touch(consumption);
      }
    }
  }

  /** Ends the leases and begins the retries whose time has come. A step of the turn. */
  void wakeDue() {
    long nowMs = clock.nowMs();
    QueueCursor cursor = state.due.poll(nowMs);
    while (cursor != null) {
      cursor.expire(nowMs, log.changes());
      state.due.lower(cursor, cursor.unsettled().earliestDueMs());
      touch(cursor.consumption);
      cursor = state.due.poll(nowMs);
    }
  }

  /** Serves those who wait where something happened. A step of the turn. */
  void serveTouched() {
    SluiceException lasting = log.lastingRefusal();
    if (touched.isEmpty() || (log.isBlocked() && lasting == null)) {
      return;
    }
    List<Consumption> now = touched;
    touched = looking;
    looking = now;
    for (Consumption consumption : now) {
      consumption.touched = false;
      if (lasting == null) {
        serve(consumption);
      } else {
        fail(consumption, lasting);
      }
    }
    now.clear();
  }

  /** Ends all waits in a consumption. */
  void fail(Consumption consumption, SluiceException reason) {
    waiting.failAll(consumption.waiters, reason);
    if (consumption.waitersApart != null) {
      consumption.waitersApart.values().forEach(apart -> waiting.failAll(apart, reason));
    }
  }

  private void check(ReceiveRequest request) {
    if (request.max() < 1 || request.invisibleMs() < 1 || request.waitMs() < 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "max is "
              + request.max()
              + ", invisible "
              + request.invisibleMs()
              + " ms, wait "
              + request.waitMs()
              + " ms; allowed are 1 or more, 1 or more, 0 or more");
    }
  }

  private void await(
      Consumption consumption,
      ReceiveRequest request,
      MessageFilter filter,
      Popping popping,
      Answer<? super ReceiveReply> answer) {
    if ((consumption.topic.config.permission() & TopicConfig.READ) == 0) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic '" + consumption.topic.name() + "' is not readable");
    }
    ReceiveWaiter waiter = new ReceiveWaiter(consumption, request, filter, popping, answer);
    waiter.deadlineMs = clock.nowMs() + request.waitMs();
    waiting.add(waiter, lineOf(consumption, popping), request.holder());
    retries.accept(consumption.group);
    touch(consumption);
  }

  private static WaiterList lineOf(Consumption consumption, Popping popping) {
    if (popping != null && popping.waitsApart()) {
      if (consumption.waitersApart == null) {
        consumption.waitersApart = new HashMap<>();
      }
      return consumption.waitersApart.computeIfAbsent(popping.key(), key -> new WaiterList());
    }
    if (consumption.waiters == null) {
      consumption.waiters = new WaiterList();
    }
    return consumption.waiters;
  }

  private void serve(Consumption consumption) {
    serve(consumption.waiters);
    if (consumption.waitersApart != null) {
      consumption.waitersApart.values().forEach(this::serve);
    }
  }

  private void serve(WaiterList waiters) {
    while (waiters != null && !waiters.isEmpty()) {
      ReceiveWaiter first = (ReceiveWaiter) waiters.first();
      if (first.popping != null && first.popping.looksOnly) {
        answerLookers(waiters);
        return;
      }
      if (!serve(first)) {
        return;
      }
    }
  }

  /** Each may look through a filter of its own. */
  private void answerLookers(WaiterList waiters) {
    boolean drained = false;
    Waiter next = waiters.first();
    while (next != null) {
      ReceiveWaiter waiter = (ReceiveWaiter) next;
      next = waiter.next;
      boolean wantsAll = waiter.filter.wantsAll();
      if (!(drained && wantsAll)) {
        drained |= !answerIfAny(waiter) && wantsAll;
      }
    }
  }

  /** Answers a waiter that only looks if there may be something for it. */
  private boolean answerIfAny(ReceiveWaiter waiter) {
    if (isDrained(waiter.consumption, waiter.queueId()) || !mayWantAny(waiter)) {
      return false;
    }
    waiting.remove(waiter);
    waiter.answer.succeed(
        new ReceiveReply(MessageBlock.empty(), new long[0], new int[0], clock.nowNs(), 0, false));
    return true;
  }

  /** Answers a waiter if there is something for it. */
  private boolean serve(ReceiveWaiter waiter) {
    ReceiveRequest request = waiter.request;
    Consumption consumption = waiter.consumption;
    long nowMs = clock.nowMs();
    batch.start(
        Math.min(request.max(), MAX_MESSAGES),
        request.maxBytes(),
        nowMs,
        nowMs + request.invisibleMs(),
        waiter.leaseHolder() == null ? Holders.NONE : waiter.leaseHolder().number,
        request.ordered(),
        options.getMaxUnsettledPerQueue());
    if (waiter.popping != null) {
      batch.pop();
      waiter.popping.leasedAtMs = nowMs;
    }
    BlockBuilder block = collect(waiter);
    if (block == null) {
      return false;
    }
    long[] leases = batch.leases();
    int[] attempts = batch.attempts();
    MessageBlock messages = block.build();
    BitSet unwanted = Blocks.unwanted(messages, waiter.filter, messageView);
    if (unwanted != null) {
      leases = without(leases, unwanted);
      attempts = without(attempts, unwanted);
      settleUnwanted(consumption, messages, unwanted);
      messages = Blocks.without(store, messages, unwanted, messageView);
      if (messages.count() == 0) {
        messages.close();
        touch(consumption);
        return false;
      }
    }
    waiting.remove(waiter);
    answer(waiter, messages, leases, attempts);
    return true;
  }

  /** Leases from the queues in turn; null if there is nothing. */
  private BlockBuilder collect(ReceiveWaiter waiter) {
    Consumption consumption = waiter.consumption;
    MessageFilter filter = waiter.filter;
    Holder holder = waiter.leaseHolder();
    BlockBuilder block = null;
    oldestPhysicalOffset = Long.MAX_VALUE;
    int places = consumption.places();
    int first = consumption.turn % places;
    for (int i = 0; i < places && !batch.isFull(); i++) {
      int place = first + i < places ? first + i : first + i - places;
      int queueId = consumption.queueIdAt(place);
      if (waiter.queueId() != ANY_QUEUE && waiter.queueId() != queueId
          || isLockedByAnother(waiter, queueId)) {
        continue;
      }
      ConsumeQueue queue = catalog.queue(consumption, queueId);
      if (queue.maxOffset() == 0) {
        // Nothing was ever in it: thousands of idle groups need no cursor for it.
        continue;
      }
      QueueCursor cursor = consumption.cursor(queueId);
      if (!cursor.mayDeliver(queue.confirmedOffset())) {
        continue;
      }
      int before = batch.count();
      boolean freshlyWarm =
          clock.nowMs() - cursor.warmAtMs < WARM_MS && cursor.warmFilter == filter;
      view.at(queue, filter, freshlyWarm ? cursor.warm : WarmRange.NONE);
      if (consumption.topic.retriesOf != null || cursor.isOfRedriven()) {
        view.ofRetries();
      }
      if (!cursor.isOfRedriven()) {
        view.passOverExpired(consumption.topic, batch.nowMs());
      }
      try {
        if (cursor.lease(batch, view, log.changes())) {
          touch(consumption);
        }
      } finally {
        view.done();
      }
      if (view.expired() > 0) {
        metrics.expired(consumption.group.name(), view.expired());
      }
      if (view.coldFrom() >= 0) {
        bringIn(cursor, queue, view.coldFrom(), filter);
      }
      if (batch.count() > before) {
        block = block == null ? store.newBlock(batch.room() + batch.count()) : block;
        for (int at = before; at < batch.count(); at++) {
          long offset = batch.offset(at);
          long physicalOffset = queue.physicalOffset(offset);
          oldestPhysicalOffset = Math.min(oldestPhysicalOffset, physicalOffset);
          block.add(physicalOffset, queue.recordBytes(offset));
        }
        if (holder != null) {
          holder.cursors.add(cursor);
        }
        consumption.turn = place + 1;
      }
    }
    return block;
  }

  /**
   * Whether a client that keeps its queues itself may still be at work in the queue's order. It may
   * be gone, but its lock is not over.
   */
  private boolean isLockedByAnother(ReceiveWaiter waiter, int queueId) {
    return waiter.request.ordered()
        && locks.isHeld(waiter.request.group(), waiter.request.topic(), queueId, clock.nowMs());
  }

  private void answer(ReceiveWaiter waiter, MessageBlock messages, long[] leases, int[] attempts) {
    long nowNs = clock.nowNs();
    long receivedNs = 0;
    long request = arrivals.find(oldestPhysicalOffset);
    if (request >= 0) {
      receivedNs = arrivals.receivedNs(request);
      latency.record(Stage.DISPATCH, nowNs - arrivals.appendedNs(request), messages.count());
    }
    messagesOut += messages.count();
    waiter.consumption.messagesOut += messages.count();
    ReceiveReply reply =
        new ReceiveReply(
            messages,
            leases,
            attempts,
            nowNs,
            receivedNs,
            isDrained(waiter.consumption, waiter.queueId()));
    log.whenWritten(
        new Answer<>() {
          @Override
          public void succeed(Void nothing) {
            waiter.answer.succeed(reply);
          }

          @Override
          public void fail(SluiceException failure) {
            messages.close();
            waiter.answer.fail(failure);
          }
        });
  }

  private boolean isDrained(Consumption consumption, int onlyQueueId) {
    for (int place = 0; place < consumption.places(); place++) {
      int queueId = consumption.queueIdAt(place);
      if (onlyQueueId != ANY_QUEUE && onlyQueueId != queueId) {
        continue;
      }
      long maxOffset = catalog.queue(consumption, queueId).confirmedOffset();
      if (maxOffset > 0 && consumption.cursor(queueId).mayDeliver(maxOffset)) {
        return false;
      }
    }
    return true;
  }

  /** Whether a waiter that only looks may want something of what there is. */
  private boolean mayWantAny(ReceiveWaiter waiter) {
    if (waiter.filter.wantsAll()) {
      return true;
    }
    Consumption consumption = waiter.consumption;
    for (int place = 0; place < consumption.places(); place++) {
      int queueId = consumption.queueIdAt(place);
      boolean isAsked = waiter.queueId() == ANY_QUEUE || waiter.queueId() == queueId;
      ConsumeQueue queue = catalog.queue(consumption, queueId);
      if (isAsked && queue.maxOffset() > 0 && mayWantAny(waiter, consumption.cursor(queueId))) {
        return true;
      }
    }
    return false;
  }

  private boolean mayWantAny(ReceiveWaiter waiter, QueueCursor cursor) {
    if (cursor.hasReady()) {
      return true;
    }
    int queueId = cursor.queueId;
    ConsumeQueue queue = catalog.queue(waiter.consumption, queueId);
    try {
      view.at(queue, waiter.filter, WarmRange.NONE);
      long wanted = cursor.firstWanted(view, waiter.popping.lookedTo(queueId));
      waiter.popping.lookedTo(queueId, wanted);
      return wanted < queue.confirmedOffset();
    } finally {
      view.done();
    }
  }

  private void settleUnwanted(Consumption consumption, MessageBlock messages, BitSet unwanted) {
    for (int i = unwanted.nextSetBit(0); i >= 0; i = unwanted.nextSetBit(i + 1)) {
      messages.view(i, messageView);
      consumption.cursor(messageView.queueId()).unwanted(messageView.queueOffset(), log.changes());
    }
  }

  /** Has a worker bring messages into memory, and looks again when they are. */
  private void bringIn(
      QueueCursor cursor, ConsumeQueue queue, long fromOffset, MessageFilter filter) {
    if (cursor.warming) {
      return;
    }
    cursor.warming = true;
    cursor.consumption.reading++;
    Future.fromCompletionStage(Blocks.warm(store, queue, fromOffset, filter))
        .onComplete(
            warm -> {
              cursor.warming = false;
              cursor.consumption.reading--;
              waiting.readingEnded(cursor.consumption.waiters, clock.nowMs());
              if (warm.failed()) {
                LOG.log(
                    Level.WARNING,
                    "could not read "
                        + queue.topic()
                        + " queue "
                        + queue.queueId()
                        + " from offset "
                        + fromOffset,
                    warm.cause());
                return;
              }
              cursor.warmFilter = filter;
              cursor.warmAtMs = clock.nowMs();
              cursor.warm = WarmRange.of(fromOffset, warm.result());
              touch(cursor.consumption);
            });
  }

  private static long[] without(long[] all, BitSet unwanted) {
    long[] rest = new long[all.length];
    int count = 0;
    for (int i = unwanted.nextClearBit(0); i < all.length; i = unwanted.nextClearBit(i + 1)) {
      rest[count++] = all[i];
    }
    return Arrays.copyOf(rest, count);
  }

  private static int[] without(int[] all, BitSet unwanted) {
    int[] rest = new int[all.length];
    int count = 0;
    for (int i = unwanted.nextClearBit(0); i < all.length; i = unwanted.nextClearBit(i + 1)) {
      rest[count++] = all[i];
    }
    return Arrays.copyOf(rest, count);
  }
}
