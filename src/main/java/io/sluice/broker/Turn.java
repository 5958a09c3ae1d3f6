package io.sluice.broker;

import io.vertx.core.Context;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;

/**
 * What is done once for all that came in one turn of the event loop: the steps run in the order
 * they were added, after the handlers that are queued already. So a thousand requests of one turn
 * become one look at each queue and one record of state changes, and a single one waits for
 * nothing.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Turn {

  private static final System.Logger LOG = System.getLogger(Turn.class.getName());

  private final Context context;
  private final List<Runnable> steps = new ArrayList<>();
  private boolean scheduled;
  private boolean ending;
  private boolean stopped;

  Turn(Context context) {
    this.context = context;
  }

  /** Adds a step to the end of each turn. */
  void addStep(Runnable step) {
    steps.add(step);
  }

  /** Drops all steps. */
  void clearSteps() {
    steps.clear();
  }

  /** Asks for the end of this turn; as often as you like. */
  void request() {
    if (!scheduled && !stopped) {
      scheduled = true;
      context.runOnContext(nothing -> end());
    }
  }

  /** As {@link #request}, for what the last step of a turn does that may be ending right now. */
  void requestUnlessEnding() {
    if (!ending) {
      request();
    }
  }

  /** Ends the turn now. */
  void end() {
    scheduled = false;
    ending = true;
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (RuntimeException e) {
        // A fault in one step must not keep the answers of the others from leaving.
        LOG.log(Level.ERROR, "a step of the turn failed", e);
      }
    }
    ending = false;
  }

  /** No turn ends by itself any more. */
  void stop() {
    stopped = true;
  }
}
