package io.sluice.app;

import io.sluice.app.ClientHistory.Place;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.StartPosition;
import io.sluice.controller.SimulatedControllers;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.store.Replication;
import io.sluice.testkit.SimulatedNetwork;
import io.sluice.testkit.SimulatedProcess;
import io.sluice.testkit.Simulator;
import io.vertx.core.AsyncResult;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * NameServers, a master and its slaves, producers and consumers, and all that can go wrong between
 * them, in one thread. NameServers and Brokers are real, from the verticle to the store; network,
 * disks and time are not, see {@link io.sluice.testkit.SimulatedProcess}.
 *
 * <p>Goal: what replication promises holds whatever happens in whatever order. Method: an operator
 * who keeps to the rules (promotes only a slave that the master counted as in sync when it ended,
 * and makes sure first that it has ended) under faults that a seed picks; everything that clients
 * were told is checked at once against what was told before, and at the end, when all is healed,
 * against what is stored.
 */
final class ReplicationSimulation {

  private static final String TOPIC = "t";
  private static final String GROUP = "g";
  private static final int QUEUES = 2;
  private static final int PRODUCERS = 4;
  private static final byte[] CLIENT = {127, 0, 0, 1, 0, 0, 0, 0};

  /** Clients ask again after so long without an answer. */
  private static final long ASK_AGAIN_MS = 3_000;

  /** A slave whose machine lost power is in sync until its master sees it: silence and a beat. */
  private static final long TICK_MS = 25;

  /** After the last fault everything has found together within this time. */
  private static final long HEAL_MS = 120_000;

  /** It stays so for so long: what was sent last has come. */
  private static final long SETTLED_MS = 3_000;

  private static final List<String> DISK_OPERATIONS =
      List.of("open", "size", "write", "map", "delete", "move", "forceDirectory");

  /** What was read within this time before a power cut may not have been forced; disks are slow. */
  private static final long UNFORCED_MS = 10_000;

  private final Simulator simulator;
  private final SimulatedNetwork network;
  private final List<SimulatedBroker> brokers = new ArrayList<>();
  private final ClientHistory history = new ClientHistory();
  private final List<Producer> producers = new ArrayList<>();
  private final List<String> events = new ArrayList<>();
  private final List<String> hosts = new ArrayList<>();
  private final long chaosMs;

  private final SimulatedNameServers nameServers;

  // With controllers: null where there are none.
  private SimulatedControllers controllers;
  private long epoch;
  private long epochMs;
  private final Map<SimulatedBroker, Long> resumedMs = new HashMap<>();

  // The operator.
  private SimulatedBroker master;
  private final Map<SimulatedBroker, SimulatedBroker> follows = new HashMap<>();
  private final Map<SimulatedBroker, Boolean> suspect = new HashMap<>();
  private SimulatedBroker guarded;
  private boolean failingOver;
  private boolean healing;
  private boolean masterLostPower;
  private int faults;
  private int promotions;
  private final Map<SimulatedBroker, Long> confirmedOf = new HashMap<>();
  private Replication.Status lastStatus;
  private AssertionError wrong;

  /**
   * A run.
   *
   * @param elects true with controllers, false with an operator
   */
  ReplicationSimulation(long seed, long chaosMs, boolean elects) {
    this.chaosMs = chaosMs;
    simulator = new Simulator(seed);
    network = new SimulatedNetwork(simulator);
    int count = 2 + simulator.random.nextInt(2);
    int minInSync = count == 3 && simulator.percent(30) ? 2 : 1;
    boolean expires = simulator.percent(25);
    for (int i = 0; i < count; i++) {
      brokers.add(
          new SimulatedBroker(
              simulator,
              network,
              i,
              minInSync,
              expires ? 5L * SimulatedBroker.SEGMENT_BYTES : Long.MAX_VALUE,
              broker -> simulator.afterMs(null, 1_000, () -> revive(broker))));
    }
    if (elects) {
      controllers = new SimulatedControllers(simulator, network, 3, Duration.ofSeconds(2));
      brokers.forEach(broker -> broker.controllers = controllers.members());
      hosts.addAll(controllers.hosts());
    }
    brokers.forEach(broker -> hosts.add(broker.host));
    nameServers =
        new SimulatedNameServers(simulator, network, 1 + simulator.random.nextInt(3), brokers);
    hosts.addAll(nameServers.hosts());
  }

