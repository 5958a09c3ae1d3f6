package io.sluice.message;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;
import java.util.zip.CRC32;

/**
 * Reads one stored record in place. A flyweight: {@link #wrap} it over the next record as often as
 * you like. It never moves the buffer's position. For one thread.
 */
public final class MessageView {

  private static final byte NAME_END = 1;
  private static final byte VALUE_END = 2;

  private ByteBuffer buffer;
  private int start;
  private int sysFlag;
  private int bodyAt;
  private int bodyBytes;
  private int topicAt;
  private int topicBytes;
  private int propertiesAt;
  private int propertiesBytes;

  /**
   * Points the view at a record that is known to be whole, such as one that the store handed out.
   *
   * @param position where the record starts in the buffer
   */
  public MessageView wrap(ByteBuffer buffer, int position) {
    this.buffer = buffer;
    start = position;
    sysFlag = buffer.getInt(position + MessageLayout.SYS_FLAG);
    int bodyLengthAt = position + MessageLayout.bodyLength(sysFlag);
    bodyBytes = buffer.getInt(bodyLengthAt);
    bodyAt = bodyLengthAt + 4;
    int at = bodyAt + bodyBytes;
    if (buffer.getInt(position + MessageLayout.MAGIC) == MessageLayout.MAGIC_V2) {
      topicBytes = buffer.getShort(at) & 0xffff;
      topicAt = at + 2;
    } else {
      topicBytes = buffer.get(at) & 0xff;
      topicAt = at + 1;
    }
    propertiesBytes = buffer.getShort(topicAt + topicBytes) & 0xffff;
    propertiesAt = topicAt + topicBytes + 2;
    return this;
  }

  /**
   * Checks a record that may be anything, without ever reading outside of it.
   *
   * @param position where a record may start
   * @param limit end of the readable bytes, exclusive
   * @param physicalOffset where in the log this position is
   * @return the size of the record in bytes if it is whole: sane lengths, right place, right CRC of
   *     the record or (where it has none) of the body; else 0. A filler is not a record.
   */
  public static int wholeRecordBytes(
      ByteBuffer buffer, int position, int limit, long physicalOffset) {
    if (limit - position < MessageLayout.MIN_RECORD_BYTES) {
      return 0;
    }
    int size = buffer.getInt(position);
    int magic = buffer.getInt(position + MessageLayout.MAGIC);
    if (!MessageLayout.isMessageMagic(magic)
        || size < MessageLayout.MIN_RECORD_BYTES
        || size > limit - position
        || buffer.getLong(position + MessageLayout.PHYSICAL_OFFSET) != physicalOffset) {
      return 0;
    }
    int end = position + size;
    int bodyLengthAt =
        position + MessageLayout.bodyLength(buffer.getInt(position + MessageLayout.SYS_FLAG));
    int topicLengthBytes = magic == MessageLayout.MAGIC_V2 ? 2 : 1;
    if (bodyLengthAt + 4 + topicLengthBytes + 2 > end) {
      return 0;
    }
    int body = buffer.getInt(bodyLengthAt);
    int bodyStart = bodyLengthAt + 4;
    if (body < 0 || body > end - bodyStart - topicLengthBytes - 2) {
      return 0;
    }
    int topicLengthAt = bodyStart + body;
    int topic =
        topicLengthBytes == 2
            ? buffer.getShort(topicLengthAt) & 0xffff
            : buffer.get(topicLengthAt) & 0xff;
    int propertiesLengthAt = topicLengthAt + topicLengthBytes + topic;
    if (propertiesLengthAt + 2 > end
        || propertiesLengthAt + 2 + (buffer.getShort(propertiesLengthAt) & 0xffff) != end) {
      return 0;
    }
    return crcsMatch(buffer, position, end, bodyStart, body, topicLengthAt, propertiesLengthAt + 2)
        ? size
        : 0;
  }

  /** The buffer this view reads from. */
  public ByteBuffer buffer() {
    return buffer;
  }

  /** Where the record starts in the buffer. */
  public int position() {
    return start;
  }

