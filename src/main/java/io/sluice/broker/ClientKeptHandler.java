package io.sluice.broker;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.CheckFilter;
import io.sluice.bus.ClientKept.Commit;
import io.sluice.bus.ClientKept.Consumers;
import io.sluice.bus.ClientKept.Disconnect;
import io.sluice.bus.ClientKept.EnsureTopic;
import io.sluice.bus.ClientKept.FindProducer;
import io.sluice.bus.ClientKept.GetConsumers;
import io.sluice.bus.ClientKept.GetGroupsOfTopic;
import io.sluice.bus.ClientKept.GetOffset;
import io.sluice.bus.ClientKept.GetProducers;
import io.sluice.bus.ClientKept.GetRetryTopic;
import io.sluice.bus.ClientKept.GroupNames;
import io.sluice.bus.ClientKept.Heartbeat;
import io.sluice.bus.ClientKept.Lock;
import io.sluice.bus.ClientKept.Locked;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Offset;
import io.sluice.bus.ClientKept.Outcome;
import io.sluice.bus.ClientKept.Producers;
import io.sluice.bus.ClientKept.Pull;
import io.sluice.bus.ClientKept.Pulled;
import io.sluice.bus.ClientKept.SendBack;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.ClientKept.Unlock;
import io.sluice.bus.ClientKept.Unregister;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.FrontNotice;
import io.sluice.bus.GroupAttributes;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBlock;
import io.sluice.message.Names;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Serves clients that keep the queues and offsets of their group themselves: {@link ClientKept}.
 *
 * <p>Their positions are those of the consumption core, as state changes in the log. Where such a
 * group has a position in some queues only, the others stand at {@link #NO_POSITION}: the clients
 * then apply their own rule of where to begin, and a group that goes over to leases begins there
 * with the first message.
 *
 * <p>Owned by the Broker's event loop.
 */
final class ClientKeptHandler {

  /** The position of a queue that a group of such clients has none in. */
  static final long NO_POSITION = -1;

  /** A client pops again when its wait is over, which is 15 s later by default, at most 60 s. */
  private static final long POPS_LIVE_MS = 90_000;

  /** RocketMQ's interval of the look for silent channels. */
  private static final long EXPIRE_EVERY_MS = 10_000;

  private final BrokerOptions options;
  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Reader reader;
  private final Dispatcher dispatcher;
  private final Clock clock;
  private final ClientRegistry registry = new ClientRegistry();
  private final QueueLocks locks;
  private final SendBacks sendBacks;

  /** Positions set by an operator that the group's clients have not heard of yet. */
  private final Map<ResetKey, Long> resets = new HashMap<>();

  private Vertx vertx;
  private boolean slave;

  private record ResetKey(String group, String topic, int queueId) {}

  ClientKeptHandler(
      BrokerOptions options,
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Reader reader,
      Dispatcher dispatcher,
      Appender appender,
      QueueLocks locks,
      Clock clock) {
    this.locks = locks;
    sendBacks = new SendBacks(options, store, catalog, appender, locks, clock);
    this.options = options;
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.reader = reader;
    this.dispatcher = dispatcher;
    this.clock = clock;
  }

  /** Who sends in a group now. */
  List<Member> producers(String group) {
    return registry.producers(group);
  }

  /** Begins to look for clients that fell silent. */
  void start(Vertx vertx) {
    this.vertx = vertx;
    vertx.setPeriodic(
        EXPIRE_EVERY_MS,
        timer -> {
          tell(registry.expire(clock.nowMs()));
          expireLocks();
          resets.keySet().removeIf(reset -> !registry.isOnline(reset.group()));
        });
  }

  /** Serves as a slave: nothing is recorded. */
  void serveAsSlave() {
    slave = true;
  }

  /** Takes a request; answered once. */
  void handle(ClientKept request, Answer<BusMessage> answer) {
    if (request instanceof Pull pull) {
      pull(pull, answer);
    } else if (request instanceof Commit commit) {
      commit(commit, answer);
    } else if (request instanceof SendBack sendBack) {
      sendBacks.sendBack(sendBack, answer);
    } else {
      answer.succeed(answer(request));
    }
  }

  private BusMessage answer(ClientKept request) {
    if (request instanceof GetOffset get) {
      return offset(get);
    } else if (request instanceof Heartbeat heartbeat) {
      return heartbeat(heartbeat);
    } else if (request instanceof Unregister gone) {
      tell(registry.unregister(gone.holder(), gone.producerGroup(), gone.consumerGroup()));
    } else if (request instanceof Disconnect gone) {
      tell(registry.disconnect(gone.holder()));
    } else if (request instanceof GetConsumers get) {
      return consumers(get.group());
    } else if (request instanceof GetProducers get) {
      return new Producers(registry.producers(get.group()));
    } else if (request instanceof FindProducer find) {
      return new Producers(registry.producersOf(find.clientId()));
    } else if (request instanceof GetGroupsOfTopic get) {
      return groupsOf(get.topic());
    } else if (request instanceof EnsureTopic ensure) {
      return ensureTopic(ensure);
    } else if (request instanceof GetRetryTopic get) {
      return sendBacks.retryTopic(get);
    } else if (request instanceof CheckFilter check) {
      MessageFilter.of(check.filter());
    } else if (request instanceof Lock lock) {
      return lock(lock);
    } else if (request instanceof Unlock unlock) {
      locks.unlock(unlock.group(), unlock.clientId(), unlock.queues());
      unlock.queues().forEach(queue -> touch(unlock.group(), queue.topic()));
    } else {
      throw new SluiceException(ErrorCode.NOT_SUPPORTED, "no way to answer " + request);
    }
    return Done.DONE;
  }

  /** Who sends, by group. */
  Map<String, List<Member>> producers() {
    return registry.producers();
  }

  /** Whether clients that keep their queues themselves live in a group. */
  boolean hasClients(String group) {
    return registry.isOnline(group);
  }

  /** Grants locks of queues that nothing is leased in: those leases may be in order too. */
  private Locked lock(Lock lock) {
    List<ClientKept.Queue> free = new ArrayList<>();
    for (ClientKept.Queue queue : lock.queues()) {
      Consumption consumption = state.consumption(lock.group(), queue.topic());
      QueueCursor cursor =
          consumption == null || queue.queueId() < 0
              ? null
              : consumption.cursorIfAny(queue.queueId());
      if (cursor == null || cursor.unsettled().leasedCount() == 0) {
        free.add(queue);
      }
    }
    return new Locked(locks.lock(lock.group(), lock.clientId(), free, clock.nowMs()));
  }

  /** Has those looked at who may wait for a lock to be over. */
  private void expireLocks() {
    for (String group : locks.groups()) {
      locks.lockedTopics(group).forEach(topic -> touch(group, topic));
    }
    locks.expire(clock.nowMs());
  }

  private void touch(String group, String topic) {
    Consumption consumption = state.consumption(group, topic);
    if (consumption != null && consumption.isAwaited()) {
      dispatcher.touch(consumption);
    }
  }

  /**
   * Refuses leases in a group whose live clients share the topic's queues among themselves: each
   * side would hand out what the other one has.
   */
  void checkLeasesAllowed(String group, String topic) {
    if (shares(group, topic)) {
      throw sharedByClients(group, topic);
    }
  }

  /**
   * Has the live clients of a group look at once for what is theirs. What they wait for now ends,
   * so that no wait of the former way is answered with messages.
   */
  void wake(String group) {
    registry.consumers(group).forEach(member -> dispatcher.release(member.holder()));
    tell(Set.of(group));
  }

  /** Refuses pops where live clients share the topic's queues and were not told to pop. */
  void checkPopsAllowed(String group, String topic) {
    if (registry.shares(group, topic) && !state.requestModes.isPopped(group, topic)) {
      throw sharedByClients(group, topic);
    }
  }

  /**
   * Whether the group's clients were told to pop and do it. Clients that share the queues by
   * themselves never ask and go on to pull; as long as nobody pops they may.
   */
  private boolean isPopped(String group, String topic) {
    if (!state.requestModes.isPopped(group, topic)) {
      return false;
    }
    Consumption consumption = state.consumption(group, topic);
    return consumption != null && clock.nowMs() - consumption.lastPopMs < POPS_LIVE_MS;
  }

  /** Whether live clients of the group read its retry topic, in whatever mode. */
  boolean readRetries(String group) {
    return registry.shares(group, Names.RETRY_PREFIX + group);
  }

  /** Whether live clients of the group share the topic's queues among themselves. */
  boolean shares(String group, String topic) {
    return registry.shares(group, topic) && !isPopped(group, topic);
  }

  /**
   * Sees to it that live clients go where an operator has set their group's position: what they
   * commit is passed over until each has pulled once and been told. Their waiting pulls end at
   * once.
   */
  Answer<BusMessage> following(AdminRequest request, Answer<BusMessage> answer) {
    if (!(request instanceof AdminRequest.SetPosition set) || !shares(set.group(), set.topic())) {
      return answer;
    }
    return new Answer<>() {
      @Override
      public void succeed(BusMessage reply) {
        follow(set.group(), set.topic(), (AdminRequest.Positions) reply);
        answer.succeed(reply);
      }

      @Override
      public void fail(SluiceException failure) {
        answer.fail(failure);
      }
    };
  }

  private void follow(String group, String topicName, AdminRequest.Positions positions) {
    TopicState topic = catalog.topic(topicName);
    if (topic == null) {
      return;
    }
    for (int i = 0; i < positions.queueIds().length; i++) {
      int queueId = positions.queueIds()[i];
      long queueOffset = positions.queueOffsets()[i];
      resets.put(new ResetKey(group, topicName, queueId), queueOffset);
      // A commit may have come in between.
      position(cursor(group, topic, queueId), queueOffset);
    }
    registry.consumers(group).forEach(member -> dispatcher.release(member.holder()));
  }

  private static SluiceException sharedByClients(String group, String topic) {
    return new SluiceException(
        ErrorCode.CONFLICT,
        "RocketMQ clients share the queues of '"
            + topic
            + "' in the group '"
            + group
            + "' now; stop them or use another group");
  }

  private void pull(Pull pull, Answer<BusMessage> answer) {
    if (!slave) {
      catalog.groupForUse(pull.group());
      checkEnabled(pull.group());
    }
    TopicState topic = catalog.existingTopic(pull.topic());
    checkQueue(topic, pull.queueId());
    if (isPopped(pull.group(), pull.topic()) && registry.shares(pull.group(), pull.topic())) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the group '"
              + pull.group()
              + "' pops the messages of '"
              + pull.topic()
              + "' now (request mode POP); set the mode to PULL for pulls");
    }
    Filter filter = pull.filter() != null ? pull.filter() : subscribed(pull);
    Long reset = resets.remove(new ResetKey(pull.group(), pull.topic(), pull.queueId()));
    long handedOver = handedOver(pull.group(), topic, pull.queueId());
    if (reset == null && pull.commitOffset() >= handedOver && !slave) {
      advance(cursor(pull.group(), topic, pull.queueId()), pull.commitOffset());
    }
    ConsumeQueue queue = catalog.queue(topic, pull.queueId());
    long wanted = Math.max(handedOver, pull.queueOffset());
    long nearest = nearest(queue, reset == null ? wanted : reset);
    if (slave && nearest < pull.queueOffset()) {
      // The master had more: sent back, the client would have messages twice.
      vertx.setTimer(
          Math.max(1, pull.waitMs()),
          id ->
              answer.succeed(
                  without(
                      Outcome.EMPTY, pull.queueOffset(), queue.minOffset(), queue.maxOffset())));
      return;
    }
    if (nearest != pull.queueOffset()) {
      answer.succeed(without(Outcome.MOVED, nearest, queue.minOffset(), queue.maxOffset()));
      return;
    }
    // What a filter passes over moves the client on at once, as in RocketMQ 5.5.0
    // (NO_MATCHED_MESSAGE); a wait comes after that.
    boolean looksFirst = pull.waitMs() > 0 && !filter.equals(Filter.ALL);
    read(pull, filter, queue, looksFirst ? 0 : pull.waitMs(), answer);
  }

  private void read(
      Pull pull, Filter filter, ConsumeQueue queue, long waitMs, Answer<? super Pulled> answer) {
    reader.read(
        new ReadRequest(
            pull.topic(),
            new int[] {pull.queueId()},
            new long[] {pull.queueOffset()},
            null,
            pull.max(),
            pull.maxBytes(),
            waitMs,
            filter,
            pull.holder()),
        new Answer<>() {
          @Override
          public void succeed(ReadReply reply) {
            if (waitMs < pull.waitMs()
                && reply.messages().count() == 0
                && reply.nextOffsets()[0] == pull.queueOffset()) {
              reply.messages().close();
              read(pull, filter, queue, pull.waitMs(), answer);
              return;
            }
            count(pull, reply);
            answer.succeed(pulled(pull, reply, suggested(pull, queue)));
          }

          @Override
          public void fail(SluiceException failure) {
            answer.fail(failure);
          }
        });
  }

  private void count(Pull pull, ReadReply reply) {
    Consumption consumption = state.consumption(pull.group(), pull.topic());
    if (consumption != null) {
      consumption.messagesOut += reply.messages().count();
    }
  }

  private void checkEnabled(String group) {
    GroupConfig config = catalog.existingGroup(group).config;
    catalog.checkConsumes(config);
    if (!config.isOn(GroupConfig.CONSUME_BROADCAST_ENABLE) && registry.isBroadcast(group)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION,
          "the group '" + group + "' must not consume in the broadcast model");
    }
  }

  private Filter subscribed(Pull pull) {
    Subscription subscription = registry.subscription(pull.group(), pull.topic());
    if (subscription == null) {
      throw new SluiceException(
          ErrorCode.SUBSCRIPTION_NOT_FOUND,
          "no client of the group '"
              + pull.group()
              + "' has said in a heartbeat that it wants '"
              + pull.topic()
              + "'");
    }
    if (subscription.version() < pull.subscriptionVersion()) {
      if (pull.checksTags()) {
        // RocketMQ's client renews its version at each rebalance and may fail to say so for 30 s.
        return Filter.ALL;
      }
      throw new SluiceException(
          ErrorCode.SUBSCRIPTION_NOT_LATEST,
          "the subscription of '"
              + pull.group()
              + "' to '"
              + pull.topic()
              + "' has the version "
              + subscription.version()
              + " here, the pull has "
              + pull.subscriptionVersion());
    }
    return subscription.filter();
  }

  /** The offset itself if it is in the queue or at its end, else the end that is nearer. */
  private static long nearest(ConsumeQueue queue, long queueOffset) {
    return Math.max(queue.minOffset(), Math.min(queue.maxOffset(), queueOffset));
  }

  /**
   * Who is so far behind that messages come from the disk is sent to a slave, if that is wanted; a
   * slave sends those back who are not. As RocketMQ 5.5.0 does, PullMessageProcessor.
   */
  private long suggested(Pull pull, ConsumeQueue queue) {
    if (options.getSlaveReadsBehind() == BrokerOptions.NO_SLAVE_READS
        || pull.queueOffset() >= queue.maxOffset()
        || pull.queueOffset() < queue.minOffset()) {
      return 0;
    }
    long behind = store.maxPhysicalOffset() - queue.physicalOffset(pull.queueOffset());
    GroupState group = state.groups.get(pull.group());
    boolean slow = behind > options.getSlaveReadsBehind();
    String broker =
        group == null
            ? null
            : group
                .config
                .attributes()
                .get(slow ? GroupAttributes.BROKER_WHEN_SLOW : GroupAttributes.BROKER);
    try {
      return broker == null ? (slow ? 1 : 0) : Long.parseLong(broker);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static Pulled pulled(Pull pull, ReadReply reply, long suggested) {
    long next = reply.nextOffsets()[0];
    long min = reply.minOffsets()[0];
    long max = reply.maxOffsets()[0];
    if (reply.messages().count() > 0) {
      return new Pulled(
          Outcome.FOUND,
          reply.messages(),
          next,
          min,
          max,
          reply.dispatchedNs(),
          reply.receivedNs(),
          suggested);
    }
    reply.messages().close();
    if (next == pull.queueOffset()) {
      return without(Outcome.EMPTY, next, min, max);
    }
    // Before the first offset means that the messages were deleted while the pull waited.
    Outcome outcome = pull.queueOffset() < min ? Outcome.MOVED : Outcome.PASSED_OVER;
    return without(outcome, next, min, max);
  }

  private static Pulled without(Outcome outcome, long next, long min, long max) {
    return new Pulled(outcome, MessageBlock.empty(), next, min, max, 0, 0, 0);
  }

  private void commit(Commit commit, Answer<BusMessage> answer) {
    catalog.existingGroup(commit.group());
    TopicState topic = catalog.existingTopic(commit.topic());
    checkQueue(topic, commit.queueId());
    boolean late = commit.queueOffset() < handedOver(commit.group(), topic, commit.queueId());
    if (!late
        && !resets.containsKey(new ResetKey(commit.group(), commit.topic(), commit.queueId()))) {
      QueueCursor cursor = cursor(commit.group(), topic, commit.queueId());
      if (isPopped(commit.group(), commit.topic())) {
        // The last word of a client that pulled before: what it has done is done.
        cursor.settleBefore(commit.queueOffset(), log.changes());
      } else {
        position(cursor, commit.queueOffset());
      }
    }
    log.whenWritten(
        new Answer<>() {
          @Override
          public void succeed(Void nothing) {
            answer.succeed(Done.DONE);
          }

          @Override
          public void fail(SluiceException failure) {
            answer.fail(failure);
          }
        });
  }

  /**
   * What is before this offset of a retry topic went to consumers with leases. A client from before
   * that was thought dead neither gets it again nor takes the group's position back.
   */
  private long handedOver(String group, TopicState topic, int queueId) {
    Consumption known = topic.retriesOf == null ? null : state.consumption(group, topic.name());
    QueueCursor cursor = known == null ? null : known.cursorIfAny(queueId);
    return cursor == null ? 0 : cursor.handedOverBefore;
  }

  /** The group's place in a queue; made if it is the group's first in the topic. */
  private QueueCursor cursor(String group, TopicState topic, int queueId) {
    Consumption consumption = state.consumption(group, topic.name());
    if (consumption == null) {
      consumption = makeConsumption(group, topic);
    }
    return consumption.cursor(queueId);
  }

  /**
   * Takes the position that came with a pull. Nobody waits for it, so going on is recorded within a
   * second, with others, and before anybody is told of it; should the process die before, the
   * client is given that much again.
   */
  private void advance(QueueCursor cursor, long queueOffset) {
    if (queueOffset > cursor.nextOffset() && cursor.unsettled().count() == 0) {
      cursor.applyAdvance(queueOffset);
      log.changes().advanced(cursor);
    } else {
      position(cursor, queueOffset);
    }
  }

  /** Sets a position; what was leased in the queue is not any more. */
  private void position(QueueCursor cursor, long queueOffset) {
    if (cursor.nextOffset() == queueOffset && cursor.unsettled().count() == 0) {
      return;
    }
    cursor.position(queueOffset, log.changes());
    log.request();
    if (cursor.consumption.wasAwaited()) {
      dispatcher.touch(cursor.consumption);
    }
  }

  /**
   * Only the queue that is committed gets a position; in the others the clients begin by their
   * rule.
   */
  private Consumption makeConsumption(String group, TopicState topic) {
    // With the earliest start nothing has to be looked up, so it is made when the call returns.
    Consumption made = catalog.consume(group, topic.name(), StartPosition.EARLIEST).result();
    for (int queueId = 0; queueId < topic.queuesEver; queueId++) {
      made.cursor(queueId).position(NO_POSITION, log.changes());
    }
    return made;
  }

  private Offset offset(GetOffset get) {
    log.recordAdvances();
    TopicState topic = catalog.topic(get.topic());
    Consumption consumption = state.consumption(get.group(), get.topic());
    if (topic != null && get.queueId() >= 0 && get.queueId() < topic.queuesEver) {
      long known = consumption == null ? NO_POSITION : committed(get, consumption);
      if (known >= 0) {
        return new Offset(known);
      }
      if (get.zeroIfWhole() && isWhole(catalog.queue(topic, get.queueId()))) {
        return new Offset(0);
      }
    }
    throw new SluiceException(
        ErrorCode.MESSAGE_NOT_FOUND,
        "the group '"
            + get.group()
            + "' has no position in queue "
            + get.queueId()
            + " of '"
            + get.topic()
            + "'");
  }

  private long committed(GetOffset get, Consumption consumption) {
    QueueCursor cursor = consumption.cursorIfAny(get.queueId());
    if (cursor == null) {
      return 0;
    }
    int open =
        readRetries(get.group()) && cursor.holdsSharedRetries()
            ? cursor.unsettled().count()
            : cursor.unsettled().leasedCount();
    if (open > 0 && shares(get.group(), get.topic())) {
      // The group goes over from leases to such clients. Once those in flight are settled or over,
      // and what is to be tried again is in the retry topic, the clients begin where leases ended;
      // they ask again by themselves.
      dispatcher.lookForRetries(get.group());
      throw new SluiceException(
          ErrorCode.CONFLICT,
          open
              + " messages of queue "
              + get.queueId()
              + " of '"
              + get.topic()
              + "' are still leased or wait to be tried again in the group '"
              + get.group()
              + "'");
    }
    return cursor.committedOffset();
  }

  /**
   * Whether a new group may begin with the queue's first message: it is there, and reading it is
   * cheap. An empty queue counts: otherwise a message that comes before the client has asked for
   * the end would be passed over.
   */
  private boolean isWhole(ConsumeQueue queue) {
    return queue.minOffset() == 0 && (queue.maxOffset() == 0 || store.isWarm(queue, 0, 1));
  }

  private Done heartbeat(Heartbeat heartbeat) {
    for (Membership membership : slave ? List.<Membership>of() : heartbeat.memberships()) {
      catalog.groupForUse(membership.group());
      // Consumers look for its route when they start, and retries need it.
      catalog.topicForUse(Names.RETRY_PREFIX + membership.group());
    }
    tell(registry.heartbeat(heartbeat, clock.nowMs()));
    heartbeat.memberships().forEach(this::endWaitsForLeases);
    heartbeat.memberships().forEach(membership -> dispatcher.lookForRetries(membership.group()));
    return Done.DONE;
  }

  private void endWaitsForLeases(Membership membership) {
    for (Subscription subscription : membership.subscriptions()) {
      Consumption consumption = state.consumption(membership.group(), subscription.topic());
      if (consumption != null
          && consumption.wasAwaited()
          && shares(membership.group(), subscription.topic())) {
        dispatcher.fail(consumption, sharedByClients(membership.group(), subscription.topic()));
      }
    }
  }

  private Consumers consumers(String group) {
    Membership settings = registry.settings(group);
    if (settings == null) {
      throw new SluiceException(
          ErrorCode.CONSUMER_OFFLINE, "nobody consumes in the group '" + group + "' now");
    }
    return new Consumers(settings, registry.consumers(group));
  }

  private GroupNames groupsOf(String topic) {
    Set<String> groups = new TreeSet<>();
    registry.addGroupsOf(topic, groups);
    TopicState known = catalog.topic(topic);
    if (known != null) {
      known.consumptions.forEach(consumption -> groups.add(consumption.group.name()));
    }
    return new GroupNames(List.copyOf(groups));
  }

  private AdminRequest.Topic ensureTopic(EnsureTopic ensure) {
    TopicState topic = catalog.topic(ensure.topic());
    if (topic == null) {
      boolean derived =
          ensure.topic().startsWith(Names.RETRY_PREFIX)
              || ensure.topic().startsWith(Names.DEAD_LETTER_PREFIX);
      topic =
          derived || !options.isAutoCreateTopics()
              ? catalog.topicForUse(ensure.topic())
              : catalog.putTopic(TopicConfig.of(ensure.topic(), templateQueues(ensure)));
    }
    return new AdminRequest.Topic(topic.config, new long[0], new long[0]);
  }

  /** RocketMQ's rule: what the client wants, but no more than the template has. */
  private int templateQueues(EnsureTopic ensure) {
    TopicState template = ensure.template() == null ? null : catalog.topic(ensure.template());
    int most = template == null ? options.getDefaultQueues() : template.config.queues();
    return Math.max(1, Math.min(ensure.queues(), most));
  }

  private static void checkQueue(TopicState topic, int queueId) {
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

  /** Tells the clients of these groups, by the fronts that have their connections. */
  private void tell(Set<String> groups) {
    for (String group : groups) {
      Map<String, List<String>> holdersByFront = new LinkedHashMap<>();
      for (Member member : registry.consumers(group)) {
        holdersByFront
            .computeIfAbsent(Addresses.frontOf(member.holder()), front -> new ArrayList<>())
            .add(member.holder());
      }
      holdersByFront.forEach(
          (front, holders) ->
              vertx
                  .eventBus()
                  .send(
                      front,
                      new FrontNotice.GroupChanged(group, List.copyOf(holders)),
                      BusCodec.options(EXPIRE_EVERY_MS)));
    }
  }
}