  /** What happened, the newest last. */
  List<String> events() {
    return events;
  }

  long digest() {
    return simulator.digest();
  }

  @Override
  public String toString() {
    return brokers.size()
        + " brokers, "
        + faults
        + " faults, "
        + promotions
        + " promotions, "
        + history
        + " in "
        + simulator.elapsedMs()
        + " ms";
  }

  void note(String text) {
    events.add(simulator.elapsedMs() + " ms: " + text);
  }

  /** Runs it to its end. */
  void run() {
    master = brokers.get(0);
    for (SimulatedBroker broker : brokers) {
      if (broker != master && controllers == null) {
        follows.put(broker, master);
      }
      broker.start(follows.get(broker));
    }
    for (int i = 0; i < PRODUCERS; i++) {
      Producer producer = new Producer(i);
      producers.add(producer);
      simulator.afterMs(null, 500 + i, producer::next);
    }
    new GroupConsumer().ask();
    for (int i = 0; i < 2; i++) {
      new Reader(i).ask();
    }
    simulator.afterMs(null, TICK_MS, this::tick);
    simulator.afterMs(null, 1_500, this::fault);
    long togetherMs = Long.MAX_VALUE;
    while (simulator.elapsedMs() - togetherMs < SETTLED_MS) {
      simulator.step();
      if (wrong != null) {
        throw wrong;
      }
      boolean together = healing && isTogether();
      togetherMs = together ? Math.min(togetherMs, simulator.elapsedMs()) : Long.MAX_VALUE;
      if (simulator.elapsedMs() > chaosMs + HEAL_MS) {
        throw new AssertionError(
            "did not find together within " + HEAL_MS + " ms after the last fault: " + state);
      }
    }
    compareLogs(true);
    history.compare(stored());
  }

  // What is looked at all the time.

  private void tick() {
    if (controllers != null) {
      findMaster();
    }
    Replication.Status status = master.masterStatus();
    if (status != null) {
      Set<Long> inSync = SimulatedBroker.inSync(status);
      for (SimulatedBroker broker : brokers) {
        if (!inSync.contains(broker.brokerId())) {
          suspect.put(broker, false);
        }
      }
      lookAtConfirmed(status);
    }
    if (simulator.elapsedMs() % 500 < TICK_MS) {
      compareLogs(false);
    }
    if (!healing && simulator.elapsedMs() > chaosMs) {
      heal();
    }
    simulator.afterMs(null, TICK_MS, this::tick);
  }

  /** The master of the latest epoch that has begun. */
  private void findMaster() {
    for (SimulatedBroker broker : brokers) {
      Replication.Status status = broker.masterStatus();
      if (status != null && status.epoch() > epoch) {
        promotions += epoch > 0 && broker != master ? 1 : 0;
        epoch = status.epoch();
        epochMs = simulator.elapsedMs();
        master = broker;
        lastStatus = null;
        history.promoted(simulator.nowMs());
      }
    }
  }

  private boolean isSlave(SimulatedBroker broker) {
    return broker != master && (controllers != null || follows.get(broker) == master);
  }

  /** Within an epoch it never goes back. */
  private void lookAtConfirmed(Replication.Status status) {
    if (lastStatus != null
        && lastStatus.epoch() == status.epoch()
        && status.confirmedTo() < lastStatus.confirmedTo()) {
      throw new AssertionError("confirmed went back from " + lastStatus + " to " + status);
    }
    lastStatus = status;
  }

  /** The slaves' logs are the master's, as far as they show them; at the end all of them is. */
  private void compareLogs(boolean whole) {
    for (SimulatedBroker slave : brokers) {
      if (slave.isAwake() && isSlave(slave)) {
        if (whole) {
          compare(slave, lastStatus.confirmedTo());
        } else {
          ask(
              slave,
              Addresses.admin(SimulatedBroker.BROKER),
              new AdminRequest.GetReplication(),
              reply -> reply,
              answer -> {
                if (answer.succeeded()
                    && answer.result() instanceof AdminRequest.ReplicationInfo info
                    && info.role().equals("slave")
                    && slave.isAwake()
                    && isSlave(slave)
                    && master.masterStatus() != null
                    && info.epoch() == master.masterStatus().epoch()) {
                  compare(
                      slave, Math.min(info.confirmedOffset(), master.masterStatus().confirmedTo()));
                }
              });
        }
      }
    }
  }

