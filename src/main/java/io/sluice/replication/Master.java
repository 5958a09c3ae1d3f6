package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.Replication;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * The master's side: takes the connections of slaves, sends them the log, and says what is
 * confirmed.
 *
 * <p>Owned by the Broker's event loop, on which its connections run too. Begins an epoch at each
 * start, which is in the file {@link EpochFile} before the start completes.
 */
public final class Master implements Replication {

  private static final System.Logger LOG = System.getLogger(Master.class.getName());

  /** Sends that wait for slaves, by their ack timeout; more than fit into any store's window. */
  private static final int MAX_WAITING = 1 << 20;

  private static final long NOT_TAKEN_MS = 10_000;

  private final Vertx vertx;
  final FileAccess files;
  final ReplicationOptions options;
  final Clock clock;
  private final Tenure tenure;
  private final InSyncSet set;
  private final Map<Long, ReplicaSession> sessions = new HashMap<>();
  private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();
  private final List<Confirming> confirmings = new ArrayList<>();
  MessageStore store;
  EpochHistory history = EpochHistory.NONE;
  private Runnable moved = () -> {};
  private NetServer server;
  private long timer = -1;
  private long noticeTimer = -1;
  private long shownTo = Long.MAX_VALUE;
  private boolean stopped;
  private long notTakenMs = -NOT_TAKEN_MS;
  private boolean changing;
  private boolean resigned;
  private long startedMs;

  // For whoever wonders which log is the longest.
  private volatile long seenEpoch;
  private volatile long seenEnd;

  /** Who waits for ack level replicated; forced already. */
  private record Waiter(long physicalOffset, long deadlineMs, Consumer<StoreException> done) {}

  /** Who waits for what is confirmed by however many. */
  private record Confirming(long physicalOffset, CompletableFuture<Void> done) {}

  /** A master; nothing is opened yet. */
  public Master(Vertx vertx, FileAccess files, ReplicationOptions options, Clock clock) {
    this(vertx, files, options, clock, null);
  }

  /**
   * A master that was elected.
   *
   * @param tenure null where there are no controllers
   */
  public Master(
      Vertx vertx, FileAccess files, ReplicationOptions options, Clock clock, Tenure tenure) {
    this.vertx = vertx;
    this.files = files;
    this.tenure = tenure;
    this.options = options;
    this.clock = clock;
    set = new InSyncSet(options.inSyncTimeout().toMillis());
  }

  @Override
  public boolean follows() {
    return false;
  }

  @Override
  public String whereToGo() {
    return "";
  }

  @Override
  public CompletionStage<Void> start(MessageStore opened, Runnable whenMoved) {
    store = opened;
    moved = whenMoved;
    long end = store.maxPhysicalOffset();
    long begin = store.minPhysicalOffset();
    return vertx
        .executeBlocking(() -> beginEpoch(end, begin))
        .compose(
            begun -> {
              history = begun;
              seenEpoch = begun.lastNumber();
              seenEnd = end;
              startedMs = clock.nowMs();
              takeAgreed();
              // Before anybody reads: what the others of the set may not have is not to be seen.
              show(confirmedTo());
              return options.port() < 0 ? Future.succeededFuture() : listen();
            })
        .<Void>mapEmpty()
        .toCompletionStage();
  }

  private EpochHistory beginEpoch(long end, long begin) throws IOException {
    EpochFile file = new EpochFile(files, options.directory());
    EpochHistory known = file.read();
    long number = tenure == null ? known.lastNumber() + 1 : tenure.epoch();
    if (number <= known.lastNumber()) {
      throw new StoreException(
          StoreException.Kind.FENCED,
          "elected for epoch "
              + number
              + ", but this log has epoch "
              + known.lastNumber()
              + " already; the controllers elect again");
    }
    if (tenure != null) {
      // As a slave it heard what is confirmed; its own log has it, as it was in sync.
      set.confirmedBefore(
          Math.min(end, new FollowerFile(files, options.directory()).read().confirmed()));
    }
    EpochHistory begun = known.begin(number, end, begin, new SecureRandom().nextLong());
    file.write(begun);
    return begun;
  }

