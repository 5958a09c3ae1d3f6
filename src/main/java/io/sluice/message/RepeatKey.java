package io.sluice.message;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What repeated sends of one message have in common: its topic and a key. The key is the
 * idempotency key if it has one, else the unique id that its client gave it. Messages whose id was
 * made by us have none: nobody can send it again.
 *
 * <p>Static. The hashes stand in the key index on the disk: they may not change.
 */
public final class RepeatKey {

  /** Bits of a hash; the rest of the two words of an index entry is the place of the record. */
  public static final int HASH_BITS = 46;

  /** The upper bits of a hash, which come from the topic alone. */
  public static final int TOPIC_BITS = 12;

  private static final int KEY_BITS = HASH_BITS - TOPIC_BITS;

  /** A property that every message sent by a RocketMQ client has, and no other. */
  private static final String CLIENT_MARK = "CLUSTER";

  private static final long FACTOR = 0x9E3779B97F4A7C15L;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private RepeatKey() {}

  /**
   * Hash of a key in a topic.
   *
   * @param bytes the key in UTF-8, from {@code from} to {@code to}, exclusive
   * @return {@link #HASH_BITS} bits, never 0
   */
  public static long hash(String topic, boolean ofClient, byte[] bytes, int from, int to) {
    long hash = (topic.hashCode() * 31L + (to - from)) * 2 + (ofClient ? 1 : 0);
    int at = from;
    for (; at + 8 <= to; at += 8) {
      hash = mix(hash ^ (long) LONG.get(bytes, at));
    }
    long rest = 0;
    for (; at < to; at++) {
      rest = rest << 8 | bytes[at] & 0xff;
    }
    long folded = mix(mix(hash ^ rest)) >>> Long.SIZE - KEY_BITS;
    return (long) topicNumber(topic) << KEY_BITS | (folded == 0 ? 1 : folded);
  }

  /** The bits of a topic in the hashes of its keys. */
  public static int topicNumber(String topic) {
    return (int) (mix(topic.hashCode()) >>> Long.SIZE - TOPIC_BITS);
  }

  /** The bits of the topic in a hash. */
  public static int topicNumber(long hash) {
    return (int) (hash >>> KEY_BITS);
  }

  /**
   * Hash of the key of a stored message, as far as its record tells: for one with a unique id that
   * nobody can send again it is not 0 either, which does no harm.
   */
  public static long hash(MessageView record) {
    String key = record.property(PropertyNames.IDEMPOTENCY_KEY);
    boolean ofClient = key == null;
    if (ofClient) {
      key = record.property(CLIENT_MARK) == null ? null : record.property(PropertyNames.UNIQUE_KEY);
    }
    if (key == null) {
      return 0;
    }
    byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
    return hash(topicOf(record), ofClient, bytes, 0, bytes.length);
  }

  /** The topic that a stored message was sent to, also while it waits in one of the system's. */
  public static String topicOf(MessageView record) {
    String topic = record.topic();
    String real = Names.isSystemTopic(topic) ? record.property(PropertyNames.REAL_TOPIC) : null;
    return real == null ? topic : real;
  }

  /** The name of the property that has the key of a message, which has one. */
  public static String nameIn(MessageView record) {
    return record.property(PropertyNames.IDEMPOTENCY_KEY) != null
        ? PropertyNames.IDEMPOTENCY_KEY
        : PropertyNames.UNIQUE_KEY;
  }

  /** Whether two messages that both have a key have the same topic and key. */
  public static boolean areSame(MessageView one, MessageView other) {
    String name = nameIn(one);
    String key = one.property(name);
    return key != null
        && name.equals(nameIn(other))
        && key.equals(other.property(name))
        && topicOf(one).equals(topicOf(other));
  }

  private static long mix(long value) {
    long product = value * FACTOR;
    return product ^ product >>> 32;
  }
}
