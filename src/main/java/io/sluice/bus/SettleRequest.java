package io.sluice.bus;

import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.util.Arrays;

/**
 * Settles leased messages of a group: columns, so that thousands cross without an object each.
 * Answered by {@link SettleReply} in the same order, once the settlement is durable.
 */
public final class SettleRequest implements BusMessage {

  /** What to do with a lease. Crosses as its place: new ones at the end. */
  public enum Kind {
    /** Done: never again. */
    ACK,
    /** Failed: again after a delay. */
    NACK,
    /** Still at it: the lease lasts longer. */
    EXTEND,
    /** Hopeless: to the dead letters. */
    DEAD
  }

  /** A delay that is not given: the group's schedule decides. */
  public static final long DELAY_OF_GROUP = -1;

  private final String group;
  private int count;
  private Kind[] kinds = new Kind[8];
  private String[] topics = new String[8];
  private int[] queueIds = new int[8];
  private long[] queueOffsets = new long[8];
  private long[] leases = new long[8];
  private long[] durationsMs = new long[8];
  private String[] reasons = new String[8];

  public SettleRequest(String group) {
    this.group = group;
  }

  /** Adds an ACK. */
  public SettleRequest ack(String topic, int queueId, long queueOffset, long lease) {
    return add(Kind.ACK, topic, queueId, queueOffset, lease, 0, null);
  }

  /**
   * Adds a settlement.
   *
   * @param durationMs for NACK the delay or {@link #DELAY_OF_GROUP}; for EXTEND how long from now
   * @param reason for NACK and DEAD why, kept with a dead letter; or null
   */
  public SettleRequest add(
      Kind kind,
      String topic,
      int queueId,
      long queueOffset,
      long lease,
      long durationMs,
      String reason) {
    if (count == kinds.length) {
      grow();
    }
    kinds[count] = kind;
    topics[count] = topic;
    queueIds[count] = queueId;
    queueOffsets[count] = queueOffset;
    leases[count] = lease;
    durationsMs[count] = durationMs;
    reasons[count] = reason;
    count++;
    return this;
  }

  public String group() {
    return group;
  }

  public int count() {
    return count;
  }

  public Kind kind(int index) {
    return kinds[index];
  }

  public String topic(int index) {
    return topics[index];
  }

  public int queueId(int index) {
    return queueIds[index];
  }

  public long queueOffset(int index) {
    return queueOffsets[index];
  }

  public long lease(int index) {
    return leases[index];
  }

  public long durationMs(int index) {
    return durationsMs[index];
  }

  public String reason(int index) {
    return reasons[index];
  }

  /** For another process; {@link #readFrom} stands below and must agree. */
  void writeTo(WireWriter out) {
    out.writeText(group);
    out.writeInt(count);
    for (int i = 0; i < count; i++) {
      out.writeByte(kinds[i].ordinal());
      // Most settlements of a request are of one topic, which is then written once.
      out.writeText(i > 0 && topics[i].equals(topics[i - 1]) ? null : topics[i]);
      out.writeInt(queueIds[i]);
      out.writeLong(queueOffsets[i]);
      out.writeLong(leases[i]);
      out.writeLong(durationsMs[i]);
      out.writeText(reasons[i]);
    }
  }

  static SettleRequest readFrom(WireReader in) {
    SettleRequest request = new SettleRequest(in.readText());
    int count = in.readCount(1);
    String topic = null;
    for (int i = 0; i < count; i++) {
      Kind kind = WireSpecial.constant(Kind.values(), in.readByte());
      String next = in.readText();
      topic = next == null ? topic : next;
      request.add(
          kind, topic, in.readInt(), in.readLong(), in.readLong(), in.readLong(), in.readText());
    }
    return request;
  }

  private void grow() {
    int length = count * 2;
    kinds = Arrays.copyOf(kinds, length);
    topics = Arrays.copyOf(topics, length);
    queueIds = Arrays.copyOf(queueIds, length);
    queueOffsets = Arrays.copyOf(queueOffsets, length);
    leases = Arrays.copyOf(leases, length);
    durationsMs = Arrays.copyOf(durationsMs, length);
    reasons = Arrays.copyOf(reasons, length);
  }
}
