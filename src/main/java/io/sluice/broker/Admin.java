package io.sluice.broker;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.DeleteGroup;
import io.sluice.bus.AdminRequest.DeleteTopic;
import io.sluice.bus.AdminRequest.FindByKey;
import io.sluice.bus.AdminRequest.FindByPhysicalOffset;
import io.sluice.bus.AdminRequest.Found;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.GetGroup;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.Groups;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.ListGroups;
import io.sluice.bus.AdminRequest.ListTopics;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.PutGroup;
import io.sluice.bus.AdminRequest.PutTopic;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AdminRequest.Topics;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers {@link AdminRequest}s. What changes something is answered when it has reached the
 * server's default ack level. Owned by the Broker's event loop.
 */
final class Admin {

  /** More messages are not searched for by one key. */
  private static final int MAX_FOUND = 1_000;

  private final BrokerOptions options;
  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Appender appender;
  private final Dispatcher dispatcher;
  private final Reader reader;
  private final Waiting waiting;

  private Timers timers;

  Admin(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Appender appender,
      Dispatcher dispatcher,
      Reader reader,
      Waiting waiting) {
    this.options = options;
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.appender = appender;
    this.dispatcher = dispatcher;
    this.reader = reader;
    this.waiting = waiting;
  }

  /** Gives what is made after this. */
  void connect(Timers timers) {
    this.timers = timers;
  }

  /** Takes a request; answered once. */
  void handle(AdminRequest request, Answer<BusMessage> answer) {
    if (request instanceof GetTopic get) {
      answer.succeed(topic(userTopic(get.topic())));
    } else if (request instanceof ListTopics) {
      answer.succeed(topics());
    } else if (request instanceof GetGroup get) {
      answer.succeed(catalog.existingGroup(get.group()).config);
    } else if (request instanceof ListGroups) {
      answer.succeed(
          new Groups(state.groups.values().stream().map(group -> group.config).toList()));
    } else if (request instanceof GetBroker) {
      answer.succeed(broker());
    } else if (request instanceof GetLag get) {
      complete(lag(catalog.existingGroup(get.group())), answer);
    } else if (request instanceof FindByKey find) {
      complete(findByKey(find), answer);
    } else if (request instanceof FindByPhysicalOffset find) {
      complete(findByPhysicalOffset(find), answer);
    } else {
      change(request, answer);
    }
  }

  private void change(AdminRequest request, Answer<BusMessage> answer) {
    log.checkWritable();
    if (request instanceof PutTopic put) {
      checkRetention(put.config());
      TopicState topic = catalog.putTopic(put.config());
      whenRecorded(topic(topic), answer);
    } else if (request instanceof DeleteTopic delete) {
      deleteTopic(delete.topic());
      whenRecorded(Done.DONE, answer);
    } else if (request instanceof PutGroup put) {
      whenRecorded(catalog.putGroup(put.config()).config, answer);
    } else if (request instanceof DeleteGroup delete) {
      deleteGroup(delete.group(), delete.keepPositions());
      whenRecorded(Done.DONE, answer);
    } else if (request instanceof Recall recall) {
      recall(recall, answer);
    } else if (request instanceof SetPosition set) {
      setPosition(set, answer);
    } else {
      throw new IllegalStateException("no answer for " + request);
    }
  }

