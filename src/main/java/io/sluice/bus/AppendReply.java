package io.sluice.bus;

import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;

/**
 * What became of each message of an {@link AppendRequest}, in its order. Columns, so that a large
 * batch is answered without an object per message.
 */
public final class AppendReply implements BusMessage {

  private static final int STORED = 0;
  private static final int DELAYED = 1;
  private static final int REFUSED = 2;

  private final String brokerName;
  private final long storedAtMs;
  private final int[] queueIds;
  private final long[] queueOffsets;
  private final long[] physicalOffsets;
  private SluiceException[] errors;
  private long[] deliverTimesMs;

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
      if (error != null) {
        out.writeByte(REFUSED);
        out.writeInt(error.code().wireNumber());
        out.writeText(error.getMessage());
      } else if (deliverAtMs(i) != 0) {
        out.writeByte(DELAYED);
        out.writeLong(deliverTimesMs[i]);
        out.writeLong(physicalOffsets[i]);
      } else {
        out.writeByte(STORED);
        out.writeInt(queueIds[i]);
        out.writeLong(queueOffsets[i]);
        out.writeLong(physicalOffsets[i]);
      }
    }
  }

  static AppendReply readFrom(WireReader in) {
    String brokerName = in.readText();
    long storedAtMs = in.readLong();
    int count = in.readCount(1);
    AppendReply reply = new AppendReply(brokerName, Math.max(0, count), storedAtMs);
    for (int i = 0; i < count; i++) {
      int what = in.readByte();
      switch (what) {
        case REFUSED ->
            reply.refused(
                i, new SluiceException(ErrorCode.ofWireNumber(in.readInt()), in.readText()));
        case DELAYED -> reply.delayed(i, in.readLong(), in.readLong());
        case STORED -> reply.stored(i, in.readInt(), in.readLong(), in.readLong());
        default -> throw new WireException("message " + i + " has the outcome " + what);
      }
    }
    return reply;
  }
}
