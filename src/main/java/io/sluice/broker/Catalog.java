package io.sluice.broker;

import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.GroupDeleted;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.GroupPutAside;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.sluice.message.QueueSelector;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;

/**
 * Topics and groups as they come and go: checks names and bounds, makes them on first use, records
 * each change. Owned by the Broker's event loop.
 */
final class Catalog {

  /** Hears of topics that come, change or go. */
  interface Listener {
    /** The topics are not as before. */
    void topicsChanged();
  }

  private final BrokerOptions options;
  private final MessageStore store;
  private final BrokerState state;
  private final StateLog log;
  private final List<Listener> listeners = new ArrayList<>();
  private Supplier<SluiceException> refusal;

  Catalog(BrokerOptions options, MessageStore store, BrokerState state, StateLog log) {
    this.options = options;
    this.store = store;
    this.state = state;
    this.log = log;
  }

  void addListener(Listener listener) {
    listeners.add(listener);
  }

  /** The store's queue of a topic. */
  ConsumeQueue queue(TopicState topic, int queueId) {
    if (queueId >= topic.queues.length) {
      topic.queues = Arrays.copyOf(topic.queues, Math.max(queueId + 1, topic.queuesEver));
    }
    ConsumeQueue queue = topic.queues[queueId];
    if (queue == null) {
      queue = store.queue(topic.name(), queueId);
      topic.queues[queueId] = queue;
    }
    return queue;
  }

  /** The queue of a topic that a message with this selector goes to; any one in turn. */
  ConsumeQueue queueFor(TopicState topic, long selector) {
    int queues = topic.config.queues();
    if (QueueSelector.isQueue(selector)) {
      return queue(topic, (int) selector);
    }
    if (QueueSelector.isOrderingKey(selector)) {
      return queue(topic, QueueSelector.queueOfKey(selector, queues));
    }
    int queueId = topic.turn % queues;
    topic.turn = queueId + 1 < queues ? queueId + 1 : 0;
    return queue(topic, queueId);
  }

  /** The store's queue that a group consumes: one of the topic's, or that of what was redriven. */
  ConsumeQueue queue(Consumption consumption, int queueId) {
    if (queueId != Names.REDRIVE_QUEUE_ID) {
      return queue(consumption.topic, queueId);
    }
    if (consumption.redriveQueue == null) {
      consumption.redriveQueue = store.queue(consumption.redriveTopic(), queueId);
    }
    return consumption.redriveQueue;
  }

  /** The topic, or null if there is none. */
  TopicState topic(String name) {
    return state.topics.get(name);
  }

  /**
   * The topic to be sent to; made if it is new and that is allowed.
   *
   * @throws SluiceException if its name is not allowed, or it is not there and not to be made
   */
  TopicState topicForUse(String name) {
    TopicState topic = name == null ? null : state.topics.get(name);
    return topic != null ? topic : makeTopic(name);
  }

  /** The topic. @throws SluiceException TOPIC_NOT_FOUND */
  TopicState existingTopic(String name) {
    TopicState topic = name == null ? null : state.topics.get(name);
    if (topic == null) {
      throw topicNotFound(name);
    }
    return topic;
  }

  /** The group. @throws SluiceException GROUP_NOT_FOUND */
  GroupState existingGroup(String name) {
    GroupState group = name == null ? null : state.groups.get(name);
    if (group == null) {
      throw new SluiceException(
          ErrorCode.GROUP_NOT_FOUND,
          "there is no group '" + name + "'; it is made by its first receive, or by hand");
    }
    return group;
  }

  /** The group, made if it is new. */
  GroupState groupForUse(String name) {
    GroupState group = name == null ? null : state.groups.get(name);
    return group != null ? group : putGroup(newGroup(name));
  }

  /** The topic of a group's dead letters; made if it is new, whatever is allowed to users. */
  TopicState deadLetterTopic(String group) {
    String name = Names.deadLetterTopic(group);
    TopicState topic = state.topics.get(name);
    return topic != null ? topic : putTopic(TopicConfig.of(name, 1));
  }

