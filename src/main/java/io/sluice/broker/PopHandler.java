package io.sluice.broker;

import io.sluice.broker.StateChange.RequestModeSet;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.PopRequest;
import io.sluice.bus.PopRequest.Ack;
import io.sluice.bus.PopRequest.ChangeInvisible;
import io.sluice.bus.PopRequest.Changed;
import io.sluice.bus.PopRequest.CountWaiting;
import io.sluice.bus.PopRequest.GetMode;
import io.sluice.bus.PopRequest.Handle;
import io.sluice.bus.PopRequest.Notified;
import io.sluice.bus.PopRequest.Notify;
import io.sluice.bus.PopRequest.Peek;
import io.sluice.bus.PopRequest.Pop;
import io.sluice.bus.PopRequest.Popped;
import io.sluice.bus.PopRequest.SetMode;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.Names;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;

/**
 * Serves RocketMQ's pop clients: {@link PopRequest}. A pop is a receive whose leases end by time
 * alone, after which the message comes again at once; its receipts name the lease by mark and
 * deadline. Owned by the Broker's event loop.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, PopMessageProcessor, AckMessageProcessor,
 * ChangeInvisibleTimeProcessor, QueryAssignmentProcessor.
 */
final class PopHandler {

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Dispatcher dispatcher;
  private final Reader reader;
  private final Settler settler;
  private final ClientKeptHandler clientKept;
  private final Clock clock;

  PopHandler(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Dispatcher dispatcher,
      Reader reader,
      Settler settler,
      ClientKeptHandler clientKept,
      Clock clock) {
    this.clock = clock;
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.dispatcher = dispatcher;
    this.reader = reader;
    this.settler = settler;
    this.clientKept = clientKept;
  }

  /** Takes a request; answered once. */
  void handle(PopRequest request, Answer<BusMessage> answer) {
    if (request instanceof Pop pop) {
      pop(pop, answer);
    } else if (request instanceof Ack ack) {
      ack(ack, answer);
    } else if (request instanceof ChangeInvisible change) {
      changeInvisible(change, answer);
    } else if (request instanceof Notify notify) {
      await(notify, answer);
    } else if (request instanceof CountWaiting count) {
      answer.succeed(count(count));
    } else if (request instanceof Peek peek) {
      peek(peek, answer);
    } else if (request instanceof SetMode set) {
      setMode(set, answer);
    } else if (request instanceof GetMode get) {
      answer.succeed(state.requestModes.of(get.group(), get.topic()));
    } else {
      throw new SluiceException(ErrorCode.NOT_SUPPORTED, "no way to answer " + request);
    }
  }

