package io.sluice.message;

/**
 * The digits of the record CRC property: ten decimal digits, the least significant first, then the
 * separator.
 *
 * <p>Source: Apache RocketMQ 5.5.0, MessageDecoder.createCrc32.
 */
final class RecordCrc {

  static final int DIGITS = 10;
  private static final byte VALUE_END = 2;

  private RecordCrc() {}

  static void writeDigits(byte[] target, int position, int crc) {
    // RocketMQ clears the top bit, as it does for the body's CRC (UtilAll.crc32).
    int rest = crc & 0x7fffffff;
    for (int i = 0; i < DIGITS; i++) {
      target[position + i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    target[position + DIGITS] = VALUE_END;
  }
}
