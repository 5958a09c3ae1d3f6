package io.sluice.store;

import io.sluice.util.Clock;
import java.util.concurrent.Executor;

/** Deletes segments that have expired. */
final class Retention {

  Retention(
      StoreOptions options,
      StoreFiles files,
      Clock clock,
      Executor owner,
      Workers workers,
      LogStore store) {}

  void maybeStart() {}
}