  /** Size of the whole record in bytes. */
  public int size() {
    return buffer.getInt(start);
  }

  public int queueId() {
    return buffer.getInt(start + MessageLayout.QUEUE_ID);
  }

  public int flag() {
    return buffer.getInt(start + MessageLayout.FLAG);
  }

  public long queueOffset() {
    return buffer.getLong(start + MessageLayout.QUEUE_OFFSET);
  }

  public long physicalOffset() {
    return buffer.getLong(start + MessageLayout.PHYSICAL_OFFSET);
  }

  public int sysFlag() {
    return sysFlag;
  }

  public long bornAtMs() {
    return buffer.getLong(start + MessageLayout.BORN_TIMESTAMP);
  }

  public long storedAtMs() {
    return buffer.getLong(start + MessageLayout.storeTimestamp(sysFlag));
  }

  public int reconsumeTimes() {
    return buffer.getInt(start + MessageLayout.reconsumeTimes(sysFlag));
  }

  public long preparedOffset() {
    return buffer.getLong(start + MessageLayout.reconsumeTimes(sysFlag) + 4);
  }

  /** The born host as it stands in the record: 8 or 20 bytes. A copy. */
  public byte[] bornHost() {
    byte[] host = new byte[MessageLayout.bornHostBytes(sysFlag)];
    buffer.get(start + MessageLayout.BORN_HOST, host);
    return host;
  }

  /** The born host as {@code address:port}. */
  public String bornHostText() {
    return hostText(bornHost());
  }

  /** The store host as {@code address:port}. */
  public String storeHostText() {
    byte[] host = new byte[MessageLayout.storeHostBytes(sysFlag)];
    buffer.get(start + MessageLayout.storeHost(sysFlag), host);
    return hostText(host);
  }

  /** The body's bytes, from position to limit; a view of the record, not a copy. */
  public ByteBuffer bodySlice() {
    return buffer.duplicate().position(bodyAt).limit(bodyAt + bodyBytes);
  }

  /** Where the body starts in the buffer. */
  public int bodyPosition() {
    return bodyAt;
  }

  /** Length of the body in bytes. */
  public int bodyBytes() {
    return bodyBytes;
  }

  /** The body, copied. */
  public byte[] body() {
    byte[] body = new byte[bodyBytes];
    buffer.get(bodyAt, body);
    return body;
  }

  public String topic() {
    return text(topicAt, topicBytes);
  }

