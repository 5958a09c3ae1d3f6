package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
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

  private final Logger logger = Logger.getLogger("io.sluice");
  private final List<String> logged = new ArrayList<>();
  private ReplicationSimulation running;

  private final Handler handler =
      new Handler() {
        private final SimpleFormatter formatter = new SimpleFormatter();

        @Override
        public void publish(LogRecord line) {
          if (running != null) {
            String thrown = line.getThrown() == null ? "" : ", " + line.getThrown();
            running.note(line.getLevel() + " " + formatter.formatMessage(line) + thrown);
          }
        }

        @Override
        public void flush() {
          // Nothing is held back.
        }

        @Override
        public void close() {
          // Nothing is open.
        }
      };

  @BeforeEach
  void listen() {
    logger.setUseParentHandlers(false);
    logger.setLevel(Level.INFO);
    logger.addHandler(handler);
  }

  @AfterEach
  void listenNoMore() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
    logger.setLevel(null);
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
