package io.sluice.bus;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Requests that wait for a Broker of another process. When a process is gone, each Broker that
 * somebody waits for is sent an empty bundle; for those that do not take it the wait is over at
 * once and not after the timeout. Whether they had carried the request out stays open.
 *
 * <p>Owned by the event loop it is made on. Does nothing in a process that is in no cluster.
 */
public final class Outstanding {

  /** By then the event bus knows that the process is gone. */
  private static final long AFTER_LEAVING_MS = 300;

  /** A Broker that lives takes a bundle at once. */
  private static final long FIND_OUT_MS = 3_000;

  private final Vertx vertx;
  private final boolean watching;
  private final Set<Wait<?>> waits = new HashSet<>();

  /** Nobody waits yet. */
  public Outstanding(Vertx vertx) {
    this.vertx = vertx;
    watching = vertx.isClustered();
    if (watching) {
      vertx
          .eventBus()
          .<ClusterNotice>localConsumer(
              Addresses.membership(),
              message -> {
                if (message.body() instanceof ClusterNotice.MemberChanged changed
                    && !changed.joined()) {
                  vertx.setTimer(AFTER_LEAVING_MS, id -> findOut());
                }
              });
    }
  }

  /** The answer, or a failure once the Broker is gone. */
  public <T> Future<T> watch(String broker, Future<T> answer) {
    if (!watching) {
      return answer;
    }
    Wait<T> wait = new Wait<>(broker);
    waits.add(wait);
    answer.onComplete(
        done -> {
          waits.remove(wait);
          if (done.succeeded()) {
            wait.promise.tryComplete(done.result());
          } else {
            wait.promise.tryFail(done.cause());
          }
        });
    return wait.promise.future();
  }

  private void findOut() {
    // Those that are asked from now on may go to a Broker that has started meanwhile.
    List<Wait<?>> before = new ArrayList<>(waits);
    Set<String> brokers = new HashSet<>();
    before.forEach(wait -> brokers.add(wait.broker));
    for (String broker : brokers) {
      vertx
          .eventBus()
          .request(
              Addresses.bundles(broker),
              new RequestBundle("", new long[0], List.of()),
              BusCodec.options(FIND_OUT_MS))
          .onFailure(
              failure -> {
                for (Wait<?> wait : before) {
                  if (wait.broker.equals(broker)) {
                    wait.promise.tryFail(
                        new SluiceException(
                            ErrorCode.TIMEOUT,
                            "the process of the Broker '" + broker + "' died before it answered"));
                  }
                }
              });
    }
  }

  /** Somebody who waits; by identity. */
  private static final class Wait<T> {

    private final String broker;
    private final Promise<T> promise = Promise.promise();

    Wait(String broker) {
      this.broker = broker;
    }
  }
}
