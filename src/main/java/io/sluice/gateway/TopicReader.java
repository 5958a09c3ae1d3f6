package io.sluice.gateway;

import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.StartPosition;
import io.vertx.core.Future;
import java.util.Arrays;

/**
 * Reads on through a topic from a position that it keeps; nothing of it is known to the Broker but
 * a waiting request. Queues that the topic gets later are taken in when a wait ends empty. Owned by
 * an event loop.
 */
final class TopicReader {

  private final Brokers brokers;
  private final String broker;
  private final String topic;
  private final Filter filter;
  private final String holder;
  private Position position;

  /**
   * A reader, to be {@link #start started}.
   *
   * @param holder names its waiting requests, so that they can be ended
   */
  TopicReader(Brokers brokers, String broker, String topic, Filter filter, String holder) {
    this.brokers = brokers;
    this.broker = broker;
    this.topic = topic;
    this.filter = filter;
    this.holder = holder;
  }

  /** Finds the place to start at. */
  Future<Position> start(Position.From from) {
    if (from.position() != null) {
      position = from.position().copy();
      return resolve(StartPosition.EARLIEST).map(all -> take(all));
    }
    return resolve(from.start())
        .map(
            all -> {
              position = all;
              return all;
            });
  }

  /** The place to read next. */
  Position position() {
    return position;
  }

  /** Reads on; what is read is passed only by {@link #passed}. */
  Future<ReadReply> read(int max, int maxBytes, long waitMs) {
    Position now = position.copy();
    return brokers.read(
        broker,
        new ReadRequest(
            topic,
            now.queueIds(),
            now.queueOffsets(),
            null,
            max,
            maxBytes,
            waitMs,
            filter,
            holder));
  }

  /** Goes on behind everything that a reply covered. */
  void passed(ReadReply reply) {
    position = new Position(reply.queueIds().clone(), reply.nextOffsets().clone());
  }

  /** Takes in queues that the topic got meanwhile, from their first message on. */
  Future<Position> refresh() {
    return resolve(StartPosition.EARLIEST).map(this::take);
  }

  /** Ends a waiting read. */
  void release() {
    brokers.endRead(broker, topic, holder);
  }

  String broker() {
    return broker;
  }

  /** Whether a reply came to the end of every queue. */
  static boolean drained(ReadReply reply) {
    return Arrays.equals(reply.nextOffsets(), reply.maxOffsets());
  }

  private Position take(Position all) {
    int[] known = position.queueIds();
    int[] added =
        Arrays.stream(all.queueIds())
            .filter(id -> Arrays.stream(known).noneMatch(other -> other == id))
            .toArray();
    if (added.length > 0) {
      int[] queueIds = Arrays.copyOf(known, known.length + added.length);
      long[] queueOffsets = Arrays.copyOf(position.queueOffsets(), queueIds.length);
      for (int i = 0; i < added.length; i++) {
        queueIds[known.length + i] = added[i];
        for (int j = 0; j < all.queueIds().length; j++) {
          if (all.queueIds()[j] == added[i]) {
            queueOffsets[known.length + i] = all.queueOffsets()[j];
          }
        }
      }
      position = new Position(queueIds, queueOffsets);
    }
    return position;
  }

  private Future<Position> resolve(StartPosition start) {
    return brokers
        .read(broker, new ReadRequest(topic, null, null, start, 0, 1, 0, Filter.ALL, holder))
        .map(
            reply -> {
              reply.messages().close();
              return new Position(reply.queueIds().clone(), reply.nextOffsets().clone());
            });
  }
}
