package io.sluice.app;

import io.sluice.controller.Mastership;
import io.sluice.replication.Tenure;
import java.util.SortedSet;
import java.util.concurrent.CompletionStage;

/** A mastership of the controllers as the replication knows it. Safe for any thread. */
record ElectedTenure(Mastership mastership) implements Tenure {

  @Override
  public long epoch() {
    return mastership.epoch();
  }

  @Override
  public boolean holds() {
    return mastership.holds();
  }

  @Override
  public Agreed agreed() {
    Mastership.Agreed agreed = mastership.agreed();
    return new Agreed(agreed.version(), agreed.slaves());
  }

  @Override
  public CompletionStage<?> change(SortedSet<Long> slaves) {
    return mastership.change(slaves).toCompletionStage();
  }

  @Override
  public void resign() {
    mastership.resign();
  }
}
