package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClusterNode;
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
  private volatile Target target;

  /** Addresses of the Broker by one of its names. */
  private record Target(
      String name,
      String append,
      String read,
      String admin,
      String release,
      String clientKept,
      String pop,
      String operator,
      String transactions) {

    private Target(String name) {
      this(
          name,
          Addresses.append(name),
          Addresses.read(name),
          Addresses.admin(name),
          Addresses.release(name),
          Addresses.clientKept(name),
          Addresses.pop(name),
          Addresses.operator(name),
          Addresses.transactions(name));
    }
  }

  BrokerLink(Vertx vertx, String brokerName) {
    this.vertx = vertx;
    this.brokerName = brokerName;
    target = new Target(brokerName);
  }

  /** The Broker of this process: clients that dial a slave mean that one, not its master. */
  private Target target() {
    Target known = target;
    String name = ClusterNode.ownName(vertx, brokerName);
    if (!name.equals(known.name())) {
      known = new Target(name);
      target = known;
    }
    return known;
  }

  String brokerName() {
    return brokerName;
  }

  Future<AppendReply> append(AppendRequest request) {
    return ask(target().append(), request, 0);
  }

  Future<ReadReply> read(ReadRequest request) {
    return ask(target().read(), request, request.waitMs());
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> admin(AdminRequest request) {
    return ask(target().admin(), request, 0);
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> clientKept(ClientKept request) {
    return ask(target().clientKept(), request, 0);
  }

  /** Asks for what the request names as its answer. */
  <T extends BusMessage> Future<T> transactions(TransactionRequest request) {
    return ask(target().transactions(), request, 0);
  }

  <T extends BusMessage> Future<T> operator(OperatorRequest request) {
    return ask(target().operator(), request, 0);
  }

  Future<ClientKept.Pulled> pull(ClientKept.Pull request) {
    return ask(target().clientKept(), request, request.waitMs());
  }

  /** Asks for what the request names as its answer, which may take so long. */
  <T extends BusMessage> Future<T> pop(PopRequest request, long waitMs) {
    return ask(target().pop(), request, waitMs);
  }

  /** Ends the waits of a connection that is gone. */
  void release(String holder) {
    vertx
        .eventBus()
        .send(target().release(), new ReleaseRequest(holder), BusCodec.options(TIMEOUT_MS));
  }

  private <T extends BusMessage> Future<T> ask(String address, BusMessage request, long waitMs) {
    return vertx
        .eventBus()
        .<T>request(address, request, BusCodec.options(waitMs + TIMEOUT_MS))
        .map(Message::body);
  }
}
