package io.sluice.broker;

import io.sluice.broker.RocketMqConfigFiles.Position;
import io.sluice.broker.RocketMqStore.Segment;
import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.TimersFired;
import io.sluice.broker.StateChange.TimersRecalled;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.TimerRecord;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.MessageStores;
import io.sluice.store.StoreException;
import io.sluice.store.StoreOptions;
import io.sluice.util.Clock;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Makes a data directory of Sluice out of a store that RocketMQ wrote. The log is copied byte for
 * byte, so every message keeps its place, its offsets and its ids; topics, groups and positions
 * become the state, and what is delayed and still waits is put into the timer's queue again.
 *
 * <p>All or nothing: it is made beside its place and moved there when it is whole and forced. The
 * store it is made of is only read. Blocking; one thread.
 */
public final class RocketMqImport {

  /** RocketMQ's delay levels wait in this topic, a queue for each. */
  private static final String SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX";

  private static final String HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC";
  private static final String OP_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC";

  /** A property of a timer record that takes another one back. */
  private static final String RECALLS = "TIMER_DEL_UNIQKEY";

  /** RocketMQ puts what is due in more than two days into the timer's queue again now and then. */
  private static final String ROLLED = "TIMER_ROLL_TIMES";

  /** Half messages that are named in the report. */
  private static final int NAMED_HALVES = 10;

  private static final int RE_ARM_AT_ONCE = 256;
  private static final int COPY_BYTES = 16 << 20;

  /** Where it stands; called often. */
  @FunctionalInterface
  public interface Listener {

    /**
     * Tells how far it is.
     *
     * @param step what is done now
     * @param done bytes or messages
     * @param total of so many, or 0 if that is not known
     */
    void onProgress(String step, long done, long total);
  }

  /**
   * What was taken over.
   *
   * @param positions groups and topics with a position
   * @param delayed delayed messages that wait on
   * @param halfMessages transactional messages without an end, which are not taken over
   * @param halfMessageIds some of them, as topic and unique id
   */
  public record Report(
      long messages,
      long bytes,
      int topics,
      int groups,
      int positions,
      long delayed,
      long halfMessages,
      List<String> halfMessageIds) {}

  private final Path from;
  private final Path to;
  private final List<Long> delayLevelsMs;
  private final Clock clock;
  private final Listener listener;
  private final RocketMqConfigFiles files;
  private final PendingMessages pending = new PendingMessages();
  private final Map<String, Integer> pendingByKey = new HashMap<>();
  private final Map<String, Integer> pendingTimers = new HashMap<>();
  private final Map<String, Integer> mostQueues = new TreeMap<>();
  private final Map<Long, String> halves = new TreeMap<>();
  private final Set<Long> endedHalves = new HashSet<>();
  private Map<Integer, Long> delayOffsets;
  private long[] timerDone;
  private long messages;
  private long firstTimer = -1;
  private long lastTimer = -1;

  /**
   * An import.
   *
   * @param from RocketMQ's storePathRootDir
   * @param to the data directory to make; must not be there, or be empty
   * @param delayLevelsMs what RocketMQ's delay levels meant, from level 1 on
   */
  public RocketMqImport(
      Path from, Path to, List<Long> delayLevelsMs, Clock clock, Listener listener) {
    this.from = from;
    this.to = to;
    this.delayLevelsMs = List.copyOf(delayLevelsMs);
    this.clock = clock;
    this.listener = listener;
    files = new RocketMqConfigFiles(from);
  }

  /**
   * Makes the state of a log that was copied as it came, for a slave of RocketMQ that becomes a
   * master: nothing is copied, the log goes on where it ends.
   *
   * @param state directory that has RocketMQ's {@code config}
   * @param options of the store, which nobody has open
   * @param whenEndIsKnown hears where RocketMQ's log ends before anything is written behind it
   */
  public static Report inPlace(
      Path state,
      StoreOptions options,
      Path directory,
      List<Long> delayLevelsMs,
      Clock clock,
      EndListener whenEndIsKnown)
      throws IOException {
    RocketMqImport here =
        new RocketMqImport(state, directory, delayLevelsMs, clock, (step, done, total) -> {});
    return here.runInPlace(options, whenEndIsKnown);
  }

  /** See {@link #inPlace}. */
  @FunctionalInterface
  public interface EndListener {

    /** Keeps it, durably. */
    void endsAt(long physicalOffset) throws IOException;
  }

  /** Whether a directory looks like one that RocketMQ wrote. */
  public static boolean isRocketMqStore(Path directory) {
    return RocketMqStore.isOne(directory);
  }

