package io.sluice.message;

import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.zip.CRC32;

/**
 * Messages on their way into the log: encoded back to back in the stored layout, with the fields
 * that the broker decides left open, and beside them in columns what queues and index need.
 *
 * <p>A front encodes on its own thread; the storage thread {@link #seal seals} each record in place
 * and copies all of them into the log at once. So a body is copied twice and encoded once, and the
 * single writer does little per message. A batch belongs to one thread at a time and passes on with
 * the request; who appended it must not touch it again.
 *
 * <p>Every record ends with RocketMQ's record CRC property, so that a flipped bit anywhere in it is
 * found, not only in the body.
 */
public final class MessageBatch {

  /** Bytes of the record CRC property at the end of each record. */
  public static final int CRC_PROPERTY_BYTES = PropertyNames.RECORD_CRC.length() + 12;

  /**
   * The columns are made for so many bytes a message at first: a small body with its properties.
   */
  private static final int TYPICAL_RECORD_BYTES = 256;

  /** What {@link #writeTo} writes of each message beside its record and keys. */
  private static final int WIRE_COLUMN_BYTES = 4 + 8 + 8 + 8 + 4 + 4 + 1 + 8;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final byte[] CRC_NAME =
      (PropertyNames.RECORD_CRC + "\u0001").getBytes(StandardCharsets.US_ASCII);

  private byte[] bytes;
  private int size;
  private int count;
  private int[] positions;
  private String[] topics;
  private long[] selectors;
  private long[] tagsCodes;
  private long[] dueTimesMs;

  /** Which are half messages; null as long as none is. */
  private BitSet halves;

  private int[] keyEnds;
  private int[] keyHashes;
  private int keyCount;

  /** See {@link #repeatHash}; null as long as no message has one. */
  private long[] repeatHashes;

  private final CRC32 crc = new CRC32();
  private String lastTopic;
  private byte[] lastTopicBytes;

  /** An empty batch with room for 4 KiB; it grows as needed. */
  public MessageBatch() {
    this(4096);
  }

  /**
   * An empty batch.
   *
   * @param capacityBytes room at the start, in bytes
   */
  public MessageBatch(int capacityBytes) {
    bytes = new byte[capacityBytes];
    int columns = Math.max(4, capacityBytes / TYPICAL_RECORD_BYTES);
    positions = new int[columns];
    topics = new String[columns];
    selectors = new long[columns];
    tagsCodes = new long[columns];
    dueTimesMs = new long[columns];
    keyEnds = new int[columns];
    keyHashes = new int[columns];
  }

  /**
   * Encodes one message behind the others.
   *
   * @param topic its topic; the name is not checked here
   * @param selector which queue, see {@link QueueSelector}
   * @param flag the user's flag, opaque
   * @param sysFlag see {@link MessageLayout}; the host bits must fit {@code bornHost}
   * @param bornAtMs when the client made it
   * @param bornHost 8 bytes (IPv4 and port) or 20 (IPv6 and port)
   * @param reconsumeTimes how often it was tried before
   * @param preparedOffset physical offset of its half message, or 0
   * @param body from position to limit; both stay as they are
   * @param properties its properties, without the record CRC
   * @throws IllegalArgumentException if the properties exceed {@link
   *     MessageLayout#MAX_PROPERTIES_BYTES}, the record CRC counted
   */
  public void add(
      String topic,
      long selector,
      int flag,
      int sysFlag,
      long bornAtMs,
      byte[] bornHost,
      int reconsumeTimes,
      long preparedOffset,
      ByteBuffer body,
      PropertiesWriter properties) {
    encode(
        topic,
        topic,
        selector,
        0,
        flag,
        sysFlag,
        bornAtMs,
        bornHost,
        reconsumeTimes,
        preparedOffset,
        body,
        properties);
  }