  /** A topic's messages are in segments with all others', which go at the store's time. */
  private void checkRetention(TopicConfig config) {
    long mostMs = options.getStore().retentionAge().toMillis();
    if (config.retentionMs() > mostMs) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "retention: found "
              + Durations.format(config.retentionMs())
              + ", allowed is at most "
              + Durations.format(mostMs)
              + ", the Broker's store.retention; raise that first");
    }
  }

  private void recall(Recall recall, Answer<BusMessage> answer) {
    timers
        .recall(recall.topic(), recall.messageId())
        .onComplete(
            done -> {
              if (done.failed()) {
                answer.fail(Refusals.ofFailure(done.cause()));
              } else if (done.result()) {
                whenRecorded(Done.DONE, answer);
              } else {
                answer.fail(
                    new SluiceException(
                        ErrorCode.CONFLICT,
                        "the message '" + recall.messageId() + "' was delivered already"));
              }
            });
  }

  private void whenRecorded(BusMessage reply, Answer<BusMessage> answer) {
    log.whenRecorded(options.getDefaultAck(), Answer.mapped(answer, nothing -> reply));
  }

  private TopicState userTopic(String name) {
    TopicState topic = catalog.existingTopic(name);
    Catalog.checkTopicName(name);
    return topic;
  }

  private Topic topic(TopicState topic) {
    long[] minOffsets = new long[topic.queuesEver];
    long[] maxOffsets = new long[topic.queuesEver];
    for (int queueId = 0; queueId < minOffsets.length; queueId++) {
      ConsumeQueue queue = catalog.queue(topic, queueId);
      minOffsets[queueId] = queue.minOffset();
      maxOffsets[queueId] = queue.maxOffset();
    }
    return new Topic(topic.config, minOffsets, maxOffsets);
  }

  private Topics topics() {
    List<TopicState> ofUsers =
        state.topics.values().stream().filter(topic -> !Names.isSystemTopic(topic.name())).toList();
    return new Topics(
        ofUsers.stream().map(topic -> topic.config).toList(),
        ofUsers.stream().mapToInt(topic -> topic.queuesEver).toArray());
  }

  private void deleteTopic(String name) {
    TopicState topic = userTopic(name);
    List<Consumption> consumptions = List.copyOf(topic.consumptions);
    catalog.deleteTopic(name);
    appender.forgetTopics();
    SluiceException gone =
        new SluiceException(ErrorCode.TOPIC_NOT_FOUND, "the topic '" + name + "' was deleted");
    for (Consumption consumption : consumptions) {
      dispatcher.fail(consumption, gone);
    }
    reader.fail(topic, gone);
  }

  private void deleteGroup(String name, boolean keepPositions) {
    List<Consumption> consumptions = List.copyOf(catalog.groupOrAside(name).consumptions.values());
    if (keepPositions) {
      catalog.putGroupAside(name);
    } else {
      catalog.deleteGroup(name);
    }
    SluiceException gone =
        new SluiceException(ErrorCode.GROUP_NOT_FOUND, "the group '" + name + "' was deleted");
    for (Consumption consumption : consumptions) {
      dispatcher.fail(consumption, gone);
    }
  }

  private void setPosition(SetPosition set, Answer<BusMessage> answer) {
    TopicState topic = userTopic(set.topic());
    boolean byOffsets = set.to() == null;
    if (set.queueIds() != null) {
      checkQueues(topic, set.queueIds());
    }
    if (byOffsets
        && (set.queueIds() == null
            || set.queueOffsets() == null
            || set.queueIds().length != set.queueOffsets().length)) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "a position needs either 'to' or an offset for each queue");
    }
    if (byOffsets) {
      checkOffsets(topic, set.queueIds(), set.queueOffsets());
    }
    Future<Positions> positions =
        catalog
            .consume(set.group(), set.topic(), StartPosition.EARLIEST)
            .compose(
                consumption ->
                    byOffsets
                        ? Future.succeededFuture(
                            position(consumption, set.queueIds(), set.queueOffsets()))
                        : catalog
                            .startOffsets(topic, set.to())
                            .map(offsets -> position(consumption, set.queueIds(), topic, offsets)));
    positions.onComplete(
        done -> {
          if (done.succeeded()) {
            whenRecorded(done.result(), answer);
          } else {
            answer.fail(Refusals.ofFailure(done.cause()));
          }
        });
  }

  private static void checkQueues(TopicState topic, int[] queueIds) {
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
  }

  private void checkOffsets(TopicState topic, int[] queueIds, long[] offsets) {
    for (int i = 0; i < queueIds.length; i++) {
      int queueId = queueIds[i];
      ConsumeQueue queue = catalog.queue(topic, queueId);
      if (offsets[i] < queue.minOffset() || offsets[i] > queue.maxOffset()) {
        throw new SluiceException(
            ErrorCode.OFFSET_OUT_OF_RANGE,
            "the offset is "
                + offsets[i]
                + "; queue "
                + queueId
                + " of '"
                + topic.name()
                + "' has "
                + queue.minOffset()
                + " to "
                + queue.maxOffset());
      }
    }
  }

  /**
   * Sets some queues, or all where none are named.
   *
   * @param ofAll offsets of all queues of the topic
   */
  private Positions position(
      Consumption consumption, int[] queueIds, TopicState topic, long[] ofAll) {
    int[] wanted = queueIds == null ? allQueues(topic) : queueIds;
    long[] offsets = new long[wanted.length];
    for (int i = 0; i < wanted.length; i++) {
      offsets[i] = ofAll[wanted[i]];
    }
    return position(consumption, wanted, offsets);
  }

  private Positions position(Consumption consumption, int[] queueIds, long[] offsets) {
    for (int i = 0; i < queueIds.length; i++) {
      consumption.cursor(queueIds[i]).position(offsets[i], log.changes());
    }
    dispatcher.touch(consumption);
    return new Positions(queueIds, offsets);
  }

  private static int[] allQueues(TopicState topic) {
    int[] queueIds = new int[topic.queuesEver];
    for (int i = 0; i < queueIds.length; i++) {
      queueIds[i] = i;
    }
    return queueIds;
  }

  private Future<Lag> lag(GroupState group) {
    log.recordAdvances();
    List<Future<QueueLag>> queues = new ArrayList<>();
    for (Consumption consumption : group.consumptions.values()) {
      for (int place = 0; place < consumption.places(); place++) {
        queues.add(queueLag(consumption, consumption.queueIdAt(place)));
      }
    }
    return Future.all(queues)
        .map(done -> new Lag(group.name(), queues.stream().map(Future::result).toList()));
  }

  private Future<QueueLag> queueLag(Consumption consumption, int queueId) {
    ConsumeQueue queue = catalog.queue(consumption, queueId);
    QueueCursor cursor = consumption.cursor(queueId);
    long committed = Math.max(cursor.committedOffset(), queue.minOffset());
    QueueLag lag = queueLag(consumption, queue, cursor, committed, -1);
    if (lag.waiting() == 0 || committed >= queue.maxOffset()) {
      return Future.succeededFuture(lag);
    }
    return storedAtMs(queue, committed)
        .map(storedAtMs -> queueLag(consumption, queue, cursor, committed, storedAtMs));
  }

  private static QueueLag queueLag(
      Consumption consumption,
      ConsumeQueue queue,
      QueueCursor cursor,
      long committed,
      long oldestStoredAtMs) {
    Unsettled unsettled = cursor.unsettled();
    long nextOffset = Math.max(cursor.nextOffset(), queue.minOffset());
    return new QueueLag(
        consumption.topic.name(),
        queue.queueId(),
        committed,
        nextOffset,
        queue.maxOffset(),
        queue.maxOffset() - nextOffset + unsettled.count(),
        unsettled.leasedCount(),
        unsettled.retryingCount(),
        oldestStoredAtMs);
  }

  private Future<Long> storedAtMs(ConsumeQueue queue, long offset) {
    if (store.isWarm(queue, offset, 1)) {
      return Future.succeededFuture(storedAtMsNow(queue, offset));
    }
    return Future.fromCompletionStage(store.warm(queue, offset, 1, Long.MAX_VALUE, true))
        .map(warm -> storedAtMsNow(queue, offset));
  }

  private long storedAtMsNow(ConsumeQueue queue, long offset) {
    if (offset < queue.minOffset() || offset >= queue.maxOffset()) {
      return -1;
    }
    BlockBuilder builder = store.newBlock(1);
    builder.add(queue.physicalOffset(offset), queue.recordBytes(offset));
    try (MessageBlock block = builder.build()) {
      return block.view(0, new MessageView()).storedAtMs();
    }
  }

  private Future<Found> findByKey(FindByKey find) {
    userTopic(find.topic());
    int max = Math.min(Math.max(1, find.max()), MAX_FOUND);
    return Future.fromCompletionStage(
            store.findByKey(find.topic(), find.key(), max, find.fromMs(), find.toMs()))
        .map(Found::new);
  }

  private Future<Found> findByPhysicalOffset(FindByPhysicalOffset find) {
    return Future.fromCompletionStage(store.findByPhysicalOffset(find.physicalOffset()))
        .map(
            block -> {
              boolean hidden =
                  block.count() > 0
                      && Names.isSystemTopic(block.view(0, new MessageView()).topic());
              if (!hidden) {
                return new Found(block);
              }
              block.close();
              return new Found(MessageBlock.empty());
            });
  }

  private BrokerInfo broker() {
    StoreException refusal = store.refusal();
    boolean writable = refusal == null || refusal.kind() == StoreException.Kind.BUSY;
    long[] leases = new long[1];
    for (Consumption consumption : state.consumptions()) {
      consumption.forEachCursor(cursor -> leases[0] += cursor.unsettled().leasedCount());
    }
    return new BrokerInfo(
        options.getBrokerName(),
        store.minPhysicalOffset(),
        store.maxPhysicalOffset(),
        store.forcedPhysicalOffset(),
        writable,
        writable ? null : refusal.getMessage(),
        appender.messagesIn(),
        dispatcher.messagesOut() + reader.messagesOut(),
        waiting.count(),
        leases[0],
        appender.repeats().recognised(),
        appender.repeats().size());
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