  /** Whether the topic is this one; makes no String where it can tell without. */
  public boolean isOfTopic(String name) {
    if (name.length() != topicBytes) {
      // Only what is not ASCII has more bytes than signs.
      return topicBytes > name.length() && topic().equals(name);
    }
    for (int i = 0; i < topicBytes; i++) {
      if (buffer.get(topicAt + i) != name.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** Where the encoded properties start in the buffer. */
  public int propertiesPosition() {
    return propertiesAt;
  }

  /** Length of the encoded properties in bytes, the record CRC included. */
  public int propertiesBytes() {
    return propertiesBytes;
  }

  /**
   * The value of a property.
   *
   * @param name an ASCII name
   * @return the value, or null if there is none
   */
  public String property(String name) {
    int at = propertiesAt;
    int end = propertiesAt + propertiesBytes;
    while (at < end) {
      int nameEnd = indexOf(NAME_END, at, end);
      int valueEnd = indexOf(VALUE_END, at, end);
      if (nameEnd < valueEnd && matches(name, at, nameEnd)) {
        return text(nameEnd + 1, valueEnd - nameEnd - 1);
      }
      at = valueEnd + 1;
    }
    return null;
  }

  /** Hands every property over, but for the record CRC, in their stored order. */
  public void forEachProperty(BiConsumer<String, String> consumer) {
    int at = propertiesAt;
    int end = propertiesAt + propertiesBytes;
    while (at < end) {
      int nameEnd = indexOf(NAME_END, at, end);
      int valueEnd = indexOf(VALUE_END, at, end);
      if (nameEnd > at
          && nameEnd < valueEnd - 1
          && !matches(PropertyNames.RECORD_CRC, at, nameEnd)) {
        consumer.accept(text(at, nameEnd - at), text(nameEnd + 1, valueEnd - nameEnd - 1));
      }
      at = valueEnd + 1;
    }
  }

  private boolean matches(String name, int from, int to) {
    if (to - from != name.length()) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      if (buffer.get(from + i) != (byte) name.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private int indexOf(byte wanted, int from, int to) {
    int at = from;
    while (at < to && buffer.get(at) != wanted) {
      at++;
    }
    return at;
  }

  private String text(int at, int length) {
    byte[] bytes = new byte[length];
    buffer.get(at, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static boolean crcsMatch(
      ByteBuffer buffer,
      int start,
      int end,
      int bodyAt,
      int bodyBytes,
      int topicLengthAt,
      int propertiesAt) {
    int crcAt = end - MessageBatch.CRC_PROPERTY_BYTES;
    boolean named = crcAt >= propertiesAt && hasCrcName(buffer, crcAt);
    boolean shaped = crcAt >= propertiesAt && hasCrcShape(buffer, crcAt);
    if (!named && !shaped) {
      // Records written by RocketMQ carry the record CRC only if it was switched on there. Nor does
      // one whose last page never reached the disk: that reads as zeros, which no name or text has.
      int bodyCrc = crc(buffer, bodyAt, bodyAt + bodyBytes) & 0x7fffffff;
      return buffer.getInt(start + MessageLayout.BODY_CRC) == bodyCrc
          && !hasZero(buffer, topicLengthAt + 2, propertiesAt - 2)
          && !hasZero(buffer, propertiesAt, end);
    }
    if (!named || !shaped) {
      // Half of it is broken: a flipped bit must not turn the check off.
      return false;
    }
    // It covers the body and the body's own CRC, which then has nothing to add.
    byte[] digits = new byte[RecordCrc.DIGITS + 1];
    RecordCrc.writeDigits(digits, 0, crc(buffer, start, crcAt));
    int digitsAt = crcAt + PropertyNames.RECORD_CRC.length() + 1;
    for (int i = 0; i < digits.length; i++) {
      if (buffer.get(digitsAt + i) != digits[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean hasZero(ByteBuffer buffer, int from, int to) {
    for (int at = from; at < to; at++) {
      if (buffer.get(at) == 0) {
        return true;
      }
    }
    return false;
  }

  private static boolean hasCrcName(ByteBuffer buffer, int at) {
    String name = PropertyNames.RECORD_CRC;
    for (int i = 0; i < name.length(); i++) {
      if (buffer.get(at + i) != (byte) name.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static boolean hasCrcShape(ByteBuffer buffer, int at) {
    int digitsAt = at + PropertyNames.RECORD_CRC.length() + 1;
    for (int i = 0; i < RecordCrc.DIGITS; i++) {
      byte digit = buffer.get(digitsAt + i);
      if (digit < '0' || digit > '9') {
        return false;
      }
    }
    return buffer.get(digitsAt - 1) == NAME_END
        && buffer.get(digitsAt + RecordCrc.DIGITS) == VALUE_END;
  }

  private static int crc(ByteBuffer buffer, int from, int to) {
    CRC32 crc = new CRC32();
    crc.update(buffer.duplicate().limit(to).position(from));
    return (int) crc.getValue();
  }

  private static String hostText(byte[] host) {
    int addressBytes = host.length - 4;
    byte[] address = new byte[addressBytes];
    System.arraycopy(host, 0, address, 0, addressBytes);
    int port = ByteBuffer.wrap(host).getInt(addressBytes);
    try {
      String text = InetAddress.getByAddress(address).getHostAddress();
      return addressBytes == 4 ? text + ":" + port : "[" + text + "]:" + port;
    } catch (UnknownHostException e) {
      // Only for a length other than 4 or 16, which the layout does not have.
      throw new IllegalStateException(e);
    }
  }
}
