package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Where a position is to go, as it stands in a body or a frame. */
final class PositionFields {

  static final List<String> FIELDS = List.of("to");

  private static final List<String> TO_FIELDS = List.of("time", "offsets");

  private StartPosition to;
  private int[] queueIds;
  private long[] queueOffsets;

  /** Takes the field, if it is the one. */
  boolean take(String name, JsonParser parser) throws IOException {
    if (!name.equals("to")) {
      return false;
    }
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      to =
          switch (parser.getText()) {
            case "earliest" -> StartPosition.EARLIEST;
            case "latest" -> StartPosition.LATEST;
            default -> throw wrong("found '" + parser.getText() + "'");
          };
      return true;
    }
    Fields.expectObject("to", parser);
    Fields.readFields(parser, TO_FIELDS, this::takeInner);
    return true;
  }

  /** The place for a subscription. */
  Position.From place() {
    checkOne();
    return to != null
        ? new Position.From(to, null)
        : new Position.From(null, new Position(queueIds, queueOffsets));
  }

  /** The request that moves a group there. */
  SetPosition request(String group, String topic) {
    checkOne();
    return new SetPosition(group, topic, to, queueIds, queueOffsets);
  }

  private void checkOne() {
    if ((to == null) == (queueIds == null)) {
      throw wrong(to == null ? "found nothing" : "found both time and offsets");
    }
  }

  private boolean takeInner(String name, JsonParser parser) throws IOException {
    switch (name) {
      case "time" -> to = StartPosition.time(Fields.timeMs(name, parser));
      case "offsets" -> takeOffsets(parser);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void takeOffsets(JsonParser parser) throws IOException {
    Fields.expectObject("offsets", parser);
    Map<Integer, Long> offsets = new TreeMap<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String queue = parser.currentName();
      parser.nextToken();
      int queueId;
      try {
        queueId = Integer.parseInt(queue);
      } catch (NumberFormatException e) {
        throw wrong("found '" + queue + "' as the number of a queue in offsets");
      }
      offsets.put(queueId, Fields.number("offsets." + queue, parser, 0, Long.MAX_VALUE));
    }
    queueIds = offsets.keySet().stream().mapToInt(Integer::intValue).toArray();
    queueOffsets = offsets.values().stream().mapToLong(Long::longValue).toArray();
  }

  private static SluiceException wrong(String found) {
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "to: "
            + found
            + ", allowed are \"earliest\", \"latest\", {\"time\":...} and"
            + " {\"offsets\":{\"0\":42}}");
  }
}