  private void compare(SimulatedBroker slave, long to) {
    long from = Math.max(master.logBegin(), slave.logBegin());
    for (long start = from; start < to; start += SimulatedBroker.SEGMENT_BYTES) {
      ByteBuffer one = master.segment(start);
      ByteBuffer other = slave.segment(start);
      if (one == null || other == null) {
        throw new AssertionError(
            (one == null ? master : slave).host
                + " has no segment "
                + start
                + " of its log; they begin at "
                + master.logBegin()
                + " and "
                + slave.logBegin()
                + ", confirmed is "
                + to);
      }
      int count = (int) Math.min(SimulatedBroker.SEGMENT_BYTES, to - start);
      int mismatch = one.slice(0, count).mismatch(other.slice(0, count));
      if (mismatch >= 0) {
        throw new AssertionError(
            "the logs of "
                + master.host
                + " and "
                + slave.host
                + " differ at physical offset "
                + (start + mismatch)
                + "; confirmed is "
                + to);
      }
    }
  }

  private String state = "";
  private final List<SimulatedBroker> routes = new ArrayList<>();

  private boolean isTogether() {
    Replication.Status status = master.masterStatus();
    state = master.host + " is " + status + ", controllers " + controllers + ", routes " + routes;
    if (status == null || failingOver || status.inSync() < brokers.size() - 1) {
      return false;
    }
    for (Producer producer : producers) {
      if (!producer.idle) {
        state += "; " + producer;
        return false;
      }
    }
    for (SimulatedBroker route : routes) {
      if (route != master) {
        return false;
      }
    }
    lastStatus = status;
    return true;
  }

  /** What each NameServer says at the end, again and again. */
  private void lookAtRoutes() {
    for (int i = 0; i < nameServers.count(); i++) {
      int index = i;
      nameServers.askForMaster(index, TOPIC, named -> routes.set(index, named));
    }
    simulator.afterMs(null, 500, this::lookAtRoutes);
  }

  private List<Map<Long, String>> stored() {
    List<Map<Long, String>> queues = new ArrayList<>();
    for (int queueId = 0; queueId < QUEUES; queueId++) {
      Map<Long, String> keys = new TreeMap<>();
      boolean[] more = {true};
      long[] next = {0};
      while (more[0]) {
        boolean[] answered = {false};
        int queue = queueId;
        ask(
            master,
            Addresses.read(SimulatedBroker.BROKER),
            readRequest(queue, next[0]),
            ReplicationSimulation::copy,
            answer -> {
              if (answer.succeeded()) {
                Read read = answer.result();
                read.messages.forEach(m -> keys.put(m.place.queueOffset(), m.key));
                more[0] = !read.messages.isEmpty();
                next[0] = read.next;
              }
              answered[0] = true;
            });
        while (!answered[0]) {
          simulator.step();
        }
      }
      queues.add(keys);
    }
    return queues;
  }

  // Faults.

  private void fault() {
    if (healing) {
      return;
    }
    faults++;
    SimulatedBroker one = brokers.get(simulator.random.nextInt(brokers.size()));
    int kind = simulator.random.nextInt(100);
    String from = hosts.get(simulator.random.nextInt(hosts.size()));
    String to = hosts.get(simulator.random.nextInt(hosts.size()));
    if (controllers != null && simulator.percent(10)) {
      controllerFault();
      kind = -1;
    }
    if (kind >= 0 && simulator.percent(7)) {
      nameServerFault();
      kind = -1;
    }
    if (kind < 0) {
      simulator.afterMs(null, simulator.between(50, 2_500), this::fault);
      return;
    }
    if (kind < 22) {
      kill(one, false);
    } else if (kind < 34) {
      kill(one, true);
    } else if (kind < 44) {
      pause(one, simulator.between(200, 9_000));
    } else if (kind < 54) {
      note(from + " does not reach " + to);
      network.block(from, to);
      healSoon();
    } else if (kind < 62) {
      note(from + " is cut off");
      for (String each : hosts) {
        network.block(from, each);
        network.block(each, from);
      }
      healSoon();
    } else if (kind < 68) {
      note("from " + from + " to " + to + " it takes long");
      network.delay(from, to, simulator.between(20, 1_500));
      healSoon();
    } else if (kind < 76) {
      slowDisk(one);
    } else if (kind < 80) {
      fullDisk(one);
    } else if (kind < 86) {
      breakDisk(one);
    } else {
      failOver();
    }
    simulator.afterMs(null, simulator.between(50, 2_500), this::fault);
  }

