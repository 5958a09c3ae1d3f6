package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.store.RecoveryRules.Verdict;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

/** All inputs of the decision at the end of the log: there are thirty-two. */
final class RecoveryRulesTest {

  @Test
  void shouldDecideEveryCaseByItsName() {
    EnumSet<Verdict> seen = EnumSet.noneOf(Verdict.class);
    for (int bits = 0; bits < 32; bits++) {
      boolean zeros = (bits & 1) != 0;
      boolean valid = (bits & 2) != 0;
      boolean forced = (bits & 4) != 0;
      boolean rebooted = (bits & 8) != 0;
      boolean cut = (bits & 16) != 0;
      Verdict verdict = RecoveryRules.decide(zeros, valid, forced, rebooted, cut);
      seen.add(verdict);
      assertEquals(expected(zeros, valid, forced, rebooted, cut), verdict, "case " + bits);
      // The promises, said another way.
      boolean refuses = verdict == Verdict.DAMAGE;
      assertTrue(!refuses || valid, "refused although nothing valid would be lost");
      assertTrue(!refuses || !cut, "refused although the operator asked for the cut");
      if (valid && (forced || !rebooted) && !cut) {
        assertEquals(Verdict.DAMAGE, verdict);
      }
      if (forced) {
        assertNotEquals(Verdict.END, verdict, "lost what was forced without a word");
        assertNotEquals(Verdict.TORN_TAIL, verdict, "lost what was forced without a word");
      }
    }
    assertEquals(EnumSet.allOf(Verdict.class), seen);
  }

  private static Verdict expected(
      boolean zeros, boolean valid, boolean forced, boolean rebooted, boolean cut) {
    String input = (valid ? "valid " : "") + (forced ? "forced " : "") + (rebooted ? "reboot" : "");
    return switch (input.trim()) {
      case "", "reboot" -> zeros ? Verdict.END : Verdict.TORN_TAIL;
      case "forced", "forced reboot" -> Verdict.TORN_BELOW_FORCED;
      case "valid reboot" -> Verdict.UNFORCED_HOLE;
      case "valid", "valid forced", "valid forced reboot" ->
          cut ? Verdict.DAMAGE_CUT : Verdict.DAMAGE;
      default -> throw new AssertionError(input);
    };
  }
}