  /**
   * Encodes one message that is to be delivered later: a record of the timer topic that names the
   * message's own topic and queue. {@link #topic} and {@link #selector} are the message's own.
   *
   * @param dueAtMs when it is to be delivered, more than 0
   * @param properties as for {@link #add}; what the timer needs is added to them
   */
  public void addDelayed(
      String topic,
      long selector,
      long dueAtMs,
      int flag,
      int sysFlag,
      long bornAtMs,
      byte[] bornHost,
      int reconsumeTimes,
      ByteBuffer body,
      PropertiesWriter properties) {
    if (dueAtMs <= 0) {
      throw new IllegalArgumentException("due at " + dueAtMs + "; allowed is 1 or more");
    }
    properties
        .put(PropertyNames.REAL_TOPIC, topic)
        .put(
            PropertyNames.REAL_QUEUE_ID,
            QueueSelector.isQueue(selector) ? Long.toString(selector) : "-1")
        .put(PropertyNames.TIMER_OUT_MS, Long.toString(dueAtMs));
    encode(
        Names.TIMER_TOPIC,
        topic,
        selector,
        dueAtMs,
        flag,
        sysFlag,
        bornAtMs,
        bornHost,
        reconsumeTimes,
        0,
        body,
        properties);
  }

  /** All columns exactly as long as they have to be. */
  private MessageBatch(byte[] bytes, int count, int keyCount) {
    this.bytes = bytes;
    size = bytes.length;
    this.count = count;
    this.keyCount = Math.max(0, keyCount);
    positions = new int[count];
    topics = new String[count];
    selectors = new long[count];
    tagsCodes = new long[count];
    dueTimesMs = new long[count];
    keyEnds = new int[count];
    keyHashes = new int[this.keyCount];
  }

  /**
   * Encodes one message that nobody sees until its transaction is committed: a record of the half
   * topic that names the message's own topic and queue. {@link #topic} and {@link #selector} are
   * the message's own, {@link #dueAtMs} is 0.
   *
   * @param producerGroup the group of those who can say how the transaction ended
   * @param dueAtMs when it is to be delivered if it is committed by then, or 0
   * @param properties as for {@link #add}; what the transaction needs is added to them
   */
  public void addHalf(
      String topic,
      long selector,
      String producerGroup,
      long dueAtMs,
      int flag,
      int sysFlag,
      long bornAtMs,
      byte[] bornHost,
      int reconsumeTimes,
      ByteBuffer body,
      PropertiesWriter properties) {
    properties
        .put(PropertyNames.TRANSACTIONAL, "true")
        .put(PropertyNames.PRODUCER_GROUP, producerGroup)
        .put(PropertyNames.REAL_TOPIC, topic)
        .put(
            PropertyNames.REAL_QUEUE_ID,
            QueueSelector.isQueue(selector) ? Long.toString(selector) : "-1");
    if (dueAtMs > 0) {
      properties.put(PropertyNames.TIMER_DELIVER_MS, Long.toString(dueAtMs));
    }
    encode(
        Names.HALF_TOPIC,
        topic,
        selector,
        0,
        flag,
        sysFlag & ~MessageLayout.SYS_TRANSACTION_MASK,
        bornAtMs,
        bornHost,
        reconsumeTimes,
        0,
        body,
        properties);
    noteHalf(count - 1);
  }

  private void noteHalf(int index) {
    if (halves == null) {
      halves = new BitSet();
    }
    halves.set(index);
  }

