package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.util.NearestName;
import java.io.IOException;
import java.util.List;

/** What a subscription is asked to be: from a frame, or from the query of the one-line form. */
final class SubscribeFields {

  /** The fields of the frame; the document of the API lists the same. */
  static final List<String> FIELDS =
      List.of(
          "type",
          "id",
          "sub",
          "topic",
          "group",
          "mode",
          "filter",
          "from",
          "credit",
          "creditBytes",
          "invisible",
          "ack",
          "batch",
          "format");

  /** The parameters of the one-line form. */
  static final String[] PARAMETERS = {
    "sub",
    "topic",
    "group",
    "mode",
    "tag",
    "sql",
    "from",
    "credit",
    "creditBytes",
    "invisible",
    "ack",
    "batch",
    "format"
  };

  static final String DEFAULT_SUB = "s1";
  static final int MAX_SUB_LENGTH = 128;

  /** Credit is a bound for the memory of a socket; more than this is none. */
  static final int MAX_CREDIT = 1_000_000;

  static final int MAX_CREDIT_BYTES = 256 << 20;
  static final int MAX_BATCH = 10_000;

  /** How messages of a topic are shared among its consumers. */
  enum Mode {
    SHARED,
    ORDERED,
    BROADCAST,
    READER
  }

  private static final List<String> MODES = List.of("shared", "ordered", "broadcast", "reader");

  String sub;
  String topic;
  String group;
  Mode mode = Mode.SHARED;
  Filter filter = Filter.ALL;
  Position.From from;
  int credit = -1;
  int creditBytes = -1;
  boolean creditManual;
  long invisibleMs = ConsumeHandlers.DEFAULT_INVISIBLE_MS;
  boolean ackAuto;
  int batch;

  /** Whether messages are written as CloudEvents. */
  boolean events;

  /** Whether it came with the address of the socket: then the socket has no other purpose. */
  boolean oneLine;

  /** Reads the one-line form; null if the query names no topic and nothing else. */
  static SubscribeFields fromQuery(Query query) {
    if (query.isEmpty()) {
      return null;
    }
    SubscribeFields fields = new SubscribeFields();
    fields.sub = query.get("sub") == null ? DEFAULT_SUB : query.get("sub");
    fields.topic = query.get("topic");
    fields.group = query.get("group");
    if (query.get("mode") != null) {
      fields.mode = mode(query.get("mode"));
    }
    fields.filter = Filters.of(query.get("tag"), query.get("sql"));
    if (query.get("from") != null) {
      fields.from = Position.from("from", query.get("from"));
    }
    if ("manual".equals(query.get("credit"))) {
      fields.creditManual = true;
    } else {
      fields.credit = (int) query.number("credit", -1, 0, MAX_CREDIT);
    }
    fields.creditBytes = (int) query.number("creditBytes", -1, 0, MAX_CREDIT_BYTES);
    if (query.get("invisible") != null) {
      fields.invisibleMs =
          Fields.durationMs("invisible", query.get("invisible"), 1, Settlements.MAX_INVISIBLE_MS);
    }
    if (query.get("ack") != null) {
      fields.ackAuto = auto(query.get("ack"));
    }
    fields.batch = (int) query.number("batch", 0, 1, MAX_BATCH);
    fields.events = CloudEventFormat.of("format", query.get("format"));
    fields.check();
    return fields;
  }

  /** Takes a field of the frame. */
  boolean take(String name, JsonParser parser) throws IOException {
    switch (name) {
      case "sub" -> sub = Fields.text(name, parser);
      case "topic" -> topic = Fields.text(name, parser);
      case "group" -> group = Fields.text(name, parser);
      case "mode" -> mode = mode(Fields.text(name, parser));
      case "filter" -> filter = Filters.read(name, parser);
      case "from" -> from = Position.from(name, timeOrText(name, parser));
      case "credit" -> {
        if (parser.currentToken() == JsonToken.VALUE_STRING && parser.getText().equals("manual")) {
          creditManual = true;
        } else {
          credit = (int) Fields.number(name, parser, 0, MAX_CREDIT);
        }
      }
      case "creditBytes" -> creditBytes = (int) Fields.number(name, parser, 0, MAX_CREDIT_BYTES);
      case "invisible" ->
          invisibleMs = Fields.durationMs(name, parser, 1, Settlements.MAX_INVISIBLE_MS);
      case "ack" -> ackAuto = auto(Fields.text(name, parser));
      case "format" -> events = CloudEventFormat.of(name, Fields.text(name, parser));
      case "batch" -> batch = (int) Fields.number(name, parser, 1, MAX_BATCH);
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Checks how the fields fit each other. */
  void check() {
    if (sub == null || sub.isEmpty() || sub.length() > MAX_SUB_LENGTH) {
      throw invalid("sub: a name of 1 to " + MAX_SUB_LENGTH + " characters is needed");
    }
    if (topic == null) {
      throw invalid("topic is missing");
    }
    TopicNames.checkUsable(topic);
    if (mode == Mode.READER) {
      if (group != null) {
        throw invalid("a reader has no group; leave group out or take another mode");
      }
    } else if (group == null) {
      throw invalid("group is missing; only a reader has none");
    } else {
      TopicNames.checkGroup(group);
    }
    if (isGroup() && from != null && from.position() != null) {
      throw invalid(
          "from: a position is for readers; a group starts at earliest, latest or a time");
    }
  }

  /** Whether the Broker keeps the place, and messages are settled. */
  boolean isGroup() {
    return mode == Mode.SHARED || mode == Mode.ORDERED;
  }

  /** Where a group without a place starts. */
  StartPosition groupStart() {
    return from == null ? StartPosition.EARLIEST : from.start();
  }

  /** Where a reader starts. */
  Position.From readerStart() {
    return from == null ? new Position.From(StartPosition.LATEST, null) : from;
  }

  static String timeOrText(String name, JsonParser parser) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NUMBER_INT
        ? parser.getText()
        : Fields.text(name, parser);
  }

  private static boolean auto(String text) {
    return switch (text) {
      case "auto" -> true;
      case "manual" -> false;
      default -> throw invalid("ack: found '" + text + "', allowed are auto and manual");
    };
  }

  private static Mode mode(String text) {
    int index = MODES.indexOf(text);
    if (index < 0) {
      String near = NearestName.of(text, MODES);
      throw invalid(
          "mode: found '"
              + text
              + "', allowed are "
              + String.join(", ", MODES)
              + (near == null ? "" : "; did you mean " + near + "?"));
    }
    return Mode.values()[index];
  }

  private static SluiceException invalid(String detail) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, detail);
  }
}
