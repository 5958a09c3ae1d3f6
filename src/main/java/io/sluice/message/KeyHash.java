package io.sluice.message;

/**
 * The hash under which the key index files a key: that of the text {@code topic#key}, never
 * negative.
 */
public final class KeyHash {

  private KeyHash() {}

  /**
   * Hash of a key in a topic; the key is the part of {@code keys} from {@code start} to {@code
   * end}.
   */
  public static int of(String topic, CharSequence keys, int start, int end) {
    int hash = 31 * topic.hashCode() + '#';
    for (int i = start; i < end; i++) {
      hash = 31 * hash + keys.charAt(i);
    }
    return hash & 0x7fffffff;
  }

  /**
   * Hash of a whole key. The same as going through its characters, but by the key's own hash, which
   * the machine computes many characters at a time: with unique ids of 32 characters the loop was a
   * quarter of what a send cost.
   */
  public static int of(String topic, String key) {
    int hash = 31 * topic.hashCode() + '#';
    return (hash * powerOf31(key.length()) + key.hashCode()) & 0x7fffffff;
  }

  private static int powerOf31(int exponent) {
    int result = 1;
    int square = 31;
    for (int rest = exponent; rest > 0; rest >>= 1) {
      if ((rest & 1) != 0) {
        result *= square;
      }
      square *= square;
    }
    return result;
  }

  /** Hash of a whole key. */
  public static int of(String topic, CharSequence key) {
    return of(topic, key, 0, key.length());
  }
}
