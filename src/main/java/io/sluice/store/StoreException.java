package io.sluice.store;

/** A failure of the store that names its kind, the file, and the way out. */
public final class StoreException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** What kind of failure. */
  public enum Kind {
    /** The next segment is being prepared; try again shortly. */
    BUSY,
    /** No room on the disk; reads go on, writes resume by themselves. */
    DISK_FULL,
    /** A write or force failed; the store takes no more writes until it is opened again. */
    FAILED,
    /** Damage with valid records behind it. */
    DAMAGED,
    /** Another process has the directory. */
    LOCKED,
    /** The directory can not be written to, or can not be made. */
    NOT_WRITABLE,
    /** The directory was written by a newer version. */
    NEWER_VERSION,
    /** The store is closed. */
    CLOSED,
    /** Too few slaves are in sync; nothing was stored. */
    REPLICAS_MISSING,
    /** Stored and forced here, but not confirmed by the slaves in time. */
    NOT_CONFIRMED,
    /** This master may not ack any more, or not now: its lease ran out. */
    FENCED,
    /** Only a slave can do this. */
    NOT_A_SLAVE,
    /** What was acked may be missing here. */
    NOT_IN_SYNC
  }

  private final Kind kind;

  public StoreException(Kind kind, String message) {
    this(kind, message, null);
  }

  public StoreException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
