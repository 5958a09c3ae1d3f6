package io.sluice.broker;

import io.sluice.broker.LetterState.Letters;
import io.sluice.broker.StateChange.LetterJobBecame;
import io.sluice.broker.StateChange.LettersGone;
import io.sluice.bus.Filter;
import io.sluice.bus.LetterRequest.Job;
import io.sluice.bus.LetterRequest.Kind;
import io.sluice.bus.LetterRequest.State;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Redrives and purges dead letters, a piece in each turn of the event loop. What is redriven is
 * appended together with the change that takes it out of the dead letters and says how far the job
 * is: a crash neither loses a letter nor redrives it twice, and the next start goes on.
 *
 * <p>A letter goes back to its group alone. Where RocketMQ clients of the group live, or it died
 * with them, it goes to the group's retry topic, which they all read; else to the queue of what was
 * redriven, which receives of the group and topic get like one more queue of the topic. It is as it
 * was sent, with what made it a dead letter still on it, and has all its attempts again.
 *
 * <p>Owned by the Broker's event loop.
 */
final class LetterJobs {

  private static final System.Logger LOG = System.getLogger(LetterJobs.class.getName());

  /** Letters looked at in one step, at most: about 1 ms. */
  private static final int LOOK = 512;

  /** Bytes of letters redriven in one step, beyond which no further one is added. */
  private static final int STEP_BYTES = 1 << 20;

  /** Room for the changes of a step: 512 ranges with a long group's name, and a long filter. */
  private static final int CHANGE_BYTES = 112 << 10;

  /** A rate is kept in portions of so many ms: 20 records of state a second. */
  private static final long PORTION_MS = 50;

  private final MessageStore store;
  private final BrokerState state;
  private final Catalog catalog;
  private final StateLog log;
  private final Dispatcher dispatcher;
  private final Reader reader;
  private final Turn turn;
  private final Clock clock;
  private final Predicate<String> hasClients;
  private final Map<String, Run> runs = new TreeMap<>();
  private final MessageView view = new MessageView();
  private final PropertiesWriter properties = new PropertiesWriter();
  private boolean stopped;

  /** What a running job needs beside what is recorded of it. */
  private static final class Run {
    private final String group;
    private boolean waits;
    private WarmRange warm = WarmRange.NONE;
    private double tokens = 1;
    private long tokensAtMs;
    private long nextAtMs;

    private Run(String group, long nowMs) {
      this.group = group;
      tokensAtMs = nowMs;
    }
  }

  /** What one step does. */
  private static final class Step {
    private final MessageBatch batch = new MessageBatch(16 << 10);
    private final List<ConsumeQueue> targets = new ArrayList<>();
    private final Set<TopicState> topics = new LinkedHashSet<>();
    private final Set<Consumption> consumptions = new LinkedHashSet<>();
    private final List<LettersGone> gone = new ArrayList<>();
    private long next;
    private long moved;
    private long passed;
    private long stuck;
  }

  /**
   * The jobs.
   *
   * @param hasClients whether RocketMQ clients that keep their queues themselves live in a group
   */
  LetterJobs(
      MessageStore store,
      BrokerState state,
      Catalog catalog,
      StateLog log,
      Dispatcher dispatcher,
      Reader reader,
      Turn turn,
      Clock clock,
      Predicate<String> hasClients) {
    this.store = store;
    this.state = state;
    this.catalog = catalog;
    this.log = log;
    this.dispatcher = dispatcher;
    this.reader = reader;
    this.turn = turn;
    this.clock = clock;
    this.hasClients = hasClients;
  }

  /** Goes on with what ran when the process ended. */
  void start() {
    state
        .letters
        .all()
        .forEach(
            (group, letters) -> {
              if (letters.job != null && letters.job.isRunning()) {
                runs.put(group, new Run(group, clock.nowMs()));
              }
            });
    turn.request();
  }

  /** Nothing is done any more. */
  void stop() {
    stopped = true;
  }

  /** When something has to be done next, or {@code Long.MAX_VALUE}. */
  long nextMs() {
    long next = Long.MAX_VALUE;
    for (Run run : runs.values()) {
      if (!run.waits && !stopped) {
        next = Math.min(next, run.nextAtMs);
      }
    }
    return next;
  }