  /**
   * Does it.
   *
   * @throws IOException if anything can not be read or written; then nothing is at its place
   */
  public Report run() throws IOException {
    checkTarget();
    Path beside = to.toAbsolutePath().resolveSibling(to.getFileName() + ".importing");
    deleteAll(beside);
    readProgress();
    listener.onProgress("reading the log", 0, 0);
    try (RocketMqStore store = RocketMqStore.open(from, this::look)) {
      Files.createDirectories(beside.resolve("commitlog"));
      long bytes = copy(store.segments(), beside.resolve("commitlog"));
      Report report = convert(store, beside, new StoreOptions(), bytes);
      move(beside);
      return report;
    } catch (IOException | RuntimeException e) {
      deleteAll(beside);
      throw e;
    }
  }

  private Report runInPlace(StoreOptions options, EndListener whenEndIsKnown) throws IOException {
    readProgress();
    try (RocketMqStore store = RocketMqStore.copied(to, this::look)) {
      whenEndIsKnown.endsAt(store.end());
      return convert(store, to, options, 0);
    }
  }

  private void readProgress() throws IOException {
    delayOffsets = files.delayOffsets();
    timerDone = files.timerDone();
  }

  /** Puts what waits behind the log, and writes the state; the log is where it is to be. */
  private Report convert(RocketMqStore store, Path directory, StoreOptions options, long bytes)
      throws IOException {
    Map<String, TopicConfig> topics = files.topics();
    topics.keySet().removeAll(unusedTemplates());
    long nowMs = clock.nowMs();
    long delayed = reArm(store, directory, options);
    List<Position> positions = new ArrayList<>(files.positions());
    positions.removeIf(position -> !topics.containsKey(position.topic()));
    Map<String, GroupConfig> groups = groups(positions);
    writeState(directory, topics, groups, positions, nowMs);
    List<Map.Entry<Long, String>> open = openHalves();
    return new Report(
        messages,
        bytes,
        topics.size(),
        groups.size(),
        positions.size(),
        delayed,
        open.size(),
        open.stream().limit(NAMED_HALVES).map(Map.Entry::getValue).toList());
  }

  private Set<String> unusedTemplates() throws IOException {
    Set<String> templates = files.templates();
    templates.removeAll(mostQueues.keySet());
    return templates;
  }

  private void checkTarget() throws IOException {
    if (!Files.exists(to)) {
      return;
    }
    try (Stream<Path> inside = Files.list(to)) {
      if (inside.findAny().isPresent()) {
        throw new FileAlreadyExistsException(
            to + " is not empty; name a directory that is not there yet with --data");
      }
    }
  }

  // Looking at each record.

  private void look(MessageView record) {
    String topic = record.topic();
    switch (topic) {
      case SCHEDULE_TOPIC -> lookAtScheduled(record);
      case Names.TIMER_TOPIC -> lookAtTimer(record);
      case HALF_TOPIC ->
          halves.put(
              record.queueOffset(),
              record.property(PropertyNames.REAL_TOPIC)
                  + " "
                  + record.property(PropertyNames.UNIQUE_KEY));
      case OP_TOPIC -> lookAtOperation(record);
      default -> {
        if (RocketMqConfigFiles.isOfUsers(topic)) {
          messages++;
          mostQueues.merge(topic, record.queueId() + 1, Math::max);
          delivered(topic, record);
        }
      }
    }
  }

  /**
   * What is delivered stands in its topic behind where it waited. The numbers that say how far the
   * deliveries have come may be older than the log, of a Broker that ran on.
   */
  private void delivered(String topic, MessageView record) {
    if (!pendingByKey.isEmpty()) {
      Integer index = pendingByKey.remove(topic + ' ' + record.property(PropertyNames.UNIQUE_KEY));
      if (index != null) {
        pending.remove(index);
      }
    }
  }

  private int addPending(MessageView record, long dueMs) {
    int index = pending.add(record.physicalOffset(), dueMs);
    String key = record.property(PropertyNames.UNIQUE_KEY);
    String topic = record.property(PropertyNames.REAL_TOPIC);
    if (key != null && topic != null) {
      pendingByKey.put(topic + ' ' + key, index);
    }
    return index;
  }

  private void lookAtScheduled(MessageView record) {
    int level = record.queueId() + 1;
    if (record.queueOffset() >= delayOffsets.getOrDefault(level, 0L)) {
      long delayMs = delayLevelsMs.get(Math.min(level, delayLevelsMs.size()) - 1);
      addPending(record, record.storedAtMs() + delayMs);
    }
  }

