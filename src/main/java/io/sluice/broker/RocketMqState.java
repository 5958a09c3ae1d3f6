package io.sluice.broker;

import io.sluice.broker.RocketMqConfigFiles.Position;
import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.GroupDeleted;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.store.Replication;
import io.sluice.store.Replication.ForeignState;
import io.vertx.core.WorkerExecutor;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The topics, groups and positions of a slave whose master is a RocketMQ Broker: they are in its
 * files, not in the log, and are read again whenever those were fetched again. Nothing of it is
 * recorded; what is there at a promotion becomes the first snapshot.
 *
 * <p>Owned by the Broker's event loop; files are read by its worker.
 */
final class RocketMqState {

  private static final System.Logger LOG = System.getLogger(RocketMqState.class.getName());

  private final Replication replication;
  private final BrokerState state;
  private final WorkerExecutor worker;
  private final List<Long> retryDelaysMs;
  private final Turn turn;
  private long appliedVersion;
  private boolean reading;
  private Content read;
  private long readVersion;

  /** What the files say. */
  private record Content(
      Map<String, TopicConfig> topics,
      Map<String, Integer> queues,
      Map<String, GroupConfig> groups,
      List<Position> positions) {}

  RocketMqState(
      Replication replication,
      BrokerState state,
      WorkerExecutor worker,
      List<Long> retryDelaysMs,
      Turn turn) {
    this.replication = replication;
    this.state = state;
    this.worker = worker;
    this.retryDelaysMs = retryDelaysMs;
    this.turn = turn;
  }

  /** Applies what was read, and reads what is new. A step of the turn. */
  void follow() {
    if (read != null) {
      apply(read);
      appliedVersion = readVersion;
      read = null;
    }
    ForeignState files = replication.foreignState();
    if (reading || files.version() == appliedVersion) {
      return;
    }
    reading = true;
    worker
        .executeBlocking(() -> read(files.directory()))
        .onComplete(
            done -> {
              reading = false;
              if (done.succeeded()) {
                read = done.result();
                readVersion = files.version();
                turn.request();
              } else {
                LOG.log(
                    Level.WARNING,
                    "topics, groups and positions in {0} can not be read: {1}",
                    files.directory(),
                    done.cause().toString());
              }
            });
  }

  private Content read(Path directory) throws IOException {
    RocketMqConfigFiles files = new RocketMqConfigFiles(directory);
    Map<String, TopicConfig> topics = files.topics();
    topics.keySet().removeAll(files.templates());
    return new Content(topics, files.queues(), files.groups(retryDelaysMs), files.positions());
  }

  private void apply(Content content) {
    for (String topic : List.copyOf(state.topics.keySet())) {
      if (!content.topics.containsKey(topic)) {
        state.apply(new TopicDeleted(topic));
      }
    }
    content.topics.forEach(
        (name, config) -> {
          TopicState topic = state.topics.get(name);
          int queues = Math.max(config.queues(), content.queues.getOrDefault(name, 1));
          if (topic == null || !topic.config.equals(config) || topic.queuesEver < queues) {
            state.apply(new TopicPut(config, queues, new long[0]));
          }
        });
    Map<String, GroupConfig> groups = new TreeMap<>(content.groups);
    for (Position position : content.positions) {
      groups.computeIfAbsent(
          position.group(),
          name ->
              new GroupConfig(
                  name,
                  GroupConfig.DEFAULT_MAX_ATTEMPTS,
                  retryDelaysMs,
                  GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS));
    }
    for (String group : List.copyOf(state.groups.keySet())) {
      if (!groups.containsKey(group)) {
        state.apply(new GroupDeleted(group));
      }
    }
    groups.forEach(
        (name, config) -> {
          GroupState group = state.groups.get(name);
          if (group == null || !group.config.equals(config)) {
            state.apply(new GroupPut(config));
          }
        });
    content.positions.forEach(this::apply);
  }

  private void apply(Position position) {
    if (!state.topics.containsKey(position.topic())) {
      return;
    }
    if (state.consumption(position.group(), position.topic()) == null) {
      state.apply(new ConsumptionMade(state.nextConsumption(), position.group(), position.topic()));
    }
    Consumption consumption = state.consumption(position.group(), position.topic());
    position
        .offsets()
        .forEach(
            (queueId, offset) -> {
              QueueCursor cursor = consumption.cursorIfAny(queueId);
              if (cursor == null || cursor.nextOffset() != offset) {
                state.apply(new Positioned(consumption.id, queueId, Math.max(0, offset)));
              }
            });
  }
}
