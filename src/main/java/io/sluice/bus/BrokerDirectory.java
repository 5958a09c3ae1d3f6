package io.sluice.bus;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.NameServerRequest.GetRoute;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Knows which Broker serves a topic: asks any NameServer on the event bus and remembers the answer.
 *
 * <p>An answer older than {@link #REFRESH_MS} is asked for again in the background at its next use,
 * and still used until the new one is there; {@link #forget} drops it after a failure. A topic that
 * nobody serves yet is given to one of the masters, by its name, so that all fronts agree on which
 * one will make it; that choice is remembered for {@link #UNSERVED_MS} only.
 *
 * <p>Safe for any thread; a future completes on the context that asked. Holds nothing that needs to
 * be closed.
 */
public final class BrokerDirectory {

  /** A route is asked for again after this time: RocketMQ clients' own interval. */
  public static final long REFRESH_MS = 30_000;

  /** The choice for a topic that is not made yet is kept so long: it is made by the first send. */
  public static final long UNSERVED_MS = 1_000;

  /** NameServers hear of a change at once; Brokers that were cut off tell them within seconds. */
  private static final long[] AFTER_CHANGE_MS = {1, 500, 2_000, 5_000};

  /** In a cluster one NameServer may have died and still be asked. */
  private static final int ATTEMPTS = 3;

  /** A NameServer answers from memory; what takes longer than this is lost. */
  public static final long ASK_TIMEOUT_MS = 3_000;

  /** A Broker that is about to stop is not sent to for so long: it is gone then, or back. */
  private static final long AVOID_MS = 5_000;

  /** More topics than this are not remembered at once: about 200 bytes each, so 2 MB. */
  private static final int MAX_TOPICS = 10_000;

  private final Vertx vertx;
  private final Clock clock;
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  private final Map<String, Future<Entry>> asking = new ConcurrentHashMap<>();
  private final Map<String, Long> avoidedUntilMs = new ConcurrentHashMap<>();

  /** A directory that asks over this Vert.x instance's event bus. */
  public BrokerDirectory(Vertx vertx, Clock clock) {
    this.vertx = vertx;
    this.clock = clock;
    if (vertx.isClustered()) {
      vertx.eventBus().localConsumer(Addresses.membership(), message -> membershipChanged());
    }
  }

  /** Who serves what may be another now, and again once the NameServers have heard of it. */
  private void membershipChanged() {
    for (long afterMs : AFTER_CHANGE_MS) {
      vertx.setTimer(afterMs, id -> entries.clear());
    }
  }

  /**
   * The name of the Broker to send to.
   *
   * @return fails with BROKER_UNAVAILABLE if no NameServer answers or none knows a master
   */
  public Future<String> brokerFor(String topic) {
    String known = cachedBrokerFor(topic);
    if (known != null) {
      return Future.succeededFuture(known);
    }
    return ask(topic)
        .compose(
            entry -> {
              String name = sendTo(entry);
              return name != null || avoidedUntilMs.isEmpty()
                  ? Future.succeededFuture(name)
                  : askCluster().map(cluster -> anotherThan(entry, topic, masterNames(cluster)));
            });
  }

  /** The first that takes messages of the topic and is not about to stop; null if there is none. */
  private String sendTo(Entry entry) {
    if (avoidedUntilMs.isEmpty()) {
      return entry.writableNames().get(0);
    }
    return entry.writableNames().stream().filter(this::mayBeSentTo).findFirst().orElse(null);
  }

  private String anotherThan(Entry entry, String topic, List<String> masters) {
    List<String> others = masters.stream().filter(this::mayBeSentTo).toList();
    return others.isEmpty()
        ? entry.writableNames().get(0)
        : others.get(Math.floorMod(topic.hashCode(), others.size()));
  }

  private boolean mayBeSentTo(String brokerName) {
    Long untilMs = avoidedUntilMs.get(brokerName);
    if (untilMs != null && untilMs <= clock.nowMs()) {
      avoidedUntilMs.remove(brokerName, untilMs);
      return true;
    }
    return untilMs == null;
  }

  /**
   * Sends go elsewhere for some seconds, if there is another master: this one said that it is about
   * to stop. It is still received from.
   */
  public void avoid(String brokerName) {
    avoidedUntilMs.put(brokerName, clock.nowMs() + AVOID_MS);
  }

  /** As {@link #brokerFor}, if it is known without asking; else null. Never waits. */
  public String cachedBrokerFor(String topic) {
    Entry entry = current(topic);
    return entry == null ? null : sendTo(entry);
  }

  /**
   * The names of all masters that serve a topic, sorted; as {@link #brokerFor} where nobody does.
   */
  public Future<List<String>> brokersFor(String topic) {
    Entry entry = current(topic);
    return entry != null
        ? Future.succeededFuture(entry.brokerNames())
        : ask(topic).map(Entry::brokerNames);
  }

  /** The names of all masters that have a topic by now, sorted; empty where nobody does. */
  public Future<List<String>> servingBrokers(String topic) {
    Entry entry = current(topic);
    return (entry != null ? Future.succeededFuture(entry) : ask(topic))
        .map(found -> found.served() ? found.brokerNames() : List.of());
  }

  /** As {@link #brokersFor}, if it is known without asking; else null, and it will be soon. */
  public List<String> cachedBrokersFor(String topic) {
    Entry entry = current(topic);
    if (entry == null) {
      ask(topic);
      return null;
    }
    return entry.brokerNames();
  }

  /**
   * The name of the Broker to read from: the first that has the topic, also where only slaves of it
   * live. So a reader's place stays that of one Broker when its master is gone.
   */
  public Future<String> brokerToRead(String topic) {
    Entry entry = current(topic);
    return entry != null ? Future.succeededFuture(entry.toRead()) : ask(topic).map(Entry::toRead);
  }

  /**
   * The names by which the slaves of a Broker that has this topic are asked in a cluster, by their
   * ids.
   */
  public Future<List<String>> slavesOf(String brokerName, String topic) {
    Entry entry = current(topic);
    List<String> known = entry == null ? List.of() : entry.slavesOf(brokerName);
    return known.isEmpty()
        ? ask(topic).map(now -> now.slavesOf(brokerName))
        : Future.succeededFuture(known);
  }

  /** The names of all masters, sorted; asks each time. Empty if there is none. */
  public Future<List<String>> masters() {
    return askCluster().map(BrokerDirectory::masterNames);
  }

  /**
   * Whether the same may be asked once more after this failure, of whoever the NameServers name
   * then. Outside of a cluster a slave is all that can be reached from here, and who asks does
   * better to go to its master.
   */
  public boolean mayAskAgain(ErrorCode code) {
    return code.mayBeAskedElsewhere() && (code != ErrorCode.NOT_MASTER || vertx.isClustered());
  }

  /** Drops what is known of a topic, after its Broker could not be reached or did not know it. */
  public void forget(String topic) {
    entries.remove(topic);
  }

  private Entry current(String topic) {
    Entry entry = entries.get(topic);
    if (entry == null) {
      return null;
    }
    long ageMs = clock.nowMs() - entry.askedAtMs();
    if (!entry.served() && ageMs >= UNSERVED_MS) {
      return null;
    }
    if (ageMs >= REFRESH_MS) {
      ask(topic);
    }
    return entry;
  }

  /** Asks once at a time for each topic, however many want to know. */
  private Future<Entry> ask(String topic) {
    Future<Entry> running = asking.get(topic);
    if (running != null) {
      return running;
    }
    Future<Entry> asked =
        this.<Route>request(new GetRoute(topic))
            .compose(
                route -> {
                  List<String> names = servingNames(route, 0);
                  return names.isEmpty()
                      ? askCluster().map(cluster -> choose(topic, masterNames(cluster)))
                      : Future.succeededFuture(served(route, names));
                });
    asking.put(topic, asked);
    return asked
        .onSuccess(entry -> remember(topic, entry))
        .onComplete(done -> asking.remove(topic, asked));
  }

  private void remember(String topic, Entry entry) {
    if (entries.size() >= MAX_TOPICS) {
      entries.clear();
    }
    entries.put(topic, entry);
  }

  private Entry choose(String topic, List<String> masters) {
    if (masters.isEmpty()) {
      throw new SluiceException(
          ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered at the NameServer");
    }
    String chosen = masters.get(Math.floorMod(topic.hashCode(), masters.size()));
    return new Entry(List.of(chosen), List.of(chosen), chosen, List.of(), false, clock.nowMs());
  }

  private Entry served(Route route, List<String> masters) {
    List<String> writable = servingNames(route, TopicConfig.WRITE);
    List<BrokerNode> nodes = route.brokers().stream().filter(node -> !node.foreign()).toList();
    List<BrokerNode> slaves =
        nodes.stream()
            .filter(node -> node.brokerId() != 0)
            .sorted(Comparator.comparingLong(BrokerNode::brokerId))
            .toList();
    String toRead = names(nodes.stream()).get(0);
    return new Entry(
        masters, writable.isEmpty() ? masters : writable, toRead, slaves, true, clock.nowMs());
  }

  private Future<Cluster> askCluster() {
    return request(new GetCluster());
  }

  private <T> Future<T> request(NameServerRequest request) {
    return this.<T>request(request, ATTEMPTS).recover(BrokerDirectory::asUnavailable);
  }

  /** The next attempt asks the next NameServer, where there are several. */
  private <T> Future<T> request(NameServerRequest request, int attempts) {
    return vertx
        .eventBus()
        .<T>request(Addresses.nameServers(), request, BusCodec.options(ASK_TIMEOUT_MS))
        .map(message -> message.body())
        .recover(
            failure ->
                attempts > 1 && vertx.isClustered()
                    ? request(request, attempts - 1)
                    : Future.failedFuture(failure));
  }

  private static <T> Future<T> asUnavailable(Throwable failure) {
    SluiceException known = SluiceException.of(failure);
    return Future.failedFuture(
        known.code() == ErrorCode.TIMEOUT || known.code() == ErrorCode.BROKER_UNAVAILABLE
            ? new SluiceException(
                ErrorCode.BROKER_UNAVAILABLE, "no NameServer answered: " + known.getMessage())
            : known);
  }

  /**
   * Masters with a topic of this name; a slave never takes what changes something.
   *
   * @param permission that it has to have there
   */
  private static List<String> servingNames(Route route, int permission) {
    List<String> masters = masterNames(route.brokers());
    return route.topics().stream()
        .filter(at -> (at.config().permission() & permission) == permission)
        .map(TopicRoute::brokerName)
        .filter(masters::contains)
        .distinct()
        .sorted()
        .toList();
  }

  private static List<String> masterNames(Cluster cluster) {
    return masterNames(cluster.brokers());
  }

  /**
   * Where no master lives at all, slaves stand in: they answer reads, and refuse the rest with the
   * master's name.
   */
  private static List<String> masterNames(List<BrokerNode> all) {
    // Brokers that are reached by RocketMQ's protocol alone are for its clients.
    List<BrokerNode> brokers = all.stream().filter(node -> !node.foreign()).toList();
    List<String> masters = names(brokers.stream().filter(node -> node.brokerId() == 0));
    return masters.isEmpty() ? names(brokers.stream()) : masters;
  }

  private static List<String> names(Stream<BrokerNode> brokers) {
    return brokers.map(BrokerNode::brokerName).distinct().sorted().toList();
  }

  /**
   * What is known of a topic.
   *
   * @param brokerNames masters that have it, sorted
   * @param writableNames those of them that take messages; all where none does, to say why
   * @param toRead the Broker to read from
   * @param slaves of all that have it, by their ids
   * @param served false if nobody had the topic and a master was chosen
   */
  private record Entry(
      List<String> brokerNames,
      List<String> writableNames,
      String toRead,
      List<BrokerNode> slaves,
      boolean served,
      long askedAtMs) {

    private List<String> slavesOf(String brokerName) {
      return slaves.stream()
          .filter(node -> node.brokerName().equals(brokerName))
          .map(node -> ClusterNode.slaveName(brokerName, node.brokerId()))
          .toList();
    }
  }
}
