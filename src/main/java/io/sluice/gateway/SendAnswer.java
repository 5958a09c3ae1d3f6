package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import java.util.Locale;

/** Writes what became of one sent message. */
final class SendAnswer {

  private static final String[] ACKS = new String[AckLevel.values().length];

  static {
    for (AckLevel ack : AckLevel.values()) {
      ACKS[ack.ordinal()] = ack.name().toLowerCase(Locale.ROOT);
    }
  }

  private SendAnswer() {}

  /** Writes the whole object. */
  static void write(
      JsonText out, String messageId, String topic, AppendReply reply, int index, AckLevel ack) {
    out.raw('{');
    writeFields(out, messageId, topic, reply, index, ack);
    out.raw('}');
  }

  /** Writes its fields. */
  static void writeFields(
      JsonText out, String messageId, String topic, AppendReply reply, int index, AckLevel ack) {
    // Ids, topics and brokers are made of characters that need no escaping.
    out.raw("\"messageId\":\"").raw(reply.messageId(index, messageId));
    out.raw("\",\"topic\":\"").raw(topic);
    out.raw("\",\"broker\":\"").raw(reply.brokerName());
    long deliverAtMs = reply.deliverAtMs(index);
    if (reply.isHalf(index)) {
      // Its place is found when it is committed. The transaction has the message's id.
      out.raw("\",\"transactionId\":\"").raw(reply.messageId(index, messageId)).raw('"');
    } else if (deliverAtMs > 0) {
      // Its place is found when it is delivered.
      out.raw("\",\"deliverAt\":").number(deliverAtMs);
    } else {
      out.raw("\",\"queueId\":").number(reply.queueId(index));
      out.raw(",\"queueOffset\":").number(reply.queueOffset(index));
    }
    out.raw(",\"ack\":\"")
        .raw(ACKS[ack.ordinal()])
        .raw("\",\"duplicate\":")
        .bool(reply.isDuplicate(index));
    if (reply.epoch() > 0) {
      out.raw(",\"epoch\":").number(reply.epoch());
    }
  }
}
