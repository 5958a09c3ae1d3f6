package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.FindByKey;
import io.sluice.bus.AdminRequest.FindByPhysicalOffset;
import io.sluice.bus.AdminRequest.Found;
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
import io.sluice.bus.Reads;
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

/**
 * Asks Brokers over the event bus. What consumers ask goes over the loop's {@link BrokerLine}, in
 * the order it is asked. Every failure is a {@link SluiceException}. Called on the event loop; the
 * future completes on it.
 */
final class Brokers {

  private final Vertx vertx;
  private final BrokerLine line;
  private final Reads reads;
  private final long timeoutMs;
  private final DeliveryOptions options;
  private final Outstanding outstanding;

  Brokers(Vertx vertx, BrokerLine line, Reads reads, long timeoutMs) {
    this.vertx = vertx;
    this.line = line;
    this.reads = reads;
    this.timeoutMs = timeoutMs;
    options = BusCodec.options(timeoutMs);
    outstanding = new Outstanding(vertx);
  }

  /** Asks once; what is sent goes through {@link Loop#appends}. */
  Future<AppendReply> append(String broker, AppendRequest request, long withinMs) {
    DeliveryOptions delivery = withinMs == timeoutMs ? options : BusCodec.options(withinMs);
    return outstanding.watch(broker, request(Addresses.append(broker), request, delivery));
  }

  Future<ReceiveReply> receive(String broker, ReceiveRequest request) {
    return ask(broker, request, request.waitMs());
  }

  /** As the other, without a future. */
  void receive(String broker, ReceiveRequest request, BrokerLine.Asker<ReceiveReply> asker) {
    line.ask(broker, request, request.waitMs() + timeoutMs, asker);
  }

  /** Also of a slave, where the master does not answer. */
  Future<ReadReply> read(String broker, ReadRequest request) {
    return reads.read(broker, request.topic(), name -> ask(name, request, request.waitMs()));
  }

  /** As {@link #read}. */
  Future<Found> find(String broker, FindByKey request) {
    return reads.read(broker, request.topic(), name -> adminOnce(name, request));
  }

  /** As {@link #read}, of a topic. */
  Future<Found> find(String broker, String topic, FindByPhysicalOffset request) {
    return reads.read(broker, topic, name -> adminOnce(name, request));
  }

  /** Ends a wait of {@link #read}, wherever it waits. */
  void endRead(String broker, String topic, String holder) {
    reads.read(broker, topic, name -> release(name, new ReleaseRequest(holder)));
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

  /**
   * Where nobody is the master the slave of this process stands in: it may be asked to be the
   * master, and refuses the rest that changes something.
   */
  <T extends BusMessage> Future<T> admin(String broker, AdminRequest request) {
    String own = ClusterNode.ownName(vertx, broker);
    return this.<T>adminOnce(broker, request)
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.BROKER_UNAVAILABLE
                        && !own.equals(broker)
                    ? adminOnce(own, request)
                    : Future.failedFuture(failure));
  }

  private <T extends BusMessage> Future<T> adminOnce(String broker, AdminRequest request) {
    return outstanding.watch(broker, request(Addresses.admin(broker), request, options));
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
