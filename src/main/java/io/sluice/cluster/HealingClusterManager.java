package io.sluice.cluster;

import io.vertx.core.Completable;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.shareddata.AsyncMap;
import io.vertx.core.shareddata.Counter;
import io.vertx.core.shareddata.Lock;
import io.vertx.core.spi.cluster.ClusterManager;
import io.vertx.core.spi.cluster.NodeInfo;
import io.vertx.core.spi.cluster.NodeListener;
import io.vertx.core.spi.cluster.RegistrationInfo;
import io.vertx.core.spi.cluster.RegistrationListener;
import io.vertx.core.spi.cluster.RegistrationUpdateEvent;
import java.lang.System.Logger.Level;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A cluster manager that mends what a partition leaves behind (eclipse-vertx/vert.x#4394). When two
 * parts of a cluster find each other again, the shared table of subscriptions of one part is thrown
 * away, and nobody tells those who were in it; a member that dies at the same time as the one that
 * should clear up after it stays in the table for ever.
 *
 * <p>So each process remembers what it subscribed, and looks after every change of the membership
 * and every {@link #HEAL_INTERVAL_MS} whether that stands in the table; what is missing it adds
 * again. It never believes in a subscription of a process that is not a member. And it tells the
 * event bus anew who listens at the addresses that it uses, since an update may have been lost.
 *
 * <p>Everything else is the wrapped manager's. Safe for any thread; heals on one event loop.
 */
final class HealingClusterManager implements ClusterManager {

  private static final System.Logger LOG = System.getLogger(HealingClusterManager.class.getName());

  /** A look-up of what is right costs some microseconds for each subscription. */
  static final long HEAL_INTERVAL_MS = 10_000;

  /**
   * After a change of the membership it is looked at once and again: the tables of two parts that
   * have met are joined after the membership, within seconds.
   */
  private static final long[] AFTER_CHANGE_MS = {10, 500, 2_000, 5_000};

  private static final long HEAL_NOW_MS = 1;

  /** More addresses than this are not watched: about 100 bytes each, so 5 MB. */
  private static final int MAX_WATCHED = 50_000;

  private final ClusterManager wrapped;
  private final Runnable starter;
  private final Runnable stopper;
  private final MembershipListener membership;
  private final Map<String, Set<RegistrationInfo>> own = new ConcurrentHashMap<>();
  private final Set<String> watched = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean healing = new AtomicBoolean();
  private volatile RegistrationListener registrations;
  private volatile NodeListener nodes;
  private volatile NodeInfo ownInfo;
  private volatile boolean left;
  private Vertx vertx;
  private Context context;
  private long timer = -1;

  /**
   * Wraps a manager.
   *
   * @param starter what the manager needs to run before it joins; may block
   * @param stopper the same after it has left; may block
   * @param membership is told who came and went; any thread
   */
  HealingClusterManager(
      ClusterManager wrapped, Runnable starter, Runnable stopper, MembershipListener membership) {
    this.wrapped = wrapped;
    this.starter = starter;
    this.stopper = stopper;
    this.membership = membership;
  }

  @Override
  public void init(Vertx vertx) {
    this.vertx = vertx;
    wrapped.init(vertx);
  }

  @Override
  public void join(Completable<Void> promise) {
    context = vertx.getOrCreateContext();
    wrapped.nodeListener(new Membership());
    vertx
        .<Void>executeBlocking(
            () -> {
              starter.run();
              return null;
            },
            false)
        .compose(
            started -> {
              Promise<Void> joined = Promise.promise();
              wrapped.join(joined);
              return joined.future();
            })
        .onSuccess(
            joined ->
                timer = vertx.setPeriodic(HEAL_INTERVAL_MS, id -> healSoon(HEAL_NOW_MS, false)))
        .onComplete(promise);
  }

  @Override
  public void leave(Completable<Void> promise) {
    left = true;
    vertx.cancelTimer(timer);
    Promise<Void> gone = Promise.promise();
    wrapped.leave(gone);
    gone.future()
        .eventually(
            () ->
                vertx.<Void>executeBlocking(
                    () -> {
                      stopper.run();
                      return null;
                    },
                    false))
        .onComplete(promise);
  }

  @Override
  public void addRegistration(
      String address, RegistrationInfo registration, Completable<Void> promise) {
    if (!registration.localOnly()) {
      own.computeIfAbsent(address, key -> ConcurrentHashMap.newKeySet()).add(registration);
    }
    wrapped.addRegistration(address, registration, promise);
  }

  @Override
  public void removeRegistration(
      String address, RegistrationInfo registration, Completable<Void> promise) {
    own.computeIfPresent(
        address,
        (key, set) -> {
          set.remove(registration);
          return set.isEmpty() ? null : set;
        });
    wrapped.removeRegistration(address, registration, promise);
  }

  @Override
  public void getRegistrations(String address, Completable<List<RegistrationInfo>> promise) {
    if (watched.size() < MAX_WATCHED) {
      watched.add(address);
    }
    registrationsOf(address).onComplete(promise);
  }

  /** Those of members, and all of the process's own. */
  private Future<List<RegistrationInfo>> registrationsOf(String address) {
    Promise<List<RegistrationInfo>> found = Promise.promise();
    wrapped.getRegistrations(address, found);
    return found.future().map(list -> ofMembers(address, list));
  }

  private List<RegistrationInfo> ofMembers(String address, List<RegistrationInfo> found) {
    Set<String> members = new HashSet<>(wrapped.getNodes());
    Set<RegistrationInfo> known = new HashSet<>();
    for (RegistrationInfo registration : found) {
      if (members.contains(registration.nodeId())) {
        known.add(registration);
      }
    }
    known.addAll(own.getOrDefault(address, Set.of()));
    return List.copyOf(known);
  }

  @Override
  public void registrationListener(RegistrationListener listener) {
    registrations = listener;
    wrapped.registrationListener(
        new RegistrationListener() {
          @Override
          public void registrationsUpdated(RegistrationUpdateEvent event) {
            listener.registrationsUpdated(
                new RegistrationUpdateEvent(
                    event.address(), ofMembers(event.address(), event.registrations())));
          }

          @Override
          public void registrationsLost() {
            listener.registrationsLost();
          }

          @Override
          public boolean wantsUpdatesFor(String address) {
            return listener.wantsUpdatesFor(address);
          }
        });
  }

  @Override
  public void setNodeInfo(NodeInfo info, Completable<Void> promise) {
    ownInfo = info;
    wrapped.setNodeInfo(info, promise);
  }

  @Override
  public void nodeListener(NodeListener listener) {
    nodes = listener;
  }

  /**
   * Heals after a while.
   *
   * @param again whether what stands in this process's copy of the tables is written again too:
   *     when several join at a time, the copies of the others may lack it
   */
  private void healSoon(long afterMs, boolean again) {
    vertx.setTimer(
        afterMs,
        id -> {
          if (!left && healing.compareAndSet(false, true)) {
            healInfo()
                .compose(done -> healOwn(again))
                .compose(done -> refreshWatched())
                // A call that is lost between members that come and go must not end the healing.
                .timeout(HEAL_INTERVAL_MS, TimeUnit.MILLISECONDS)
                .onFailure(failure -> LOG.log(Level.DEBUG, "healing failed", failure))
                .onComplete(done -> healing.set(false));
          }
        });
  }

  /** Tells where this process listens; without it nobody can send to it, so always anew. */
  private Future<Void> healInfo() {
    NodeInfo info = ownInfo;
    if (info == null) {
      return Future.succeededFuture();
    }
    Promise<Void> set = Promise.promise();
    wrapped.setNodeInfo(info, set);
    return set.future();
  }

  private Future<Void> healOwn(boolean again) {
    Future<Void> chain = Future.succeededFuture();
    for (String address : List.copyOf(own.keySet())) {
      chain = chain.compose(done -> healAddress(address, again));
    }
    return chain;
  }

  private Future<Void> healAddress(String address, boolean again) {
    Promise<List<RegistrationInfo>> found = Promise.promise();
    wrapped.getRegistrations(address, found);
    return found
        .future()
        .compose(
            list -> {
              Future<Void> chain = Future.succeededFuture();
              for (RegistrationInfo mine : own.getOrDefault(address, Set.of())) {
                if (again || !list.contains(mine)) {
                  chain = chain.compose(done -> addAgain(address, mine));
                }
              }
              return chain;
            });
  }

  private Future<Void> addAgain(String address, RegistrationInfo mine) {
    LOG.log(Level.DEBUG, "subscribing again at {0}", address);
    Promise<Void> added = Promise.promise();
    wrapped.addRegistration(address, mine, added);
    return added
        .future()
        .onSuccess(
            done -> {
              if (!own.getOrDefault(address, Set.of()).contains(mine)) {
                // It was given up meanwhile.
                wrapped.removeRegistration(address, mine, Promise.promise());
              }
            });
  }

  private Future<Void> refreshWatched() {
    Future<Void> chain = Future.succeededFuture();
    for (String address : watched) {
      RegistrationListener listener = registrations;
      if (listener == null || !listener.wantsUpdatesFor(address)) {
        watched.remove(address);
      } else {
        chain =
            chain.compose(
                done ->
                    registrationsOf(address)
                        .map(
                            list -> {
                              listener.registrationsUpdated(
                                  new RegistrationUpdateEvent(address, list));
                              return null;
                            }));
      }
    }
    return chain;
  }

  /** Hears of the wrapped manager who comes and goes. */
  private final class Membership implements NodeListener {

    @Override
    public void nodeAdded(String nodeId) {
      LOG.log(Level.INFO, "{0} has joined the cluster", nodeId);
      changed();
      if (nodes != null) {
        nodes.nodeAdded(nodeId);
      }
      membership.changed(nodeId, true);
    }

    @Override
    public void nodeLeft(String nodeId) {
      LOG.log(Level.INFO, "{0} has left the cluster", nodeId);
      changed();
      if (nodes != null) {
        nodes.nodeLeft(nodeId);
      }
      membership.changed(nodeId, false);
    }

    private void changed() {
      context.runOnContext(
          nothing -> {
            for (long afterMs : AFTER_CHANGE_MS) {
              healSoon(afterMs, true);
            }
          });
    }
  }

  @Override
  public <K, V> void getAsyncMap(String name, Completable<AsyncMap<K, V>> promise) {
    wrapped.getAsyncMap(name, promise);
  }

  @Override
  public <K, V> Map<K, V> getSyncMap(String name) {
    return wrapped.getSyncMap(name);
  }

  @Override
  public void getLockWithTimeout(String name, long timeout, Completable<Lock> promise) {
    wrapped.getLockWithTimeout(name, timeout, promise);
  }

  @Override
  public void getCounter(String name, Completable<Counter> promise) {
    wrapped.getCounter(name, promise);
  }

  @Override
  public String getNodeId() {
    return wrapped.getNodeId();
  }

  @Override
  public List<String> getNodes() {
    return wrapped.getNodes();
  }

  @Override
  public NodeInfo getNodeInfo() {
    return ownInfo;
  }

  @Override
  public void getNodeInfo(String nodeId, Completable<NodeInfo> promise) {
    wrapped.getNodeInfo(nodeId, promise);
  }

  @Override
  public boolean isActive() {
    return wrapped.isActive();
  }

  @Override
  public String clusterHost() {
    return wrapped.clusterHost();
  }

  @Override
  public String clusterPublicHost() {
    return wrapped.clusterPublicHost();
  }
}