  private Future<NetServer> listen() {
    long intervalMs =
        Math.max(
            10, Math.min(ReplicationOptions.HEARTBEAT_MS, options.inSyncTimeout().toMillis() / 4));
    server =
        vertx
            .createNetServer(options.security().apply(new NetServerOptions().setTcpNoDelay(true)))
            .connectHandler(this::connected)
            .exceptionHandler(this::notTaken);
    return server
        .listen(options.port(), options.host())
        .onSuccess(
            listening -> {
              timer = vertx.setPeriodic(intervalMs, id -> beat());
              LOG.log(
                  Level.INFO,
                  "master of {0} in epoch {1} from physical offset {2} on; slaves come to port {3}",
                  options.brokerName(),
                  Long.toString(history.lastNumber()),
                  Long.toString(history.last().start()),
                  Integer.toString(listening.actualPort()));
            });
  }

  /** Port at which slaves come; -1 if none. */
  public int port() {
    return server == null ? -1 : server.actualPort();
  }

  private void connected(NetSocket socket) {
    if (stopped) {
      socket.close();
    } else {
      new ReplicaSession(this, socket).start();
    }
  }

  /** Somebody without the secret, or without TLS; said once in a while. */
  private void notTaken(Throwable failure) {
    long nowMs = clock.nowMs();
    if (nowMs - notTakenMs >= NOT_TAKEN_MS) {
      notTakenMs = nowMs;
      LOG.log(
          Level.WARNING,
          "a connection at the port for slaves of {0} is not taken: {1}; slaves need the master''s"
              + " cluster.secret and cluster.name",
          options.brokerName(),
          failure.toString());
    }
  }

  // Sessions.

  /** A slave follows from here on. */
  void joined(ReplicaSession session, long received) {
    ReplicaSession before = sessions.put(session.id(), session);
    if (before != null) {
      // It came again before its old connection was seen to be dead.
      before.close("another connection of the same slave");
    }
    set.connected(session.id(), received, store.maxPhysicalOffset(), clock.nowMs());
    LOG.log(
        Level.INFO,
        "slave {0} of {1} ({2}) follows from physical offset {3}, {4} bytes behind",
        Long.toString(session.id()),
        options.brokerName(),
        session.address(),
        Long.toString(received),
        Long.toString(store.maxPhysicalOffset() - received));
    agree();
    settle();
  }

  void left(ReplicaSession session, String reason) {
    if (sessions.remove(session.id(), session)) {
      boolean wasInSync = set.isInSync(session.id());
      set.gone(session.id());
      if (!stopped) {
        LOG.log(
            Level.WARNING,
            "slave {0} of {1} is gone ({2}){3}",
            Long.toString(session.id()),
            options.brokerName(),
            reason,
            wasInSync ? "; in sync are now " + set.inSync() : "");
        agree();
        settle();
      }
    }
  }

  void received(ReplicaSession session, long received) {
    boolean before = set.isInSync(session.id());
    set.received(session.id(), received, store.maxPhysicalOffset(), clock.nowMs());
    if (tenure != null && !before) {
      agree();
    }
    if (!before && set.isInSync(session.id())) {
      LOG.log(
          Level.INFO,
          "slave {0} of {1} is in sync",
          Long.toString(session.id()),
          options.brokerName());
    }
    settle();
  }

  boolean isInSync(long id) {
    return set.isInSync(id);
  }

  /** 0 while the store is not open. */
  long confirmedTo() {
    return store == null ? 0 : set.confirmedTo(store.maxPhysicalOffset());
  }

  /** Looks at what is confirmed, shows it, and answers who waits for it. */
  private void settle() {
    long confirmed = confirmedTo();
    seenEnd = store.maxPhysicalOffset();
    if (show(confirmed)) {
      moved.run();
      noticeSoon();
    }
    if (!waiters.isEmpty()) {
      answerWaiters(confirmed);
    }
    if (!confirmings.isEmpty()) {
      completeConfirmings(confirmed);
    }
  }

  /** Lets readers see what is confirmed, all if nobody is waited for; false if they did already. */
  private boolean show(long confirmed) {
    long show = set.waitsForNobody() ? Long.MAX_VALUE : confirmed;
    if (show == shownTo) {
      return false;
    }
    shownTo = show;
    store.raw().confirm(show);
    return true;
  }

  private void completeConfirmings(long confirmed) {
    // Whoever is told may wait for more at once.
    List<Confirming> reached =
        confirmings.stream().filter(each -> each.physicalOffset() <= confirmed).toList();
    confirmings.removeAll(reached);
    reached.forEach(each -> each.done().complete(null));
  }

