package io.sluice.broker;

import io.sluice.broker.StateChange.Advanced;
import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.Extended;
import io.sluice.broker.StateChange.GroupDeleted;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.GroupPutAside;
import io.sluice.broker.StateChange.Leased;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.RequestModeSet;
import io.sluice.broker.StateChange.Returned;
import io.sluice.broker.StateChange.Settled;
import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TimersFired;
import io.sluice.broker.StateChange.TimersRecalled;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.broker.StateChange.TransactionsOver;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.TopicConfig;
import io.sluice.bus.TransactionRequest.State;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * The bytes of {@link StateChange}s, the same in the log and in a snapshot.
 *
 * <pre>
 *   version       1   {@link #VERSION}
 *   changes:
 *     kind        1
 *     fields      .   numbers of 1 to 10 bytes (7 bits each, lowest first), texts with their length
 * </pre>
 *
 * <p>A leased range takes about 25 bytes, a settled one about 8, however many messages it is of.
 */
final class StateCodec {

  /** The only version so far. A reader refuses what is newer. */
  static final int VERSION = 1;

  private static final int STARTED = 1;
  private static final int TOPIC_PUT = 2;
  private static final int TOPIC_DELETED = 3;
  private static final int GROUP_PUT = 4;
  private static final int GROUP_DELETED = 5;
  private static final int CONSUMPTION_MADE = 6;
  private static final int POSITIONED = 7;
  private static final int ADVANCED = 8;
  private static final int LEASED = 9;
  private static final int SETTLED = 10;
  private static final int RETURNED = 11;
  private static final int EXTENDED = 12;
  private static final int TIMERS_FIRED = 13;
  private static final int TIMERS_RECALLED = 14;
  private static final int TRANSACTIONS_ENDED = 20;
  private static final int TRANSACTION_CHECKED = 21;
  private static final int TRANSACTIONS_OVER = 22;

  private static final int REQUEST_MODE_SET = 50;

  /** A {@link #GROUP_PUT} with attributes behind it. */
  private static final int GROUP_PUT_WITH_ATTRIBUTES = 60;

  private static final int GROUP_PUT_ASIDE = 61;

  private static final int ORDERED_BIT = 1;
  private static final int HELD_BIT = 2;
  private static final int POPPED_BIT = 4;

  private StateCodec() {}

  /** Begins a list of changes. */
  static void writeVersion(ByteWriter out) {
    out.writeByte(VERSION);
  }

  /** Writes one change. */
  static void write(ByteWriter out, StateChange change) {
    if (change instanceof Settled settled) {
      writeRange(out, SETTLED, settled.consumption(), settled.queueId(), settled.firstOffset());
      out.writeNumber(settled.count());
    } else if (change instanceof Leased leased) {
      writeLeased(out, leased);
    } else if (change instanceof Returned returned) {
      writeRange(out, RETURNED, returned.consumption(), returned.queueId(), returned.firstOffset());
      out.writeNumber(returned.count());
      out.writeNumber(returned.retryAtMs());
      out.writeNumber(returned.attempt());
      out.writeByte(returned.nacked() ? 1 : 0);
    } else if (change instanceof Extended extended) {
      writeRange(out, EXTENDED, extended.consumption(), extended.queueId(), extended.offset());
      out.writeNumber(extended.deadlineMs());
    } else if (change instanceof Advanced advanced) {
      writeRange(out, ADVANCED, advanced.consumption(), advanced.queueId(), advanced.nextOffset());
    } else if (change instanceof Positioned positioned) {
      writeRange(
          out, POSITIONED, positioned.consumption(), positioned.queueId(), positioned.nextOffset());
    } else {
      writeRare(out, change);
    }
  }

  /**
   * Reads a list of changes.
   *
   * @param start where the version stands
   * @param end end of the changes, exclusive
   * @throws IllegalArgumentException if this is no list of changes, or one of a newer version
   */
  static void read(ByteBuffer buffer, int start, int end, Consumer<StateChange> changes) {
    ByteReader in = new ByteReader(buffer, start, end);
    int version = in.readByte();
    if (version != VERSION) {
      throw new IllegalArgumentException(
          "the state has version "
              + version
              + ", this program reads version "
              + VERSION
              + "; start it with the newer program");
    }
    while (!in.atEnd()) {
      changes.accept(readOne(in));
    }
  }

  private static void writeRange(
      ByteWriter out, int kind, int consumption, int queueId, long offset) {
    out.writeByte(kind);
    out.writeNumber(consumption);
    out.writeNumber(queueId);
    out.writeNumber(offset);
  }

  private static void writeLeased(ByteWriter out, Leased leased) {
    writeRange(out, LEASED, leased.consumption(), leased.queueId(), leased.firstOffset());
    out.writeNumber(leased.count());
    out.writeNumber(leased.firstLease());
    out.writeNumber(leased.attempt());
    out.writeNumber(leased.deadlineMs());
    out.writeByte(
        (leased.ordered() ? ORDERED_BIT : 0)
            | (leased.held() ? HELD_BIT : 0)
            | (leased.popped() ? POPPED_BIT : 0));
  }

  private static void writeRare(ByteWriter out, StateChange change) {
    if (change instanceof Started started) {
      out.writeByte(STARTED);
      out.writeNumber(started.incarnation());
    } else if (change instanceof TopicPut put) {
      writeTopic(out, put);
    } else if (change instanceof TopicDeleted deleted) {
      out.writeByte(TOPIC_DELETED);
      out.writeText(deleted.topic());
    } else if (change instanceof GroupPut put) {
      writeGroup(out, put.config());
    } else if (change instanceof GroupDeleted deleted) {
      out.writeByte(GROUP_DELETED);
      out.writeText(deleted.group());
    } else if (change instanceof GroupPutAside aside) {
      out.writeByte(GROUP_PUT_ASIDE);
      out.writeText(aside.group());
    } else if (change instanceof ConsumptionMade made) {
      out.writeByte(CONSUMPTION_MADE);
      out.writeNumber(made.consumption());
      out.writeText(made.group());
      out.writeText(made.topic());
    } else if (change instanceof TimersFired fired) {
      out.writeByte(TIMERS_FIRED);
      out.writeNumber(fired.dueMs());
      out.writeNumber(fired.offset());
    } else if (change instanceof TimersRecalled recalled) {
      out.writeByte(TIMERS_RECALLED);
      out.writeNumber(recalled.firstOffset());
      out.writeNumber(recalled.count());
    } else if (change instanceof TransactionsEnded ended) {
      out.writeByte(TRANSACTIONS_ENDED);
      out.writeNumber(ended.firstOffset());
      out.writeNumber(ended.count());
      out.writeByte(ended.outcome().ordinal());
    } else if (change instanceof TransactionChecked checked) {
      out.writeByte(TRANSACTION_CHECKED);
      out.writeNumber(checked.offset());
      out.writeNumber(checked.checks());
      out.writeNumber(checked.nextCheckMs());
    } else if (change instanceof TransactionsOver over) {
      out.writeByte(TRANSACTIONS_OVER);
      out.writeNumber(over.beforeOffset());
    } else if (change instanceof RequestModeSet set) {
      out.writeByte(REQUEST_MODE_SET);
      out.writeText(set.group());
      out.writeText(set.topic());
      out.writeByte(set.popped() ? 1 : 0);
      out.writeNumber(set.shareQueues());
    } else if (!LetterCodec.write(out, change)) {
      throw new IllegalStateException("no encoding for " + change);
    }
  }

  private static void writeTopic(ByteWriter out, TopicPut put) {
    TopicConfig config = put.config();
    out.writeByte(TOPIC_PUT);
    out.writeText(config.name());
    out.writeNumber(config.queues());
    out.writeNumber(config.permission());
    out.writeByte(config.order() ? 1 : 0);
    out.writeNumber(config.retentionMs());
    writeAttributes(out, config.attributes());
    out.writeNumber(put.queuesEver());
    out.writeNumber(put.nextOffsets().length);
    for (long nextOffset : put.nextOffsets()) {
      out.writeNumber(nextOffset);
    }
  }

  private static void writeAttributes(ByteWriter out, Map<String, String> attributes) {
    out.writeNumber(attributes.size());
    new TreeMap<>(attributes)
        .forEach(
            (name, value) -> {
              out.writeText(name);
              out.writeText(value);
            });
  }

  private static Map<String, String> readAttributes(ByteReader in) {
    Map<String, String> attributes = new TreeMap<>();
    for (int i = in.readCount(); i > 0; i--) {
      attributes.put(in.readText(), in.readText());
    }
    return Map.copyOf(attributes);
  }

  private static void writeGroup(ByteWriter out, GroupConfig config) {
    out.writeByte(config.attributes().isEmpty() ? GROUP_PUT : GROUP_PUT_WITH_ATTRIBUTES);
    out.writeText(config.name());
    out.writeNumber(config.maxAttempts());
    out.writeNumber(config.retryDelaysMs().size());
    for (long delayMs : config.retryDelaysMs()) {
      out.writeNumber(delayMs);
    }
    out.writeNumber(config.orderedRetryDelayMs());
    if (!config.attributes().isEmpty()) {
      writeAttributes(out, config.attributes());
    }
  }

  private static StateChange readOne(ByteReader in) {
    int kind = in.readByte();
    return switch (kind) {
      case STARTED -> new Started(in.readNumber());
      case TOPIC_PUT -> readTopic(in);
      case TOPIC_DELETED -> new TopicDeleted(in.readText());
      case GROUP_PUT -> readGroup(in, false);
      case GROUP_PUT_WITH_ATTRIBUTES -> readGroup(in, true);
      case GROUP_DELETED -> new GroupDeleted(in.readText());
      case GROUP_PUT_ASIDE -> new GroupPutAside(in.readText());
      case CONSUMPTION_MADE -> new ConsumptionMade(in.readInt(), in.readText(), in.readText());
      case POSITIONED -> new Positioned(in.readInt(), in.readInt(), in.readNumber());
      case ADVANCED -> new Advanced(in.readInt(), in.readInt(), in.readNumber());
      case LEASED -> readLeased(in);
      case SETTLED -> new Settled(in.readInt(), in.readInt(), in.readNumber(), in.readInt());
      case RETURNED ->
          new Returned(
              in.readInt(),
              in.readInt(),
              in.readNumber(),
              in.readInt(),
              in.readNumber(),
              in.readInt(),
              in.readFlag());
      case EXTENDED -> new Extended(in.readInt(), in.readInt(), in.readNumber(), in.readNumber());
      case TIMERS_FIRED -> new TimersFired(in.readNumber(), in.readNumber());
      case TIMERS_RECALLED -> new TimersRecalled(in.readNumber(), in.readInt());
      case TRANSACTIONS_ENDED ->
          new TransactionsEnded(in.readNumber(), in.readInt(), outcome(in.readByte()));
      case TRANSACTION_CHECKED ->
          new TransactionChecked(in.readNumber(), in.readInt(), in.readNumber());
      case TRANSACTIONS_OVER -> new TransactionsOver(in.readNumber());
      case REQUEST_MODE_SET ->
          new RequestModeSet(in.readText(), in.readText(), in.readFlag(), in.readInt());
      default -> LetterCodec.read(kind, in);
    };
  }

  private static State outcome(int ordinal) {
    State[] all = State.values();
    if (ordinal <= 0 || ordinal >= all.length) {
      throw new IllegalArgumentException("a transaction has the unknown outcome " + ordinal);
    }
    return all[ordinal];
  }

  private static Leased readLeased(ByteReader in) {
    int consumption = in.readInt();
    int queueId = in.readInt();
    long firstOffset = in.readNumber();
    int count = in.readInt();
    long firstLease = in.readNumber();
    int attempt = in.readInt();
    long deadlineMs = in.readNumber();
    int bits = in.readByte();
    return new Leased(
        consumption,
        queueId,
        firstOffset,
        count,
        firstLease,
        attempt,
        deadlineMs,
        (bits & ORDERED_BIT) != 0,
        (bits & HELD_BIT) != 0,
        (bits & POPPED_BIT) != 0);
  }

  private static TopicPut readTopic(ByteReader in) {
    String name = in.readText();
    int queues = in.readInt();
    int permission = in.readInt();
    boolean order = in.readFlag();
    long retentionMs = in.readNumber();
    Map<String, String> attributes = readAttributes(in);
    int queuesEver = in.readInt();
    long[] nextOffsets = new long[in.readCount()];
    for (int i = 0; i < nextOffsets.length; i++) {
      nextOffsets[i] = in.readNumber();
    }
    TopicConfig config = new TopicConfig(name, queues, permission, order, retentionMs, attributes);
    return new TopicPut(config, queuesEver, nextOffsets);
  }

  private static GroupPut readGroup(ByteReader in, boolean withAttributes) {
    String name = in.readText();
    int maxAttempts = in.readInt();
    int delays = in.readCount();
    List<Long> retryDelaysMs = new ArrayList<>(delays);
    for (int i = 0; i < delays; i++) {
      retryDelaysMs.add(in.readNumber());
    }
    long orderedRetryDelayMs = in.readNumber();
    Map<String, String> attributes = withAttributes ? readAttributes(in) : Map.of();
    return new GroupPut(
        new GroupConfig(
            name, maxAttempts, List.copyOf(retryDelaysMs), orderedRetryDelayMs, attributes));
  }
}
