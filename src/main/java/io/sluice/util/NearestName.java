package io.sluice.util;

import java.util.Locale;
import java.util.Optional;

/** Finds the name somebody meant who made a typing error. */
public final class NearestName {

  private NearestName() {}

  /** As {@link #of}, empty where there is none. */
  public static Optional<String> find(String found, Iterable<String> known) {
    return Optional.ofNullable(of(found, known));
  }

  /**
   * The known name with the fewest letters to change, case aside.
   *
   * @return the name, or null if none is near: with half of the letters wrong it is no longer a
   *     slip of the finger
   */
  public static String of(String found, Iterable<String> known) {
    String wanted = found.toLowerCase(Locale.ROOT);
    String nearest = null;
    int best = Integer.MAX_VALUE;
    for (String name : known) {
      int distance = distance(wanted, name.toLowerCase(Locale.ROOT));
      if (distance < best && distance <= Math.max(2, found.length() / 2)) {
        best = distance;
        nearest = name;
      }
    }
    return nearest;
  }

  /** Levenshtein's distance: letters to insert, delete or replace. */
  private static int distance(String a, String b) {
    int[] above = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      above[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = above[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(above[j], row[j - 1]) + 1);
      }
      above = row;
    }
    return above[b.length()];
  }
}
