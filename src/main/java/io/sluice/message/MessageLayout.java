package io.sluice.message;

/**
 * The layout of a stored message, shared by the commit log and the RocketMQ clients. All integers
 * are big-endian.
 *
 * <pre>
 *   0 total size          4   the whole record, this word included
 *   4 magic               4   V1 (topic length in one byte), V2 (in two), or filler
 *   8 body crc            4   CRC-32 of the body as stored, top bit cleared
 *  12 queue id            4   set by the broker
 *  16 flag                4   the user's, opaque
 *  20 queue offset        8   set by the broker
 *  28 physical offset     8   set by the broker
 *  36 sysFlag             4
 *  40 born timestamp      8   ms, by the client
 *  48 born host           8   IPv4 and port; 20 with IPv6 (sysFlag 0x10)
 *   . store timestamp     8   ms, set by the broker
 *   . store host          8   IPv4 and port; 20 with IPv6 (sysFlag 0x20)
 *   . reconsume times     4
 *   . prepared offset     8   physical offset of the half message of a transaction, or 0
 *   . body length, body   4 + n
 *   . topic length, topic 1 + n, or 2 + n in V2
 *   . properties length   2 + n
 * </pre>
 *
 * <p>Source: Apache RocketMQ 5.5.0, MessageDecoder and CommitLog; see the message format reference.
 * Pure numbers, no state.
 */
public final class MessageLayout {

  /** Record whose topic length is one byte. */
  public static final int MAGIC_V1 = 0xDAA320A7;

  /** Record whose topic length is two bytes; written only for topics longer than 127 bytes. */
  public static final int MAGIC_V2 = 0xDAA320AB;

  /** Filler at the end of a segment: four bytes of remaining length, then this. */
  public static final int MAGIC_FILLER = 0xCBD43194;

  /** A segment keeps at least so many bytes for the filler. */
  public static final int FILLER_BYTES = 8;

  public static final int TOTAL_SIZE = 0;
  public static final int MAGIC = 4;
  public static final int BODY_CRC = 8;
  public static final int QUEUE_ID = 12;
  public static final int FLAG = 16;
  public static final int QUEUE_OFFSET = 20;
  public static final int PHYSICAL_OFFSET = 28;
  public static final int SYS_FLAG = 36;
  public static final int BORN_TIMESTAMP = 40;
  public static final int BORN_HOST = 48;

  /** Bytes of a host with IPv4: address and a four-byte port. */
  public static final int HOST_V4_BYTES = 8;

  /** Bytes of a host with IPv6. */
  public static final int HOST_V6_BYTES = 20;

  /** Size of a V1 record with IPv4 hosts and nothing in it: the smallest record there is. */
  public static final int MIN_RECORD_BYTES = 91;

  /** Longest topic of a V1 record, in bytes. */
  public static final int MAX_V1_TOPIC_BYTES = 127;

  /** Longest encoded properties, in bytes; the length is a signed short. */
  public static final int MAX_PROPERTIES_BYTES = 32767;

  public static final int SYS_COMPRESSED = 0x1;
  public static final int SYS_MULTI_TAGS = 0x2;
  public static final int SYS_PREPARED = 0x4;
  public static final int SYS_COMMIT = 0x8;
  public static final int SYS_ROLLBACK = 0xC;
  public static final int SYS_TRANSACTION_MASK = 0xC;
  public static final int SYS_BORN_HOST_V6 = 0x10;
  public static final int SYS_STORE_HOST_V6 = 0x20;

  /** How a compressed body is compressed: 0 and 3 zlib, 1 lz4, 2 zstd. */
  public static final int SYS_COMPRESSION_MASK = 0x700;

  private MessageLayout() {}

  /** Bytes of the born host under this sysFlag. */
  public static int bornHostBytes(int sysFlag) {
    return (sysFlag & SYS_BORN_HOST_V6) == 0 ? HOST_V4_BYTES : HOST_V6_BYTES;
  }

  /** Bytes of the store host under this sysFlag. */
  public static int storeHostBytes(int sysFlag) {
    return (sysFlag & SYS_STORE_HOST_V6) == 0 ? HOST_V4_BYTES : HOST_V6_BYTES;
  }

  /** Position of the store timestamp in a record with this sysFlag. */
  public static int storeTimestamp(int sysFlag) {
    return BORN_HOST + bornHostBytes(sysFlag);
  }

  /** Position of the store host in a record with this sysFlag. */
  public static int storeHost(int sysFlag) {
    return storeTimestamp(sysFlag) + 8;
  }

  /** Position of the reconsume times in a record with this sysFlag. */
  public static int reconsumeTimes(int sysFlag) {
    return storeHost(sysFlag) + storeHostBytes(sysFlag);
  }

  /**
   * The sysFlag of a record that is a copy of another one: it is no part of a transaction any more,
   * and its store host is told by who stores it.
   */
  public static int sysFlagOfCopy(int sysFlag) {
    return sysFlag & ~(SYS_TRANSACTION_MASK | SYS_STORE_HOST_V6);
  }

  /** Position of the body length in a record with this sysFlag. */
  public static int bodyLength(int sysFlag) {
    return reconsumeTimes(sysFlag) + 12;
  }

  /** Whether a number is the magic of a message record (not of a filler). */
  public static boolean isMessageMagic(int magic) {
    return magic == MAGIC_V1 || magic == MAGIC_V2;
  }
}
