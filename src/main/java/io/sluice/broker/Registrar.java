package io.sluice.broker;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.ClusterNotice;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.sluice.store.Replication;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Tells every NameServer that the Broker lives and what topics it has. Owned by the Broker's event
 * loop.
 */
final class Registrar {

  private static final long TIMEOUT_MS = 3_000;

  /** A process that joins subscribes within seconds, and one that was cut off subscribes again. */
  private static final long[] AFTER_CHANGE_MS = {1, 1_000, 3_000, 8_000};

  /** Higher than any number of changes that a start of the Broker counts. */
  private static final long LEAVING_VERSION = 1L << 19;

  private final Vertx vertx;
  private final BrokerOptions options;
  private final BrokerState state;
  private boolean leaving;
  private final Replication replication;
  private SortedSet<Long> told = new TreeSet<>();

  Registrar(Vertx vertx, BrokerOptions options, BrokerState state, Replication replication) {
    this.replication = replication;
    this.vertx = vertx;
    this.options = options;
    this.state = state;
  }

  /**
   * Listens for NameServers that start, and for processes that join: they are told at once, and
   * those that were cut off once more when the event bus has found back to them.
   */
  void listen() {
    vertx
        .eventBus()
        .<ClusterNotice>consumer(
            Addresses.brokers(),
            message -> {
              if (message.body() instanceof ClusterNotice.NameServerStarted started) {
                vertx
                    .eventBus()
                    .send(Addresses.nameServer(started.id()), registration(), options());
              }
            });
    vertx
        .eventBus()
        .<ClusterNotice>localConsumer(
            Addresses.membership(),
            message -> {
              if (message.body() instanceof ClusterNotice.MemberChanged changed
                  && changed.joined()) {
                for (long afterMs : AFTER_CHANGE_MS) {
                  vertx.setTimer(afterMs, id -> register());
                }
              }
            });
  }

  /** Registers, or says that it still lives. */
  void register() {
    publish(registration());
  }

  /** Registers if other slaves are in sync than were told last. */
  void tellInSync() {
    if (!replication.status().slaves().equals(told)) {
      register();
    }
  }

  private Register registration() {
    Replication.Status status = replication.status();
    told = status.slaves();
    List<TopicConfig> topics =
        state.topics.values().stream()
            .filter(topic -> !Names.isSystemTopic(topic.name()))
            .map(topic -> topic.config.withReadQueues(topic.queuesEver))
            .map(topic -> leaving ? topic.withoutWrites() : topic)
            .toList();
    return new Register(
        options.getCluster(),
        options.getBrokerName(),
        options.getBrokerId(),
        options.getAdvertisedAddress(),
        state.dataVersion() + (leaving ? LEAVING_VERSION : 0),
        topics,
        status.epoch(),
        List.copyOf(status.slaves()));
  }

  /** From now on routes say that nothing is to be sent here. */
  void stopWrites() {
    leaving = true;
    register();
  }

  /** Leaves. */
  void unregister() {
    publish(
        new Unregister(
            options.getCluster(),
            options.getBrokerName(),
            options.getBrokerId(),
            options.getAdvertisedAddress()));
  }

  private void publish(NameServerRequest request) {
    vertx.eventBus().publish(Addresses.nameServers(), request, options());
    vertx.eventBus().publish(Addresses.registrations(), request, options().setLocalOnly(true));
  }

  private DeliveryOptions options() {
    return ClusterNode.sign(vertx, BusCodec.options(TIMEOUT_MS));
  }
}