  /** Starts a job; the group has none that runs. */
  void start(String group, Kind kind, Filter filter, long max, long perSecond) {
    Letters letters = state.letters.of(group);
    TopicState topic = catalog.topic(Names.deadLetterTopic(group));
    long end = topic == null ? 0 : catalog.queue(topic, 0).maxOffset();
    long nowMs = clock.nowMs();
    long id = letters.job == null ? 1 : letters.job.id() + 1;
    long first = letters.gone.floor();
    become(
        group,
        new Job(
            id, kind, filter, max, perSecond, State.RUNNING, nowMs, 0, first, end, 0, 0, 0, null));
    runs.put(group, new Run(group, nowMs));
    turn.request();
  }

  /** Ends a job that runs. */
  void cancel(String group) {
    end(group, State.CANCELLED, null);
  }

  /** Does a piece of each job. A step of the turn. */
  void work() {
    if (runs.isEmpty() || stopped) {
      return;
    }
    for (Run run : List.copyOf(runs.values())) {
      if (log.isBlocked()) {
        return;
      }
      if (run.waits) {
        continue;
      }
      try {
        step(run);
      } catch (SluiceException | IllegalArgumentException e) {
        LOG.log(Level.WARNING, "the job on dead letters of " + run.group + " failed", e);
        end(run.group, State.FAILED, e.getMessage());
      }
    }
  }

  private void step(Run run) {
    Letters letters = state.letters.known(run.group);
    TopicState topic = catalog.topic(Names.deadLetterTopic(run.group));
    if (letters == null || letters.job == null || !letters.job.isRunning()) {
      // The topic of the dead letters was deleted.
      runs.remove(run.group);
      return;
    }
    Job job = letters.job;
    if (!state.groups.containsKey(run.group)) {
      end(run.group, State.FAILED, "the group was deleted");
      return;
    }
    if (topic == null || job.max() > 0 && job.moved() >= job.max()) {
      end(run.group, State.DONE, null);
      return;
    }
    ConsumeQueue queue = catalog.queue(topic, 0);
    long from = letters.gone.firstMissing(Math.max(job.nextOffset(), queue.minOffset()));
    if (from >= job.endOffset()) {
      end(run.group, State.DONE, null);
      return;
    }
    long allowed = allowed(run, job);
    if (allowed == 0) {
      return;
    }
    if (takesAll(job)) {
      purgeAll(run, letters, from);
      return;
    }
    int count = (int) Math.min(LOOK, job.endOffset() - from);
    int readable = readable(run, queue, from, count);
    if (readable == 0) {
      bringIn(run, queue, from);
    } else {
      finish(run, letters, look(run, letters, queue, from, from + readable, allowed));
    }
  }

  private static boolean takesAll(Job job) {
    return job.kind() == Kind.PURGE
        && job.max() == 0
        && job.perSecond() == 0
        && MessageFilter.of(job.filter()).wantsAll();
  }

  /** No letter has to be looked at. */
  private void purgeAll(Run run, Letters letters, long from) {
    Job job = letters.job;
    long moved = letters.gone.missing(from, job.endOffset());
    gone(new LettersGone(run.group, from, job.endOffset() - from));
    become(run.group, job.at(job.endOffset(), moved, 0, 0).ended(State.DONE, clock.nowMs(), null));
    runs.remove(run.group);
  }

  /** How many letters may be moved now; 0 if that has to wait. */
  private long allowed(Run run, Job job) {
    long left = job.max() == 0 ? Long.MAX_VALUE : job.max() - job.moved();
    if (job.perSecond() == 0) {
      return Math.min(LOOK, left);
    }
    long nowMs = clock.nowMs();
    double perMs = job.perSecond() / 1000.0;
    double portion = Math.max(1, perMs * PORTION_MS);
    // Time that was spent waiting for the disk is not made up for by a burst.
    double earned = Math.max(0, nowMs - run.tokensAtMs) * perMs;
    run.tokens = Math.min(2 * portion, run.tokens + earned);
    run.tokensAtMs = nowMs;
    if (run.tokens < Math.min(portion, left)) {
      run.nextAtMs = nowMs + (long) Math.ceil((Math.min(portion, left) - run.tokens) / perMs);
      return 0;
    }
    run.nextAtMs = 0;
    return Math.min(Math.min(LOOK, left), (long) run.tokens);
  }