  /** Slaves hear soon of what is confirmed, though not each time by a frame of its own. */
  private void noticeSoon() {
    if (noticeTimer < 0 && !sessions.isEmpty()) {
      noticeTimer =
          vertx.setTimer(
              5,
              id -> {
                noticeTimer = -1;
                sessions.values().forEach(ReplicaSession::tellConfirmed);
              });
    }
  }

  private void answerWaiters(long confirmed) {
    long nowMs = clock.nowMs();
    boolean enough = set.inSync() >= options.minInSync() && (tenure == null || tenure.holds());
    Waiter first;
    while ((first = waiters.peek()) != null) {
      if (enough && first.physicalOffset() <= confirmed) {
        waiters.poll().done().accept(null);
      } else if (nowMs >= first.deadlineMs()) {
        waiters.poll().done().accept(notConfirmed(first, confirmed));
      } else {
        return;
      }
    }
  }

  private StoreException notConfirmed(Waiter waiter, long confirmed) {
    return new StoreException(
        StoreException.Kind.NOT_CONFIRMED,
        "stored and forced here up to physical offset "
            + waiter.physicalOffset()
            + ", but in "
            + options.ackTimeout().toMillis()
            + " ms it was not confirmed: "
            + set.inSync()
            + " slaves are in sync, "
            + options.minInSync()
            + " are needed, confirmed is "
            + confirmed
            + ". It may be lost if this Broker is");
  }

  private void beat() {
    long nowMs = clock.nowMs();
    for (long late : set.expire(nowMs)) {
      LOG.log(
          Level.WARNING,
          "slave {0} of {1} had not caught up for {2} ms: it is not in sync any more; in sync are"
              + " now {3}",
          Long.toString(late),
          options.brokerName(),
          Long.toString(options.inSyncTimeout().toMillis()),
          Integer.toString(set.inSync()));
    }
    for (ReplicaSession session : List.copyOf(sessions.values())) {
      session.beat(nowMs);
    }
    resignIfFailed();
    agree();
    settle();
  }

  /** A store that has failed takes nothing until it is opened again: another can go on at once. */
  private void resignIfFailed() {
    if (tenure == null || resigned) {
      return;
    }
    StoreException refusal = store.refusal();
    if (refusal != null && refusal.kind() == StoreException.Kind.FAILED) {
      resigned = true;
      LOG.log(
          Level.ERROR,
          "the store of this master of {0} has failed: it gives epoch {1} up, so that another is"
              + " elected",
          options.brokerName(),
          Long.toString(tenure.epoch()));
      tenure.resign();
    }
  }

  // The controllers.

  private void takeAgreed() {
    if (tenure != null) {
      Tenure.Agreed agreed = tenure.agreed();
      set.agree(agreed.version(), agreed.slaves());
    }
  }

  /** Takes the in-sync set of the controllers, and asks for another where it is another here. */
  private void agree() {
    if (tenure == null || stopped) {
      return;
    }
    takeAgreed();
    SortedSet<Long> wished = set.wished();
    if (clock.nowMs() - startedMs < options.inSyncTimeout().toMillis()) {
      // The others of the set need a moment to find their new master.
      wished.addAll(tenure.agreed().slaves());
    }
    if (changing || !tenure.holds() || wished.equals(tenure.agreed().slaves())) {
      return;
    }
    changing = true;
    set.ask(wished);
    Context context = vertx.getOrCreateContext();
    tenure
        .change(wished)
        .whenComplete(
            (done, failure) ->
                context.runOnContext(
                    nothing -> {
                      changing = false;
                      if (stopped) {
                        return;
                      }
                      takeAgreed();
                      if (failure == null) {
                        LOG.log(
                            Level.INFO,
                            "the slaves of {0} in sync are agreed to be {1}",
                            options.brokerName(),
                            tenure.agreed().slaves());
                        // Something may have changed meanwhile; after a failure the next beat asks.
                        agree();
                      }
                      settle();
                    }));
  }

  @Override
  public long epoch() {
    return history.lastNumber();
  }

  @Override
  public boolean mayBeFenced() {
    return tenure != null;
  }

  @Override
  public StoreException fenced() {
    return tenure == null || tenure.holds()
        ? null
        : new StoreException(
            StoreException.Kind.FENCED,
            "the lease of this master of "
                + options.brokerName()
                + " (epoch "
                + tenure.epoch()
                + ") ran out: it does not reach the controllers, or another is the master by now."
                + " Send to the master of the route, or try again");
  }

