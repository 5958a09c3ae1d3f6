package io.sluice.app;

import io.sluice.bus.Addresses;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.GetRoute;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.testkit.SimulatedNetwork;
import io.sluice.testkit.SimulatedProcess;
import io.sluice.testkit.Simulator;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * NameServers of a simulation, each a real one in a process and on a host of its own. What crosses
 * the event bus between them and the Brokers crosses the network, and is lost where that is cut.
 */
final class SimulatedNameServers {

  private static final String CLIENTS = "clients";

  private final Simulator simulator;
  private final SimulatedNetwork network;
  private final List<SimulatedBroker> brokers;
  private final List<NameServer> nameServers = new ArrayList<>();

  /** One host: who ran there knows nothing when it starts again. */
  private final class NameServer {

    private final String host;
    private SimulatedProcess process;

    NameServer(int index) {
      host = "nameserver" + index;
    }

    void start() {
      process = new SimulatedProcess(simulator, network, host);
      process.onPublish((address, body) -> tellBrokers(host, address, body));
      NameServerOptions options = new NameServerOptions().setId(host);
      SimulatedProcess mine = process;
      process.run(() -> mine.vertx().deployVerticle(new NameServerVerticle(options, simulator)));
    }

    boolean isAlive() {
      return process != null && !process.life().hasEnded();
    }
  }

  /** Starts so many, and has the Brokers' processes reach them. */
  SimulatedNameServers(
      Simulator simulator, SimulatedNetwork network, int count, List<SimulatedBroker> brokers) {
    this.simulator = simulator;
    this.network = network;
    this.brokers = brokers;
    for (int i = 0; i < count; i++) {
      nameServers.add(new NameServer(i));
    }
    brokers.forEach(
        broker -> broker.onPublish = (address, body) -> tellNameServers(broker, address, body));
    nameServers.forEach(NameServer::start);
  }

  /** The hosts they are on. */
  List<String> hosts() {
    return nameServers.stream().map(each -> each.host).toList();
  }

  int count() {
    return nameServers.size();
  }

  /** Ends one as {@code kill -9} does; it comes back after a while and knows nobody. */
  void kill(int index, long backMs) {
    NameServer one = nameServers.get(index);
    if (one.isAlive()) {
      one.process.die(false);
      simulator.afterMs(null, backMs, one::start);
    }
  }

  /** Lets one stand still. */
  void pause(int index, long ms) {
    Simulator.Life life = nameServers.get(index).process.life();
    simulator.pause(life);
    simulator.afterMs(null, ms, () -> simulator.resume(life));
  }

  private void tellNameServers(SimulatedBroker from, String address, Object body) {
    for (NameServer each : nameServers) {
      if (address.equals(Addresses.nameServers())
          || address.equals(Addresses.nameServer(each.host))) {
        network.send(from.host, each.host, () -> give(each.process, address, body));
      }
    }
  }

  private void tellBrokers(String from, String address, Object body) {
    for (SimulatedBroker each : brokers) {
      network.send(from, each.host, () -> give(each.process, address, body));
    }
  }

  private static void give(SimulatedProcess process, String address, Object body) {
    if (process != null && !process.life().hasEnded()) {
      process.request(address, body);
    }
  }

  /**
   * Asks one for the master of a topic, from where the clients are; the answer comes, or not.
   *
   * @param found given the master, or null if it knows of none
   */
  void askForMaster(int index, String topic, Consumer<SimulatedBroker> found) {
    NameServer one = nameServers.get(index);
    network.send(
        CLIENTS,
        one.host,
        () -> {
          if (!one.isAlive()) {
            return;
          }
          one.process
              .request(Addresses.nameServer(one.host), new GetRoute(topic))
              .onSuccess(
                  reply -> {
                    SimulatedBroker master = master((Route) reply.body());
                    network.send(one.host, CLIENTS, () -> found.accept(master));
                  });
        });
  }

  private SimulatedBroker master(Route route) {
    for (BrokerNode node : route.brokers()) {
      if (node.brokerId() == 0) {
        return brokers.stream()
            .filter(broker -> node.address().startsWith(broker.host + ":"))
            .findFirst()
            .orElseThrow();
      }
    }
    return null;
  }
}