  private int readable(Run run, ConsumeQueue queue, long from, int count) {
    if (run.warm.has(from)) {
      return run.warm.upTo(from, count);
    }
    return store.isWarm(queue, from, count) ? count : 0;
  }

  private void bringIn(Run run, ConsumeQueue queue, long from) {
    run.waits = true;
    Future.fromCompletionStage(Blocks.warm(store, queue, from, MessageFilter.ALL))
        .onComplete(
            warm -> {
              run.waits = false;
              if (warm.succeeded()) {
                run.warm = WarmRange.of(from, warm.result());
              } else if (!stopped) {
                LOG.log(Level.ERROR, "could not read dead letters of " + run.group, warm.cause());
                end(run.group, State.FAILED, "the letters could not be read: " + warm.cause());
              }
              turn.request();
            });
  }

  /** Goes through letters and collects what is to be done with them. */
  private Step look(
      Run run, Letters letters, ConsumeQueue queue, long from, long to, long allowed) {
    Job job = letters.job;
    MessageFilter filter = MessageFilter.of(job.filter());
    boolean redrive = job.kind() == Kind.REDRIVE;
    int mostBytes = Math.min(STEP_BYTES, store.maxAtomicBytes() - CHANGE_BYTES);
    Step step = new Step();
    BlockBuilder builder = store.newBlock(1);
    try {
      for (step.next = from; step.next < to && step.moved < allowed; step.next++) {
        if (letters.gone.contains(step.next)) {
          continue;
        }
        int bytes = queue.recordBytes(step.next);
        if (redrive && step.batch.count() > 0 && step.batch.size() + bytes > mostBytes) {
          break;
        }
        MessageView letter = builder.peek(queue.physicalOffset(step.next), bytes, view);
        if (!filter.wants(letter)) {
          step.passed++;
        } else if (redrive && !redrive(letter, run.group, step)) {
          step.stuck++;
        } else {
          addGone(step, run.group);
        }
      }
    } finally {
      builder.build().close();
    }
    return step;
  }

  private static void addGone(Step step, String group) {
    step.moved++;
    int last = step.gone.size() - 1;
    LettersGone before = last < 0 ? null : step.gone.get(last);
    if (before != null && before.firstOffset() + before.count() == step.next) {
      step.gone.set(last, new LettersGone(group, before.firstOffset(), before.count() + 1));
    } else {
      step.gone.add(new LettersGone(group, step.next, 1));
    }
  }

  /** Encodes a letter as a message of its group; false if its topic is gone. */
  private boolean redrive(MessageView letter, String group, Step step) {
    String origin = letter.property(PropertyNames.DLQ_ORIGIN_TOPIC);
    origin = origin == null ? letter.property(PropertyNames.RETRY_TOPIC) : origin;
    boolean ofLease = letter.property(PropertyNames.DEAD_QUEUE_ID) != null;
    if (hasClients.test(group) || !ofLease) {
      TopicState topic = catalog.topicForUse(Names.RETRY_PREFIX + group);
      add(letter, origin, topic.name(), QueueSelector.queue(0), step);
      step.targets.add(catalog.queue(topic, 0));
      step.topics.add(topic);
      return true;
    }
    if (origin == null || catalog.topic(origin) == null) {
      return false;
    }
    // Completes at once: no time is looked up.
    Consumption consumption = catalog.consume(group, origin, StartPosition.EARLIEST).result();
    ConsumeQueue target = catalog.queue(consumption, Names.REDRIVE_QUEUE_ID);
    if (consumption.redriven() == null) {
      consumption.cursor(Names.REDRIVE_QUEUE_ID).position(target.maxOffset(), log.changes());
    }
    add(letter, origin, target.topic(), QueueSelector.queue(Names.REDRIVE_QUEUE_ID), step);
    step.targets.add(target);
    step.consumptions.add(consumption);
    return true;
  }