  private void controllerFault() {
    dieOrStandStill("controller", 3, controllers::kill, controllers::pause);
  }

  private void nameServerFault() {
    dieOrStandStill("nameserver", nameServers.count(), nameServers::kill, nameServers::pause);
  }

  /** Lets something happen to one of several, for so many ms. */
  private interface Happening {
    void to(int index, long ms);
  }

  private void dieOrStandStill(String name, int count, Happening death, Happening pause) {
    int index = simulator.random.nextInt(count);
    long ms = simulator.between(100, 6_000);
    boolean dies = simulator.random.nextBoolean();
    note(name + index + (dies ? " is killed for " : " stands still for ") + ms + " ms");
    (dies ? death : pause).to(index, ms);
  }

  /**
   * Whether this one may lose its power now: not while another is being elected, nor before what
   * the new master had from the old one is on its disk. That is the double failure that decision
   * 0032 excludes.
   */
  private boolean mayLosePower(SimulatedBroker broker) {
    return controllers == null
        ? broker != guarded
        : master.masterStatus() != null
            && master.masterStatus().epoch() == epoch
            && simulator.elapsedMs() - epochMs > 2_000;
  }

  private void healSoon() {
    simulator.afterMs(
        null,
        simulator.between(100, 9_000),
        () -> {
          note("the network heals");
          network.heal();
        });
  }

  private void kill(SimulatedBroker broker, boolean powerCut) {
    if (!broker.isAlive() || powerCut && !mayLosePower(broker)) {
      return;
    }
    note(broker.host + (powerCut ? " loses power" : " is killed"));
    if (powerCut) {
      suspect.put(broker, true);
      if (broker == master) {
        masterLostPower = true;
        history.masterLostPower(simulator.nowMs(), simulator.nowMs() - UNFORCED_MS);
      }
    }
    broker.die(powerCut);
    simulator.afterMs(null, simulator.between(50, 4_000), () -> revive(broker));
  }

  private void revive(SimulatedBroker broker) {
    if (!broker.isAlive()) {
      SimulatedBroker of = follows.get(broker);
      String role = of == null ? "master" : "a slave of " + of.host;
      note(broker.host + " starts" + (controllers == null ? " as " + role : ""));
      broker.start(of);
    }
  }

  private void pause(SimulatedBroker broker, long ms) {
    if (!broker.isAwake()) {
      return;
    }
    note(broker.host + " stands still for " + ms + " ms");
    Simulator.Life life = broker.process.life();
    simulator.pause(life);
    simulator.afterMs(
        null,
        ms,
        () -> {
          resumedMs.put(broker, simulator.elapsedMs());
          simulator.resume(life);
        });
  }

  /** What it answers may have been decided long ago. */
  private boolean justResumed(SimulatedBroker broker) {
    Long at = resumedMs.get(broker);
    return at != null && simulator.elapsedMs() - at < 50;
  }

  private void slowDisk(SimulatedBroker broker) {
    if (broker.isAlive()) {
      note("the disk of " + broker.host + " is slow");
      var process = broker.process;
      process.slowDisk(simulator.between(10, 500));
      simulator.afterMs(null, simulator.between(500, 4_000), () -> process.slowDisk(1));
    }
  }

  private void fullDisk(SimulatedBroker broker) {
    note("the disk of " + broker.host + " is full");
    broker.disk.capacity(broker.disk.usedBytes() + simulator.between(0, 200_000));
    simulator.afterMs(
        null, simulator.between(500, 4_000), () -> broker.disk.capacity(Long.MAX_VALUE));
  }