  private void encode(
      String recordTopic,
      String topic,
      long selector,
      long dueAtMs,
      int flag,
      int sysFlag,
      long bornAtMs,
      byte[] bornHost,
      int reconsumeTimes,
      long preparedOffset,
      ByteBuffer body,
      PropertiesWriter properties) {
    byte[] topicBytes = topicBytes(recordTopic);
    int propertiesBytes = properties.size() + CRC_PROPERTY_BYTES;
    if (propertiesBytes > MessageLayout.MAX_PROPERTIES_BYTES) {
      throw new IllegalArgumentException(
          "the properties take "
              + propertiesBytes
              + " bytes, allowed are "
              + MessageLayout.MAX_PROPERTIES_BYTES);
    }
    boolean longTopic = topicBytes.length > MessageLayout.MAX_V1_TOPIC_BYTES;
    int bodyBytes = body.remaining();
    int bodyLengthAt = MessageLayout.bodyLength(sysFlag);
    int recordBytes =
        bodyLengthAt
            + 4
            + bodyBytes
            + (longTopic ? 2 : 1)
            + topicBytes.length
            + 2
            + propertiesBytes;
    ensureBytes(recordBytes);
    ensureColumns();

    int start = size;
    byte[] target = bytes;
    INT.set(target, start + MessageLayout.TOTAL_SIZE, recordBytes);
    INT.set(
        target,
        start + MessageLayout.MAGIC,
        longTopic ? MessageLayout.MAGIC_V2 : MessageLayout.MAGIC_V1);
    INT.set(target, start + MessageLayout.FLAG, flag);
    INT.set(target, start + MessageLayout.SYS_FLAG, sysFlag);
    LONG.set(target, start + MessageLayout.BORN_TIMESTAMP, bornAtMs);
    System.arraycopy(bornHost, 0, target, start + MessageLayout.BORN_HOST, bornHost.length);
    int reconsumeAt = start + MessageLayout.reconsumeTimes(sysFlag);
    INT.set(target, reconsumeAt, reconsumeTimes);
    LONG.set(target, reconsumeAt + 4, preparedOffset);
    INT.set(target, start + bodyLengthAt, bodyBytes);
    int bodyAt = start + bodyLengthAt + 4;
    body.get(body.position(), target, bodyAt, bodyBytes);
    crc.reset();
    crc.update(target, bodyAt, bodyBytes);
    INT.set(target, start + MessageLayout.BODY_CRC, (int) crc.getValue() & 0x7fffffff);

    int at = bodyAt + bodyBytes;
    if (longTopic) {
      SHORT.set(target, at, (short) topicBytes.length);
      at += 2;
    } else {
      target[at++] = (byte) topicBytes.length;
    }
    System.arraycopy(topicBytes, 0, target, at, topicBytes.length);
    at += topicBytes.length;
    SHORT.set(target, at, (short) propertiesBytes);
    at += 2;
    properties.copyTo(target, at);
    at += properties.size();
    System.arraycopy(CRC_NAME, 0, target, at, CRC_NAME.length);

    positions[count] = start;
    topics[count] = topic;
    selectors[count] = selector;
    dueTimesMs[count] = dueAtMs;
    tagsCodes[count] = properties.tagsCode();
    addKeys(recordTopic, properties);
    keyEnds[count] = keyCount;
    addRepeatHash(properties.repeatHash(topic));
    count++;
    size += recordBytes;
  }

  /**
   * Fills in what the broker decides and the record CRC. Storage thread, once per record, before
   * the bytes are copied into the log.
   *
   * @param index which message, 0 to count - 1
   * @param storeHost 8 bytes (or 20 if the sysFlag says so): the advertised broker address
   */
  public void seal(
      int index,
      int queueId,
      long queueOffset,
      long physicalOffset,
      long storedAtMs,
      byte[] storeHost) {
    byte[] target = bytes;
    int start = positions[index];
    INT.set(target, start + MessageLayout.QUEUE_ID, queueId);
    LONG.set(target, start + MessageLayout.QUEUE_OFFSET, queueOffset);
    LONG.set(target, start + MessageLayout.PHYSICAL_OFFSET, physicalOffset);
    int storedAt =
        start + MessageLayout.storeTimestamp((int) INT.get(target, start + MessageLayout.SYS_FLAG));
    LONG.set(target, storedAt, storedAtMs);
    System.arraycopy(storeHost, 0, target, storedAt + 8, storeHost.length);
    int crcAt = start + recordBytes(index) - CRC_PROPERTY_BYTES;
    crc.reset();
    crc.update(target, start, crcAt - start);
    RecordCrc.writeDigits(target, crcAt + CRC_NAME.length, (int) crc.getValue());
  }

  /** How many messages there are. */
  public int count() {
    return count;
  }

  /** Bytes of all records together. */
  public int size() {
    return size;
  }

  /** Bytes of one record. */
  public int recordBytes(int index) {
    return (index + 1 < count ? positions[index + 1] : size) - positions[index];
  }

  /** Where one record starts in {@link #bytes}. */
  public int position(int index) {
    return positions[index];
  }

  /** The encoded records, valid from 0 to {@link #size}. Not a copy. */
  public byte[] bytes() {
    return bytes;
  }

  /** When one message is due, or 0 for one that is delivered at once. */
  public long dueAtMs(int index) {
    return dueTimesMs[index];
  }

