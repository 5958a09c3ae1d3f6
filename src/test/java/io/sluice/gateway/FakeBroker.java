package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.ReplyBundle;
import io.sluice.bus.RequestBundle;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.Message;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Answers the contract from lists in memory, so that the front can be tested by itself and every
 * failure of a Broker can be made to happen: {@link #failAppends}, {@link #silent}. Leases never
 * end by time. One event loop.
 */
final class FakeBroker extends VerticleBase {

  static final String NAME = "fake";

  private static final byte[] STORE_HOST = {127, 0, 0, 1, 0, 0, 0x2a, (byte) 0x9f};

  /** What every append answers, if set. */
  volatile SluiceException failAppends;

  /** Whether appends are never answered. */
  volatile boolean silent;

  final AtomicInteger appendRequests = new AtomicInteger();
  final AtomicInteger openBlocks = new AtomicInteger();
  final AtomicInteger released = new AtomicInteger();

  private final Map<String, TopicConfig> topics = new LinkedHashMap<>();
  private final Map<String, GroupConfig> groups = new LinkedHashMap<>();
  private final Map<String, List<List<ByteBuffer>>> logs = new LinkedHashMap<>();
  private final Map<String, GroupQueue> groupQueues = new LinkedHashMap<>();
  private final List<Runnable> waiters = new ArrayList<>();
  private final Set<String> gone = new LinkedHashSet<>();
  private long nextPhysical;
  private long nextLease = 1;
  private int nextQueue;

  @Override
  public Future<?> start() {
    consume(Addresses.append(NAME), this::append);
    consume(Addresses.receive(NAME), this::receive);
    consume(Addresses.settle(NAME), this::settle);
    consume(Addresses.read(NAME), this::read);
    consume(Addresses.release(NAME), this::release);
    consume(Addresses.admin(NAME), this::admin);
    consume(Addresses.bundles(NAME), this::bundle);
    consume(Addresses.nameServers(), this::nameServer);
    return Future.succeededFuture();
  }

  private <T> void consume(String address, io.vertx.core.Handler<Message<T>> handler) {
    vertx
        .eventBus()
        .<T>localConsumer(
            address,
            message -> {
              try {
                handler.handle(message);
              } catch (RuntimeException e) {
                SluiceException.fail(message, e);
              }
            });
  }

  /** Each request of a bundle as if it had come by itself. */
  private void bundle(Message<RequestBundle> message) {
    message.reply(Done.DONE);
    RequestBundle bundle = message.body();
    for (int i = 0; i < bundle.requests().size(); i++) {
      long[] number = {bundle.numbers()[i]};
      vertx
          .eventBus()
          .<BusMessage>request(addressOf(bundle.requests().get(i)), bundle.requests().get(i))
          .onComplete(
              answer -> {
                ReplyBundle reply =
                    new ReplyBundle(
                        number,
                        Collections.singletonList(
                            answer.succeeded() ? answer.result().body() : null),
                        Collections.singletonList(
                            answer.succeeded() ? null : SluiceException.of(answer.cause())));
                // As the Broker does: a front that has gone takes nothing.
                vertx
                    .eventBus()
                    .sender(bundle.repliesTo())
                    .write(reply)
                    .onFailure(gone -> reply.drop());
              });
    }
  }

  private static String addressOf(BusMessage request) {
    if (request instanceof ReceiveRequest) {
      return Addresses.receive(NAME);
    }
    if (request instanceof SettleRequest) {
      return Addresses.settle(NAME);
    }
    return request instanceof ReadRequest ? Addresses.read(NAME) : Addresses.release(NAME);
  }

  private void append(Message<AppendRequest> message) {
    appendRequests.incrementAndGet();
    if (silent) {
      return;
    }
    if (failAppends != null) {
      SluiceException.fail(message, failAppends);
      return;
    }
    MessageBatch batch = message.body().batch();
    AppendReply reply = new AppendReply(NAME, batch.count(), System.currentTimeMillis());
    for (int i = 0; i < batch.count(); i++) {
      String topic = batch.topic(i);
      if (topic.startsWith("refused")) {
        if (message.body().atomic()) {
          throw new SluiceException(
              ErrorCode.NO_PERMISSION, "the topic " + topic + " is read only");
        }
        reply.refused(
            i,
            new SluiceException(ErrorCode.NO_PERMISSION, "the topic " + topic + " is read only"));
        continue;
      }
      List<List<ByteBuffer>> queues = log(topic);
      int queueId = queueOf(batch.selector(i), queues.size());
      List<ByteBuffer> queue = queues.get(queueId);
      batch.seal(i, queueId, queue.size(), nextPhysical, System.currentTimeMillis(), STORE_HOST);
      int from = batch.position(i);
      byte[] record = Arrays.copyOfRange(batch.bytes(), from, from + batch.recordBytes(i));
      reply.stored(i, queueId, queue.size(), nextPhysical);
      queue.add(ByteBuffer.wrap(record));
      nextPhysical += record.length;
    }
    message.reply(reply);
    wake();
  }

  private int queueOf(long selector, int queues) {
    if (QueueSelector.isQueue(selector)) {
      return (int) selector;
    }
    return QueueSelector.isOrderingKey(selector)
        ? QueueSelector.queueOfKey(selector, queues)
        : nextQueue++ % queues;
  }

  private List<List<ByteBuffer>> log(String topic) {
    TopicConfig config =
        topics.computeIfAbsent(topic, name -> TopicConfig.of(name, TopicConfig.DEFAULT_QUEUES));
    List<List<ByteBuffer>> queues = logs.computeIfAbsent(topic, name -> new ArrayList<>());
    while (queues.size() < config.queues()) {
      queues.add(new ArrayList<>());
    }
    return queues;
  }

  private void receive(Message<ReceiveRequest> message) {
    ReceiveRequest request = message.body();
    if (!topics.containsKey(request.topic()) && request.topic().startsWith("absent")) {
      throw new SluiceException(ErrorCode.TOPIC_NOT_FOUND, "there is no topic " + request.topic());
    }
    groups.computeIfAbsent(request.group(), GroupConfig::of);
    poll(message, request.holder(), request.waitMs(), end -> tryReceive(message, request, end));
  }

  private boolean tryReceive(Message<ReceiveRequest> message, ReceiveRequest request, boolean end) {
    if (request.holder() != null && gone.contains(request.holder())) {
      message.reply(new ReceiveReply(MessageBlock.empty(), new long[0], new int[0], 0, 0, false));
      return true;
    }
    Set<String> tags = tags(request.filter());
    List<ByteBuffer> found = new ArrayList<>();
    List<Long> leases = new ArrayList<>();
    List<Integer> attempts = new ArrayList<>();
    int bytes = 0;
    boolean more = false;
    List<List<ByteBuffer>> queues = log(request.topic());
    for (int queueId = 0; queueId < queues.size(); queueId++) {
      List<ByteBuffer> queue = queues.get(queueId);
      GroupQueue state = groupQueue(request.group(), request.topic(), queueId);
      while (state.hasNext(queue.size())) {
        if (request.ordered() && !state.leases.isEmpty() && !state.leasedNow) {
          break;
        }
        if (found.size() >= request.max() || (bytes >= request.maxBytes() && !found.isEmpty())) {
          more = true;
          break;
        }
        int offset = state.next();
        MessageView view = new MessageView().wrap(queue.get(offset), 0);
        if (tags != null && !tags.contains(String.valueOf(view.property(PropertyNames.TAGS)))) {
          continue;
        }
        int attempt = state.attempts.merge(offset, 1, Integer::sum);
        long lease = nextLease++;
        state.leases.put(offset, new Lease(lease, request.holder()));
        state.leasedNow = true;
        found.add(queue.get(offset));
        leases.add(lease);
        attempts.add(attempt);
        bytes += view.size();
      }
      state.leasedNow = false;
    }
    if (found.isEmpty() && !end) {
      return false;
    }
    message.reply(
        new ReceiveReply(
            block(found),
            leases.stream().mapToLong(l -> l).toArray(),
            attempts.stream().mapToInt(a -> a).toArray(),
            System.nanoTime(),
            System.nanoTime(),
            !more));
    return true;
  }

  private static Set<String> tags(Filter filter) {
    if (filter.kind() == Filter.Kind.SQL) {
      throw new SluiceException(ErrorCode.INVALID_FILTER, "the fake knows no sql");
    }
    return filter.expression().equals("*")
        ? null
        : Set.of(filter.expression().trim().split("\\s*\\|\\|\\s*"));
  }

  private void settle(Message<SettleRequest> message) {
    SettleRequest request = message.body();
    Outcome[] outcomes = new Outcome[request.count()];
    for (int i = 0; i < outcomes.length; i++) {
      GroupQueue state = groupQueue(request.group(), request.topic(i), request.queueId(i));
      int offset = (int) request.queueOffset(i);
      Lease lease = state.leases.get(offset);
      if (request.lease(i) <= 0 || request.lease(i) >= nextLease) {
        outcomes[i] = Outcome.UNKNOWN;
      } else if (state.done.contains(request.lease(i))) {
        outcomes[i] = Outcome.OK;
      } else if (lease == null || lease.number != request.lease(i)) {
        outcomes[i] = Outcome.EXPIRED;
      } else {
        outcomes[i] = Outcome.OK;
        if (request.kind(i) != SettleRequest.Kind.EXTEND) {
          state.leases.remove(offset);
          state.done.add(request.lease(i));
        }
        if (request.kind(i) == SettleRequest.Kind.NACK) {
          state.again.add(offset);
        }
      }
    }
    message.reply(new SettleReply(outcomes));
    wake();
  }

  private void read(Message<ReadRequest> message) {
    ReadRequest request = message.body();
    if (!topics.containsKey(request.topic())) {
      throw new SluiceException(ErrorCode.TOPIC_NOT_FOUND, "there is no topic " + request.topic());
    }
    poll(message, request.holder(), request.waitMs(), end -> tryRead(message, request, end));
  }

  private boolean tryRead(Message<ReadRequest> message, ReadRequest request, boolean end) {
    List<List<ByteBuffer>> queues = log(request.topic());
    int[] ids =
        request.queueIds() == null
            ? java.util.stream.IntStream.range(0, queues.size()).toArray()
            : request.queueIds();
    long[] next = new long[ids.length];
    long[] max = new long[ids.length];
    List<ByteBuffer> found = new ArrayList<>();
    int bytes = 0;
    Set<String> tags = tags(request.filter());
    for (int i = 0; i < ids.length; i++) {
      List<ByteBuffer> queue = queues.get(ids[i]);
      max[i] = queue.size();
      next[i] =
          request.queueOffsets() != null ? request.queueOffsets()[i] : place(request.from(), queue);
      while (next[i] < queue.size() && found.size() < request.max() && bytes < request.maxBytes()) {
        ByteBuffer record = queue.get((int) next[i]++);
        MessageView view = new MessageView().wrap(record, 0);
        if (tags == null || tags.contains(String.valueOf(view.property(PropertyNames.TAGS)))) {
          found.add(record);
          bytes += record.limit();
        }
      }
    }
    if (found.isEmpty() && !end && request.max() > 0) {
      return false;
    }
    message.reply(
        new ReadReply(
            block(found),
            ids,
            next,
            new long[ids.length],
            max,
            System.nanoTime(),
            System.nanoTime()));
    return true;
  }

  private static long place(StartPosition from, List<ByteBuffer> queue) {
    return switch (from.kind()) {
      case EARLIEST -> 0;
      case LATEST -> queue.size();
      case TIME -> {
        int i = 0;
        while (i < queue.size()
            && new MessageView().wrap(queue.get(i), 0).storedAtMs() < from.timeMs()) {
          i++;
        }
        yield i;
      }
    };
  }

  /** One try of a long poll. */
  private interface Try {

    /** Answers if it can, or must because the wait is over. */
    boolean now(boolean end);
  }

  private void poll(Message<?> message, String holder, long waitMs, Try attempt) {
    if (attempt.now(waitMs == 0)) {
      return;
    }
    boolean[] answered = new boolean[1];
    Runnable[] waiter = new Runnable[1];
    waiter[0] =
        () -> {
          if (!answered[0] && attempt.now(holder != null && gone.contains(holder))) {
            answered[0] = true;
            waiters.remove(waiter[0]);
          }
        };
    waiters.add(waiter[0]);
    vertx.setTimer(
        waitMs,
        ignored -> {
          if (!answered[0]) {
            answered[0] = true;
            waiters.remove(waiter[0]);
            attempt.now(true);
          }
        });
  }

  private void wake() {
    List.copyOf(waiters).forEach(Runnable::run);
  }

  private void release(Message<ReleaseRequest> message) {
    released.incrementAndGet();
    String holder = message.body().holder();
    gone.add(holder);
    for (GroupQueue state : groupQueues.values()) {
      state.leases.entrySet().stream()
          .filter(e -> holder.equals(e.getValue().holder))
          .map(Map.Entry::getKey)
          .toList()
          .forEach(
              offset -> {
                state.leases.remove(offset);
                state.again.add(offset);
              });
    }
    message.reply(Done.DONE);
    wake();
  }

  private void admin(Message<AdminRequest> message) {
    message.reply(answer(message.body()));
  }

  private BusMessage answer(AdminRequest request) {
    if (request instanceof AdminRequest.PutTopic put) {
      topics.put(put.config().name(), put.config());
      return topic(put.config().name());
    } else if (request instanceof AdminRequest.GetTopic get) {
      return topic(get.topic());
    } else if (request instanceof AdminRequest.DeleteTopic delete) {
      topic(delete.topic());
      topics.remove(delete.topic());
      logs.remove(delete.topic());
      return Done.DONE;
    } else if (request instanceof AdminRequest.ListTopics) {
      return new AdminRequest.Topics(List.copyOf(topics.values()));
    } else if (request instanceof AdminRequest.PutGroup put) {
      groups.put(put.config().name(), put.config());
      return put.config();
    } else if (request instanceof AdminRequest.GetGroup get) {
      return group(get.group());
    } else if (request instanceof AdminRequest.DeleteGroup delete) {
      group(delete.group());
      groups.remove(delete.group());
      return Done.DONE;
    } else if (request instanceof AdminRequest.ListGroups) {
      return new AdminRequest.Groups(List.copyOf(groups.values()));
    } else if (request instanceof AdminRequest.GetLag get) {
      group(get.group());
      return new AdminRequest.Lag(get.group(), List.of());
    } else if (request instanceof AdminRequest.FindByKey find) {
      return find(find.topic(), find.key(), find.max());
    } else if (request instanceof AdminRequest.FindByPhysicalOffset find) {
      return findAt(find.physicalOffset());
    } else if (request instanceof AdminRequest.GetBroker) {
      return new AdminRequest.BrokerInfo(NAME, 0, nextPhysical, 0, true, null, 0, 0, 0, 0, 0, 0);
    }
    throw new SluiceException(ErrorCode.NOT_SUPPORTED, "the fake does not know " + request);
  }

  private AdminRequest.Topic topic(String name) {
    TopicConfig config = topics.get(name);
    if (config == null) {
      throw new SluiceException(ErrorCode.TOPIC_NOT_FOUND, "there is no topic " + name);
    }
    long[] max = log(name).stream().mapToLong(List::size).toArray();
    return new AdminRequest.Topic(config, new long[max.length], max);
  }

  private GroupConfig group(String name) {
    GroupConfig config = groups.get(name);
    if (config == null) {
      throw new SluiceException(ErrorCode.GROUP_NOT_FOUND, "there is no group " + name);
    }
    return config;
  }

  private AdminRequest.Found find(String topic, String key, int max) {
    List<ByteBuffer> found = new ArrayList<>();
    MessageView view = new MessageView();
    for (List<ByteBuffer> queue : logs.getOrDefault(topic, List.of())) {
      for (ByteBuffer record : queue) {
        view.wrap(record, 0);
        String keys = " " + view.property(PropertyNames.KEYS) + " ";
        if (keys.contains(" " + key + " ") || key.equals(view.property(PropertyNames.UNIQUE_KEY))) {
          found.add(record);
        }
      }
    }
    return new AdminRequest.Found(block(found.subList(0, Math.min(max, found.size()))));
  }

  private AdminRequest.Found findAt(long physicalOffset) {
    List<ByteBuffer> found = new ArrayList<>();
    logs.values()
        .forEach(
            queues ->
                queues.forEach(
                    queue ->
                        queue.stream()
                            .filter(
                                r ->
                                    new MessageView().wrap(r, 0).physicalOffset() == physicalOffset)
                            .forEach(found::add)));
    return new AdminRequest.Found(block(found));
  }

  private void nameServer(Message<NameServerRequest> message) {
    NameServerRequest.BrokerNode node =
        new NameServerRequest.BrokerNode("test", NAME, 0, "127.0.0.1:10911", 0);
    if (message.body() instanceof NameServerRequest.GetRoute get) {
      if (get.topic().startsWith("busy")) {
        throw new SluiceException(ErrorCode.BUSY, "there are too many topics");
      }
      TopicConfig config = topics.get(get.topic());
      message.reply(
          new NameServerRequest.Route(
              config == null ? List.of() : List.of(new NameServerRequest.TopicRoute(NAME, config)),
              List.of(node)));
    } else {
      message.reply(
          new NameServerRequest.Cluster("ns", List.of(node), List.copyOf(topics.keySet())));
    }
  }

  private MessageBlock block(List<ByteBuffer> records) {
    if (records.isEmpty()) {
      return MessageBlock.empty();
    }
    openBlocks.incrementAndGet();
    return new MessageBlock(
        records.toArray(ByteBuffer[]::new),
        new int[records.size()],
        records.stream().mapToInt(ByteBuffer::limit).toArray(),
        records.size(),
        openBlocks::decrementAndGet);
  }

  private GroupQueue groupQueue(String group, String topic, int queueId) {
    return groupQueues.computeIfAbsent(
        group + '/' + topic + '/' + queueId, key -> new GroupQueue());
  }

  /** A lease in force. */
  private record Lease(long number, String holder) {}

  /** A group's place in a queue. */
  private static final class GroupQueue {

    private int nextOffset;
    private boolean leasedNow;
    private final Map<Integer, Lease> leases = new LinkedHashMap<>();
    private final Map<Integer, Integer> attempts = new LinkedHashMap<>();
    private final List<Integer> again = new ArrayList<>();
    private final Set<Long> done = new LinkedHashSet<>();

    boolean hasNext(int size) {
      return !again.isEmpty() || nextOffset < size;
    }

    int next() {
      return again.isEmpty() ? nextOffset++ : again.remove(0);
    }
  }
}
