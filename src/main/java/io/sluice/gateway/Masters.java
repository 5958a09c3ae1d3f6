package io.sluice.gateway;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks several masters the same: all there are, or those that have a topic. Static; called on an
 * event loop, where the futures complete.
 */
final class Masters {

  private Masters() {}

  /** A master's answer. */
  record Answer<T>(String broker, T value) {}

  /**
   * Asks every master.
   *
   * @return the answers of those that had one, at least one; else the first failure
   */
  static <T extends BusMessage> Future<List<Answer<T>>> any(Loop loop, AdminRequest request) {
    return loop.masters().compose(masters -> any(loop, masters, request));
  }

  /** As {@link #any(Loop, AdminRequest)}, of those that have a topic. */
  static <T extends BusMessage> Future<List<Answer<T>>> anyOfTopic(
      Loop loop, String topic, AdminRequest request) {
    return loop.brokersFor(topic).compose(masters -> any(loop, masters, request));
  }

  /**
   * Changes something at every master.
   *
   * @param absent what a master says that has nothing to change: good, unless all say so
   * @return fails where one of them failed, and says which; the others may have changed it
   */
  static <T extends BusMessage> Future<List<Answer<T>>> all(
      Loop loop, ErrorCode absent, AdminRequest request) {
    return loop.masters().compose(masters -> all(loop, masters, absent, request));
  }

  /** As {@link #all(Loop, ErrorCode, AdminRequest)}, of those that have a topic at this moment. */
  static <T extends BusMessage> Future<List<Answer<T>>> allOfTopic(
      Loop loop, String topic, ErrorCode absent, AdminRequest request) {
    loop.directory.forget(topic);
    return loop.brokersFor(topic).compose(masters -> all(loop, masters, absent, request));
  }

  /** Asks one master by its name. */
  static <T extends BusMessage> Future<List<Answer<T>>> at(
      Loop loop, String broker, AdminRequest request) {
    return loop.masters()
        .compose(
            masters ->
                masters.contains(broker)
                    ? all(loop, List.of(broker), null, request)
                    : Future.failedFuture(
                        new SluiceException(
                            ErrorCode.INVALID_ARGUMENT,
                            "broker: found '"
                                + broker
                                + "', allowed is a master that is registered: "
                                + String.join(", ", masters))));
  }

  /**
   * Asks those that have a topic for something that one of them has.
   *
   * @param absent what a master says that does not have it
   * @return fails with {@code absent} only where all say so
   */
  static <T extends BusMessage> Future<T> firstOfTopic(
      Loop loop, String topic, ErrorCode absent, AdminRequest request) {
    return loop.brokersFor(topic)
        .compose(masters -> Masters.<T>ask(loop, masters, request))
        .compose(asked -> first(asked, absent));
  }

  /** The first answer; else the first failure that says more than {@code absent}. */
  static <T> Future<T> first(List<Future<T>> asked, ErrorCode absent) {
    SluiceException reason = null;
    for (Future<T> each : asked) {
      if (each.succeeded()) {
        return each;
      }
      SluiceException failure = SluiceException.of(each.cause());
      if (reason == null || reason.code() == absent) {
        reason = failure;
      }
    }
    return Future.failedFuture(reason);
  }

  /** What is asked for, or null where the answer is that there is none. */
  static <T> Future<T> orNull(Future<T> asked, ErrorCode absent) {
    return asked.recover(
        failure ->
            SluiceException.of(failure).code() == absent
                ? Future.succeededFuture(null)
                : Future.failedFuture(failure));
  }

  private static <T extends BusMessage> Future<List<Answer<T>>> any(
      Loop loop, List<String> masters, AdminRequest request) {
    return Masters.<T>ask(loop, masters, request)
        .compose(
            asked -> {
              List<Answer<T>> answers = answers(masters, asked);
              return answers.isEmpty()
                  ? Future.failedFuture(asked.get(0).cause())
                  : Future.succeededFuture(answers);
            });
  }

  private static <T extends BusMessage> Future<List<Answer<T>>> all(
      Loop loop, List<String> masters, ErrorCode absent, AdminRequest request) {
    return Masters.<T>ask(loop, masters, request)
        .compose(
            asked -> {
              List<Answer<T>> answers = answers(masters, asked);
              for (int i = 0; i < asked.size(); i++) {
                if (asked.get(i).succeeded()) {
                  continue;
                }
                SluiceException failure = SluiceException.of(asked.get(i).cause());
                if (failure.code() != absent || answers.isEmpty()) {
                  return Future.failedFuture(at(masters, i, failure));
                }
              }
              return Future.succeededFuture(answers);
            });
  }

  private static SluiceException at(List<String> masters, int index, SluiceException failure) {
    return masters.size() == 1
        ? failure
        : new SluiceException(failure.code(), masters.get(index) + ": " + failure.getMessage());
  }

  /** Waits for all of them, whatever they say. */
  private static <T extends BusMessage> Future<List<Future<T>>> ask(
      Loop loop, List<String> masters, AdminRequest request) {
    if (masters.isEmpty()) {
      return Future.failedFuture(
          new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered"));
    }
    List<Future<T>> asked = new ArrayList<>();
    masters.forEach(master -> asked.add(loop.brokers.admin(master, request)));
    return Future.join(asked).transform(ignored -> Future.succeededFuture(asked));
  }

  private static <T> List<Answer<T>> answers(List<String> masters, List<Future<T>> asked) {
    List<Answer<T>> answers = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      if (asked.get(i).succeeded()) {
        answers.add(new Answer<>(masters.get(i), asked.get(i).result()));
      }
    }
    return answers;
  }
}
