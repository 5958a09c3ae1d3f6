package io.sluice.replication;

import java.util.SortedSet;
import java.util.concurrent.CompletionStage;

/**
 * What a master holds that was elected by controllers. Without controllers a master has none: it is
 * one as long as it runs, and its in-sync set is its own affair.
 *
 * <p>Safe for any thread.
 */
public interface Tenure {

  /**
   * An in-sync set that the controllers know.
   *
   * @param version rises with each change
   * @param slaves broker ids of the slaves in it
   */
  record Agreed(long version, SortedSet<Long> slaves) {}

  /** The epoch that it was elected for; larger than any that its log has. */
  long epoch();

  /** Whether it may ack now. */
  boolean holds();

  /** The in-sync set as it was heard last. */
  Agreed agreed();

  /**
   * Asks for another in-sync set.
   *
   * @return completes, on any thread, when {@link #agreed} tells what came of it; fails where that
   *     is not known
   */
  CompletionStage<?> change(SortedSet<Long> slaves);

  /** Gives it up, for a store that has failed: soon it does not hold, and another is elected. */
  void resign();
}
