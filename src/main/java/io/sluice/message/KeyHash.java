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

  /** Hash of a whole key. */
  public static int of(String topic, CharSequence key) {
    return of(topic, key, 0, key.length());
  }
}
