package io.sluice.broker;

import io.sluice.bus.AppendReply;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.sluice.message.RepeatKey;
import io.sluice.message.TimerRecord;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.RepeatEntries;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Recognises sends that repeat one that is stored already. For each message with a key an entry of
 * {@link RepeatWindows} is looked up, in memory; only on the same hash is the stored record looked
 * at, so that different keys are never taken for one. If that record is not in memory a worker
 * fetches it, and the request waits, and those behind it.
 *
 * <p>A request is recognised and appended in one go: {@link #recognise} enters what is new, {@link
 * #stored} says how much of it was stored, the rest is taken back.
 *
 * <p>The entries stand in the key index too, written with the record and recovered with it; a start
 * reads the newest ones. Owned by the Broker's event loop.
 */
final class RepeatedSends {

  private static final System.Logger LOG = System.getLogger(RepeatedSends.class.getName());

  /** What an entry takes when there are many, slots included; see {@link RepeatTable}. */
  private static final int ENTRY_BYTES = 28;

  /** The entries take at most this part of the heap. */
  private static final int PART_OF_HEAP = 8;

  /** And they are never more than so many. */
  private static final int MOST = 1 << 24;

  /** Entries with one hash whose records are looked at: more than two are an attack. */
  private static final int MOST_LOOKS = 16;

  /** Records that workers look for at once. */
  private static final int COLD_AT_ONCE = 256;

  /** In the place of an entry: it is of the request that is being appended; then its index. */
  private static final long IN_REQUEST = 1L << 47;

  /** From so many messages on their entries are fetched ahead. */
  private static final int FETCH_FROM = 4;

  private final MessageStore store;
  private final BrokerState state;
  private final Turn turn;
  private final Clock clock;
  private final long defaultWindowMs;
  private final int most;
  private final BrokerMetrics metrics;

  /** The number of entries for other threads to see. */
  private final AtomicInteger shown = new AtomicInteger();

  private final RepeatWindows windows;
  private final RepeatTable.Question question = this::isFirst;
  private final Map<Long, Candidate> looked = new HashMap<>();
  private final List<Long> cold = new ArrayList<>();
  private final MessageView candidateView = new MessageView();
  private final MessageView messageView = new MessageView();
  private final MessageView otherView = new MessageView();
  private boolean looking;
  private boolean configured;
  private long recognised;
  private long fetched;
  private String lastName;
  private long lastWindowMs;

  // Of the request that is being appended.
  private MessageBatch batch;
  private int[] entered = new int[16];
  private long[] enteredAs = new long[16];
  private int enteredCount;
  private First[] firsts = new First[16];
  private int firstsTo;

  // Of the message that is being looked at.
  private int message;
  private long windowMs;
  private long nowMs;
  private int looks;
  private First found;

  /**
   * The message that another one repeats.
   *
   * @param index its place in the same request, or -1 if it was there before
   * @param end physical offset behind its record
   * @param dueAtMs when it is delivered, or 0
   * @param half whether it is a half message
   */
  private record First(
      int index,
      String messageId,
      int queueId,
      long queueOffset,
      long physicalOffset,
      long end,
      long dueAtMs,
      boolean half) {}

  /** A stored message with the hash of another one; first is null if it is not stored any more. */
  private record Candidate(String topic, String name, String key, long storedAtMs, First first) {}

  /**
   * Recognises nothing yet.
   *
   * @param window how long a repeat is recognised, where the topic does not say
   * @param mostOfTopic how many messages of a topic are remembered, where it does not say
   */
  RepeatedSends(
      MessageStore store,
      BrokerState state,
      Turn turn,
      Clock clock,
      Duration window,
      int mostOfTopic,
      BrokerMetrics metrics) {
    this.store = store;
    this.state = state;
    this.turn = turn;
    this.clock = clock;
    defaultWindowMs = window.toMillis();
    most = (int) Math.min(MOST, Runtime.getRuntime().maxMemory() / PART_OF_HEAP / ENTRY_BYTES);
    windows = new RepeatWindows(defaultWindowMs, mostOfTopic, most);
    this.metrics = metrics;
    metrics.showDuplicateEntries(shown::get);
  }

  /** Sends recognised as repeats since the start. */
  long recognised() {
    return recognised;
  }

  /** How many sends are remembered. */
  int size() {
    return windows.size();
  }

  /** Whether workers look at stored records for the request that is first. */
  boolean isLooking() {
    return looking;
  }

  /** The topics are not as they were. */
  void topicsChanged() {
    configured = false;
    lastName = null;
  }

  private void configure() {
    if (!configured) {
      windows.configure(state.topics.values());
      configured = true;
    }
  }

  /** Reads what was stored before the start. */
  Future<Void> rebuild() {
    long startedNs = System.nanoTime();
    configure();
    if (windows.longestMs() <= 0) {
      return Future.succeededFuture();
    }
    long sinceMs = clock.nowMs() - windows.longestMs();
    // Twice as many as fit: if those of one topic alone fill it, there are others' before them.
    return Future.fromCompletionStage(
            store.recentRepeats(sinceMs, Math.min(most, windows.mostOfTopic()), 2 * most))
        .map(
            entries -> {
              for (int i = 0; i < entries.count(); i++) {
                windows.add(entries.low(i), entries.place(i));
                windows.bound(RepeatEntries.topicNumber(entries.place(i)));
              }
              shown.lazySet(windows.size());
              if (entries.count() > 0) {
                LOG.log(
                    Level.INFO,
                    "{0} sends are remembered, to recognise repeats; read in {1} ms",
                    windows.size(),
                    (System.nanoTime() - startedNs) / 1_000_000);
              }
              return null;
            });
  }

  /** Forgets what is too old. Now and then. */
  void forgetOld() {
    long now = clock.nowMs();
    if (windows.isTimeToForget(now)) {
      configure();
      windows.forgetOld(now);
      shown.lazySet(windows.size());
    }
  }

  /**
   * Looks which messages of a request repeat others.
   *
   * @param from first message to look at; those before it are done with
   * @param queues null where a message is refused
   * @return false if workers have to look at stored records first; then ask again when they have
   */
  boolean recognise(MessageBatch request, int from, ConsumeQueue[] queues) {
    batch = request;
    int count = request.count();
    forgetOld();
    nowMs = clock.nowMs();
    enteredCount = 0;
    begin(count);
    fetch(from, count);
    for (int i = from; i < count; i++) {
      long hash = request.repeatHash(i);
      if (hash != 0 && queues[i] != null) {
        recognise(i, hash);
      }
    }
    if (cold.isEmpty()) {
      looked.clear();
      return true;
    }
    takeBack(0);
    lookAtCold();
    return false;
  }

  private void begin(int count) {
    Arrays.fill(firsts, 0, firstsTo, null);
    firstsTo = 0;
    if (entered.length < count) {
      entered = new int[count];
      enteredAs = new long[count];
      firsts = new First[count];
    }
  }

  private void fetch(int from, int count) {
    if (count - from >= FETCH_FROM) {
      for (int i = from; i < count; i++) {
        fetched += windows.fetch(batch.repeatHash(i));
      }
    }
  }

  private void recognise(int index, long hash) {
    windowMs = windowMs(batch.topic(index));
    if (windowMs <= 0) {
      batch.forgetRepeatHash(index);
      return;
    }
    message = index;
    looks = 0;
    found = null;
    if (!windows.find(hash, question)) {
      long place = RepeatEntries.place(hash, IN_REQUEST | index);
      enteredAs[enteredCount] = windows.add(RepeatEntries.low(hash), place);
      entered[enteredCount++] = index;
    } else if (found != null) {
      firsts[index] = found;
      firstsTo = index + 1;
    }
  }

  /** Most messages of a request, and most requests, are of the topic of the one before. */
  private long windowMs(String name) {
    if (!name.equals(lastName)) {
      TopicState topic = state.topics.get(name);
      long ofTopic = topic == null ? 0 : topic.duplicateWindowMs;
      lastWindowMs = ofTopic < 0 ? defaultWindowMs : ofTopic;
      lastName = name;
    }
    return lastWindowMs;
  }

  /** Whether the look can end at an entry: it is the first one, or a worker has to say. */
  private boolean isFirst(long place) {
    if (looks++ == MOST_LOOKS) {
      return false;
    }
    view(message, messageView);
    long physicalOffset = RepeatEntries.physicalOffset(place);
    if ((physicalOffset & IN_REQUEST) != 0) {
      int index = (int) physicalOffset;
      if (RepeatKey.areSame(view(index, otherView), messageView)) {
        found =
            new First(index, otherView.property(PropertyNames.UNIQUE_KEY), 0, 0, 0, 0, 0, false);
      }
      return found != null;
    }
    Candidate candidate = looked.get(physicalOffset);
    if (candidate == null && !store.isWarm(physicalOffset)) {
      if (physicalOffset < store.minPhysicalOffset()) {
        return false;
      }
      if (cold.size() < COLD_AT_ONCE) {
        cold.add(physicalOffset);
      }
      return true;
    }
    candidate = candidate == null ? readWarm(physicalOffset) : candidate;
    if (candidate.first != null
        && nowMs - candidate.storedAtMs < windowMs
        && candidate.key != null
        && candidate.name.equals(RepeatKey.nameIn(messageView))
        && candidate.key.equals(messageView.property(candidate.name))
        && candidate.topic.equals(RepeatKey.topicOf(messageView))) {
      found = candidate.first;
    }
    return found != null;
  }

  private MessageView view(int index, MessageView view) {
    return view.wrap(ByteBuffer.wrap(batch.bytes()), batch.position(index));
  }

  private Candidate readWarm(long physicalOffset) {
    BlockBuilder builder = store.newBlock(1);
    try {
      builder.peek(physicalOffset, MessageLayout.MIN_RECORD_BYTES, candidateView);
      Candidate candidate = read(candidateView);
      ConsumeQueue queue = store.queue(candidateView.topic(), candidateView.queueId());
      return isQueued(queue, candidate.first) ? candidate : gone(candidate);
    } finally {
      builder.build().close();
    }
  }

  private static Candidate read(MessageView view) {
    String name = RepeatKey.nameIn(view);
    boolean waits = view.topic().equals(Names.TIMER_TOPIC);
    First first =
        new First(
            -1,
            view.property(PropertyNames.UNIQUE_KEY),
            view.queueId(),
            view.queueOffset(),
            view.physicalOffset(),
            view.physicalOffset() + view.size(),
            waits ? TimerRecord.dueAtMs(view) : 0,
            view.topic().equals(Names.HALF_TOPIC));
    return new Candidate(
        RepeatKey.topicOf(view), name, view.property(name), view.storedAtMs(), first);
  }

  /** Whether it still is where it was: not if its topic was deleted. Its entry is in memory. */
  private static boolean isQueued(ConsumeQueue queue, First first) {
    return isWithin(queue, first)
        && queue.physicalOffset(first.queueOffset) == first.physicalOffset;
  }

  private static boolean isWithin(ConsumeQueue queue, First first) {
    return first.queueOffset >= queue.minOffset() && first.queueOffset < queue.maxOffset();
  }

  private static Candidate gone(Candidate candidate) {
    return new Candidate(candidate.topic, candidate.name, candidate.key, 0, null);
  }

  private void lookAtCold() {
    looking = true;
    List<Future<Candidate>> read = new ArrayList<>();
    for (long physicalOffset : cold) {
      read.add(readCold(physicalOffset).onComplete(done -> note(physicalOffset, done.result())));
    }
    cold.clear();
    Future.join(read)
        .onComplete(
            done -> {
              looking = false;
              if (done.failed()) {
                LOG.log(
                    Level.WARNING,
                    "could not read what a send may repeat; it is stored as a new one",
                    done.cause());
              }
              turn.request();
            });
  }

  private void note(long physicalOffset, Candidate candidate) {
    looked.put(
        physicalOffset, candidate == null ? new Candidate("", "", null, 0, null) : candidate);
  }

  private Future<Candidate> readCold(long physicalOffset) {
    return Future.fromCompletionStage(store.findByPhysicalOffset(physicalOffset))
        .compose(
            block -> {
              try (block) {
                if (block.count() == 0) {
                  return Future.succeededFuture();
                }
                block.view(0, candidateView);
                Candidate candidate = read(candidateView);
                return checkQueue(
                    store.queue(candidateView.topic(), candidateView.queueId()), candidate);
              }
            });
  }

  private Future<Candidate> checkQueue(ConsumeQueue queue, Candidate candidate) {
    if (!isWithin(queue, candidate.first)) {
      return Future.succeededFuture(gone(candidate));
    }
    return Future.fromCompletionStage(store.warm(queue, new long[] {candidate.first.queueOffset}))
        .map(warm -> isQueued(queue, candidate.first) ? candidate : gone(candidate));
  }

  /** Whether a message of the request repeats another one. */
  boolean isRepeat(int index) {
    return index < firstsTo && firsts[index] != null;
  }

  /**
   * Answers a message that repeats another one as that was answered.
   *
   * @return physical offset behind the record of the first one
   */
  long answer(int index, AppendReply reply, long[] physicalOffsets) {
    recognised++;
    metrics.duplicates.increment();
    First first = firsts[index];
    if (first.index >= 0) {
      int of = first.index;
      reply.copy(index, of);
      reply.repeats(index, first.messageId);
      return physicalOffsets[of] + batch.recordBytes(of);
    }
    if (first.half) {
      reply.half(index, first.queueOffset, first.physicalOffset);
    } else if (first.dueAtMs > 0) {
      reply.delayed(index, first.dueAtMs, first.physicalOffset);
    } else {
      reply.stored(index, first.queueId, first.queueOffset, first.physicalOffset);
    }
    reply.repeats(index, first.messageId);
    return first.end;
  }

  /**
   * Ends what {@link #recognise} began: the messages before {@code next} were stored, those from
   * there on were not.
   */
  void stored(long[] physicalOffsets, int next) {
    int kept = enteredCount;
    while (kept > 0 && entered[kept - 1] >= next) {
      kept--;
    }
    takeBack(kept);
    for (int i = 0; i < kept; i++) {
      int index = entered[i];
      long place = RepeatEntries.place(batch.repeatHash(index), physicalOffsets[index]);
      windows.setPlace(enteredAs[i], place);
    }
    int bounded = -1;
    for (int i = 0; i < kept; i++) {
      int topic = RepeatKey.topicNumber(batch.repeatHash(entered[i]));
      if (topic != bounded) {
        windows.bound(topic);
        bounded = topic;
      }
    }
    shown.lazySet(windows.size());
    batch = null;
    Arrays.fill(firsts, 0, firstsTo, null);
    firstsTo = 0;
  }

  private void takeBack(int kept) {
    for (int i = enteredCount - 1; i >= kept; i--) {
      windows.takeBack(batch.repeatHash(entered[i]));
    }
  }
}
