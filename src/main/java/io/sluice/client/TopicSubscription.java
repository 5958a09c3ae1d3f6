package io.sluice.client;

import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A subscription at every master that has the topic. Which these are it looks up every {@link
 * #LOOK_MS}: when one dies another makes the topic with the next send to it. A master that is gone
 * stays a part, and is asked again until it is back; so there are at most as many parts as there
 * ever were masters with the topic. Owned by the client's context.
 */
final class TopicSubscription {

  private static final System.Logger LOG = System.getLogger(TopicSubscription.class.getName());

  /** The directory remembers, so this seldom asks anybody. */
  private static final long LOOK_MS = 1_000;

  /** Makes what asks one Broker. */
  @FunctionalInterface
  interface Parts {

    /**
     * Makes it; nothing is asked yet.
     *
     * @param since when the subscription began, for a Broker that joins it later; null for those it
     *     begins with
     */
    BrokerPart at(String brokerName, StartPosition since);
  }

  private final String topic;
  private final String group;
  private final BrokerDirectory directory;
  private final Vertx vertx;
  private final Parts maker;
  private final StartPosition since;
  private final Map<String, BrokerPart> parts = new HashMap<>();
  private long looks = -1;
  private boolean looking;
  private Future<Void> closed;

  TopicSubscription(
      String topic,
      String group,
      BrokerDirectory directory,
      Vertx vertx,
      Clock clock,
      Parts maker) {
    this.topic = topic;
    this.group = group;
    this.directory = directory;
    this.vertx = vertx;
    this.maker = maker;
    since = StartPosition.time(clock.nowMs());
  }

  String topic() {
    return topic;
  }

  String group() {
    return group;
  }

  /** Completes when it stands at all masters that have the topic now. */
  Future<Void> start() {
    return directory
        .brokersFor(topic)
        .compose(
            names -> {
              if (closed != null) {
                return Future.failedFuture(
                    new SluiceException(
                        ErrorCode.SHUTTING_DOWN, "the subscription was closed as it began"));
              }
              List<Future<Void>> started = new ArrayList<>();
              for (String name : names) {
                BrokerPart part = maker.at(name, null);
                parts.put(name, part);
                started.add(part.start());
              }
              return Future.join(started);
            })
        .map(
            started -> {
              if (closed == null) {
                looks = vertx.setPeriodic(LOOK_MS, timer -> look());
              }
              return null;
            });
  }

  Future<Void> close() {
    if (closed == null) {
      vertx.cancelTimer(looks);
      closed = Future.join(parts.values().stream().map(BrokerPart::close).toList()).mapEmpty();
    }
    return closed;
  }

  private void look() {
    if (looking) {
      return;
    }
    looking = true;
    directory
        .servingBrokers(topic)
        .onSuccess(names -> names.forEach(this::join))
        .onComplete(done -> looking = false);
  }

  private void join(String name) {
    if (closed != null || parts.containsKey(name)) {
      return;
    }
    BrokerPart part = maker.at(name, since);
    parts.put(name, part);
    part.start()
        .onFailure(
            failure -> {
              // The next look tries it again.
              LOG.log(
                  Level.DEBUG, "{0} at {1} did not begin: {2}", topic, name, failure.getMessage());
              parts.remove(name, part);
            });
  }
}
