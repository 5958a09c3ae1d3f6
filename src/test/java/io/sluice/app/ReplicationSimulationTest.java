package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.testkit.LogLines;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Runs {@link ReplicationSimulation} with many seeds: 30 of each kind, or {@code
 * -Dsimulation.seeds}; a single one with {@code -Dsimulation.seed}. A failure says its seed, what
 * happened, and what the Brokers logged.
 */
final class ReplicationSimulationTest {

  private static final int SEEDS = Integer.getInteger("simulation.seeds", 30);
  private static final long FIRST = Long.getLong("simulation.first", 1);
  private static final long CHAOS_MS = Long.getLong("simulation.ms", 30_000);
  private static final int LINES = Integer.getInteger("simulation.lines", 120);

  private ReplicationSimulation running;

  private LogLines log;

  @BeforeEach
  void listen() {
    log =
        new LogLines(
            "io.sluice",
            line -> {
              if (running != null) {
                running.note(line);
              }
            });
  }

  @AfterEach
  void listenNoMore() {
    log.close();
  }

  @Test
  void shouldKeepAllPromisesWhateverHappens() {
    runAll(false);
  }

  @Test
  void shouldKeepAllPromisesWhereControllersElect() {
    runAll(true);
  }

  private void runAll(boolean elects) {
    Long seed = Long.getLong("simulation.seed");
    if (seed != null) {
      System.out.println(run(seed, elects));
      running.events().forEach(System.out::println);
      return;
    }
    for (long each = FIRST; each < FIRST + SEEDS; each++) {
      long startNs = System.nanoTime();
      ReplicationSimulation done = run(each, elects);
      System.out.printf(
          "seed %d: %s, took %d ms%n", each, done, (System.nanoTime() - startNs) / 1_000_000);
    }
  }

  @Test
  void shouldRunTheSameWayWithTheSameSeed() {
    ReplicationSimulation first = run(FIRST, true);
    ReplicationSimulation second = run(FIRST, true);
    assertEquals(first.toString(), second.toString());
    assertEquals(first.digest(), second.digest());
  }

  private ReplicationSimulation run(long seed, boolean elects) {
    running = new ReplicationSimulation(seed, CHAOS_MS, elects);
    try {
      running.run();
      return running;
    } catch (RuntimeException | AssertionError e) {
      List<String> events = running.events();
      throw new AssertionError(
          "seed "
              + seed
              + ": "
              + e.getMessage()
              + " ("
              + running
              + "). Run it alone with -Dsimulation.seed="
              + seed
              + ". Before that:\n"
              + String.join(
                  "\n", events.subList(Math.max(0, events.size() - LINES), events.size())),
          e);
    }
  }
}
