package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Receipt;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The settlements of one call, read from JSON, passed on to the Brokers that gave the leases, and
 * their outcomes in the order of the call. The same over HTTP and WebSocket. Owned by an event
 * loop.
 */
final class Settlements {

  static final List<String> FIELDS = List.of("ack", "nack", "extend", "dead");

  private static final List<String> NACK = List.of("receipt", "delay", "reason");
  private static final List<String> EXTEND = List.of("receipt", "invisible");
  private static final List<String> DEAD = List.of("receipt", "reason");

  /** As long as a message may be kept from others: RocketMQ's longest invisible time. */
  static final long MAX_INVISIBLE_MS = 12 * 3_600_000L;

  /** As long as RocketMQ's timers reach. */
  private static final long MAX_DELAY_MS = 40L * 86_400_000;

  private static final Outcome[] OUTCOMES = Outcome.values();
  private static final String[] NAMES = new String[OUTCOMES.length];

  static {
    for (Outcome outcome : OUTCOMES) {
      NAMES[outcome.ordinal()] = outcome.name().toLowerCase(Locale.ROOT);
    }
  }

  private final List<String> receipts = new ArrayList<>();
  private final List<Kind> kinds = new ArrayList<>();
  private final List<Long> durationsMs = new ArrayList<>();
  private final List<String> reasons = new ArrayList<>();
  private Outcome[] outcomes;
  private String[] groups;
  private Receipt[] deliveries;

  /**
   * Takes a field of a settle call.
   *
   * @return false if there is no such field
   */
  boolean take(String name, JsonParser parser) throws IOException {
    switch (name) {
      case "ack" -> {
        Fields.expectArray(name, parser);
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          add(Kind.ACK, Fields.text("a receipt in ack", parser), 0, null);
        }
      }
      case "nack" -> takeObjects(name, Kind.NACK, NACK, parser);
      case "extend" -> takeObjects(name, Kind.EXTEND, EXTEND, parser);
      case "dead" -> takeObjects(name, Kind.DEAD, DEAD, parser);
      default -> {
        return false;
      }
    }
    return true;
  }

  int count() {
    return receipts.size();
  }

  Kind kind(int index) {
    return kinds.get(index);
  }

  /** The group a receipt is of, or null if of none that was asked for. */
  String group(int index) {
    return groups[index];
  }

  /** What a receipt names, or null if it is of none of the groups that were asked for. */
  Receipt delivery(int index) {
    return deliveries[index];
  }

  /**
   * Passes the settlements on.
   *
   * @return completes when every outcome is known; fails if one Broker does not answer
   */
  Future<Void> settle(Brokers brokers, String group) {
    return settle(brokers, List.of(group));
  }

  /**
   * As {@link #settle(Brokers, String)}, where a receipt may be of any of these groups: it says by
   * itself of which.
   */
  Future<Void> settle(Brokers brokers, List<String> candidates) {
    outcomes = new Outcome[count()];
    groups = new String[count()];
    deliveries = new Receipt[count()];
    Map<String, Part> parts = new HashMap<>(4);
    Part last = null;
    for (int i = 0; i < count(); i++) {
      Receipt receipt = null;
      for (int g = 0; g < candidates.size() && receipt == null; g++) {
        groups[i] = candidates.get(g);
        receipt = Receipt.parse(groups[i], receipts.get(i));
      }
      if (receipt == null) {
        groups[i] = null;
        outcomes[i] = Outcome.UNKNOWN;
        continue;
      }
      deliveries[i] = receipt;
      if (last == null || !last.isFor(receipt.brokerName(), groups[i])) {
        String broker = receipt.brokerName();
        String group = groups[i];
        last = parts.computeIfAbsent(broker + '/' + group, key -> new Part(broker, group, count()));
      }
      last.add(i, receipt);
    }
    if (parts.size() == 1) {
      return last.send(brokers);
    }
    List<Future<Void>> sent = new ArrayList<>();
    parts.values().forEach(part -> sent.add(part.send(brokers)));
    return Future.join(sent).mapEmpty();
  }

  /** Writes the array of results. */
  void writeResults(JsonText out) {
    out.raw('[');
    for (int i = 0; i < count(); i++) {
      if (i > 0) {
        out.raw(',');
      }
      out.raw("{\"receipt\":").string(receipts.get(i));
      out.raw(",\"outcome\":\"").raw(NAMES[outcomes[i].ordinal()]).raw("\"}");
    }
    out.raw(']');
  }

  private void takeObjects(String name, Kind kind, List<String> known, JsonParser parser)
      throws IOException {
    Fields.expectArray(name, parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      Fields.expectObject("an item of " + name, parser);
      String[] texts = new String[2];
      long[] durationMs = {-1};
      Fields.readFields(
          parser,
          known,
          (field, value) -> {
            if (!known.contains(field)) {
              return false;
            }
            switch (field) {
              case "receipt" -> texts[0] = Fields.text(field, value);
              case "reason" -> texts[1] = Fields.text(field, value);
              case "delay" -> durationMs[0] = Fields.durationMs(field, value, 0, MAX_DELAY_MS);
              default -> durationMs[0] = Fields.durationMs(field, value, 1, MAX_INVISIBLE_MS);
            }
            return true;
          });
      if (texts[0] == null) {
        throw missing("an item of " + name + " has no receipt");
      }
      if (kind == Kind.EXTEND && durationMs[0] < 0) {
        throw missing("an item of extend has no invisible, such as \"30s\"");
      }
      long duration =
          kind == Kind.NACK && durationMs[0] < 0 ? SettleRequest.DELAY_OF_GROUP : durationMs[0];
      add(kind, texts[0], duration, texts[1]);
    }
  }

  private static SluiceException missing(String detail) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, detail);
  }

  private void add(Kind kind, String receipt, long durationMs, String reason) {
    receipts.add(receipt);
    kinds.add(kind);
    durationsMs.add(durationMs);
    reasons.add(reason);
  }

  /** What goes to one Broker. */
  private final class Part {

    private final String broker;
    private final SettleRequest request;
    private final int[] places;

    Part(String broker, String group, int most) {
      this.broker = broker;
      request = new SettleRequest(group);
      places = new int[most];
    }

    boolean isFor(String brokerName, String group) {
      return broker.equals(brokerName) && request.group().equals(group);
    }

    void add(int index, Receipt receipt) {
      places[request.count()] = index;
      request.add(
          kinds.get(index),
          receipt.topic(),
          receipt.queueId(),
          receipt.queueOffset(),
          receipt.lease(),
          durationsMs.get(index),
          reasons.get(index));
    }

    Future<Void> send(Brokers brokers) {
      return brokers
          .settle(broker, request)
          .map(
              reply -> {
                for (int i = 0; i < reply.outcomes().length; i++) {
                  outcomes[places[i]] = reply.outcomes()[i];
                }
                return null;
              });
    }
  }
}
