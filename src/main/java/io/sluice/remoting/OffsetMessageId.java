package io.sluice.remoting;

import io.sluice.bus.AppendReply;

/**
 * RocketMQ's server-side message id: upper-case hex of the store host's address, its port in four
 * bytes, and the physical offset. Clients cut it apart and dial the host in it.
 */
final class OffsetMessageId {

  private static final char[] HEX = "0123456789ABCDEF".toCharArray();

  private final char[] host;

  /**
   * Ids of messages stored at this host.
   *
   * @param storeHost 8 or 20 bytes as in a record
   */
  OffsetMessageId(byte[] storeHost) {
    host = new char[storeHost.length * 2];
    for (int i = 0; i < storeHost.length; i++) {
      host[2 * i] = HEX[storeHost[i] >> 4 & 0xF];
      host[2 * i + 1] = HEX[storeHost[i] & 0xF];
    }
  }

  /** The physical offset in an id of any host. */
  static long physicalOffset(String id) {
    try {
      if (id.length() == 32 || id.length() == 56) {
        return Long.parseUnsignedLong(id, id.length() - 16, id.length(), 16);
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new MalformedFrameException(
        "msgId is '" + id + "'; needed is an offset message id of 32 or 56 hexadecimal digits");
  }

  /** The ids of some messages of a reply, with commas between them. */
  @SuppressWarnings("deprecation") // bytes of ASCII to a String without looking at each
  String of(AppendReply reply, int first, int count) {
    int length = host.length + 16;
    byte[] all = new byte[count * (length + 1) - 1];
    for (int i = 0; i < count; i++) {
      int at = i * (length + 1);
      if (i > 0) {
        all[at - 1] = ',';
      }
      for (int sign = 0; sign < host.length; sign++) {
        all[at + sign] = (byte) host[sign];
      }
      long physicalOffset = reply.physicalOffset(first + i);
      for (int digit = 0; digit < 16; digit++) {
        all[at + host.length + digit] = (byte) HEX[(int) (physicalOffset >>> 60 - 4 * digit) & 0xF];
      }
    }
    return new String(all, 0);
  }

  /** The id of the message whose record starts at this physical offset. */
  String of(long physicalOffset) {
    char[] id = new char[host.length + 16];
    System.arraycopy(host, 0, id, 0, host.length);
    for (int i = 0; i < 16; i++) {
      id[host.length + i] = HEX[(int) (physicalOffset >>> 60 - 4 * i) & 0xF];
    }
    return new String(id);
  }
}
