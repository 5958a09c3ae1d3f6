package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.store.StoreException;

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
          case FENCED -> ErrorCode.BROKER_UNAVAILABLE;
          case NOT_CONFIRMED -> ErrorCode.TIMEOUT;
          case NOT_A_SLAVE, NOT_IN_SYNC -> ErrorCode.CONFLICT;
          default -> ErrorCode.STORE_FAILED;
        };
    return new SluiceException(code, refusal.getMessage());
  }
}