  private void add(MessageView letter, String origin, String topic, long selector, Step step) {
    properties.clear();
    letter.forEachProperty(
        (name, value) -> {
          if (!name.equals(PropertyNames.REDRIVEN) && !name.equals(PropertyNames.RETRY_TOPIC)) {
            properties.put(name, value);
          }
        });
    String before = letter.property(PropertyNames.REDRIVEN);
    properties
        .put(PropertyNames.RETRY_TOPIC, origin)
        .put(PropertyNames.REDRIVEN, before == null ? "1" : next(before));
    int sysFlag = MessageLayout.sysFlagOfCopy(letter.sysFlag());
    step.batch.add(
        topic,
        selector,
        letter.flag(),
        sysFlag,
        letter.bornAtMs(),
        letter.bornHost(),
        0,
        0,
        letter.bodySlice(),
        properties);
  }

  private static String next(String number) {
    try {
      return Long.toString(Long.parseLong(number) + 1);
    } catch (NumberFormatException e) {
      return "1";
    }
  }

  /** Writes what a step does, all or none. */
  private void finish(Run run, Letters letters, Step step) {
    // Topics and cursors that were made just now stand in the log before their first message.
    if (!log.flushAll()) {
      return;
    }
    int bytes = step.batch.size() + CHANGE_BYTES;
    boolean redrives = step.batch.count() > 0;
    boolean together = bytes <= store.maxAtomicBytes();
    if (redrives && (together ? !store.hasRoom(bytes, false) : !append(step))) {
      waitForStore(run);
      return;
    }
    step.gone.forEach(this::gone);
    run.tokens = Math.max(0, run.tokens - step.moved);
    advance(run, letters.job, step);
    if (redrives && together) {
      log.flushWith(step.batch, step.targets.toArray(ConsumeQueue[]::new), () -> arrived(step));
    } else {
      arrived(step);
      log.request();
    }
  }

  private void advance(Run run, Job job, Step step) {
    Job next =
        job.at(
            step.next,
            job.moved() + step.moved,
            job.passed() + step.passed,
            job.stuck() + step.stuck);
    if (next.nextOffset() >= next.endOffset() || next.max() > 0 && next.moved() >= next.max()) {
      next = next.ended(State.DONE, clock.nowMs(), null);
      runs.remove(run.group);
    }
    become(run.group, next);
    turn.request();
  }

  /**
   * A letter that does not fit into one segment together with the change goes first, and a crash
   * before the change redrives it again.
   */
  private boolean append(Step step) {
    int count = step.batch.count();
    ConsumeQueue[] targets = step.targets.toArray(ConsumeQueue[]::new);
    return store.append(step.batch, 0, count, targets, new long[count], new long[count], false)
        == count;
  }

  private void arrived(Step step) {
    step.consumptions.forEach(dispatcher::touch);
    step.topics.forEach(
        topic -> {
          dispatcher.arrived(topic);
          reader.arrived(topic);
        });
  }

  private void waitForStore(Run run) {
    StoreException refusal = store.refusal();
    if (refusal == null || Refusals.isPassing(refusal)) {
      run.waits = true;
      store.whenWritable(
          () -> {
            run.waits = false;
            turn.request();
          });
    } else {
      // A broken store takes nothing until the next start, which goes on here.
      stopped = true;
    }
  }

  private void end(String group, State how, String detail) {
    runs.remove(group);
    Letters letters = state.letters.known(group);
    if (letters != null && letters.job != null && letters.job.isRunning()) {
      become(group, letters.job.ended(how, clock.nowMs(), detail));
    }
  }

  private void gone(LettersGone change) {
    // What has expired before them is done with as well: then no bit is needed for them.
    Letters letters = state.letters.of(change.group());
    long end = change.firstOffset() + change.count();
    TopicState topic = catalog.topic(Names.deadLetterTopic(change.group()));
    long first = catalog.queue(topic, 0).minOffset();
    boolean isFirst = letters.gone.firstMissing(first) >= change.firstOffset();
    record(isFirst ? new LettersGone(change.group(), 0, end) : change);
  }

  private void become(String group, Job job) {
    record(new LetterJobBecame(group, job));
  }

  private void record(StateChange change) {
    state.apply(change);
    log.changes().change(change);
    log.request();
  }
}
