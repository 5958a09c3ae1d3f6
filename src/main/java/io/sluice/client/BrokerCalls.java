package io.sluice.client;

import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/** Requests on the event bus whose failures have codes. */
final class BrokerCalls {

  /** A Broker that says nothing for so long is taken to be gone. */
  static final long TIMEOUT_MS = 10_000;

  private final Vertx vertx;

  BrokerCalls(Vertx vertx) {
    this.vertx = vertx;
  }

  Vertx vertx() {
    return vertx;
  }

  <T extends BusMessage> Future<T> request(String address, BusMessage request, long timeoutMs) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(timeoutMs))
        .map(message -> message.body())
        .recover(failure -> Future.failedFuture(SluiceException.of(failure)));
  }
}
