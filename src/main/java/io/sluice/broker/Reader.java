package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
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
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads by offsets that the client keeps: no group, no lease, no record. A read always waits first,
 * if only until the end of the turn.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Reader {

  private static final System.Logger LOG = System.getLogger(Reader.class.getName());

  /** As for receives: 64 MB of 1 KB each. */
  private static final int MAX_MESSAGES = 65_536;

  /** Entries asked for at once. */
  private static final int READABLE_STEP = 512;

  private final MessageStore store;
  private final Catalog catalog;
  private final Turn turn;
  private final Waiting waiting;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final ArrivalTimes arrivals;
  private final BrokerMetrics metrics;
  private final StoreView view;
  private final MessageView messageView = new MessageView();
  private List<ReadWaiter> touched = new ArrayList<>();
  private List<ReadWaiter> looking = new ArrayList<>();
  private long messagesOut;

  /** Topics that reads wait for, and some that they waited for; no more than there are topics. */
  private final Set<TopicState> waitedFor = new HashSet<>();

  /** A read that waits. */
  private final class ReadWaiter extends Waiter {
    private final TopicState topic;
    private final ReadRequest request;
    private final MessageFilter filter;
    private final Answer<? super ReadReply> answer;
    private final int[] queueIds;
    private final long[] nextOffsets;
    private int warmQueue = -1;
    private WarmRange warm = WarmRange.NONE;
    private boolean reading;
    private boolean touched;

    private ReadWaiter(
        TopicState topic,
        ReadRequest request,
        MessageFilter filter,
        Answer<? super ReadReply> answer,
        int[] queueIds,
        long[] nextOffsets) {
      this.topic = topic;
      this.request = request;
      this.filter = filter;
      this.answer = answer;
      this.queueIds = queueIds;
      this.nextOffsets = nextOffsets;
    }

    @Override
    boolean isReading() {
      return reading || touched;
    }

    @Override
    void answerEmpty() {
      answer.succeed(reply(this, MessageBlock.empty(), 0));
    }

    @Override
    void fail(SluiceException failure) {
      answer.fail(failure);
    }
  }

  Reader(
      MessageStore store,
      Catalog catalog,
      Turn turn,
      Waiting waiting,
      Clock clock,
      LatencyRecorder latency,
      ArrivalTimes arrivals,
      BrokerMetrics metrics) {
    this.metrics = metrics;
    this.store = store;
    this.catalog = catalog;
    this.turn = turn;
    this.waiting = waiting;
    this.clock = clock;
    this.latency = latency;
    this.arrivals = arrivals;
    view = new StoreView(store);
  }

  /** Messages read since the start. */
  long messagesOut() {
    return messagesOut;
  }

  /** Takes a read; answered once. */
  void read(ReadRequest request, Answer<? super ReadReply> answer) {
    MessageFilter filter = MessageFilter.of(request.filter());
    TopicState topic = topicOf(request);
    int[] queueIds = queueIdsOf(request, topic);
    if (request.queueOffsets() != null) {
      await(
          new ReadWaiter(topic, request, filter, answer, queueIds, request.queueOffsets().clone()));
      return;
    }
    StartPosition from = request.from() == null ? StartPosition.LATEST : request.from();
    catalog
        .startOffsets(topic, from)
        .onComplete(
            found -> {
              if (found.failed()) {
                answer.fail(Refusals.ofFailure(found.cause()));
                return;
              }
              long[] offsets = new long[queueIds.length];
              for (int i = 0; i < offsets.length; i++) {
                offsets[i] = found.result()[queueIds[i]];
              }
              try {
                await(new ReadWaiter(topic, request, filter, answer, queueIds, offsets));
              } catch (SluiceException e) {
                answer.fail(e);
              }
            });
  }

  /** Something arrived for a topic. */
  void arrived(TopicState topic) {
    if (topic.readers == null) {
      return;
    }
    for (Waiter waiter = topic.readers.first(); waiter != null; waiter = waiter.next) {
      ReadWaiter reader = (ReadWaiter) waiter;
      if (hasNew(reader)) {
        touch(reader);
      }
    }
  }

  /** Looks for all who wait, where it is not known what arrived. */
  void lookForAll() {
    waitedFor.removeIf(topic -> topic.readers == null || topic.readers.isEmpty());
    waitedFor.forEach(this::arrived);
  }

  /**
   * A client with a thousand queues waits in each; most arrivals are of no interest to most waits.
   */
  private boolean hasNew(ReadWaiter waiter) {
    for (int place = 0; place < waiter.queueIds.length; place++) {
      ConsumeQueue queue = catalog.queue(waiter.topic, waiter.queueIds[place]);
      if (queue.confirmedOffset() > waiter.nextOffsets[place]) {
        return true;
      }
    }
    return false;
  }

  /** Serves those for whom something may be there. A step of the turn. */
  void serveTouched() {
    if (touched.isEmpty()) {
      return;
    }
    List<ReadWaiter> now = touched;
    touched = looking;
    looking = now;
    for (ReadWaiter waiter : now) {
      waiter.touched = false;
      if (waiter.list != null) {
        serve(waiter);
      }
    }
    now.clear();
  }

  /** Ends all waits in a topic. */
  void fail(TopicState topic, SluiceException reason) {
    waiting.failAll(topic.readers, reason);
  }

  private TopicState topicOf(ReadRequest request) {
    // Who waits, or asks where to begin, is a subscriber: it may come before the first message.
    boolean subscribes = request.waitMs() > 0 || request.max() == 0;
    TopicState topic =
        subscribes ? catalog.topicForUse(request.topic()) : catalog.existingTopic(request.topic());
    if ((topic.config.permission() & TopicConfig.READ) == 0) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic '" + topic.name() + "' is not readable");
    }
    if (request.max() < 0 || request.waitMs() < 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "max is " + request.max() + ", wait " + request.waitMs() + " ms; allowed is 0 or more");
    }
    return topic;
  }

  private static int[] queueIdsOf(ReadRequest request, TopicState topic) {
    int[] queueIds = request.queueIds();
    if (queueIds == null) {
      queueIds = new int[topic.queuesEver];
      for (int i = 0; i < queueIds.length; i++) {
        queueIds[i] = i;
      }
    }
    for (int queueId : queueIds) {
      if (queueId < 0 || queueId >= topic.queuesEver) {
        throw new SluiceException(
            ErrorCode.INVALID_ARGUMENT,
            "the queue is "
                + queueId
                + "; the topic '"
                + topic.name()
                + "' has the queues 0 to "
                + (topic.queuesEver - 1));
      }
    }
    if (request.queueOffsets() != null && request.queueOffsets().length != queueIds.length) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          request.queueOffsets().length + " offsets for " + queueIds.length + " queues");
    }
    return queueIds;
  }

  private void await(ReadWaiter waiter) {
    if (waiter.request.max() == 0) {
      waiter.answerEmpty();
      return;
    }
    waiter.deadlineMs = clock.nowMs() + waiter.request.waitMs();
    if (waiter.topic.readers == null) {
      waiter.topic.readers = new WaiterList();
    }
    waitedFor.add(waiter.topic);
    waiting.add(waiter, waiter.topic.readers, waiter.request.holder());
    touch(waiter);
  }

  private void touch(ReadWaiter waiter) {
    if (!waiter.touched) {
      waiter.touched = true;
      touched.add(waiter);
      turn.request();
    }
  }

  private void serve(ReadWaiter waiter) {
    BlockBuilder builder = collect(waiter);
    if (builder == null) {
      return;
    }
    MessageBlock block = builder.build();
    BitSet unwanted = Blocks.unwanted(block, waiter.filter, messageView);
    if (unwanted != null) {
      block = Blocks.without(store, block, unwanted, messageView);
      if (block.count() == 0) {
        block.close();
        touch(waiter);
        return;
      }
    }
    waiting.remove(waiter);
    messagesOut += block.count();
    waiter.answer.succeed(reply(waiter, block, oldestPhysicalOffset(block)));
  }

  /** Takes messages from the queues, beginning with another one each time; null if none. */
  private BlockBuilder collect(ReadWaiter waiter) {
    int max = Math.min(waiter.request.max(), MAX_MESSAGES);
    BlockBuilder builder = null;
    int queues = waiter.queueIds.length;
    int first = queues == 0 ? 0 : waiter.topic.readTurn++ % queues;
    waiter.topic.readTurn &= Integer.MAX_VALUE;
    for (int i = 0; i < queues; i++) {
      int place = first + i < queues ? first + i : first + i - queues;
      ConsumeQueue queue = catalog.queue(waiter.topic, waiter.queueIds[place]);
      clamp(waiter, place, queue);
      view.at(queue, waiter.filter, waiter.warmQueue == place ? waiter.warm : WarmRange.NONE);
      view.passOverExpired(waiter.topic, clock.nowMs());
      try {
        builder = collect(waiter, place, queue, max, builder);
      } finally {
        view.done();
      }
      if (view.expired() > 0) {
        metrics.expired("", view.expired());
      }
      if (view.coldFrom() >= 0) {
        bringIn(waiter, place, queue);
      }
      if (isFull(waiter, builder, max)) {
        break;
      }
    }
    return builder;
  }

  private BlockBuilder collect(
      ReadWaiter waiter, int place, ConsumeQueue queue, int max, BlockBuilder before) {
    BlockBuilder builder = before;
    long offset = waiter.nextOffsets[place];
    long maxOffset = queue.confirmedOffset();
    int readable = 0;
    int scanned = 0;
    while (offset < maxOffset && !isFull(waiter, builder, max)) {
      if (scanned++ == view.scanLimit()) {
        touch(waiter);
        break;
      }
      if (readable == 0) {
        readable = view.readable(offset, (int) Math.min(READABLE_STEP, maxOffset - offset));
        if (readable == 0) {
          break;
        }
      }
      if (view.wants(offset) && !view.isExpired(offset)) {
        int recordBytes = queue.recordBytes(offset);
        if (builder != null && builder.bytes() + recordBytes > waiter.request.maxBytes()) {
          break;
        }
        builder = builder == null ? store.newBlock(Math.min(max, READABLE_STEP)) : builder;
        builder.add(queue.physicalOffset(offset), recordBytes);
      }
      offset++;
      readable--;
    }
    waiter.nextOffsets[place] = offset;
    return builder;
  }

  private static boolean isFull(ReadWaiter waiter, BlockBuilder builder, int max) {
    return builder != null
        && (builder.count() >= max || builder.bytes() >= waiter.request.maxBytes());
  }

  /** What was deleted meanwhile can not be read; what is not written yet can not be waited for. */
  private static void clamp(ReadWaiter waiter, int place, ConsumeQueue queue) {
    long offset = waiter.nextOffsets[place];
    waiter.nextOffsets[place] = Math.min(Math.max(offset, queue.minOffset()), queue.maxOffset());
  }

  private void bringIn(ReadWaiter waiter, int place, ConsumeQueue queue) {
    if (waiter.reading) {
      return;
    }
    waiter.reading = true;
    long fromOffset = view.coldFrom();
    Future.fromCompletionStage(Blocks.warm(store, queue, fromOffset, waiter.filter))
        .onComplete(
            warm -> {
              waiter.reading = false;
              if (waiter.list != null) {
                waiting.readingEnded(waiter, clock.nowMs());
              }
              if (warm.failed()) {
                refuse(waiter, queue, fromOffset, warm.cause());
                return;
              }
              waiter.warmQueue = place;
              waiter.warm = WarmRange.of(fromOffset, warm.result());
              touch(waiter);
            });
  }

  /** Nothing to be read and not readable are two things: an empty answer would say the first. */
  private void refuse(ReadWaiter waiter, ConsumeQueue queue, long fromOffset, Throwable cause) {
    LOG.log(
        Level.WARNING,
        "could not read "
            + queue.topic()
            + " queue "
            + queue.queueId()
            + " from offset "
            + fromOffset,
        cause);
    if (waiter.list != null) {
      waiting.remove(waiter);
      waiter.answer.fail(Refusals.ofFailure(cause));
    }
  }

  private ReadReply reply(ReadWaiter waiter, MessageBlock block, long oldestPhysicalOffset) {
    int queues = waiter.queueIds.length;
    long[] minOffsets = new long[queues];
    long[] maxOffsets = new long[queues];
    for (int place = 0; place < queues; place++) {
      ConsumeQueue queue = catalog.queue(waiter.topic, waiter.queueIds[place]);
      clamp(waiter, place, queue);
      minOffsets[place] = queue.minOffset();
      maxOffsets[place] = queue.maxOffset();
    }
    long nowNs = clock.nowNs();
    long receivedNs = 0;
    long request = block.count() == 0 ? -1 : arrivals.find(oldestPhysicalOffset);
    if (request >= 0) {
      receivedNs = arrivals.receivedNs(request);
      latency.record(Stage.DISPATCH, nowNs - arrivals.appendedNs(request), block.count());
    }
    return new ReadReply(
        block, waiter.queueIds, waiter.nextOffsets, minOffsets, maxOffsets, nowNs, receivedNs);
  }

  private long oldestPhysicalOffset(MessageBlock block) {
    long oldest = Long.MAX_VALUE;
    for (int i = 0; i < block.count(); i++) {
      oldest = Math.min(oldest, block.view(i, messageView).physicalOffset());
    }
    return oldest;
  }
}