  /** Whether one message is a half message, see {@link #addHalf}. */
  public boolean isHalf(int index) {
    return halves != null && halves.get(index);
  }

  /** When one message was stored, as {@link #seal} wrote it. */
  public long storedAtMs(int index) {
    int start = positions[index];
    int sysFlag = (int) INT.get(bytes, start + MessageLayout.SYS_FLAG);
    return (long) LONG.get(bytes, start + MessageLayout.storeTimestamp(sysFlag));
  }

  /** The topic of one message; of a delayed one the topic it will be delivered to. */
  public String topic(int index) {
    return topics[index];
  }

  /** The queue selector of one message, see {@link QueueSelector}. */
  public long selector(int index) {
    return selectors[index];
  }

  /** What the queue's entry says of one message's tag and time to live, see {@link TagsCode}. */
  public long tagsCode(int index) {
    return tagsCodes[index];
  }

  /** Where the key hashes of one message start in {@link #keyHash}. */
  public int keyStart(int index) {
    return index == 0 ? 0 : keyEnds[index - 1];
  }

  /** Where the key hashes of one message end, exclusive. */
  public int keyEnd(int index) {
    return keyEnds[index];
  }

  /** A key hash by its place, see {@link #keyStart}. */
  public int keyHash(int place) {
    return keyHashes[place];
  }

  /** Writes all of it for another process; {@link #readFrom} stands below and must agree. */
  public void writeTo(WireWriter out) {
    out.writeInt(count);
    out.writeInt(size);
    out.writeRaw(bytes, 0, size);
    out.writeInt(keyCount);
    for (int i = 0; i < keyCount; i++) {
      out.writeInt(keyHashes[i]);
    }
    for (int i = 0; i < count; i++) {
      out.writeInt(positions[i]);
      out.writeLong(selectors[i]);
      out.writeLong(tagsCodes[i]);
      out.writeLong(dueTimesMs[i]);
      out.writeInt(keyEnds[i]);
      // Most batches are of one topic, which is then written once.
      out.writeText(i > 0 && topics[i].equals(topics[i - 1]) ? null : topics[i]);
      out.writeByte(isHalf(i) ? 1 : 0);
      out.writeLong(repeatHash(i));
    }
  }

  /**
   * Reads what {@link #writeTo} wrote.
   *
   * @throws WireException if it is something else
   */
  public static MessageBatch readFrom(WireReader in) {
    int count = in.readCount(WIRE_COLUMN_BYTES);
    int size = in.readLength();
    if (count < 0 || size < 0) {
      throw new WireException("a batch has " + count + " messages in " + size + " bytes");
    }
    MessageBatch batch = new MessageBatch(in.readRaw(size), count, in.readCount(Integer.BYTES));
    for (int i = 0; i < batch.keyCount; i++) {
      batch.keyHashes[i] = in.readInt();
    }
    for (int i = 0; i < count; i++) {
      batch.positions[i] = in.readInt();
      batch.selectors[i] = in.readLong();
      batch.tagsCodes[i] = in.readLong();
      batch.dueTimesMs[i] = in.readLong();
      batch.keyEnds[i] = in.readInt();
      String topic = in.readText();
      batch.topics[i] = topic == null && i > 0 ? batch.topics[i - 1] : topic;
      if (in.readByte() != 0) {
        batch.noteHalf(i);
      }
      batch.readRepeatHash(i, in.readLong());
    }
    for (int i = 0; i < count; i++) {
      batch.check(i);
    }
    return batch;
  }

  /**
   * By what a repeat of one message is recognised, see {@link RepeatKey#hash}; 0 if repeats of it
   * are stored like any other message.
   */
  public long repeatHash(int index) {
    return repeatHashes == null ? 0 : repeatHashes[index];
  }

  /** Whether repeats of any message are to be recognised. */
  public boolean hasRepeatHashes() {
    return repeatHashes != null;
  }

  /** Has repeats of one message stored like any other. */
  public void forgetRepeatHash(int index) {
    if (repeatHashes != null) {
      repeatHashes[index] = 0;
    }
  }

  /** How many entries of the key index one message takes. */
  public int indexEntries(int index) {
    return keyEnd(index) - keyStart(index) + (repeatHash(index) == 0 ? 0 : 1);
  }