  /** Makes or changes a topic. */
  TopicState putTopic(TopicConfig config) {
    checkTopicName(config.name());
    if (config.queues() < 1 || config.queues() > TopicConfig.MAX_QUEUES) {
      throw invalid("queues is " + config.queues() + "; allowed is 1 to " + TopicConfig.MAX_QUEUES);
    }
    if ((config.permission() & ~(TopicConfig.READ | TopicConfig.WRITE)) != 0) {
      throw invalid(
          "permission is " + config.permission() + "; allowed is 2 (write), 4 (read) or 6 (both)");
    }
    String problem = config.attributeProblem();
    if (problem != null) {
      throw invalid(problem);
    }
    TopicState before = state.topics.get(config.name());
    if (before == null && state.topics.size() >= options.getMaxTopics()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are "
              + state.topics.size()
              + " topics, as many as maxTopics allows; delete some or raise it");
    }
    int queuesBefore = before == null ? 0 : before.queuesEver;
    record(new TopicPut(config, Math.max(config.queues(), queuesBefore), new long[0]));
    changed();
    return state.topics.get(config.name());
  }

  /** Deletes a topic, its messages and every position in it. */
  void deleteTopic(String name) {
    List<String> gone = new ArrayList<>(redriveTopics(existingTopic(name).consumptions));
    gone.add(name);
    gone.forEach(topic -> record(new TopicDeleted(topic)));
    log.flush();
    gone.forEach(store::deleteTopic);
    changed();
  }

  /** Refuses to give anything to a group that is switched off. */
  void checkConsumes(GroupConfig config) {
    if (!config.isOn(GroupConfig.CONSUME_ENABLE)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION,
          "the group '"
              + config.name()
              + "' is switched off (consumeEnable=false); switch it on to consume");
    }
  }

  /** How a group begins that is made by its first use. */
  GroupConfig newGroup(String name) {
    return new GroupConfig(
        name,
        GroupConfig.DEFAULT_MAX_ATTEMPTS,
        options.getRetryDelaysMs(),
        GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS);
  }

  /** Makes or changes a group. */
  GroupState putGroup(GroupConfig config) {
    checkGroupName(config.name());
    if (config.maxAttempts() < 1) {
      throw invalid("maxAttempts is " + config.maxAttempts() + "; allowed is 1 or more");
    }
    if (config.orderedRetryDelayMs() < 0
        || config.retryDelaysMs().stream().anyMatch(delayMs -> delayMs < 0)) {
      throw invalid("a retry delay is negative; allowed is 0 or more");
    }
    checkRoomForGroup(config.name());
    record(new GroupPut(config));
    return state.groups.get(config.name());
  }

  private void checkRoomForGroup(String name) {
    int aside = state.groupsAside.size();
    int all = state.groups.size() + aside;
    boolean isNew = !state.groups.containsKey(name) && !state.groupsAside.containsKey(name);
    if (isNew && all >= options.getMaxGroups()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are "
              + all
              + " groups, as many as maxGroups allows"
              + (aside == 0 ? "" : ", " + aside + " of them deleted but for their positions")
              + "; delete some or raise it");
    }
  }

  /**
   * A group that is there, or what is left of one that was deleted.
   *
   * @throws SluiceException GROUP_NOT_FOUND
   */
  GroupState groupOrAside(String name) {
    GroupState aside = name == null ? null : state.groupsAside.get(name);
    return aside == null ? existingGroup(name) : aside;
  }

  /** Deletes a group whose positions stay for when one of its name is made again. */
  void putGroupAside(String name) {
    checkDeletable(name);
    existingGroup(name);
    record(new GroupPutAside(name));
  }

  private static void checkDeletable(String name) {
    if (Names.isSystemGroup(name)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION,
          "the group '" + name + "' belongs to the system; it can not be deleted");
    }
  }

  /** Deletes a group and its positions, also those of one that was put aside. */
  void deleteGroup(String name) {
    checkDeletable(name);
    List<String> gone = redriveTopics(groupOrAside(name).consumptions.values());
    record(new GroupDeleted(name));
    if (!gone.isEmpty()) {
      gone.forEach(topic -> record(new TopicDeleted(topic)));
      log.flush();
      gone.forEach(store::deleteTopic);
    }
  }

  /** The topics of what was redriven: they go with the consumption. */
  private static List<String> redriveTopics(Collection<Consumption> consumptions) {
    return consumptions.stream()
        .filter(consumption -> consumption.redriven() != null)
        .map(Consumption::redriveTopic)
        .toList();
  }

  /**
   * What a group consumes of a topic; both made if they are new. Completes at once unless a start
   * by time must be looked up.
   */
  Future<Consumption> consume(String groupName, String topicName, StartPosition from) {
    Consumption known = state.consumption(groupName, topicName);
    if (known != null) {
      return Future.succeededFuture(known);
    }
    checkGroupName(groupName);
    TopicState topic = topicForUse(topicName);
    groupForUse(groupName);
    return startOffsets(topic, from).map(offsets -> makeConsumption(groupName, topic, offsets));
  }

  /** As {@link #consume}, beginning at these offsets. */
  Consumption consumeAt(String groupName, TopicState topic, long[] offsets) {
    checkGroupName(groupName);
    groupForUse(groupName);
    return makeConsumption(groupName, topic, offsets);
  }

  /** For each queue of a topic the offset that a position stands for. */
  Future<long[]> startOffsets(TopicState topic, StartPosition from) {
    long[] offsets = new long[topic.queuesEver];
    List<Future<Long>> asked = new ArrayList<>();
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      ConsumeQueue queue = queue(topic, queueId);
      StartPosition.Kind kind = from == null ? StartPosition.Kind.EARLIEST : from.kind();
      switch (kind) {
        case EARLIEST -> offsets[queueId] = queue.minOffset();
        case LATEST -> offsets[queueId] = queue.maxOffset();
        case TIME -> {
          int at = queueId;
          Future<Long> offset =
              Future.fromCompletionStage(store.offsetAtTime(queue, from.timeMs()));
          asked.add(offset.onSuccess(found -> offsets[at] = found));
        }
        default -> throw new IllegalStateException("no start of kind " + kind);
      }
    }
    return asked.isEmpty()
        ? Future.succeededFuture(offsets)
        : Future.all(asked).map(done -> offsets);
  }

  /** Refuses a name that users may not use for a topic. */
  static void checkTopicName(String name) {
    String problem = Names.topicProblem(name);
    if (problem != null) {
      throw new SluiceException(ErrorCode.INVALID_TOPIC, problem);
    }
    if (Names.isSystemTopic(name)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic '" + name + "' belongs to the system");
    }
  }

  private static void checkGroupName(String name) {
    String problem = Names.groupProblem(name);
    if (problem != null) {
      throw new SluiceException(ErrorCode.INVALID_GROUP, problem);
    }
  }

  private TopicState makeTopic(String name) {
    checkTopicName(name);
    boolean derived =
        name.startsWith(Names.RETRY_PREFIX) || name.startsWith(Names.DEAD_LETTER_PREFIX);
    if (!options.isAutoCreateTopics() && !derived) {
      throw topicNotFound(name);
    }
    return putTopic(TopicConfig.of(name, derived ? 1 : options.getDefaultQueues()));
  }

  private Consumption makeConsumption(String groupName, TopicState topic, long[] offsets) {
    Consumption known = state.consumption(groupName, topic.name());
    if (known != null) {
      return known;
    }
    if (state.topics.get(topic.name()) != topic) {
      throw topicNotFound(topic.name());
    }
    if (!state.groups.containsKey(groupName)) {
      throw new SluiceException(
          ErrorCode.GROUP_NOT_FOUND, "the group '" + groupName + "' has just been deleted");
    }
    record(new ConsumptionMade(state.nextConsumption(), groupName, topic.name()));
    Consumption made = state.consumption(groupName, topic.name());
    for (int queueId = 0; queueId < offsets.length; queueId++) {
      if (offsets[queueId] != 0) {
        made.cursor(queueId).position(offsets[queueId], log.changes());
      }
    }
    return made;
  }

  /** Nothing can be changed here. */
  void refuseChanges(Supplier<SluiceException> refusal) {
    this.refusal = refusal;
  }

  private void record(StateChange change) {
    if (refusal != null) {
      throw refusal.get();
    }
    state.apply(change);
    log.changes().change(change);
    log.request();
  }

  /** Tells the listeners that the topics are not as before. */
  void changed() {
    for (Listener listener : listeners) {
      listener.topicsChanged();
    }
  }

  private static SluiceException topicNotFound(String name) {
    return new SluiceException(
        ErrorCode.TOPIC_NOT_FOUND,
        "there is no topic '" + name + "'; look for it in the list of topics, or make it first");
  }

  private static SluiceException invalid(String detail) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, detail);
  }
}