  private void lookAtTimer(MessageView record) {
    firstTimer = firstTimer < 0 ? record.queueOffset() : firstTimer;
    lastTimer = record.queueOffset();
    String recalled = record.property(RECALLS);
    if (recalled != null) {
      // The topic stands before it, with an underscore.
      Integer index = pendingTimers.get(recalled);
      if (index == null) {
        String realTopic = record.property(PropertyNames.REAL_TOPIC);
        index =
            realTopic != null && recalled.startsWith(realTopic + "_")
                ? pendingTimers.get(recalled.substring(realTopic.length() + 1))
                : null;
      }
      if (index != null) {
        pending.remove(index);
      }
      return;
    }
    long dueMs = TimerRecord.dueAtMs(record);
    if (dueMs < timerDone[0] && record.queueOffset() < timerDone[1]) {
      return;
    }
    int index = addPending(record, dueMs);
    String id = record.property(PropertyNames.UNIQUE_KEY);
    if (id != null) {
      Integer before = pendingTimers.put(id, index);
      if (before != null && record.property(ROLLED) != null) {
        pending.remove(before);
      }
    }
  }

  /** An end of half messages names their offsets, with commas. */
  private void lookAtOperation(MessageView record) {
    for (String offset : new String(record.body(), StandardCharsets.US_ASCII).split(",")) {
      if (!offset.isBlank()) {
        endedHalves.add(Long.valueOf(offset.trim()));
      }
    }
  }

  private List<Map.Entry<Long, String>> openHalves() throws IOException {
    long done = files.halfMessagesDone(HALF_TOPIC);
    return halves.entrySet().stream()
        .filter(half -> half.getKey() >= done && !endedHalves.contains(half.getKey()))
        .toList();
  }

  // The log.

  private long copy(List<Segment> segments, Path log) throws IOException {
    long total = segments.stream().mapToLong(Segment::end).sum();
    long done = 0;
    for (Segment segment : segments) {
      Path target = log.resolve(segment.file().getFileName().toString());
      try (FileChannel in = FileChannel.open(segment.file(), StandardOpenOption.READ);
          FileChannel out =
              FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        for (long at = 0; at < segment.end(); ) {
          long copied = in.transferTo(at, Math.min(COPY_BYTES, segment.end() - at), out);
          at += copied;
          done += copied;
          listener.onProgress("copying the log", done, total);
        }
        out.force(true);
      }
    }
    return total;
  }

  /**
   * Opens the new store, which makes its queues and indexes from the log, and puts what is delayed
   * into the timer's queue again: due as it was, or at once if that has passed.
   */
  private long reArm(RocketMqStore source, Path directory, StoreOptions given) throws IOException {
    listener.onProgress("making queues and indexes", 0, 0);
    ExecutorService owner =
        Executors.newSingleThreadExecutor(task -> new Thread(task, "sluice-import"));
    try {
      StoreOptions options =
          new StoreOptions(given)
              .directory(directory)
              .retentionAge(java.time.Duration.ofDays(3_650))
              .minFreeBytes(0);
      MessageStore store =
          MessageStores.open(options, clock, owner, LatencyRecorder.NONE, StateRecovery.listener())
              .toCompletableFuture()
              .get();
      long armed = 0;
      try {
        armed = arm(owner, store, source);
        CompletableFuture<Void> forced = new CompletableFuture<>();
        owner.execute(
            () ->
                store.whenForced(
                    store.maxPhysicalOffset(), failure -> completeOrFail(forced, failure)));
        forced.get();
      } finally {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        owner.execute(() -> store.close().whenComplete((done, failure) -> closed.complete(null)));
        closed.get();
      }
      return armed;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the import was interrupted", e);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause().getMessage(), e.getCause());
    } finally {
      owner.shutdown();
    }
  }

  private static void completeOrFail(CompletableFuture<Void> future, StoreException failure) {
    if (failure == null) {
      future.complete(null);
    } else {
      future.completeExceptionally(failure);
    }
  }

  private long arm(ExecutorService owner, MessageStore store, RocketMqStore source)
      throws InterruptedException, ExecutionException, IOException {
    long armed = 0;
    MessageView view = new MessageView();
    MessageBatch batch = new MessageBatch();
    PropertiesWriter properties = new PropertiesWriter();
    for (int index = 0; index < pending.count(); index++) {
      if (!pending.isRemoved(index)) {
        add(batch, properties, source.record(pending.physicalOffset(index), view), index);
      }
      if (batch.count() == RE_ARM_AT_ONCE || index == pending.count() - 1) {
        append(owner, store, batch);
        armed += batch.count();
        listener.onProgress("taking over delayed messages", armed, pending.count());
        batch = new MessageBatch();
      }
    }
    return armed;
  }

  private void add(MessageBatch batch, PropertiesWriter properties, MessageView record, int index) {
    properties.clear();
    record.forEachProperty(
        (name, value) -> {
          if (!TimerRecord.isOfTimer(name) && !name.startsWith("TIMER_")) {
            properties.put(name, value);
          }
        });
    String topic = record.property(PropertyNames.REAL_TOPIC);
    String queueId = record.property(PropertyNames.REAL_QUEUE_ID);
    batch.addDelayed(
        topic == null ? record.topic() : topic,
        queueId == null ? QueueSelector.ANY : QueueSelector.queue(Integer.parseInt(queueId)),
        Math.max(1, pending.dueMs(index)),
        record.flag(),
        record.sysFlag() & ~MessageLayout.SYS_STORE_HOST_V6,
        record.bornAtMs(),
        record.bornHost(),
        record.reconsumeTimes(),
        record.bodySlice(),
        properties);
  }

