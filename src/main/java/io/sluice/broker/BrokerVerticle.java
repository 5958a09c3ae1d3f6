package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.MessageStores;
import io.sluice.store.Replication;
import io.sluice.store.StoreThreads;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.WorkerExecutor;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A Broker: storage and dispatch on one event loop, which owns all of its state.
 *
 * <p>Start: opens the store, rebuilds the state from snapshot and log, begins a new incarnation
 * (its record forced, so that lease numbers never come twice), then listens on the addresses of its
 * name and registers. Stop, in reverse: leaves, answers everything that waits, writes a snapshot,
 * closes the store. While it stops it refuses requests with SHUTTING_DOWN.
 *
 * <p>Writes {@code state.snapshot} and the store's files in the directory of the options.
 */
public final class BrokerVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(BrokerVerticle.class.getName());

  /** A record of state changes is at most so long, and never more than a quarter of a segment. */
  private static final int MAX_STATE_RECORD_BYTES = 256 << 10;

  /** How often positions that only moved over unwanted messages are recorded. */
  private static final long ADVANCE_INTERVAL_MS = 1_000;

  /**
   * With each change of the topics the whole list is told. A long list waits a ms for each so many
   * topics until it is told again, so that making thousands does not cost their square.
   */
  private static final long TOPICS_PER_MS = 100;

  /** A Broker that stops without having drained waits at most so long for its slaves. */
  private static final long LAST_BYTES_MS = 1_000;

  /** A notice that a front has not taken by then is of no use any more. */
  private static final long NOTICE_TIMEOUT_MS = 10_000;

  /** See {@link #setTimer}. */
  private static final long LOOK_AT_CLOCK_MS = 1_000;

  private final BrokerOptions options;
  private final Clock clock;
  private final LatencyRecorder latency;
  private final FileAccess files;
  private final StoreThreads threads;
  private final BrokerMetrics metrics;
  private final TransactionFigures transactionFigures;
  private final Replication replication;

  private MessageStore store;
  private WorkerExecutor worker;
  private BrokerState state;
  private Turn turn;
  private DeadLetters deadLetters;
  private StateLog log;
  private Catalog catalog;
  private Waiting waiting;
  private RepeatedSends repeats;
  private Appender appender;
  private Dispatcher dispatcher;
  private Reader reader;
  private Settler settler;
  private TopicRetention topicRetention;
  private Admin admin;
  private ClientKeptHandler clientKept;
  private PopHandler pops;
  private Rates rates;
  private Operator operator;
  private Timers timers;
  private Transactions transactions;
  private TransactionEnds transactionEnds;
  private TransactionChecks transactionChecks;
  private LetterJobs letterJobs;
  private RetryHandover retries;
  private LetterHandler letters;
  private Snapshots snapshots;
  private Registrar registrar;
  private PlainSends plainSends;
  private final Fence fence;
  private SlaveRole slave;
  private boolean confirmedMoved;
  private Endpoints endpoints;
  private final List<TopicState> arrived = new ArrayList<>();
  private boolean running;
  private long lastBytesMs = LAST_BYTES_MS;
  private long timer = -1;
  private long timerAtMs = Long.MAX_VALUE;
  private boolean topicsChanged;
  private boolean tellingTopics;

  /**
   * A Broker.
   *
   * @param options copied and checked
   * @param latency takes the stages APPEND, FORCE and DISPATCH
   * @throws IllegalArgumentException if the options do not fit together
   */
  public BrokerVerticle(BrokerOptions options, Clock clock, LatencyRecorder latency) {
    this(options, clock, latency, Metrics.NONE, FileAccess.system());
  }

  /** As the other, and counts what it does. */
  public BrokerVerticle(
      BrokerOptions options, Clock clock, LatencyRecorder latency, Metrics metrics) {
    this(options, clock, latency, metrics, FileAccess.system());
  }

  /** As the other, on other files. */
  BrokerVerticle(
      BrokerOptions options,
      Clock clock,
      LatencyRecorder latency,
      Metrics metrics,
      FileAccess files) {
    this(options, clock, latency, metrics, files, StoreThreads.system(), Replication.NONE);
  }

  /**
   * A Broker with slaves, or one that is a slave.
   *
   * @param files all that it reads and writes goes through this
   * @param threads where its store works
   * @param replication started and stopped with it
   */
  public BrokerVerticle(
      BrokerOptions options,
      Clock clock,
      LatencyRecorder latency,
      Metrics metrics,
      FileAccess files,
      StoreThreads threads,
      Replication replication) {
    this.replication = replication;
    this.threads = threads;
    fence = new Fence(replication);
    this.files = files;
    this.metrics = new BrokerMetrics(metrics, options.getBrokerName());
    transactionFigures = new TransactionFigures(metrics, options.getBrokerName());
    this.options = new BrokerOptions(options);
    this.options.check();
    this.clock = clock;
    this.latency = latency;
  }

  @Override
  public Future<?> start() {
    SnapshotFile file = new SnapshotFile(files, options.getDirectory());
    worker = vertx.createSharedWorkerExecutor("sluice-broker-" + options.getBrokerName(), 1);
    return openStore()
        .compose(opened -> worker.executeBlocking(file::read))
        .compose(content -> recover(content, file))
        .compose(recovered -> slave == null ? transactions.rebuild() : Future.succeededFuture())
        .compose(rebuilt -> endpoints.listen(slave))
        .onSuccess(listening -> begin())
        .recover(failure -> undo().transform(undone -> Future.failedFuture(failure)));
  }

  @Override
  public Future<?> stop() {
    SluiceException reason = endpoints.close();
    running = false;
    // A part that throws keeps the store neither open nor locked.
    return Future.succeededFuture()
        .map(
            nothing -> {
              closeParts(reason);
              return null;
            })
        .onFailure(failure -> LOG.log(Level.ERROR, "a part did not stop", failure))
        .compose(closed -> stopFollowing())
        // A master that was replaced waits in vain for slaves to confirm what it has.
        .compose(stopped -> atMost(lastBytesMs, writeSnapshot()))
        .otherwiseEmpty()
        .compose(written -> allForced())
        .compose(forced -> allReplicated())
        .onComplete(
            done -> {
              log.close(reason);
              endpoints.flush();
            })
        .transform(done -> undo());
  }

  private void closeParts(SluiceException reason) {
    ClusterNode.removeSlave(vertx, options.getBrokerName());
    if (timer >= 0) {
      vertx.cancelTimer(timer);
    }
    registrar.unregister();
    metrics.close();
    timers.stop();
    transactionChecks.stop();
    transactionFigures.close();
    transactionEnds.close(reason);
    letterJobs.stop();
    plainSends.close(reason);
    waiting.close(reason);
    appender.close(reason);
    turn.stop();
    turn.end();
    deadLetters.close(reason);
  }

  /**
   * Begins to leave: routes say that nothing is to be sent here, but it is still taken. A stop then
   * waits longer for the slaves. Any thread; a slave has nothing to leave.
   *
   * @param wait for slaves to have everything, at the stop
   * @param needsSlave fails with REPLICAS_MISSING, and changes nothing, unless a slave is in sync
   */
  public Future<Void> leave(Duration wait, boolean needsSlave) {
    return onLoop(
        () -> {
          if (needsSlave && replication.status().inSync() == 0) {
            return Future.failedFuture(
                new SluiceException(
                    ErrorCode.REPLICAS_MISSING,
                    "no slave of '"
                        + options.getBrokerName()
                        + "' is in sync, so none can take over: "
                        + replication.status().detail()));
          }
          lastBytesMs = Math.max(LAST_BYTES_MS, wait.toMillis());
          registrar.stopWrites();
          LOG.log(
              Level.INFO,
              "broker {0} leaves: routes say that nothing is to be sent here",
              options.getBrokerName());
          return Future.succeededFuture();
        });
  }

  /**
   * Takes no new messages any more: they are refused with DRAINING. Everything else goes on until
   * the stop. Any thread.
   *
   * @return completes when all that was taken before is forced, and so answered
   */
  public Future<Void> refuseSends() {
    return onLoop(
        () -> {
          appender.drain(
              new SluiceException(
                  ErrorCode.DRAINING,
                  "the Broker '"
                      + options.getBrokerName()
                      + "' takes nothing more before it stops; send to another"));
          return allForced();
        });
  }

  /** Does something on the event loop, if this Broker is a master and runs. */
  private Future<Void> onLoop(Supplier<Future<Void>> action) {
    Promise<Void> done = Promise.promise();
    context.runOnContext(
        nothing -> {
          if (!running || slave != null) {
            done.complete();
          } else {
            action.get().onComplete(done);
          }
        });
    return done.future();
  }

  private Future<Void> openStore() {
    return Future.fromCompletionStage(
            MessageStores.open(
                options.getStore(),
                files,
                threads,
                clock,
                task -> context.runOnContext(nothing -> task.run()),
                latency,
                StateRecovery.listener()))
        .map(
            opened -> {
              store = opened;
              return null;
            });
  }

  private Future<Void> recover(SnapshotFile.Content content, SnapshotFile file) {
    assemble(file);
    long startedNs = System.nanoTime();
    StateRecovery recovery = new StateRecovery(store, state, replication.follows());
    return recovery
        .recover(content)
        .compose(
            records -> {
              snapshots.keepFrom(content == null ? 0 : content.covered());
              if (replication.follows()) {
                slave =
                    new SlaveRole(
                        replication, recovery, state, catalog, reader, turn, foreignState());
                catalog.refuseChanges(slave::refusal);
                clientKept.serveAsSlave();
              }
              return startReplication().map(started -> records);
            })
        .compose(
            records -> {
              if (slave != null) {
                return Future.succeededFuture();
              }
              StateChange started = recovery.newIncarnation();
              state.apply(started);
              log.changes().change(started);
              giveBackLost();
              LOG.log(
                  Level.INFO,
                  "broker {0} has {1} topics and {2} groups; {3} state records replayed in {4} ms",
                  options.getBrokerName(),
                  state.topics.size(),
                  state.groups.size(),
                  records,
                  (System.nanoTime() - startedNs) / 1_000_000);
              return writeStart().compose(written -> repeats.rebuild());
            });
  }

  private RocketMqState foreignState() {
    return replication.foreignState() == null
        ? null
        : new RocketMqState(replication, state, worker, options.getRetryDelaysMs(), turn);
  }

  private Future<Void> startReplication() {
    return Future.fromCompletionStage(
        replication.start(
            store,
            () -> {
              confirmedMoved = true;
              turn.request();
            }));
  }

  private void assemble(SnapshotFile file) {
    state = new BrokerState();
    turn = new Turn(context);
    deadLetters = new DeadLetters(store, turn);
    int recordBytes = Math.min(MAX_STATE_RECORD_BYTES, store.maxRecordBytes() / 4);
    log = new StateLog(store, clock, new ChangeBuffer(deadLetters, recordBytes), turn);
    catalog = new Catalog(options, store, state, log);
    waiting = new Waiting(options.getMaxWaitingReceives(), state.holders);
    ArrivalTimes arrivals = new ArrivalTimes();
    repeats =
        new RepeatedSends(
            store,
            state,
            turn,
            clock,
            options.getDuplicateWindow(),
            options.getMaxDuplicateEntries(),
            metrics);
    appender = new Appender(options, store, catalog, log, turn, clock, latency, arrivals, repeats);
    QueueLocks locks = new QueueLocks();
    dispatcher =
        new Dispatcher(
            options, store, state, catalog, log, turn, waiting, clock, latency, arrivals, metrics,
            locks);
    reader = new Reader(store, catalog, turn, waiting, clock, latency, arrivals, metrics);
    deadLetters.connect(catalog, log, dispatcher);
    settler = new Settler(options, state, catalog, log, deadLetters, dispatcher, clock);
    admin = new Admin(options, store, state, catalog, log, appender, dispatcher, reader, waiting);
    clientKept =
        new ClientKeptHandler(
            options, store, state, catalog, log, reader, dispatcher, appender, locks, clock);
    pops =
        new PopHandler(store, state, catalog, log, dispatcher, reader, settler, clientKept, clock);
    rates =
        new Rates(
            state,
            clock,
            appender::messagesIn,
            () -> dispatcher.messagesOut() + reader.messagesOut());
    operator =
        new Operator(
            store, state, catalog, rates, clientKept::producers, worker, options.getDirectory());
    timers =
        new Timers(
            store,
            state,
            catalog,
            log,
            dispatcher,
            reader,
            turn,
            clock,
            options.getTimersInMemory());
    assembleTransactions();
    appender.connect(timers::arm, transactions);
    letterJobs =
        new LetterJobs(
            store, state, catalog, log, dispatcher, reader, turn, clock, clientKept::hasClients);
    retries =
        new RetryHandover(
            store, state, catalog, log, dispatcher, reader, clientKept, timers, turn, clock);
    letters = new LetterHandler(options, store, state, catalog, log, reader, letterJobs);
    admin.connect(timers);
    snapshots =
        new Snapshots(context, clock, store, state, catalog, log, file, worker, this::neededFrom);
    snapshots.connect(replication);
    appender.connect(replication);
    topicRetention = new TopicRetention(store, state, catalog, clock);
    registrar = new Registrar(vertx, options, state, replication);
    plainSends = new PlainSends(vertx, context, options, state, appender, clock);
    endpoints =
        new Endpoints(
            vertx,
            options,
            turn,
            fence,
            new Endpoints.Handlers(
                appender,
                dispatcher,
                reader,
                settler,
                admin,
                clientKept,
                pops,
                operator,
                letters,
                new TransactionHandler(options, store, state, transactions, transactionEnds),
                new ReplicationAdmin(options, store, replication)));
  }

  private void assembleTransactions() {
    transactions = new Transactions(options, store, state, log, transactionFigures);
    transactionEnds =
        new TransactionEnds(
            options,
            store,
            transactions,
            catalog,
            log,
            turn,
            new TransactionEnds.Arrivals() {
              @Override
              public void arrived(TopicState topic) {
                dispatcher.arrived(topic);
                reader.arrived(topic);
              }

              @Override
              public void armed(long dueMs, long timerOffset) {
                timers.arm(dueMs, timerOffset);
              }
            });
    transactionChecks =
        new TransactionChecks(
            options,
            store,
            transactions,
            transactionEnds,
            log,
            clientKept::producers,
            (address, notice) ->
                vertx.eventBus().send(address, notice, BusCodec.options(NOTICE_TIMEOUT_MS)),
            turn,
            clock,
            transactionFigures);
  }

  /** The first byte of the log that is needed beside what the snapshot does not cover. */
  private long neededFrom() {
    return replication.follows()
        ? replication.keepFrom()
        : Math.min(timers.retentionFloor(), transactions.retentionFloor());
  }

  /** Sockets do not survive the process: their leases are due at once. */
  private void giveBackLost() {
    long nowMs = clock.nowMs();
    for (Consumption consumption : state.consumptions()) {
      consumption.forEachCursor(cursor -> cursor.release(Holders.LOST, nowMs, log.changes()));
    }
  }

  /** The new incarnation is on the disk before the first lease is given. */
  private Future<Void> writeStart() {
    Promise<Void> written = Promise.promise();
    log.whenForced(
        new Answer<>() {
          @Override
          public void succeed(Void nothing) {
            written.complete();
          }

          @Override
          public void fail(SluiceException failure) {
            written.fail(failure);
          }
        });
    turn.addStep(log::flush);
    return written.future();
  }

  private void begin() {
    turn.clearSteps();
    if (slave != null) {
      beginAsSlave();
      return;
    }
    if (options.getDefaultAck() == AckLevel.REPLICATED) {
      log.replicate(replication);
    }
    turn.addStep(appender::resume);
    turn.addStep(dispatcher::wakeDue);
    turn.addStep(timers::deliver);
    turn.addStep(transactionChecks::askAll);
    turn.addStep(transactionEnds::endAll);
    turn.addStep(letterJobs::work);
    turn.addStep(this::tellArrivals);
    turn.addStep(this::tellConfirmed);
    turn.addStep(retries::work);
    turn.addStep(dispatcher::serveTouched);
    turn.addStep(reader::serveTouched);
    turn.addStep(() -> waiting.answerOverdue(clock.nowMs()));
    turn.addStep(deadLetters::bury);
    turn.addStep(this::tellTopics);
    turn.addStep(log::flush);
    turn.addStep(replication::appended);
    turn.addStep(this::setTimer);
    turn.addStep(endpoints::flush);
    catalog.addListener(
        () -> {
          topicsChanged = true;
          repeats.topicsChanged();
          appender.forgetTopics();
          turn.request();
        });
    timers.start();
    letterJobs.start();
    dispatcher.connect(retries::look);
    running = true;
    endpoints.open();
    keepRetention();
    topicsChanged = true;
    // Whoever asks a NameServer once the start is over finds this Broker there.
    tellTopics();
    vertx.setPeriodic(options.getRegisterInterval().toMillis(), id -> keepHouse());
    vertx.setPeriodic(options.getSnapshotInterval().toMillis(), id -> writeSnapshot());
    clientKept.start(vertx);
    registrar.listen();
    rates.sample();
    vertx.setPeriodic(Rates.INTERVAL_MS, id -> rates.sample());
    vertx.setPeriodic(
        ADVANCE_INTERVAL_MS,
        id -> {
          log.flushAll();
          registrar.tellInSync();
        });
    turn.request();
  }

  private void beginAsSlave() {
    turn.addStep(slave::follow);
    turn.addStep(this::tellConfirmed);
    turn.addStep(reader::serveTouched);
    turn.addStep(() -> waiting.answerOverdue(clock.nowMs()));
    turn.addStep(this::tellTopics);
    turn.addStep(this::setTimer);
    turn.addStep(endpoints::flush);
    catalog.addListener(
        () -> {
          topicsChanged = true;
          turn.request();
        });
    registrar.listen();
    running = true;
    endpoints.open();
    keepRetention();
    topicsChanged = true;
    tellTopics();
    vertx.setPeriodic(
        options.getRegisterInterval().toMillis(),
        id -> {
          registrar.register();
          waiting.forgetIdleHolders();
          snapshots.setRetentionFloor();
        });
    vertx.setPeriodic(options.getSnapshotInterval().toMillis(), id -> writeSnapshot());
    clientKept.start(vertx);
    turn.request();
  }

  /** A slave too: whoever reads there is to find what they find at the master. */
  private void keepRetention() {
    topicRetention.look();
    vertx.setPeriodic(
        options.getStore().retentionInterval().toMillis(), id -> topicRetention.look());
  }

  private Future<Void> writeSnapshot() {
    return slave == null || slave.maySnapshot() ? snapshots.write() : Future.succeededFuture();
  }

  /** What was not confirmed when somebody looked for it may be now. */
  private void tellConfirmed() {
    if (!confirmedMoved) {
      return;
    }
    confirmedMoved = false;
    if (slave != null) {
      // What came for whom is not known here. Only now: who waits for the disk is not to be asked
      // again in each turn.
      reader.lookForAll();
    }
    for (String name : store.raw().takeHidden()) {
      TopicState topic = state.topics.get(name);
      if (topic != null) {
        dispatcher.arrived(topic);
        reader.arrived(topic);
        continue;
      }
      Consumption redriven = state.redriven(name);
      if (redriven != null) {
        dispatcher.touch(redriven);
      }
    }
  }

  private void keepHouse() {
    registrar.register();
    waiting.forgetIdleHolders();
    endpoints.forgetIdle();
    timers.findFirst();
    snapshots.setRetentionFloor();
    repeats.forgetOld();
    for (Consumption consumption : state.consumptions()) {
      consumption.forEachCursor(QueueCursor::trim);
    }
  }

  private void tellArrivals() {
    appender.takeArrived(arrived);
    for (TopicState topic : arrived) {
      dispatcher.arrived(topic);
      reader.arrived(topic);
    }
    arrived.clear();
  }

  private void tellTopics() {
    if (!topicsChanged || tellingTopics || !running) {
      return;
    }
    topicsChanged = false;
    tellingTopics = true;
    registrar.register();
    if (options.isPlainSends() && slave == null) {
      plainSends.update();
    }
    long pauseMs = state.topics.size() / TOPICS_PER_MS;
    if (pauseMs == 0) {
      tellingTopics = false;
      return;
    }
    vertx.setTimer(
        pauseMs,
        id -> {
          tellingTopics = false;
          tellTopics();
        });
  }

  /**
   * One timer, for whatever is next: a lease that ends, a retry that is due, a wait that is over.
   * The clock may be set while something waits, so it is looked at every second then.
   */
  private void setTimer() {
    // A slave gives no leases, and lets none end.
    long nextMs = slave == null ? nextMs() : waiting.earliestMs();
    if (nextMs == Long.MAX_VALUE || !running) {
      return;
    }
    nextMs = Math.min(nextMs, clock.nowMs() + LOOK_AT_CLOCK_MS);
    if (nextMs >= timerAtMs) {
      return;
    }
    if (timer >= 0) {
      vertx.cancelTimer(timer);
    }
    timerAtMs = nextMs;
    timer =
        vertx.setTimer(
            Math.max(1, nextMs - clock.nowMs()),
            id -> {
              timer = -1;
              timerAtMs = Long.MAX_VALUE;
              turn.request();
            });
  }

  private long nextMs() {
    long nextMs = Math.min(state.due.earliestMs(), waiting.earliestMs());
    nextMs = Math.min(nextMs, timers.nextMs());
    nextMs = Math.min(nextMs, letterJobs.nextMs());
    return Math.min(nextMs, transactions.open() == 0 ? Long.MAX_VALUE : transactionChecks.nextMs());
  }

  /** A slave's log does not grow any more from here on. */
  private Future<Void> stopFollowing() {
    return slave == null
        ? Future.succeededFuture()
        : Future.fromCompletionStage(replication.stop())
            .map(
                stopped -> {
                  slave.follow();
                  return null;
                });
  }

  /** Gives the slaves a moment for the rest of the log, so that a stop in peace loses nothing. */
  private Future<Void> allReplicated() {
    if (slave != null) {
      return Future.succeededFuture();
    }
    Future<Void> confirmed =
        Future.fromCompletionStage(replication.whenConfirmed(store.maxPhysicalOffset()));
    return atMost(lastBytesMs, confirmed)
        .compose(done -> Future.fromCompletionStage(replication.stop()));
  }

  /** Completes when it is done, however it went, or after so long. */
  private Future<Void> atMost(long timeoutMs, Future<Void> work) {
    Promise<Void> waited = Promise.promise();
    long giveUp = vertx.setTimer(timeoutMs, id -> waited.tryComplete());
    work.onComplete(
        done -> {
          vertx.cancelTimer(giveUp);
          waited.tryComplete();
        });
    return waited.future();
  }

  private Future<Void> allForced() {
    Promise<Void> forced = Promise.promise();
    store.whenForced(store.maxPhysicalOffset(), failure -> forced.complete());
    return forced.future();
  }

  /** Closes what is open, in reverse order. */
  private Future<Void> undo() {
    return Future.fromCompletionStage(replication.stop())
        .transform(stopped -> closed())
        .eventually(() -> worker.close());
  }

  private Future<Void> closed() {
    return store == null ? Future.succeededFuture() : Future.fromCompletionStage(store.close());
  }
}