  /**
   * Something of the disk fails, mostly forces. Whoever looks after the machine sees it and starts
   * the process again, as the log of a failed store asks for.
   */
  private void breakDisk(SimulatedBroker broker) {
    if (!broker.isAlive() || broker.hasDiskFailed()) {
      return;
    }
    String operation =
        simulator.percent(60)
            ? "force"
            : DISK_OPERATIONS.get(simulator.random.nextInt(DISK_OPERATIONS.size()));
    boolean once = simulator.random.nextBoolean();
    note("the disk of " + broker.host + " will fail to " + operation + (once ? " once" : ""));
    var process = broker.process;
    broker.breakDisk(
        operation,
        once,
        () -> {
          note("the disk of " + broker.host + " has failed to " + operation);
          if (once && controllers != null && broker == master) {
            // Nobody has to look: it resigns, and its store is opened again.
            return;
          }
          simulator.afterMs(null, simulator.between(500, 8_000), () -> startAgain(broker, process));
        });
  }

  private void startAgain(SimulatedBroker broker, SimulatedProcess process) {
    if (broker.process == process && broker.isAlive()) {
      kill(broker, false);
    }
  }

  /** Ends the master, and makes one of those the master that it counted on. */
  private void failOver() {
    Replication.Status status = master.masterStatus();
    if (failingOver || status == null || master.process.life().isPaused()) {
      return;
    }
    if (controllers == null && simulator.percent(30)) {
      note(master.host + " is stopped");
      SimulatedBroker leaving = master;
      failingOver = true;
      var process = leaving.process;
      leaving.stop().onComplete(stopped -> simulator.after(null, 0, () -> ended(leaving, process)));
      simulator.afterMs(
          null,
          20_000,
          () -> {
            if (failingOver && leaving == master) {
              ended(leaving, process);
            }
          });
      return;
    }
    if (simulator.percent(50)) {
      // While it does not reach them yet they stay in sync, and nothing may be acked.
      note(master.host + " does not reach its slaves");
      SimulatedBroker leaving = master;
      for (SimulatedBroker each : brokers) {
        network.block(leaving.host, each.host);
      }
      simulator.afterMs(
          null,
          simulator.between(20, 1_800),
          () -> {
            Replication.Status last = leaving.masterStatus();
            if (leaving == master && last != null && !failingOver) {
              endAndSucceed(last);
            }
            network.heal();
          });
      return;
    }
    endAndSucceed(status);
  }

  private void endAndSucceed(Replication.Status status) {
    if (controllers != null) {
      boolean powerCut = simulator.percent(30) && mayLosePower(master);
      kill(master, powerCut);
      return;
    }
    List<SimulatedBroker> fit = fit(status);
    if (!fit.isEmpty()) {
      boolean powerCut = master != guarded && simulator.percent(30);
      SimulatedBroker next = fit.get(simulator.random.nextInt(fit.size()));
      note(master.host + (powerCut ? " loses power" : " is killed") + ", for good");
      SimulatedBroker before = master;
      before.die(powerCut);
      masterLostPower |= powerCut;
      succeed(before, next);
    }
  }

  /** A master that was stopped in peace starts again. */
  private void ended(SimulatedBroker leaving, SimulatedProcess process) {
    failingOver = false;
    if (process.life().hasEnded() || leaving.process != process) {
      return;
    }
    leaving.die(false);
    simulator.afterMs(null, simulator.between(50, 4_000), () -> revive(leaving));
  }

  private List<SimulatedBroker> fit(Replication.Status status) {
    Set<Long> inSync = SimulatedBroker.inSync(status);
    return brokers.stream()
        .filter(
            broker ->
                broker != master
                    && follows.get(broker) == master
                    && inSync.contains(broker.brokerId())
                    && !suspect.getOrDefault(broker, false))
        .toList();
  }

