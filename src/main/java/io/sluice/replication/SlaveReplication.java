package io.sluice.replication;

import io.sluice.store.Replication;
import io.sluice.store.StoreException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** What every slave answers, whatever it follows. */
abstract class SlaveReplication implements Replication {

  @Override
  public final boolean follows() {
    return true;
  }

  @Override
  public final void appended() {
    // A slave appends nothing itself.
  }

  @Override
  public final StoreException refusal() {
    return new StoreException(
        StoreException.Kind.REPLICAS_MISSING, "this Broker is a slave; send to " + whereToGo());
  }

  @Override
  public final void whenReplicated(long physicalOffset, Consumer<StoreException> done) {
    done.accept(refusal());
  }

  @Override
  public final CompletionStage<Void> whenConfirmed(long physicalOffset) {
    return CompletableFuture.completedFuture(null);
  }
}
