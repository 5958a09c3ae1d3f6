package io.sluice.gateway;

import io.sluice.bus.AckLevel;
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
      JsonText out,
      String messageId,
      String topic,
      String broker,
      int queueId,
      long queueOffset,
      AckLevel ack) {
    out.raw('{');
    writeFields(out, messageId, topic, broker, queueId, queueOffset, ack);
    out.raw('}');
  }

  /** Writes its fields. */
  static void writeFields(
      JsonText out,
      String messageId,
      String topic,
      String broker,
      int queueId,
      long queueOffset,
      AckLevel ack) {
    // Ids, topics and brokers are made of characters that need no escaping.
    out.raw("\"messageId\":\"").raw(messageId).raw("\",\"topic\":\"").raw(topic);
    out.raw("\",\"broker\":\"").raw(broker).raw("\",\"queueId\":").number(queueId);
    out.raw(",\"queueOffset\":").number(queueOffset);
    out.raw(",\"ack\":\"").raw(ACKS[ack.ordinal()]).raw("\",\"duplicate\":false");
  }
}