  private void succeed(SimulatedBroker before, SimulatedBroker next) {
    failingOver = true;
    promotions++;
    guarded = next;
    master = next;
    lastStatus = null;
    history.promoted(simulator.nowMs());
    for (SimulatedBroker broker : brokers) {
      follows.put(broker, broker == next ? null : next);
    }
    promote(next, 0);
    simulator.afterMs(null, simulator.between(200, 3_000), () -> revive(before));
  }

  /** Asks it until it is; should it die meanwhile, it is started as what it is to be. */
  private void promote(SimulatedBroker next, int times) {
    var process = next.process;
    if (!next.isAwake()) {
      simulator.afterMs(null, 200, () -> promoteIfSlave(next, times));
      return;
    }
    note(next.host + " is to be the master");
    next.promote(times > 0 || simulator.percent(30))
        .onComplete(
            answer ->
                simulator.after(
                    null,
                    0,
                    () -> {
                      note(
                          next.host
                              + (answer.succeeded()
                                  ? " is the master"
                                  : " is not the master: " + answer.cause()));
                      if (answer.failed() && next.process == process) {
                        simulator.afterMs(null, 300, () -> promoteIfSlave(next, times + 1));
                      } else {
                        promoted(next);
                      }
                    }));
    simulator.afterMs(
        null,
        10_000,
        () -> {
          if (failingOver && master == next && next.process != process) {
            promoted(next);
          }
        });
  }

  private void promoteIfSlave(SimulatedBroker next, int times) {
    if (next.masterStatus() != null) {
      promoted(next);
    } else {
      promote(next, times);
    }
  }

  private void promoted(SimulatedBroker next) {
    if (!failingOver || master != next) {
      return;
    }
    failingOver = false;
    simulator.afterMs(
        null,
        1_000,
        () -> {
          if (guarded == next) {
            guarded = null;
          }
        });
    for (SimulatedBroker broker : brokers) {
      if (broker != next && broker.isAlive()) {
        // Its configuration names another master now.
        broker.die(false);
        simulator.afterMs(null, simulator.between(50, 1_000), () -> revive(broker));
      }
    }
  }

  private void heal() {
    healing = true;
    note("all is healed");
    for (int i = 0; i < nameServers.count(); i++) {
      routes.add(null);
    }
    lookAtRoutes();
    if (controllers != null) {
      controllers.resumeAll();
    }
    network.heal();
    for (SimulatedBroker broker : brokers) {
      broker.disk.capacity(Long.MAX_VALUE);
      broker.disk.onOperation((operation, file) -> {});
      if (broker.isAlive()) {
        broker.process.slowDisk(1);
        simulator.resume(broker.process.life());
      }
    }
    simulator.afterMs(null, 10_000, network::heal);
  }

  // Clients.

  /** Asks a Broker over the network; the answer, or none. */
  private <T> void ask(
      SimulatedBroker broker,
      String address,
      BusMessage request,
      Function<BusMessage, T> copy,
      Consumer<AsyncResult<T>> answered) {
    network.send(
        "clients",
        broker.host,
        () -> {
          if (!broker.isAlive()) {
            return;
          }
          broker
              .ask(address, request)
              .map(message -> look(copy, (BusMessage) message.body()))
              .onComplete(
                  answer -> network.send(broker.host, "clients", () -> answered.accept(answer)));
        });
  }

  /** What is found to be wrong here would only fail the future. */
  private <T> T look(Function<BusMessage, T> copy, BusMessage answer) {
    try {
      return copy.apply(answer);
    } catch (AssertionError e) {
      if (wrong == null) {
        wrong = e;
      }
      throw e;
    }
  }

  /**
   * Knows whom to ask, as far as NameServers said: mostly the master. A client asks any of them
   * again when it got no good answer, and now and then.
   */
  private final class Locator {

    private SimulatedBroker known = brokers.get(0);

    SimulatedBroker somebody() {
      if (simulator.percent(10)) {
        ask();
      }
      return simulator.percent(85) ? known : anyone();
    }

    void ask() {
      nameServers.askForMaster(
          simulator.random.nextInt(nameServers.count()),
          TOPIC,
          named -> known = named == null ? anyone() : named);
    }

    private SimulatedBroker anyone() {
      return brokers.get(simulator.random.nextInt(brokers.size()));
    }
  }

  /** Sends one after the other, each until it is acked. */
  private final class Producer {

