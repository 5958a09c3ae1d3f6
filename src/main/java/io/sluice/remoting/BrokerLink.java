package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.PopRequest;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.TransactionRequest;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;

/** The way from this front to its Broker over the event bus. */
final class BrokerLink {

  /**
   * How long an answer may take beyond the wait that a request asks for. Clients give up after 3 s
   * and close their socket; the bound only keeps a lost answer from being waited for without end.
   */
  static final long TIMEOUT_MS = 10_000;

  private final Vertx vertx;
  private final String brokerName;
  private final String append;
  private final String read;
  private final String admin;
  private final String release;
  private final String clientKept;
  private final String pop;
  private final String operator;

  BrokerLink(Vertx vertx, String brokerName) {
    this.vertx = vertx;
    this.brokerName = brokerName;
    append = Addresses.append(brokerName);
    read = Addresses.read(brokerName);
    release = Addresses.release(brokerName);
    admin = Addresses.admin(brokerName);
    clientKept = Addresses.clientKept(brokerName);
    pop = Addresses.pop(brokerName);
    operator = Addresses.operator(brokerName);
  }

  String brokerName() {
    return brokerName;
  }

  Future<AppendReply> append(AppendRequest request) {
    return ask(append, request, 0);
  }

  Future<ReadReply> read(ReadRequest request) {
    return ask(read, request, request.waitMs());
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> admin(AdminRequest request) {
    return ask(admin, request, 0);
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> clientKept(ClientKept request) {
    return ask(clientKept, request, 0);
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> transactions(TransactionRequest request) {
    return ask(Addresses.transactions(brokerName), request, 0);
  }

  <T extends BusMessage> Future<T> operator(OperatorRequest request) {
    return ask(operator, request, 0);
  }

  Future<ClientKept.Pulled> pull(ClientKept.Pull request) {
    return ask(clientKept, request, request.waitMs());
  }

  /** Asks for what the request names as its answer, which may take so long. */
  <T extends BusMessage> Future<T> pop(PopRequest request, long waitMs) {
    return ask(pop, request, waitMs);
  }

  /** Ends the waits of a connection that is gone. */
  void release(String holder) {
    vertx.eventBus().send(release, new ReleaseRequest(holder), BusCodec.options(TIMEOUT_MS));
  }

  private <T extends BusMessage> Future<T> ask(String address, BusMessage request, long waitMs) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(waitMs + TIMEOUT_MS))
        .map(Message::body);
  }
}
