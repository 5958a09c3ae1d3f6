package io.sluice.store;

import java.io.IOException;

/** There is no room on the disk, or the user's share of it is used up. */
public final class DiskFullException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What was written and where. */
  public DiskFullException(String message, Throwable cause) {
    super(message, cause);
  }
}
