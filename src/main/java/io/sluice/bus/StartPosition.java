package io.sluice.bus;

/**
 * Where reading starts when nothing is known yet, or is to be set.
 *
 * @param kind how the place is given
 * @param timeMs for TIME: the first message stored at this time or later, ms since the epoch
 */
public record StartPosition(Kind kind, long timeMs) implements BusMessage {

  public static final StartPosition EARLIEST = new StartPosition(Kind.EARLIEST, 0);
  public static final StartPosition LATEST = new StartPosition(Kind.LATEST, 0);

  /** How a place is given. */
  public enum Kind {
    EARLIEST,
    LATEST,
    TIME
  }

  public static StartPosition time(long timeMs) {
    return new StartPosition(Kind.TIME, timeMs);
  }
}