  /** A batch of some messages of this one, in this order; the bytes are copied. */
  public MessageBatch only(int[] indexes, int length) {
    int bytesOfAll = 0;
    for (int i = 0; i < length; i++) {
      bytesOfAll += recordBytes(indexes[i]);
    }
    MessageBatch batch = new MessageBatch(bytesOfAll);
    for (int i = 0; i < length; i++) {
      batch.copy(this, indexes[i]);
    }
    return batch;
  }

  private void readRepeatHash(int index, long hash) {
    if (hash != 0 && repeatHashes == null) {
      repeatHashes = new long[positions.length];
    }
    if (hash != 0) {
      repeatHashes[index] = hash;
    }
  }

  /** The columns point into the bytes, so none of them is taken on trust. */
  private void check(int index) {
    int start = positions[index];
    int end = index + 1 < count ? positions[index + 1] : size;
    boolean fits =
        start >= 0
            && (index > 0 || start == 0)
            && end <= size
            && end - start >= MessageLayout.MIN_RECORD_BYTES
            && (int) INT.get(bytes, start + MessageLayout.TOTAL_SIZE) == end - start
            && keyEnds[index] >= keyStart(index)
            && keyEnds[index] <= keyCount
            && topics[index] != null;
    if (!fits) {
      throw new WireException(
          "message "
              + index
              + " of the batch is said to be from byte "
              + start
              + " to "
              + end
              + " of "
              + size
              + ", which it is not");
    }
  }

  private void copy(MessageBatch from, int index) {
    int recordBytes = from.recordBytes(index);
    ensureBytes(recordBytes);
    ensureColumns();
    System.arraycopy(from.bytes, from.positions[index], bytes, size, recordBytes);
    positions[count] = size;
    topics[count] = from.topics[index];
    selectors[count] = from.selectors[index];
    tagsCodes[count] = from.tagsCodes[index];
    dueTimesMs[count] = from.dueTimesMs[index];
    for (int place = from.keyStart(index); place < from.keyEnd(index); place++) {
      addKeyHash(from.keyHashes[place]);
    }
    keyEnds[count] = keyCount;
    addRepeatHash(from.repeatHash(index));
    if (from.isHalf(index)) {
      noteHalf(count);
    }
    count++;
    size += recordBytes;
  }

  private void addRepeatHash(long hash) {
    if (hash == 0 && repeatHashes == null) {
      return;
    }
    if (repeatHashes == null) {
      repeatHashes = new long[positions.length];
    } else if (repeatHashes.length < positions.length) {
      repeatHashes = Arrays.copyOf(repeatHashes, positions.length);
    }
    repeatHashes[count] = hash;
  }

  private void addKeys(String topic, PropertiesWriter properties) {
    if (properties.uniqueKey() != null) {
      addKeyHash(KeyHash.of(topic, properties.uniqueKey()));
    }
    String keys = properties.keys();
    if (keys == null) {
      return;
    }
    int start = 0;
    for (int i = 0; i <= keys.length(); i++) {
      if (i == keys.length() || keys.charAt(i) == ' ') {
        if (i > start) {
          addKeyHash(KeyHash.of(topic, keys, start, i));
        }
        start = i + 1;
      }
    }
  }

  private void addKeyHash(int hash) {
    if (keyCount == keyHashes.length) {
      keyHashes = Arrays.copyOf(keyHashes, Math.max(4, keyCount * 2));
    }
    keyHashes[keyCount++] = hash;
  }

  private byte[] topicBytes(String topic) {
    if (!topic.equals(lastTopic)) {
      lastTopic = topic;
      lastTopicBytes = topic.getBytes(StandardCharsets.UTF_8);
    }
    return lastTopicBytes;
  }

  private void ensureBytes(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
  }

  private void ensureColumns() {
    if (count < positions.length) {
      return;
    }
    int length = Math.max(4, count * 2);
    positions = Arrays.copyOf(positions, length);
    topics = Arrays.copyOf(topics, length);
    selectors = Arrays.copyOf(selectors, length);
    tagsCodes = Arrays.copyOf(tagsCodes, length);
    dueTimesMs = Arrays.copyOf(dueTimesMs, length);
    keyEnds = Arrays.copyOf(keyEnds, length);
  }
}
