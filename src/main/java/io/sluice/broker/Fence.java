package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.store.Replication;
import io.sluice.store.StoreException;

/**
 * Keeps a master whose lease ran out from acking: what comes is refused, and what was stored when
 * the lease held and would be acked now is answered with "not known". Costs nothing where there are
 * no controllers.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Fence {

  private final Replication replication;

  Fence(Replication replication) {
    this.replication = replication;
  }

  /**
   * Refuses what comes while the lease does not hold; nothing was stored.
   *
   * @throws SluiceException NOT_MASTER, which clients try again elsewhere
   */
  void check() {
    StoreException fenced = replication.fenced();
    if (fenced != null) {
      throw Refusals.of(fenced);
    }
  }

  /**
   * Looks once more when the answer is there. Only for answers that hold no slices of the log: a
   * refused one is dropped.
   */
  <T> Answer<T> guard(Answer<T> answer) {
    if (!replication.mayBeFenced()) {
      return answer;
    }
    return new Answer<>() {
      @Override
      public void succeed(T value) {
        StoreException fenced = replication.fenced();
        if (fenced == null) {
          answer.succeed(value);
        } else {
          answer.fail(
              new SluiceException(
                  ErrorCode.TIMEOUT,
                  "stored here, but not acked, and it may be lost: " + fenced.getMessage()));
        }
      }

      @Override
      public void fail(SluiceException failure) {
        answer.fail(failure);
      }
    };
  }
}