    private final Locator locator = new Locator();
    private final int number;
    private final AckLevel level;
    private int sequence;
    private int attempt;
    private boolean idle;

    Producer(int number) {
      this.number = number;
      level =
          switch (number) {
            case 0 -> AckLevel.MEMORY;
            case 1 -> AckLevel.DISK;
            default -> AckLevel.REPLICATED;
          };
    }

    void next() {
      if (healing) {
        idle = true;
        return;
      }
      sequence++;
      send();
    }

    private void send() {
      int mine = ++attempt;
      String key = number + "-" + sequence;
      MessageBatch batch = new MessageBatch();
      PropertiesWriter properties =
          new PropertiesWriter().put(PropertyNames.IDEMPOTENCY_KEY, key).recognise(false);
      byte[] filling = new byte[simulator.random.nextInt(simulator.percent(5) ? 20_000 : 600)];
      ByteBuffer body = ByteBuffer.allocate(filling.length + key.length());
      body.put(key.getBytes(StandardCharsets.US_ASCII)).put(filling).flip();
      int queueId = number % QUEUES;
      batch.add(TOPIC, QueueSelector.queue(queueId), 0, 0, 1_000, CLIENT, 0, 0, body, properties);
      SimulatedBroker to = locator.somebody();
      ask(
          to,
          Addresses.append(SimulatedBroker.BROKER),
          new AppendRequest(batch, level, false, simulator.nowNs()),
          reply -> noteAck(to, (AppendReply) reply),
          answer -> {
            if (attempt == mine) {
              answered(key, answer);
            }
          });
      simulator.afterMs(
          null,
          ASK_AGAIN_MS,
          () -> {
            if (attempt == mine) {
              locator.ask();
              send();
            }
          });
    }

    private Acked noteAck(SimulatedBroker by, AppendReply reply) {
      Replication.Status status = by.masterStatus();
      boolean stored = reply.error(0) == null && status != null;
      if (stored && !justResumed(by) && (controllers != null || level == AckLevel.REPLICATED)) {
        history.ackedBy(by.host, status.epoch(), controllers != null);
      }
      if (stored && level != AckLevel.MEMORY && !by.isDurable(reply.physicalOffset(0))) {
        throw new AssertionError(
            by.host + " acked " + level + " what it has not forced, " + reply.physicalOffset(0));
      }
      return new Acked(reply, simulator.nowMs(), justResumed(by));
    }

    private void answered(String key, AsyncResult<Acked> answer) {
      attempt++;
      if (answer.succeeded() && answer.result().reply.error(0) == null) {
        AppendReply reply = answer.result().reply;
        history.acked(
            key, new Place(reply.queueId(0), reply.queueOffset(0)), level, answer.result().leftMs);
        simulator.afterMs(null, simulator.between(1, 60), this::next);
      } else {
        locator.ask();
        simulator.afterMs(null, simulator.between(20, 400), this::send);
      }
    }

    @Override
    public String toString() {
      return "producer " + number + " at " + sequence + ", attempt " + attempt;
    }
  }

  /** An answer, and when it left its Broker. */
  private record Acked(AppendReply reply, long leftMs, boolean old) {}

  private record Received(String key, Place place, long lease) {}

  private record Read(List<Received> messages, long next) {}

  private static List<Received> copy(MessageBlock block, long[] leases) {
    List<Received> messages = new ArrayList<>();
    try (block) {
      for (int i = 0; i < block.count(); i++) {
        MessageView view = block.view(i, new MessageView());
        String key = view.property(PropertyNames.IDEMPOTENCY_KEY);
        byte[] body = view.body();
        if (!new String(body, 0, key.length(), StandardCharsets.US_ASCII).equals(key)) {
          throw new AssertionError("another body than that of " + key);
        }
        messages.add(
            new Received(
                key,
                new Place(view.queueId(), view.queueOffset()),
                leases == null ? 0 : leases[i]));
      }
    }
    return messages;
  }

  private static Read copy(BusMessage message) {
    ReadReply reply = (ReadReply) message;
    return new Read(copy(reply.messages(), null), reply.nextOffsets()[0]);
  }

