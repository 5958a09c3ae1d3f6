package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BrokerLine;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.Outstanding;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.function.Function;

/**
 * Asks Brokers over the event bus. What consumers ask goes over the loop's {@link BrokerLine}, in
 * the order it is asked. Every failure is a {@link SluiceException}. Called on the event loop; the
 * future completes on it.
 */
final class Brokers {

  private final Vertx vertx;
  private final BrokerLine line;
  private final long timeoutMs;
  private final DeliveryOptions options;
  private final Outstanding outstanding;

  Brokers(Vertx vertx, BrokerLine line, long timeoutMs) {
    this.vertx = vertx;
    this.line = line;
    this.timeoutMs = timeoutMs;
    options = BusCodec.options(timeoutMs);
    outstanding = new Outstanding(vertx);
  }

  Future<AppendReply> append(String broker, AppendRequest request) {
    return outstanding.watch(broker, request(Addresses.append(broker), request, options));
  }

  Future<ReceiveReply> receive(String broker, ReceiveRequest request) {
    return ask(broker, request, request.waitMs());
  }

  /** As the other, without a future. */
  void receive(String broker, ReceiveRequest request, BrokerLine.Asker<ReceiveReply> asker) {
    line.ask(broker, request, request.waitMs() + timeoutMs, asker);
  }

  Future<ReadReply> read(String broker, ReadRequest request) {
    return this.<ReadReply>ask(broker, request, request.waitMs())
        .recover(failure -> bySlave(broker, failure, own -> ask(own, request, request.waitMs())));
  }

  /** Where nobody is the master a slave of this process stands in; what it may not, it refuses. */
  private <T> Future<T> bySlave(
      String broker, Throwable failure, Function<String, Future<T>> again) {
    String own = ClusterNode.ownName(vertx, broker);
    boolean gone = SluiceException.of(failure).code() == ErrorCode.BROKER_UNAVAILABLE;
    return gone && !own.equals(broker) ? again.apply(own) : Future.failedFuture(failure);
  }

  Future<SettleReply> settle(String broker, SettleRequest request) {
    return ask(broker, request, 0);
  }

  /** As the other, without a future. */
  void settle(String broker, SettleRequest request, BrokerLine.Asker<SettleReply> asker) {
    line.ask(broker, request, timeoutMs, asker);
  }

  Future<Done> release(String broker, ReleaseRequest request) {
    return ask(broker, request, 0);
  }

  <T extends BusMessage> Future<T> admin(String broker, AdminRequest request) {
    return outstanding
        .<T>watch(broker, request(Addresses.admin(broker), request, options))
        .recover(
            failure ->
                bySlave(broker, failure, own -> request(Addresses.admin(own), request, options)));
  }

  <T extends BusMessage> Future<T> transactions(String broker, TransactionRequest request) {
    return outstanding.watch(broker, request(Addresses.transactions(broker), request, options));
  }

  <T extends BusMessage> Future<T> clients(String broker, ClientKept request) {
    return outstanding.watch(broker, request(Addresses.clientKept(broker), request, options));
  }

  <T extends BusMessage> Future<T> letters(String broker, LetterRequest request) {
    return outstanding.watch(broker, request(Addresses.letters(broker), request, options));
  }

  <T extends BusMessage> Future<T> nameServer(BusMessage request) {
    return request(
        Addresses.nameServers(), request, BusCodec.options(BrokerDirectory.ASK_TIMEOUT_MS));
  }

  private <T extends BusMessage> Future<T> ask(String broker, BusMessage request, long waitMs) {
    Promise<T> promise = Promise.promise();
    line.<T>ask(
        broker,
        request,
        waitMs + timeoutMs,
        (reply, failure) -> {
          if (failure == null) {
            promise.complete(reply);
          } else {
            promise.fail(failure);
          }
        });
    return promise.future();
  }

  private <T extends BusMessage> Future<T> request(
      String address, BusMessage request, DeliveryOptions delivery) {
    return vertx
        .eventBus()
        .<T>request(address, request, delivery)
        .transform(
            answer ->
                answer.succeeded()
                    ? Future.succeededFuture(answer.result().body())
                    : Future.failedFuture(SluiceException.of(answer.cause())));
  }
}