  /** Appends the whole batch, waiting where the store has to make room first. */
  private static void append(ExecutorService owner, MessageStore store, MessageBatch batch)
      throws InterruptedException, ExecutionException, IOException {
    int count = batch.count();
    ConsumeQueue[] queues = new ConsumeQueue[count];
    long[] queueOffsets = new long[count];
    long[] physicalOffsets = new long[count];
    int done = 0;
    while (done < count) {
      int start = done;
      CompletableFuture<Integer> appended = new CompletableFuture<>();
      owner.execute(
          () -> {
            try {
              Arrays.fill(queues, store.queue(Names.TIMER_TOPIC, 0));
              int end =
                  store.append(batch, start, count, queues, queueOffsets, physicalOffsets, true);
              if (end == count || store.refusal().kind() != StoreException.Kind.BUSY) {
                appended.complete(end);
              } else {
                store.whenWritable(() -> appended.complete(end));
              }
            } catch (RuntimeException e) {
              appended.completeExceptionally(e);
            }
          });
      int end = get(appended);
      if (end == done && end < count) {
        StoreException refusal = store.refusal();
        if (refusal != null && refusal.kind() != StoreException.Kind.BUSY) {
          throw new IOException(refusal.getMessage(), refusal);
        }
      }
      done = end;
    }
  }

  private static int get(CompletableFuture<Integer> future)
      throws InterruptedException, ExecutionException, IOException {
    try {
      return future.get(60, TimeUnit.SECONDS);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new IOException("the new store made no room within 60 s", e);
    }
  }

  // The state.

  private Map<String, GroupConfig> groups(List<Position> positions) throws IOException {
    int first = Math.min(2, delayLevelsMs.size() - 1);
    List<Long> retryDelaysMs = delayLevelsMs.subList(first, delayLevelsMs.size());
    Map<String, GroupConfig> groups = files.groups(retryDelaysMs);
    for (Position position : positions) {
      groups.computeIfAbsent(
          position.group(),
          name ->
              new GroupConfig(
                  name,
                  GroupConfig.DEFAULT_MAX_ATTEMPTS,
                  retryDelaysMs,
                  GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS));
    }
    return groups;
  }

  private void writeState(
      Path directory,
      Map<String, TopicConfig> topics,
      Map<String, GroupConfig> groups,
      List<Position> positions,
      long nowMs)
      throws IOException {
    Map<String, Integer> configured = files.queues();
    ByteWriter out = new ByteWriter(1 << 16);
    StateCodec.writeVersion(out);
    for (TopicConfig topic : topics.values()) {
      int queuesEver =
          Math.max(
              Math.max(topic.queues(), configured.getOrDefault(topic.name(), 1)),
              mostQueues.getOrDefault(topic.name(), 1));
      StateCodec.write(out, new TopicPut(topic, queuesEver, new long[0]));
    }
    groups.values().forEach(group -> StateCodec.write(out, new GroupPut(group)));
    int consumption = 1;
    for (Position position : positions) {
      StateCodec.write(out, new ConsumptionMade(consumption, position.group(), position.topic()));
      for (Map.Entry<Integer, Long> offset : position.offsets().entrySet()) {
        StateCodec.write(
            out, new Positioned(consumption, offset.getKey(), Math.max(0, offset.getValue())));
      }
      consumption++;
    }
    writeTimers(out, nowMs);
    new SnapshotFile(FileAccess.system(), directory).write(0, out.bytes(), out.size());
  }

  /** RocketMQ's own records in the timer's queue are done with: what waits stands behind them. */
  private void writeTimers(ByteWriter out, long nowMs) {
    if (lastTimer < 0) {
      return;
    }
    StateCodec.write(out, new TimersFired(nowMs - 1, lastTimer));
    for (long offset = firstTimer; offset <= lastTimer; offset += Integer.MAX_VALUE) {
      int count = (int) Math.min(Integer.MAX_VALUE, lastTimer - offset + 1);
      StateCodec.write(out, new TimersRecalled(offset, count));
    }
  }

  // Its place.

  private void move(Path beside) throws IOException {
    try {
      Files.deleteIfExists(to);
    } catch (DirectoryNotEmptyException e) {
      throw new FileAlreadyExistsException(to + " was filled by somebody else meanwhile");
    }
    Files.move(beside, to, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void deleteAll(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