  /** Number of its epoch; safe for any thread. */
  public long seenEpoch() {
    return seenEpoch;
  }

  /** End of its log a moment ago; safe for any thread. */
  public long seenEnd() {
    return seenEnd;
  }

  // What the Broker asks.

  @Override
  public void appended() {
    if (sessions.isEmpty()) {
      seenEnd = store.maxPhysicalOffset();
      return;
    }
    for (ReplicaSession session : sessions.values()) {
      session.pump();
    }
    settle();
  }

  @Override
  public StoreException refusal() {
    StoreException fenced = fenced();
    if (fenced != null || set.inSync() >= options.minInSync()) {
      return fenced;
    }
    return new StoreException(
        StoreException.Kind.REPLICAS_MISSING,
        "ack level 'replicated' needs "
            + options.minInSync()
            + " slaves in sync (replication.min-in-sync); of "
            + set.connected()
            + " connected ones "
            + set.inSync()
            + " are. Nothing was stored; try again, or use 'disk'");
  }

  @Override
  public void whenReplicated(long physicalOffset, Consumer<StoreException> done) {
    if (waiters.size() >= MAX_WAITING) {
      done.accept(
          new StoreException(
              StoreException.Kind.NOT_CONFIRMED,
              "stored, but " + MAX_WAITING + " sends wait for slaves already"));
      return;
    }
    long deadlineMs = clock.nowMs() + options.ackTimeout().toMillis();
    store.whenForced(
        physicalOffset,
        failure -> {
          if (failure != null) {
            done.accept(failure);
            return;
          }
          waiters.add(new Waiter(physicalOffset, deadlineMs, done));
          answerWaiters(confirmedTo());
        });
  }

  @Override
  public CompletionStage<Void> whenConfirmed(long physicalOffset) {
    if (physicalOffset <= confirmedTo()) {
      return CompletableFuture.completedFuture(null);
    }
    CompletableFuture<Void> done = new CompletableFuture<>();
    confirmings.add(new Confirming(physicalOffset, done));
    // A Broker that stops has no turns any more, which say that something was appended.
    appended();
    return done;
  }

  @Override
  public long keepFrom() {
    return Long.MAX_VALUE;
  }

  @Override
  public Status status() {
    StringBuilder detail = new StringBuilder();
    for (ReplicaSession session : sessions.values()) {
      detail.append(detail.length() == 0 ? "" : "; ").append(session.describe());
    }
    return new Status(
        "master",
        history.lastNumber(),
        confirmedTo(),
        set.inSync(),
        slavesInSync(),
        detail.length() == 0 ? "no slave is connected" : detail.toString());
  }

  @Override
  public List<Slave> slaves() {
    return sessions.values().stream()
        .map(ReplicaSession::slave)
        .sorted(Comparator.comparingLong(Slave::brokerId))
        .toList();
  }

  private SortedSet<Long> slavesInSync() {
    SortedSet<Long> slaves = set.wished();
    slaves.removeIf(id -> !set.isInSync(id));
    return slaves;
  }

  @Override
  public CompletionStage<Void> promote(boolean force) {
    return CompletableFuture.failedFuture(
        new StoreException(
            StoreException.Kind.NOT_A_SLAVE,
            "this Broker is the master of " + options.brokerName() + " already"));
  }

  /** Runs work that may block. */
  <T> Future<T> blocking(Callable<T> work) {
    return vertx.executeBlocking(work);
  }

  Vertx vertx() {
    return vertx;
  }

  @Override
  public CompletionStage<Void> stop() {
    stopped = true;
    if (timer >= 0) {
      vertx.cancelTimer(timer);
    }
    if (noticeTimer >= 0) {
      vertx.cancelTimer(noticeTimer);
    }
    for (ReplicaSession session : List.copyOf(sessions.values())) {
      session.close("the master stops");
    }
    StoreException closed =
        new StoreException(
            StoreException.Kind.NOT_CONFIRMED,
            "stored and forced, but the Broker stops before the slaves confirmed it");
    while (!waiters.isEmpty()) {
      waiters.poll().done().accept(closed);
    }
    confirmings.forEach(each -> each.done().completeExceptionally(closed));
    confirmings.clear();
    if (server == null) {
      return CompletableFuture.completedFuture(null);
    }
    Promise<Void> done = Promise.promise();
    server.close().onComplete(ended -> done.complete());
    return done.future().toCompletionStage();
  }
}
