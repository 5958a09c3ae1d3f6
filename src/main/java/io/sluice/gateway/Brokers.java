package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.LetterRequest;
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
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;

/**
 * Asks Brokers over the event bus. Every failure is a {@link SluiceException}. Called on the event
 * loop; the future completes on it.
 */
final class Brokers {

  private final Vertx vertx;
  private final long timeoutMs;
  private final DeliveryOptions options;

  Brokers(Vertx vertx, long timeoutMs) {
    this.vertx = vertx;
    this.timeoutMs = timeoutMs;
    options = BusCodec.options(timeoutMs);
  }

  Future<AppendReply> append(String broker, AppendRequest request) {
    return request(Addresses.append(broker), request, options);
  }

  Future<ReceiveReply> receive(String broker, ReceiveRequest request) {
    return request(Addresses.receive(broker), request, waiting(request.waitMs()));
  }

  Future<ReadReply> read(String broker, ReadRequest request) {
    return request(Addresses.read(broker), request, waiting(request.waitMs()));
  }

  Future<SettleReply> settle(String broker, SettleRequest request) {
    return request(Addresses.settle(broker), request, options);
  }

  Future<Done> release(String broker, ReleaseRequest request) {
    return request(Addresses.release(broker), request, options);
  }

  <T extends BusMessage> Future<T> admin(String broker, AdminRequest request) {
    return request(Addresses.admin(broker), request, options);
  }

  <T extends BusMessage> Future<T> transactions(String broker, TransactionRequest request) {
    return request(Addresses.transactions(broker), request, options);
  }

  <T extends BusMessage> Future<T> clients(String broker, ClientKept request) {
    return request(Addresses.clientKept(broker), request, options);
  }

  <T extends BusMessage> Future<T> letters(String broker, LetterRequest request) {
    return request(Addresses.letters(broker), request, options);
  }

  <T extends BusMessage> Future<T> nameServer(BusMessage request) {
    return request(Addresses.nameServers(), request, options);
  }

  private DeliveryOptions waiting(long waitMs) {
    return waitMs == 0 ? options : BusCodec.options(waitMs + timeoutMs);
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
