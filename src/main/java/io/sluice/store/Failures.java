package io.sluice.store;

import java.io.IOException;
import java.nio.file.Path;

/** Turns what went wrong with a file into the store's own exception. */
final class Failures {

  private Failures() {}

  /** A failure that ends all writing. */
  static StoreException failed(String action, Path file, IOException cause) {
    if (cause instanceof DiskFullException) {
      return new StoreException(
          StoreException.Kind.DISK_FULL,
          "no room on the disk while "
              + action
              + " "
              + file
              + "; reads go on, writes resume by themselves when there is room",
          cause);
    }
    return new StoreException(
        StoreException.Kind.FAILED,
        action
            + " "
            + file
            + " failed: "
            + cause
            + "; the store takes no more writes. Check the disk, then start again.",
        cause);
  }
}
