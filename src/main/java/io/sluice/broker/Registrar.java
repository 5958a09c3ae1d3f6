package io.sluice.broker;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.vertx.core.Vertx;
import java.util.List;

/**
 * Tells every NameServer that the Broker lives and what topics it has. Owned by the Broker's event
 * loop.
 */
final class Registrar {

  private static final long TIMEOUT_MS = 3_000;

  private final Vertx vertx;
  private final BrokerOptions options;
  private final BrokerState state;

  Registrar(Vertx vertx, BrokerOptions options, BrokerState state) {
    this.vertx = vertx;
    this.options = options;
    this.state = state;
  }

  /** Registers, or says that it still lives. */
  void register() {
    List<TopicConfig> topics =
        state.topics.values().stream()
            .filter(topic -> !Names.isSystemTopic(topic.name()))
            .map(topic -> topic.config.withReadQueues(topic.queuesEver))
            .toList();
    publish(
        new Register(
            options.getCluster(),
            options.getBrokerName(),
            options.getBrokerId(),
            options.getAdvertisedAddress(),
            state.dataVersion(),
            topics));
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
    vertx.eventBus().publish(Addresses.nameServers(), request, BusCodec.options(TIMEOUT_MS));
  }
}
