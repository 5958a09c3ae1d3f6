package io.sluice.replication;

/**
 * What a master answers to a slave that comes. A pure function of what both have, so that it can be
 * tested over all cases.
 */
final class Handshake {

  private Handshake() {}

  /** What the slave is to do. */
  enum Action {
    /** Go on at the end of its log. */
    FOLLOW,
    /** Cut its log at the place, and come again. */
    CUT,
    /** Throw its log away, begin at the place, and come again. */
    RESTART,
    /** Go away; the text says why. */
    REFUSED
  }

  /**
   * The answer.
   *
   * @param place where the slave's log is to end, or to begin
   * @param text for REFUSED
   */
  record Answer(Action action, long place, String text) {}

  /** A log: its epochs, first byte, and end. */
  record Log(EpochHistory history, long begin, long end) {}

  static Answer decide(Log master, Log slave) {
    if (slave.begin() == slave.end()) {
      return slave.end() == master.begin()
          ? new Answer(Action.FOLLOW, slave.end(), "")
          : new Answer(Action.RESTART, master.begin(), "");
    }
    if (slave.history().lastNumber() > master.history().lastNumber()) {
      return refused(
          "the slave's log is of epoch "
              + slave.history().lastNumber()
              + ", this master's of "
              + master.history().lastNumber()
              + ": the slave was promoted meanwhile. Let this one follow it, or move the slave's"
              + " data away");
    }
    long parting =
        EpochHistory.partingPoint(master.history(), master.end(), slave.history(), slave.end());
    if (parting == EpochHistory.NOTHING) {
      return refused(
          "the slave's log has nothing in common with this master's; if it is not needed, move the"
              + " slave's data directory away and let it begin empty");
    }
    if (parting < master.begin() || parting < slave.begin()) {
      return new Answer(Action.RESTART, master.begin(), "");
    }
    return parting < slave.end()
        ? new Answer(Action.CUT, parting, "")
        : new Answer(Action.FOLLOW, slave.end(), "");
  }

  private static Answer refused(String text) {
    return new Answer(Action.REFUSED, 0, text);
  }
}
