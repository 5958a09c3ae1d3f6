package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.UniqueIds;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Takes over the properties a client sent: leaves out what must not be stored, adds what the broker
 * adds, and notes what they ask for. Reusable; for one thread.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, SendMessageProcessor and
 * AbstractSendMessageProcessor.
 */
final class SendProperties {

  private static final char NAME_END = 1;
  private static final char VALUE_END = 2;
  private static final String TRANSIENT_PREFIX = "__RMQ.TRANSIENT.";

  /** Beyond it a sum of milliseconds would be no number any more; the Broker's bound is lower. */
  private static final long MOST_SECONDS = 1L << 42;

  private static final String[] USUAL = {
    PropertyNames.UNIQUE_KEY, PropertyNames.WAIT, PropertyNames.TAGS, PropertyNames.KEYS
  };

  private final PropertiesWriter writer = new PropertiesWriter();
  private final UniqueIds uniqueIds;
  private final byte[] added;
  private final List<Long> delayLevelsMs;
  private boolean waits;
  private boolean transactional;
  private String producerGroup;
  private int delayLevel;
  private String delaySeconds;
  private String delayMs;
  private String deliverMs;
  private String retryTopic;

  /**
   * For the sends of one front.
   *
   * @param clusterName is put into each message: a client that replies to it needs the name
   * @param delayLevelsMs what the delay levels mean, from level 1 on
   */
  SendProperties(UniqueIds uniqueIds, String clusterName, List<Long> delayLevelsMs) {
    this.uniqueIds = uniqueIds;
    this.delayLevelsMs = delayLevelsMs;
    added =
        new PropertiesWriter()
            .put("CLUSTER", clusterName)
            .put("MSG_REGION", SendHandler.REGION)
            .put("TRACE_ON", "true")
            .toByteArray();
  }

  /**
   * Reads the properties of one message.
   *
   * @throws IllegalArgumentException as {@link PropertiesWriter#put}
   */
  PropertiesWriter read(String encoded) {
    begin();
    int start = 0;
    while (start < encoded.length()) {
      int end = encoded.indexOf(VALUE_END, start);
      if (end < 0) {
        end = encoded.length();
      }
      int nameEnd = encoded.indexOf(NAME_END, start);
      if (nameEnd > start && nameEnd < end - 1) {
        take(encoded.substring(start, nameEnd), encoded.substring(nameEnd + 1, end));
      }
      start = end + 1;
    }
    return complete();
  }

  /** As the other, of properties in UTF-8 that stand in a range of bytes. */
  PropertiesWriter read(byte[] encoded, int from, int to) {
    begin();
    int start = from;
    while (start < to) {
      int nameEnd = -1;
      int end = start;
      for (; end < to && encoded[end] != VALUE_END; end++) {
        if (nameEnd < 0 && encoded[end] == NAME_END) {
          nameEnd = end;
        }
      }
      if (nameEnd > start && nameEnd < end - 1) {
        take(
            name(encoded, start, nameEnd),
            new String(encoded, nameEnd + 1, end - nameEnd - 1, StandardCharsets.UTF_8));
      }
      start = end + 1;
    }
    return complete();
  }

  /** The names that nearly every message has are not made anew. */
  private static String name(byte[] encoded, int from, int to) {
    for (String name : USUAL) {
      if (isAt(name, encoded, from, to)) {
        return name;
      }
    }
    return new String(encoded, from, to - from, StandardCharsets.UTF_8);
  }

