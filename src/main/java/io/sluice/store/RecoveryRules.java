package io.sluice.store;

/**
 * What to do where the log stops being valid. A pure function of what was found there, so that it
 * can be tested over all inputs.
 *
 * <p>An appender copies records in rising order into pages that the kernel writes in any order. So
 * after the death of the process alone, nothing valid lies behind a broken place; after the death
 * of the machine it may, but only behind the last force.
 */
final class RecoveryRules {

  private RecoveryRules() {}

  /** What was decided. */
  enum Verdict {
    /** The log ends here, and nothing was begun behind it. */
    END,
    /** A record was begun and not finished, or a group of them: cut. */
    TORN_TAIL,
    /** The same, but the place had been forced: cut, and say so loudly. */
    TORN_BELOW_FORCED,
    /**
     * The machine died before this was forced, and kept what came after: cut, and keep it aside.
     */
    UNFORCED_HOLE,
    /** Damage with valid records behind it: refuse to start. */
    DAMAGE,
    /** The same, and the operator has decided: cut, and keep it aside. */
    DAMAGE_CUT
  }

  /**
   * Decides.
   *
   * @param zeros whether there are only zeros from the place on, and the place is not inside of
   *     records that stand or fall together
   * @param validBehind whether a valid record lies behind the place
   * @param belowForced whether the place lies before what was forced, or this is not known
   * @param rebooted whether the machine may have been restarted since the place was written
   * @param cutAtDamage whether the operator wants damage to be cut
   */
  static Verdict decide(
      boolean zeros,
      boolean validBehind,
      boolean belowForced,
      boolean rebooted,
      boolean cutAtDamage) {
    if (!validBehind) {
      if (belowForced) {
        return Verdict.TORN_BELOW_FORCED;
      }
      return zeros ? Verdict.END : Verdict.TORN_TAIL;
    }
    if (rebooted && !belowForced) {
      return Verdict.UNFORCED_HOLE;
    }
    return cutAtDamage ? Verdict.DAMAGE_CUT : Verdict.DAMAGE;
  }
}
