package io.sluice.app;

import java.util.Collection;
import java.util.Optional;

/** Finds what somebody may have meant. */
final class Nearest {

  private Nearest() {}

  /** The candidate with the fewest edits from the word; empty if all are too far to be helpful. */
  static Optional<String> of(String word, Collection<String> candidates) {
    String best = null;
    int bestEdits = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int edits = edits(word, candidate);
      if (edits < bestEdits) {
        bestEdits = edits;
        best = candidate;
      }
    }
    // Half of the letters wrong is no longer a slip of the finger.
    return best != null && bestEdits <= Math.max(2, word.length() / 2)
        ? Optional.of(best)
        : Optional.empty();
  }

  /** Levenshtein's distance, by rows. */
  private static int edits(String a, String b) {
    int[] previous = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replace = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replace, 1 + Math.min(previous[j], row[j - 1]));
      }
      previous = row;
    }
    return previous[b.length()];
  }
}
