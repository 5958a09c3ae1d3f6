package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.UniqueIds;

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

  private final PropertiesWriter writer = new PropertiesWriter();
  private final UniqueIds uniqueIds;
  private final String clusterName;
  private boolean waits;

  /**
   * For the sends of one front.
   *
   * @param clusterName is put into each message: a client that replies to it needs the name
   */
  SendProperties(UniqueIds uniqueIds, String clusterName) {
    this.uniqueIds = uniqueIds;
    this.clusterName = clusterName;
  }

  /**
   * Reads the properties of one message.
   *
   * @throws SluiceException NOT_SUPPORTED for what would be stored but not done
   * @throws IllegalArgumentException as {@link PropertiesWriter#put}
   */
  PropertiesWriter read(String encoded) {
    writer.clear();
    waits = true;
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
    if (writer.uniqueKey() == null) {
      writer.put(PropertyNames.UNIQUE_KEY, uniqueIds.next());
    }
    return writer
        .put("CLUSTER", clusterName)
        .put("MSG_REGION", SendHandler.REGION)
        .put("TRACE_ON", "true");
  }

  /** Whether the message last read asks for the ack level of the server; false asks for less. */
  boolean waits() {
    return waits;
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
      case "TRAN_MSG" -> {
        if (value.equals("true")) {
          throw notYet("transactional messages");
        }
        writer.put(name, value);
      }
      case PropertyNames.DELAY_LEVEL -> {
        if (!value.equals("0")) {
          throw notYet("delayed messages (DELAY)");
        }
      }
      case "TIMER_DELAY_SEC", "TIMER_DELAY_MS", PropertyNames.TIMER_DELIVER_MS ->
          throw notYet("delayed messages (" + name + ")");
      default -> {
        if (!name.startsWith(TRANSIENT_PREFIX)) {
          writer.put(name, value);
        }
      }
    }
  }

  /** Storing it as a plain message would hand it out too early, so it is not stored at all. */
  private static SluiceException notYet(String what) {
    return new SluiceException(ErrorCode.NO_PERMISSION, what + " are not supported yet");
  }
}
