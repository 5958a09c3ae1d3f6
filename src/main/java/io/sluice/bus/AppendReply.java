package io.sluice.bus;

import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.util.BitSet;

/**
 * What became of each message of an {@link AppendRequest}, in its order. Columns, so that a large
 * batch is answered without an object per message.
 */
public final class AppendReply implements BusMessage {

  private static final int REFUSED = 1;
  private static final int DELAYED = 2;
  private static final int HALF = 4;
  private static final int DUPLICATE = 8;

  private final String brokerName;
  private final long storedAtMs;
  private final int[] queueIds;
  private final long[] queueOffsets;
  private final long[] physicalOffsets;
  private long epoch;
  private SluiceException[] errors;
  private long[] deliverTimesMs;
  private BitSet halves;
  private String[] firstIds;

  /** An answer for so many messages, to be filled by {@link #stored} and {@link #refused}. */
  public AppendReply(String brokerName, int count, long storedAtMs) {
    this.brokerName = brokerName;
    this.storedAtMs = storedAtMs;
    queueIds = new int[count];
    queueOffsets = new long[count];
    physicalOffsets = new long[count];
  }

  /** Notes where a message was stored. */
  public void stored(int index, int queueId, long queueOffset, long physicalOffset) {
    queueIds[index] = queueId;
    queueOffsets[index] = queueOffset;
    physicalOffsets[index] = physicalOffset;
  }

  /** Notes that a message was stored to be delivered later; it has no queue offset yet. */
  public void delayed(int index, long deliverAtMs, long physicalOffset) {
    if (deliverTimesMs == null) {
      deliverTimesMs = new long[queueIds.length];
    }
    deliverTimesMs[index] = deliverAtMs;
    queueIds[index] = -1;
    queueOffsets[index] = -1;
    physicalOffsets[index] = physicalOffset;
  }

  /**
   * Notes that a half message was stored; it has no place in its own topic yet.
   *
   * @param queueOffset its place in the queue of half messages
   */
  public void half(int index, long queueOffset, long physicalOffset) {
    if (halves == null) {
      halves = new BitSet();
    }
    halves.set(index);
    queueIds[index] = -1;
    queueOffsets[index] = queueOffset;
    physicalOffsets[index] = physicalOffset;
  }

  /** Whether it is a half message: its transaction is open, and has the message's id. */
  public boolean isHalf(int index) {
    return halves != null && halves.get(index);
  }

  /** Notes of a message the same as was noted of another one. */
  public void copy(int index, int of) {
    queueIds[index] = queueIds[of];
    queueOffsets[index] = queueOffsets[of];
    physicalOffsets[index] = physicalOffsets[of];
    if (deliverTimesMs != null) {
      deliverTimesMs[index] = deliverTimesMs[of];
    }
    if (isHalf(of)) {
      halves.set(index);
    }
  }

  /**
   * Notes that a message was not stored as it repeats an earlier one; what else is noted of it is
   * where that one is.
   *
   * @param firstId the message id of the earlier one, or null if it has none
   */
  public void repeats(int index, String firstId) {
    if (firstIds == null) {
      firstIds = new String[queueIds.length];
    }
    firstIds[index] = firstId == null ? "" : firstId;
  }

  /** Whether the message was not stored as it repeats an earlier one. */
  public boolean isDuplicate(int index) {
    return firstIds != null && firstIds[index] != null;
  }

  /**
   * The message id that counts: its own, or that of the one it repeats.
   *
   * @param ownId the id it was sent with
   */
  public String messageId(int index, String ownId) {
    return isDuplicate(index) && !firstIds[index].isEmpty() ? firstIds[index] : ownId;
  }

  /** When the message will be delivered, in ms since 1970; 0 if it was at once. */
  public long deliverAtMs(int index) {
    return deliverTimesMs == null ? 0 : deliverTimesMs[index];
  }

  /** Notes why a message was not stored. */
  public void refused(int index, SluiceException error) {
    if (errors == null) {
      errors = new SluiceException[queueIds.length];
    }
    errors[index] = error;
  }

  public int count() {
    return queueIds.length;
  }

  public String brokerName() {
    return brokerName;
  }

  public long storedAtMs() {
    return storedAtMs;
  }

  /** Notes in which epoch the master is that answers. */
  public AppendReply inEpoch(long number) {
    epoch = number;
    return this;
  }

  /** The epoch of the master that answered; 0 where its log has none. */
  public long epoch() {
    return epoch;
  }

  /** Why the message was not stored, or null if it was. */
  public SluiceException error(int index) {
    return errors == null ? null : errors[index];
  }

  public int queueId(int index) {
    return queueIds[index];
  }

  public long queueOffset(int index) {
    return queueOffsets[index];
  }

  public long physicalOffset(int index) {
    return physicalOffsets[index];
  }

  /** For another process; {@link #readFrom} stands below and must agree. */
  void writeTo(WireWriter out) {
    out.writeText(brokerName);
    out.writeLong(storedAtMs);
    out.writeInt(queueIds.length);
    for (int i = 0; i < queueIds.length; i++) {
      SluiceException error = error(i);
      out.writeByte(
          (error != null ? REFUSED : 0)
              | (deliverAtMs(i) != 0 ? DELAYED : 0)
              | (isHalf(i) ? HALF : 0)
              | (isDuplicate(i) ? DUPLICATE : 0));
      out.writeInt(queueIds[i]);
      out.writeLong(queueOffsets[i]);
      out.writeLong(physicalOffsets[i]);
      if (error != null) {
        out.writeInt(error.code().wireNumber());
        out.writeText(error.getMessage());
      }
      if (deliverAtMs(i) != 0) {
        out.writeLong(deliverTimesMs[i]);
      }
      if (isDuplicate(i)) {
        out.writeText(firstIds[i]);
      }
    }
    out.writeLong(epoch);
  }

  static AppendReply readFrom(WireReader in) {
    String brokerName = in.readText();
    long storedAtMs = in.readLong();
    int count = Math.max(0, in.readCount(1 + 4 + 8 + 8));
    AppendReply reply = new AppendReply(brokerName, count, storedAtMs);
    for (int i = 0; i < count; i++) {
      int flags = in.readByte();
      int queueId = in.readInt();
      long queueOffset = in.readLong();
      long physicalOffset = in.readLong();
      if ((flags & HALF) != 0) {
        reply.half(i, queueOffset, physicalOffset);
      }
      if ((flags & REFUSED) != 0) {
        reply.refused(i, new SluiceException(ErrorCode.ofWireNumber(in.readInt()), in.readText()));
      }
      if ((flags & DELAYED) != 0) {
        reply.delayed(i, in.readLong(), physicalOffset);
      }
      if ((flags & DUPLICATE) != 0) {
        reply.repeats(i, in.readText());
      }
      reply.stored(i, queueId, queueOffset, physicalOffset);
    }
    return reply.inEpoch(in.atEnd() ? 0 : in.readLong());
  }
}
