package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.store.StoreException;
import java.util.concurrent.CompletionException;

/** What a refusal of the store is to those who asked. */
final class Refusals {

  private Refusals() {}

  /** Whether the same append will be taken later without anything being done. */
  static boolean isPassing(StoreException refusal) {
    return refusal.kind() == StoreException.Kind.BUSY
        || refusal.kind() == StoreException.Kind.DISK_FULL;
  }

  /** The failure to answer with. */
  static SluiceException of(StoreException refusal) {
    ErrorCode code =
        switch (refusal.kind()) {
          case BUSY -> ErrorCode.BUSY;
          case DISK_FULL -> ErrorCode.DISK_FULL;
          case CLOSED -> ErrorCode.SHUTTING_DOWN;
          case REPLICAS_MISSING -> ErrorCode.REPLICAS_MISSING;
          case FENCED -> ErrorCode.NOT_MASTER;
          case NOT_CONFIRMED -> ErrorCode.TIMEOUT;
          case NOT_A_SLAVE, NOT_IN_SYNC -> ErrorCode.CONFLICT;
          default -> ErrorCode.STORE_FAILED;
        };
    return new SluiceException(code, refusal.getMessage());
  }

  /** The failure to answer with when the store failed to do something off the event loop. */
  static SluiceException ofFailure(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof StoreException refusal ? of(refusal) : SluiceException.of(cause);
  }
}
