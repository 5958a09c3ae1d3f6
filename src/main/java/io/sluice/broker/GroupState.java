package io.sluice.broker;

import io.sluice.bus.GroupConfig;
import io.sluice.message.Names;
import java.util.Map;
import java.util.TreeMap;

/** A group: how it is configured and what it consumes. Owned by the Broker's event loop. */
final class GroupState {

  GroupConfig config;
  final Map<String, Consumption> consumptions = new TreeMap<>();

  /** The topic that RocketMQ's clients find their retries in. */
  final String retryTopic;

  GroupState(GroupConfig config) {
    this.config = config;
    retryTopic = Names.RETRY_PREFIX + config.name();
  }

  String name() {
    return config.name();
  }
}
