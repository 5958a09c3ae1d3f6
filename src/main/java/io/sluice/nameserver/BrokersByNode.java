package io.sluice.nameserver;

import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Which process of the cluster each Broker was last heard from. For one thread. */
final class BrokersByNode {

  /** By name and id of the Broker. */
  private final Map<String, Heard> heard = new HashMap<>();

  /**
   * Notes who said that a Broker lives.
   *
   * @param nodeId null if it is this process, or there is no cluster
   */
  void put(String nodeId, Register broker) {
    String key = broker.brokerName() + '/' + broker.brokerId();
    if (nodeId == null) {
      heard.remove(key);
    } else {
      heard.put(
          key,
          new Heard(
              nodeId,
              new Unregister(
                  broker.cluster(), broker.brokerName(), broker.brokerId(), broker.address())));
    }
  }

  /** Forgets a process; gives what would unregister its Brokers. */
  List<Unregister> remove(String nodeId) {
    List<Unregister> gone = new ArrayList<>();
    heard
        .values()
        .removeIf(
            broker -> {
              boolean same = broker.nodeId.equals(nodeId);
              if (same) {
                gone.add(broker.broker);
              }
              return same;
            });
    return gone;
  }

  private record Heard(String nodeId, Unregister broker) {}
}
