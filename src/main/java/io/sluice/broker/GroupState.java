package io.sluice.broker;

import io.sluice.bus.GroupConfig;
import java.util.Map;
import java.util.TreeMap;

/** A group: how it is configured and what it consumes. Owned by the Broker's event loop. */
final class GroupState {

  GroupConfig config;
  final Map<String, Consumption> consumptions = new TreeMap<>();

  GroupState(GroupConfig config) {
    this.config = config;
  }

  String name() {
    return config.name();
  }
}