  private static ReadRequest readRequest(int queueId, long offset) {
    return new ReadRequest(
        TOPIC, new int[] {queueId}, new long[] {offset}, null, 16, 1 << 20, 0, Filter.ALL, null);
  }

  /** Reads a queue again and again, from whoever is there. */
  private final class Reader {

    private final int queueId;
    private long next;
    private int attempt;

    Reader(int queueId) {
      this.queueId = queueId;
    }

    void ask() {
      int mine = ++attempt;
      SimulatedBroker from = brokers.get(simulator.random.nextInt(brokers.size()));
      if (controllers == null && follows.get(from) == null && from != master) {
        // It was the master, and is not yet a slave.
        again();
        return;
      }
      ReplicationSimulation.this.ask(
          from,
          Addresses.read(SimulatedBroker.BROKER),
          readRequest(queueId, next),
          message -> noteRead(from, copy(message)),
          answer -> {
            if (attempt == mine && answer.succeeded()) {
              Read read = answer.result();
              // From the start again now and then: what was read before must be the same.
              next =
                  read.messages.isEmpty() && simulator.percent(5) ? 0 : Math.max(next, read.next);
              again();
            } else if (attempt == mine) {
              again();
            }
          });
      simulator.afterMs(
          null,
          ASK_AGAIN_MS,
          () -> {
            if (attempt == mine) {
              ask();
            }
          });
    }

    /** What a slave shows of a master that lost a part of it is not said to stay. */
    private Read noteRead(SimulatedBroker from, Read read) {
      if (from == master || !masterLostPower || from.epoch() == master.epoch()) {
        for (Received each : read.messages) {
          history.read(each.key, each.place, simulator.nowMs(), "a reader at " + from.host);
        }
      }
      return read;
    }

    private void again() {
      attempt++;
      simulator.afterMs(null, simulator.between(10, 150), this::ask);
    }
  }

  /** Receives as a group, and settles all of it. */
  private final class GroupConsumer {

    private final Locator locator = new Locator();
    private int attempt;

    void ask() {
      int mine = ++attempt;
      SimulatedBroker from = locator.somebody();
      ReplicationSimulation.this.ask(
          from,
          Addresses.receive(SimulatedBroker.BROKER),
          new ReceiveRequest(
              GROUP,
              TOPIC,
              8,
              1 << 20,
              500,
              4_000,
              Filter.ALL,
              false,
              StartPosition.EARLIEST,
              null),
          reply -> {
            ReceiveReply received = (ReceiveReply) reply;
            List<Received> messages = copy(received.messages(), received.leases());
            for (Received each : messages) {
              history.received(GROUP, each.key, each.place, simulator.nowMs());
            }
            return messages;
          },
          answer -> {
            if (attempt == mine && answer.succeeded()) {
              settle(from, answer.result());
            } else if (attempt == mine) {
              locator.ask();
              again();
            }
          });
      simulator.afterMs(
          null,
          ASK_AGAIN_MS,
          () -> {
            if (attempt == mine) {
              locator.ask();
              ask();
            }
          });
    }

    private void settle(SimulatedBroker at, List<Received> messages) {
      if (messages.isEmpty()) {
        again();
        return;
      }
      SettleRequest request = new SettleRequest(GROUP);
      for (Received each : messages) {
        request.ack(TOPIC, each.place.queueId(), each.place.queueOffset(), each.lease);
      }
      int mine = ++attempt;
      ReplicationSimulation.this.ask(
          at,
          Addresses.settle(SimulatedBroker.BROKER),
          request,
          reply -> (SettleReply) reply,
          answer -> {
            if (attempt != mine) {
              return;
            }
            if (answer.succeeded()) {
              for (int i = 0; i < messages.size(); i++) {
                if (answer.result().outcomes()[i] == SettleReply.Outcome.OK) {
                  history.settled(GROUP, messages.get(i).place);
                }
              }
            }
            again();
          });
      simulator.afterMs(
          null,
          ASK_AGAIN_MS,
          () -> {
            if (attempt == mine) {
              ask();
            }
          });
    }

    private void again() {
      attempt++;
      simulator.afterMs(null, simulator.between(1, 100), this::ask);
    }
  }
}