  private void pop(Pop pop, Answer<BusMessage> answer) {
    if (pop.max() < 1 || pop.max() > PopRequest.MAX_MESSAGES) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "a pop of " + pop.max() + " messages; allowed are 1 to " + PopRequest.MAX_MESSAGES);
    }
    TopicState topic = catalog.existingTopic(pop.topic());
    checkQueue(topic, pop.queueId());
    clientKept.checkPopsAllowed(pop.group(), pop.topic());
    Consumption consumption = state.consumption(pop.group(), pop.topic());
    if (consumption == null) {
      consumption = catalog.consumeAt(pop.group(), topic, startOffsets(topic, pop.fromEnd()));
    }
    Consumption from = consumption;
    from.lastPopMs = clock.nowMs();
    Popping popping = new Popping(pop.queueId(), false);
    dispatcher.receive(
        new ReceiveRequest(
            pop.group(),
            pop.topic(),
            pop.max(),
            pop.maxBytes(),
            pop.waitMs(),
            pop.invisibleMs(),
            pop.filter(),
            pop.ordered(),
            StartPosition.EARLIEST,
            pop.holder()),
        popping,
        Answer.mapped(answer, reply -> popped(from, popping, reply)));
  }

  private Popped popped(Consumption consumption, Popping popping, ReceiveReply reply) {
    long[] leases = reply.leases();
    int count = leases.length;
    int mark = count == 0 ? 0 : PopRequest.mark(leases[0], leases[count - 1] - leases[0] + 1);
    return new Popped(
        reply.messages(),
        reply.attempts(),
        mark,
        popping.leasedAtMs,
        rest(consumption, popping.queueId),
        reply.dispatchedNs(),
        reply.receivedNs());
  }

  private long rest(Consumption consumption, int onlyQueueId) {
    long rest = 0;
    for (int place = 0; place < consumption.places(); place++) {
      int queueId = consumption.queueIdAt(place);
      long maxOffset = catalog.queue(consumption, queueId).maxOffset();
      if (maxOffset > 0 && (onlyQueueId < 0 || onlyQueueId == queueId)) {
        QueueCursor cursor = consumption.cursor(queueId);
        rest += maxOffset - Math.max(0, cursor.nextOffset()) + cursor.unsettled().readyCount();
      }
    }
    return rest;
  }

  /** Where a group without a position begins in each queue. */
  private long[] startOffsets(TopicState topic, boolean fromEnd) {
    long[] offsets = new long[topic.queuesEver];
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      ConsumeQueue queue = catalog.queue(topic, queueId);
      boolean whole = queue.minOffset() == 0 && store.isWarm(queue, 0, 1);
      offsets[queueId] = !fromEnd || whole ? queue.minOffset() : queue.maxOffset();
    }
    return offsets;
  }

  private void ack(Ack ack, Answer<BusMessage> answer) {
    SettleRequest request = new SettleRequest(ack.group());
    Outcome[] outcomes = new Outcome[ack.handles().size()];
    int at = 0;
    for (Handle handle : ack.handles()) {
      QueueCursor cursor = cursor(ack.group(), handle);
      long lease = leaseOf(cursor, handle);
      if (lease != 0) {
        request.ack(handle.topic(), handle.queueId(), handle.queueOffset(), lease);
      } else {
        outcomes[at] = outcomeWithoutLease(cursor, handle.queueOffset());
      }
      at++;
    }
    // Also when there is nothing to settle: what was settled before is durable with this answer.
    settler.settle(request, Answer.mapped(answer, reply -> merge(outcomes, reply.outcomes())));
  }

  private static SettleReply merge(Outcome[] outcomes, Outcome[] settled) {
    int next = 0;
    for (int i = 0; i < outcomes.length; i++) {
      if (outcomes[i] == null) {
        outcomes[i] = settled[next++];
      }
    }
    return new SettleReply(outcomes);
  }

  /**
   * Acking again what is settled is fine; a delivery that is over is not the receipt's any more.
   */
  private static Outcome outcomeWithoutLease(QueueCursor cursor, long queueOffset) {
    if (cursor == null || queueOffset < 0 || queueOffset >= cursor.nextOffset()) {
      return Outcome.UNKNOWN;
    }
    return cursor.unsettled().find(queueOffset) < 0 ? Outcome.OK : Outcome.EXPIRED;
  }

  private void changeInvisible(ChangeInvisible change, Answer<BusMessage> answer) {
    Handle handle = change.handle();
    QueueCursor cursor = cursor(change.group(), handle);
    long lease = leaseOf(cursor, handle);
    if (lease == 0) {
      throw new SluiceException(
          ErrorCode.MESSAGE_NOT_FOUND,
          "the receipt for offset "
              + handle.queueOffset()
              + " of queue "
              + handle.queueId()
              + " of '"
              + handle.topic()
              + "' is not in force any more");
    }
    long invisibleMs = Math.max(1, change.invisibleMs());
    SettleRequest request =
        new SettleRequest(change.group())
            .add(
                SettleRequest.Kind.EXTEND,
                handle.topic(),
                handle.queueId(),
                handle.queueOffset(),
                lease,
                invisibleMs,
                null);
    Deadline deadline = new Deadline();
    settler.settle(
        request,
        Answer.mapped(
            answer,
            reply -> new Changed(PopRequest.mark(lease, 1), deadline.ms - change.invisibleMs())));
    int index = cursor.unsettled().find(handle.queueOffset());
    deadline.ms = cursor.unsettled().dueMs(index);
  }

  /** Known as soon as the lease is changed, which is before that is durable. */
  private static final class Deadline {
    private long ms;
  }

  private void await(Notify notify, Answer<BusMessage> answer) {
    TopicState topic = catalog.existingTopic(notify.topic());
    checkQueue(topic, notify.queueId());
    clientKept.checkPopsAllowed(notify.group(), notify.topic());
    if (state.consumption(notify.group(), notify.topic()) == null && !isEmpty(topic)) {
      // Where the group begins is for its first pop to say.
      answer.succeed(new Notified(true));
      return;
    }
    dispatcher.receive(
        new ReceiveRequest(
            notify.group(),
            notify.topic(),
            1,
            1,
            notify.waitMs(),
            1,
            notify.filter(),
            false,
            StartPosition.EARLIEST,
            notify.holder()),
        new Popping(notify.queueId(), true),
        Answer.mapped(answer, reply -> new Notified(!reply.drained())));
  }

  private boolean isEmpty(TopicState topic) {
    for (int queueId = 0; queueId < topic.queuesEver; queueId++) {
      if (catalog.queue(topic, queueId).maxOffset() > 0) {
        return false;
      }
    }
    return true;
  }

  private PopRequest.Waiting count(CountWaiting request) {
    Consumption consumption = state.consumption(request.group(), request.topic());
    WaiterList waiters = null;
    if (consumption != null) {
      waiters =
          request.queueId() < 0
              ? consumption.waiters
              : consumption.waitersApart == null
                  ? null
                  : consumption.waitersApart.get(new Popping(request.queueId(), false).key());
    }
    return new PopRequest.Waiting(waiters == null ? 0 : waiters.count());
  }

  private void peek(Peek peek, Answer<BusMessage> answer) {
    TopicState topic = catalog.existingTopic(peek.topic());
    checkQueue(topic, peek.queueId());
    Consumption consumption = state.consumption(peek.group(), peek.topic());
    int queueId = Math.max(0, peek.queueId());
    for (int i = 0; peek.queueId() < 0 && i < topic.queuesEver; i++) {
      if (firstOffset(consumption, topic, i) < catalog.queue(topic, i).maxOffset()) {
        queueId = i;
        break;
      }
    }
    reader.read(
        new ReadRequest(
            peek.topic(),
            new int[] {queueId},
            new long[] {firstOffset(consumption, topic, queueId)},
            null,
            peek.max(),
            peek.maxBytes(),
            0,
            Filter.ALL,
            null),
        Answer.mapped(answer, (ReadReply reply) -> reply));
  }

  private long firstOffset(Consumption consumption, TopicState topic, int queueId) {
    QueueCursor cursor = consumption == null ? null : consumption.cursorIfAny(queueId);
    long committed = cursor == null ? 0 : cursor.committedOffset();
    return Math.max(catalog.queue(topic, queueId).minOffset(), committed);
  }

  private void setMode(SetMode set, Answer<BusMessage> answer) {
    if (set.topic().startsWith(Names.RETRY_PREFIX)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic '" + set.topic() + "' is for pulls only");
    }
    catalog.existingTopic(set.topic());
    catalog.existingGroup(set.group());
    log.checkWritable();
    RequestModeSet change =
        new RequestModeSet(
            set.group(), set.topic(), set.mode().popped(), Math.max(0, set.mode().shareQueues()));
    state.apply(change);
    log.changes().change(change);
    // The clients ask for their assignment again, and give back what they do not have any more.
    clientKept.wake(set.group());
    log.whenForced(Answer.mapped(answer, nothing -> Done.DONE));
  }

  private QueueCursor cursor(String group, Handle handle) {
    catalog.existingGroup(group);
    Consumption consumption = state.consumption(group, handle.topic());
    return consumption == null || !consumption.hasQueue(handle.queueId())
        ? null
        : consumption.cursor(handle.queueId());
  }

  private static long leaseOf(QueueCursor cursor, Handle handle) {
    return cursor == null
        ? 0
        : cursor.poppedLease(handle.queueOffset(), handle.mark(), handle.deadlineMs());
  }

  private static void checkQueue(TopicState topic, int queueId) {
    if (queueId >= topic.queuesEver) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the queue is "
              + queueId
              + "; the topic '"
              + topic.name()
              + "' has the queues 0 to "
              + (topic.queuesEver - 1)
              + ", and -1 is any");
    }
  }
}
