package io.sluice.client;

import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Outstanding;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** Requests on the event bus whose failures have codes. Owned by the client's context. */
final class BrokerCalls {

  /** A Broker that says nothing for so long is taken to be gone. */
  static final long TIMEOUT_MS = 10_000;

  private final Vertx vertx;
  private Outstanding outstanding;

  BrokerCalls(Vertx vertx) {
    this.vertx = vertx;
  }

  Vertx vertx() {
    return vertx;
  }

  /**
   * Asks a Broker.
   *
   * @param address that of the Broker for this kind of request
   * @return fails at once, not after the timeout, where the Broker's process dies meanwhile
   */
  <T extends BusMessage> Future<T> request(
      String brokerName, String address, BusMessage request, long timeoutMs) {
    if (outstanding == null) {
      // Here, since it belongs to the context that makes it.
      outstanding = new Outstanding(vertx);
    }
    return outstanding
        .watch(
            brokerName, vertx.eventBus().<T>request(address, request, BusCodec.options(timeoutMs)))
        .map(message -> message.body())
        .recover(failure -> Future.failedFuture(SluiceException.of(failure)));
  }
}