  private static boolean isAt(String name, byte[] encoded, int from, int to) {
    if (name.length() != to - from) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      if (encoded[from + i] != name.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private void begin() {
    writer.clear();
    waits = true;
    transactional = false;
    producerGroup = null;
    delayLevel = 0;
    delaySeconds = null;
    delayMs = null;
    deliverMs = null;
    retryTopic = null;
  }

  private PropertiesWriter complete() {
    // A client's retry carries the id that the client gave the message.
    writer.recognise(writer.uniqueKey() != null);
    if (writer.uniqueKey() == null) {
      writer.put(PropertyNames.UNIQUE_KEY, uniqueIds.next());
    }
    if (!transactional) {
      // A half message gets it with what else a transaction needs.
      writer.put(PropertyNames.PRODUCER_GROUP, producerGroup);
    }
    return writer.putStored(added);
  }

  /** Whether the message last read begins a transaction. */
  boolean isTransactional() {
    return transactional;
  }

  /** The producer group that the message last read names, or null. */
  String producerGroup() {
    return producerGroup;
  }

  /** Makes the message last read a dead letter of this group, as one is on every front. */
  void bury(String group, int reconsumeTimes) {
    String uniqueKey = writer.uniqueKey();
    writer
        .put(PropertyNames.ORIGIN_GROUP, group)
        .put(PropertyNames.DLQ_ORIGIN_TOPIC, retryTopic)
        .put(PropertyNames.DLQ_ORIGIN_MESSAGE_ID, uniqueKey)
        .put(PropertyNames.DEAD_REASON, "given up by its consumer after retry " + reconsumeTimes);
  }

  /** Whether the message last read asks for the ack level of the server; false asks for less. */
  boolean waits() {
    return waits;
  }

  /**
   * When the message last read is to be delivered. A delay level counts before the timer's
   * properties, and of those seconds before milliseconds before a time.
   *
   * @return in ms since 1970, or 0 for at once
   * @throws SluiceException as RocketMQ refuses it, if it is no number
   */
  long dueAtMs(long nowMs) {
    if (delayLevel > 0) {
      return nowMs + delayLevelsMs.get(Math.min(delayLevel, delayLevelsMs.size()) - 1);
    }
    long dueAtMs = 0;
    if (delaySeconds != null) {
      dueAtMs = later(nowMs, PropertyNames.TIMER_DELAY_SEC, delaySeconds, 1_000);
    } else if (delayMs != null) {
      dueAtMs = later(nowMs, PropertyNames.TIMER_DELAY_MS, delayMs, 1);
    } else if (deliverMs != null) {
      dueAtMs = number(PropertyNames.TIMER_DELIVER_MS, deliverMs);
    }
    return dueAtMs > nowMs ? dueAtMs : 0;
  }

  private static long later(long nowMs, String name, String value, long unitMs) {
    long number = number(name, value);
    if (number > MOST_SECONDS) {
      throw illegal(name, value);
    }
    return nowMs + number * unitMs;
  }

  private static long number(String name, String value) {
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException e) {
      throw illegal(name, value);
    }
  }

  private static SluiceException illegal(String name, String value) {
    return new SluiceException(
        ErrorCode.MESSAGE_TOO_LARGE, name + " is '" + value + "'; allowed is a number of ms or s");
  }

  private void take(String name, String value) {
    switch (name) {
      case "CLUSTER", "MSG_REGION", "TRACE_ON", "POP_CK", PropertyNames.RECORD_CRC -> {
        // Ours to write, or of the delivery it came with.
      }
      case PropertyNames.WAIT -> {
        waits = !value.equals("false");
        writer.put(name, value);
      }
      case PropertyNames.TRANSACTIONAL -> {
        // RocketMQ reads it by Boolean.parseBoolean, and what says no is kept.
        transactional = Boolean.parseBoolean(value);
        if (!transactional) {
          writer.put(name, value);
        }
      }
      case PropertyNames.PRODUCER_GROUP -> producerGroup = value;
      case PropertyNames.RETRY_TOPIC -> {
        retryTopic = value;
        writer.put(name, value);
      }
      case PropertyNames.DELAY_LEVEL -> delayLevel = (int) number(name, value);
      case PropertyNames.TIMER_DELAY_SEC -> delaySeconds = value;
      case PropertyNames.TIMER_DELAY_MS -> delayMs = value;
      case PropertyNames.TIMER_DELIVER_MS -> deliverMs = value;
      case PropertyNames.TIMER_OUT_MS, PropertyNames.REAL_TOPIC, PropertyNames.REAL_QUEUE_ID -> {
        // The timer's own.
      }
      default -> {
        if (!name.startsWith(TRANSIENT_PREFIX)) {
          writer.put(name, value);
        }
      }
    }
  }
}
