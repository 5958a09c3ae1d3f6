package io.sluice.bus;

import io.sluice.message.MessageBatch;
import io.sluice.util.Clock;
import io.vertx.core.AsyncResult;
import io.vertx.core.Completable;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Passes messages to the Brokers of their topics, and passes them on where nobody took them: the
 * one rule for all that send. What is sent again is only what was stored nowhere ({@link
 * BrokerDirectory#mayAskAgain}), to the Broker that the NameServers name then, which is another
 * master if the first is gone. After any other failure it is open whether something was stored, so
 * nothing is sent twice. A request with several topics is parted by topic: each has its own way.
 *
 * <p>One {@link #inOrder} keeps besides the order of each topic's messages: behind some that wait
 * to be sent again the next ones wait too. Of those that were on their way already one may have
 * been stored meanwhile; then what it has overtaken fails instead.
 *
 * <p>Owned by one context. Holds nothing that needs to be closed: a message waits {@link
 * #RETRY_FOR_MS} at most. A process that stops calls {@link #end}, so that nobody waits so long.
 */
public final class Appends {

  /** How long messages are offered to whoever may take them. */
  private static final long RETRY_FOR_MS = 3_000;

  private static final long RETRY_MS = 200;

  /** Asks one Broker once. */
  public interface Asking {

    /** Sends a request; completes on the context, fails if it is not answered in this time. */
    Future<AppendReply> append(String broker, AppendRequest request, long timeoutMs);
  }

  /** The messages of a request that are answered together. */
  public interface Part {

    int count();

    /** Which message of the request one is, by its place in the part and in the answer. */
    int index(int place);

    /** Bytes of their records; over all parts as many as the request has. */
    int bytes();
  }

  /** Hears of the messages of one request, of each once: of all together or of several parts. */
  public interface Sender {

    /** They were stored, or refused one by one: see {@link AppendReply#error}. */
    void answered(AppendReply reply, Part part);

    /** None was stored, or nothing is known of them. */
    void failed(SluiceException failure, Part part);
  }

  private final Vertx vertx;
  private final BrokerDirectory directory;
  private final OrderedRoutes routes;
  private final Clock clock;
  private final long timeoutMs;
  private final Asking asking;

  /** Topics that something is under way of; null where no order is kept. */
  private final Map<String, Topic> topics;

  private final Ending ending;

  private long count;

  // Where the order is kept the time is that of an outage, not of each message: else a stream would
  // wait for a Broker that never comes back again and again, as long as it is.
  private long outageSinceNs;
  private long lastFailedNs;
  private boolean outage;

  /**
   * Keeps no order among those that are sent again.
   *
   * @param timeoutMs from the first try until the last answer
   */
  public Appends(
      Vertx vertx,
      BrokerDirectory directory,
      OrderedRoutes routes,
      Clock clock,
      long timeoutMs,
      Asking asking) {
    this(vertx, directory, routes, clock, timeoutMs, asking, null, new Ending());
  }

  private Appends(
      Vertx vertx,
      BrokerDirectory directory,
      OrderedRoutes routes,
      Clock clock,
      long timeoutMs,
      Asking asking,
      Map<String, Topic> topics,
      Ending ending) {
    this.vertx = vertx;
    this.directory = directory;
    this.routes = routes;
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.asking = asking;
    this.topics = topics;
    this.ending = ending;
  }

  /** What all streams of one context have in common. */
  private static final class Ending {
    private boolean begun;

    /** Topics with messages that wait to be sent again. */
    private final Set<Topic> holding = new LinkedHashSet<>();
  }

  /** The same for one stream of messages, whose order in each topic is kept. */
  public Appends inOrder() {
    return new Appends(vertx, directory, routes, clock, timeoutMs, asking, new HashMap<>(), ending);
  }

  /**
   * The process stops: what waits to be sent again is sent once more, now, to whoever takes it, and
   * fails if nobody does; what nobody takes from now on likewise. So too in the streams of {@link
   * #inOrder}.
   */
  public void end() {
    ending.begun = true;
    List.copyOf(ending.holding).forEach(Topic::ask);
  }

  /** Sends messages of one topic to its Broker, which may have to be asked for. */
  public void append(AppendRequest request, Sender sender) {
    String topic = request.batch().topic(0);
    String known = routes.knownBrokerFor(topic);
    if (known != null) {
      append(known, request, sender);
      return;
    }
    routes
        .brokerFor(topic)
        .onComplete(
            found -> {
              if (found.succeeded()) {
                append(found.result(), request, sender);
              } else {
                sender.failed(
                    SluiceException.of(found.cause()), new Flight(request, null, sender, 0, 0));
              }
            });
  }

  /** Sends messages to the Broker that all their topics are routed to. */
  public void append(String broker, AppendRequest request, Sender sender) {
    Flight flight = new Flight(request, null, sender, clock.nowNs(), count++);
    if (topics == null) {
      flight.sendTo(broker);
    } else {
      sendInOrder(broker, flight);
    }
  }

  private void sendInOrder(String broker, Flight flight) {
    if (!flight.isHeldUp()) {
      flight.leaves();
      flight.sendTo(broker);
      return;
    }
    for (Flight each : flight.parted()) {
      Topic topic = topic(each.topic());
      if (topic.holds()) {
        topic.hold(each, topic.held.get(0).failure);
      } else {
        each.leaves();
        each.sendTo(broker);
      }
    }
  }

  private Topic topic(String name) {
    return topics == null ? new Topic(name) : topics.computeIfAbsent(name, Topic::new);
  }

  private boolean isOver(long startNs) {
    long nowNs = clock.nowNs();
    long forNs = Math.min(RETRY_FOR_MS, timeoutMs) * 1_000_000;
    return nowNs - startNs > forNs || outage && nowNs - outageSinceNs > forNs;
  }

  private void noteFailure() {
    if (topics == null) {
      return;
    }
    long nowNs = clock.nowNs();
    if (!outage || nowNs - lastFailedNs > timeoutMs * 1_000_000) {
      outage = true;
      outageSinceNs = nowNs;
    }
    lastFailedNs = nowNs;
  }

  /** What goes to one Broker as one request. */
  private final class Flight implements Part, Completable<AppendReply> {

    private final AppendRequest request;

    /** Which messages of the sender's request; null for all. */
    private final int[] indexes;

    private final Sender sender;
    private final long startNs;

    /** Its place among all. */
    private final long number;

    private String broker;
    private SluiceException failure;
    private boolean last;

    Flight(AppendRequest request, int[] indexes, Sender sender, long startNs, long number) {
      this.request = request;
      this.indexes = indexes;
      this.sender = sender;
      this.startNs = startNs;
      this.number = number;
    }

    @Override
    public int count() {
      return request.batch().count();
    }

    @Override
    public int index(int place) {
      return indexes == null ? place : indexes[place];
    }

    @Override
    public int bytes() {
      return request.batch().size();
    }

    /** The topic of a part. */
    String topic() {
      return request.batch().topic(0);
    }

    void sendTo(String name) {
      broker = name;
      asking.append(name, request, leftMs()).onComplete(this);
    }

    private long leftMs() {
      return failure == null
          ? timeoutMs
          : Math.max(RETRY_MS, timeoutMs - (clock.nowNs() - startNs) / 1_000_000);
    }

    @Override
    public void complete(AppendReply reply, Throwable reason) {
      if (reason == null) {
        outage = false;
        landed(true);
        sender.answered(reply, this);
        return;
      }
      failure = SluiceException.of(reason);
      if (failure.code() == ErrorCode.DRAINING) {
        directory.avoid(broker);
      }
      Collection<String> names = topicNames(request.batch());
      names.forEach(directory::forget);
      boolean storedNowhere = directory.mayAskAgain(failure.code());
      if (storedNowhere) {
        noteFailure();
      }
      boolean again = storedNowhere && !last && mayBeParted(names) && !isOver(startNs);
      if (again) {
        for (Flight each : parted()) {
          Appends.this.topic(each.topic()).hold(each, failure);
        }
      }
      landed(!storedNowhere);
      if (!again) {
        sender.failed(failure, this);
      }
    }

    /** All or none of an atomic request: the topics can not go separate ways. */
    private boolean mayBeParted(Collection<String> names) {
      return !request.atomic() || names.size() == 1;
    }

    /** Whether messages of one of its topics wait to be sent again. */
    boolean isHeldUp() {
      Collection<String> names = topicNames(request.batch());
      for (String name : names) {
        Topic topic = topics.get(name);
        if (topic != null && topic.holds() && mayBeParted(names)) {
          return true;
        }
      }
      return false;
    }

    void leaves() {
      for (String name : topicNames(request.batch())) {
        Appends.this.topic(name).underWay++;
      }
    }

    private void landed(boolean mayBeStored) {
      if (topics == null) {
        return;
      }
      for (String name : topicNames(request.batch())) {
        Topic topic = topics.get(name);
        topic.underWay--;
        if (mayBeStored) {
          topic.lastStored = Math.max(topic.lastStored, number);
        }
        topic.maybeForget();
      }
    }

    /** One for each topic, in the order of their first messages. */
    List<Flight> parted() {
      MessageBatch batch = request.batch();
      if (topicNames(batch).size() == 1) {
        return List.of(this);
      }
      Map<String, List<Integer>> places = new LinkedHashMap<>();
      for (int i = 0; i < batch.count(); i++) {
        places.computeIfAbsent(batch.topic(i), name -> new ArrayList<>()).add(i);
      }
      List<Flight> parts = new ArrayList<>();
      for (List<Integer> each : places.values()) {
        int[] own = each.stream().mapToInt(Integer::intValue).toArray();
        AppendRequest some =
            new AppendRequest(
                batch.only(own, own.length), request.ack(), false, request.receivedNs());
        for (int i = 0; i < own.length; i++) {
          own[i] = index(own[i]);
        }
        parts.add(new Flight(some, own, sender, startNs, number));
      }
      return parts;
    }
  }

  private static Collection<String> topicNames(MessageBatch batch) {
    String first = batch.topic(0);
    Map<String, Boolean> several = null;
    for (int i = 1; i < batch.count(); i++) {
      if (several == null && !batch.topic(i).equals(first)) {
        several = new LinkedHashMap<>();
        several.put(first, true);
      }
      if (several != null) {
        several.put(batch.topic(i), true);
      }
    }
    return several == null ? List.of(first) : several.keySet();
  }

  /** What waits to be sent again of a topic; with the order kept, also what is on its way. */
  private final class Topic {

    private final String name;
    private final List<Flight> held = new ArrayList<>(1);
    private int underWay;

    /** Number of the last that was stored, or may have been. */
    private long lastStored = -1;

    Topic(String name) {
      this.name = name;
    }

    boolean holds() {
      return !held.isEmpty();
    }

    void hold(Flight flight, SluiceException failure) {
      flight.failure = failure;
      int place = held.size();
      while (place > 0 && held.get(place - 1).number > flight.number) {
        place--;
      }
      held.add(place, flight);
      if (held.size() == 1) {
        ending.holding.add(this);
        if (ending.begun) {
          ask();
        } else {
          waitAndAsk();
        }
      }
    }

    private void waitAndAsk() {
      vertx.setTimer(RETRY_MS, id -> ask());
    }

    private void ask() {
      failThoseTooLate();
      if (!holds()) {
        return;
      }
      if (underWay > 0) {
        waitAndAsk();
      } else {
        routes.brokerFor(name).onComplete(this::found);
      }
    }

    private void found(AsyncResult<String> found) {
      if (found.failed() && !ending.begun) {
        SluiceException reason = SluiceException.of(found.cause());
        held.forEach(each -> each.failure = reason);
        waitAndAsk();
        return;
      }
      List<Flight> all = List.copyOf(held);
      held.clear();
      letGo();
      if (found.failed()) {
        fail(all);
        return;
      }
      for (Flight each : all) {
        underWay++;
        each.last = ending.begun;
        each.sendTo(found.result());
      }
    }

    /** Fails what has waited too long, and what was overtaken. */
    private void failThoseTooLate() {
      List<Flight> over = new ArrayList<>();
      for (Flight each : held) {
        if (isOver(each.startNs) || each.number < lastStored) {
          over.add(each);
        }
      }
      held.removeAll(over);
      lastFailedNs = over.isEmpty() ? lastFailedNs : clock.nowNs();
      letGo();
      fail(over);
    }

    private void fail(List<Flight> over) {
      maybeForget();
      for (Flight each : over) {
        each.sender.failed(each.failure, each);
      }
    }

    private void letGo() {
      if (!holds()) {
        ending.holding.remove(this);
      }
    }

    private void maybeForget() {
      if (topics != null && underWay == 0 && !holds()) {
        topics.remove(name);
      }
    }
  }
}
