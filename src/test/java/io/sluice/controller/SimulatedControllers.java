package io.sluice.controller;

import io.sluice.testkit.SimulatedNetwork;
import io.sluice.testkit.SimulatedProcess;
import io.sluice.testkit.Simulator;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Controllers of a simulation. They are real, but for the consensus below them, which is what a
 * consensus promises and no more: one log; whoever leads has a majority or finds out that it has
 * none; what is submitted may be in the log though its answer is lost; and whoever stood still
 * believes for a while that it leads.
 */
public final class SimulatedControllers {

  private static final int PORT = 9878;
  private static final long LOOK_MS = 100;

  /** So long without a majority, and another one is elected. */
  private static final long ELECTION_MS = 1_000;

  private final Simulator simulator;
  private final SimulatedNetwork network;
  private final Duration lease;
  private final List<Command> log = new ArrayList<>();
  private final List<SimulatedEngine> engines = new ArrayList<>();
  private SimulatedEngine leader;
  private long term;
  private long lostMs;

  /** Starts so many. */
  public SimulatedControllers(
      Simulator simulator, SimulatedNetwork network, int count, Duration lease) {
    this.simulator = simulator;
    this.network = network;
    this.lease = lease;
    for (int i = 0; i < count; i++) {
      engines.add(new SimulatedEngine("controller" + i));
    }
    engines.forEach(SimulatedEngine::begin);
    simulator.afterMs(null, LOOK_MS, this::look);
  }

  /** Where they are, as Brokers are told. */
  public List<String> members() {
    return engines.stream().map(engine -> engine.host + ":" + PORT).toList();
  }

  /** The hosts they are on. */
  public List<String> hosts() {
    return engines.stream().map(engine -> engine.host).toList();
  }

  /** Ends one as {@code kill -9} does; it comes back after a while. */
  public void kill(int index, long backMs) {
    SimulatedEngine engine = engines.get(index);
    if (!engine.process.life().hasEnded()) {
      engine.process.die(false);
      engine.believes = false;
      if (leader == engine) {
        // However soon it is back, it leads only when it is elected again.
        leader = null;
      }
      simulator.afterMs(null, backMs, engine::begin);
    }
  }

  /** Lets one stand still. */
  public void pause(int index, long ms) {
    Simulator.Life life = engines.get(index).process.life();
    simulator.pause(life);
    simulator.afterMs(null, ms, () -> simulator.resume(life));
  }

  /** All that stand still go on. */
  public void resumeAll() {
    engines.forEach(engine -> simulator.resume(engine.process.life()));
  }

  @Override
  public String toString() {
    return "term " + term + " led by " + (leader == null ? "nobody" : leader.host);
  }

  private void look() {
    if (leader != null && leader.hasMajority()) {
      lostMs = simulator.elapsedMs();
      for (SimulatedEngine engine : engines) {
        if (leader.reaches(engine)) {
          engine.learn(log.size());
        }
      }
    } else if (simulator.elapsedMs() - lostMs > ELECTION_MS) {
      elect();
    }
    simulator.afterMs(null, LOOK_MS, this::look);
  }

  private void elect() {
    List<SimulatedEngine> able = engines.stream().filter(SimulatedEngine::hasMajority).toList();
    if (able.isEmpty()) {
      return;
    }
    SimulatedEngine before = leader;
    leader = able.get(simulator.random.nextInt(able.size()));
    term++;
    lostMs = simulator.elapsedMs();
    if (before != null && before != leader) {
      // Hears of it when it can; it can not commit any more.
      simulator.afterMs(before.process.life(), simulator.between(1, 1_500), before::leadNoMore);
    }
    leader.lead(term);
  }

  /** What one controller has of the log. */
  private final class SimulatedEngine implements Engine {

    private final String host;
    private SimulatedProcess process;
    private ControllerState state;
    private Consumer<Boolean> leads = now -> {};
    private int applied;
    private boolean believes;
    private long ownTerm;

    SimulatedEngine(String host) {
      this.host = host;
    }

    void begin() {
      process = new SimulatedProcess(simulator, network, host);
      state = null;
      applied = 0;
      ControllerOptions options =
          new ControllerOptions(
              "c", host, PORT, members(), Path.of("/simulated", host), lease, null, null);
      process.run(
          () -> process.vertx().deployVerticle(new ControllerVerticle(options, simulator, this)));
    }

    @Override
    public void start(ControllerState fresh, Consumer<Boolean> whenLeads) {
      state = fresh;
      leads = whenLeads;
    }

    boolean isThere() {
      return process != null
          && !process.life().hasEnded()
          && !process.life().isPaused()
          && state != null;
    }

    boolean reaches(SimulatedEngine other) {
      return other.isThere()
          && (other == this
              || network.reaches(host, other.host) && network.reaches(other.host, host));
    }

    boolean hasMajority() {
      return isThere()
          && IntStream.range(0, engines.size()).filter(index -> reaches(engines.get(index))).count()
              > engines.size() / 2;
    }

    void lead(long newTerm) {
      simulator.after(
          process.life(),
          0,
          () -> {
            applyTo(log.size());
            believes = true;
            ownTerm = newTerm;
            leads.accept(true);
          });
    }

    void leadNoMore() {
      if (believes && ownTerm < term) {
        believes = false;
        leads.accept(false);
      }
    }

    void learn(int size) {
      if (applied < size) {
        simulator.after(process.life(), simulator.between(30_000, 2_000_000), () -> applyTo(size));
      }
    }

    private boolean applyTo(int size) {
      boolean last = false;
      while (state != null && applied < size) {
        last = state.apply(log.get(applied++));
      }
      return last;
    }

    @Override
    public CompletionStage<Boolean> submit(Command command) {
      CompletableFuture<Boolean> done = new CompletableFuture<>();
      if (!believes) {
        done.completeExceptionally(new IllegalStateException(host + " does not lead"));
        return done;
      }
      long inTerm = ownTerm;
      Simulator.Life life = process.life();
      // The way to the others and onto their disks, which goes on when this process stands still.
      simulator.after(
          null,
          simulator.between(500_000, 6_000_000),
          () -> {
            boolean commits = leader == this && term == inTerm && hasMajority();
            if (!commits) {
              simulator.afterMs(
                  life,
                  500,
                  () -> done.completeExceptionally(new IllegalStateException("no majority")));
              return;
            }
            // As it is read from the disk by whoever applies it.
            log.add(Command.decode(command.encode()));
            int size = log.size();
            simulator.after(
                life,
                simulator.between(30_000, 2_000_000),
                () -> {
                  boolean known = applied >= size;
                  boolean result = applyTo(size);
                  if (known) {
                    done.completeExceptionally(
                        new IllegalStateException("its result is not known"));
                  } else {
                    done.complete(result);
                  }
                });
          });
      return done;
    }

    @Override
    public boolean isLeader() {
      return believes;
    }

    @Override
    public String leader() {
      return leader == null || !network.reaches(leader.host, host) ? "" : leader.host + ":" + PORT;
    }

    @Override
    public void stop() {
      believes = false;
    }
  }
}
