package io.sluice.message;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes the ids that fronts give to messages: 32 upper-case hex digits, as long as RocketMQ's own
 * unique ids. Sixteen digits are random per generator, sixteen count up from the start time, so ids
 * of one generator sort by age. Safe for any thread.
 */
public final class UniqueIds {

  private static final byte[] HEX = "0123456789ABCDEF".getBytes(StandardCharsets.US_ASCII);

  private final byte[] prefix = new byte[16];
  private final AtomicLong next;

  /**
   * A generator.
   *
   * @param nowMs the time now; where counting starts
   */
  public UniqueIds(long nowMs) {
    writeHex(prefix, 0, new SecureRandom().nextLong());
    next = new AtomicLong(nowMs << 20);
  }

  /** A new id. */
  @SuppressWarnings("deprecation") // bytes of ASCII to a String without looking at each
  public String next() {
    byte[] id = new byte[32];
    System.arraycopy(prefix, 0, id, 0, 16);
    writeHex(id, 16, next.getAndIncrement());
    return new String(id, 0);
  }

  private static void writeHex(byte[] target, int position, long value) {
    for (int i = 0; i < 16; i++) {
      target[position + i] = HEX[(int) (value >>> (60 - 4 * i)) & 0xF];
    }
  }
}
