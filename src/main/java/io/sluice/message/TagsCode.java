package io.sluice.message;

/**
 * What an entry of a queue says of its message without the message being read: the code of its tag,
 * and whether it has a time to live of its own. The code is an int, so the two highest bits of the
 * long are alike; they differ where the message may expire. Static.
 */
public final class TagsCode {

  private static final long EXPIRES = 1L << 62;

  private TagsCode() {}

  /**
   * A code.
   *
   * @param tag {@code String.hashCode} of the tag, 0 without a tag
   * @param expires whether the message has a time to live
   */
  public static long of(int tag, boolean expires) {
    return expires ? tag ^ EXPIRES : tag;
  }

  /** The code of the tag. */
  public static long tag(long code) {
    return (int) code;
  }

  /** Whether the message has a time to live. */
  public static boolean expires(long code) {
    return ((code ^ code << 1) & Long.MIN_VALUE) != 0;
  }
}
