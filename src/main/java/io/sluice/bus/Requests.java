package io.sluice.bus;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * The requests of one event loop that wait for a consumer's reply, and the way for replies. Each
 * request hears once: the reply, or that its time is over. Where this loop can not be reached, or
 * does not know the request any more, the replier is told so.
 *
 * <p>Owned by the event loop it was made on.
 */
public final class Requests {

  /** So many may wait at once: about 500 bytes each, so 8 MB. */
  public static final int MOST = 16_384;

  /** A requester has a reply within this time, or it is gone. RocketMQ's own for its push. */
  private static final long DELIVERY_MS = 10_000;

  /** Hears of one request; one of the methods is called, once. */
  public interface Requester {

    /**
     * The consumer replied.
     *
     * @return false if the requester itself has gone meanwhile
     */
    boolean replied(ReplyMessage reply);

    /** There will be no reply. */
    void failed(SluiceException failure);
  }

  private final Vertx vertx;
  private final Context context;
  private final BrokerDirectory directory;
  private final String name;
  private final Map<String, Waiting> waiting = new HashMap<>();
  private final MessageConsumer<ReplyMessage> consumer;

  private record Waiting(Requester requester, long timer, long waitMs) {}

  /**
   * Requests of this loop.
   *
   * @param id of the loop, unique in the cluster
   */
  public Requests(Vertx vertx, Context context, BrokerDirectory directory, String id) {
    this.vertx = vertx;
    this.context = context;
    this.directory = directory;
    name = ReplyTo.PREFIX + id;
    consumer = vertx.eventBus().consumer(Addresses.requester(name), this::arrived);
  }

  /** How many wait now. */
  public int waiting() {
    return waiting.size();
  }

  /**
   * Begins to wait for a reply.
   *
   * @return what the request has to carry
   * @throws SluiceException BUSY if too many wait
   */
  public ReplyTo await(long waitMs, Requester requester) {
    if (waiting.size() >= MOST) {
      throw new SluiceException(
          ErrorCode.BUSY,
          MOST + " requests wait for their replies, which is the most; try again later");
    }
    String correlationId = UUID.randomUUID().toString();
    long timer = vertx.setTimer(waitMs, id -> timedOut(correlationId));
    waiting.put(correlationId, new Waiting(requester, timer, waitMs));
    return new ReplyTo(name, correlationId);
  }

  /** Does not wait any more; the requester hears nothing. */
  public void forget(ReplyTo request) {
    Waiting gone = waiting.remove(request.correlationId());
    if (gone != null) {
      vertx.cancelTimer(gone.timer);
    }
  }

  /** Ends all waits. */
  public void close(SluiceException reason) {
    consumer.unregister();
    for (Waiting each : List.copyOf(waiting.values())) {
      vertx.cancelTimer(each.timer);
      each.requester.failed(reason);
    }
    waiting.clear();
  }

  /**
   * Brings a reply to whoever asked.
   *
   * @return completes when the requester has it; fails with REQUESTER_GONE if it does not wait
   */
  public Future<Void> reply(ReplyMessage reply) {
    if (reply.to().isFront()) {
      return toFront(vertx, reply);
    }
    Promise<Void> promise = Promise.promise();
    directory
        .masters()
        .compose(masters -> toClient(vertx, masters, 0, reply))
        .onComplete(done -> context.runOnContext(nothing -> promise.handle(done)));
    return promise.future();
  }

  /** Brings a reply to the event loop of the front that asked. */
  public static Future<Void> toFront(Vertx vertx, ReplyMessage reply) {
    return deliver(vertx, Addresses.requester(reply.to().requester()), reply);
  }

  private static Future<Void> deliver(Vertx vertx, String address, ReplyMessage reply) {
    DeliveryOptions options = BusCodec.options(DELIVERY_MS + 1_000);
    return vertx
        .eventBus()
        .request(address, reply, options)
        .<Void>mapEmpty()
        .recover(
            failure -> {
              SluiceException known = SluiceException.of(failure);
              return Future.failedFuture(
                  known.code() == ErrorCode.BROKER_UNAVAILABLE
                      ? ReplyMessage.gone("the server that the request came from is gone")
                      : known);
            });
  }

  /**
   * Brings a reply to a RocketMQ client, at the first of these Brokers that it is connected to.
   *
   * @param index of the Broker to ask now
   */
  public static Future<Void> toClient(
      Vertx vertx, List<String> brokers, int index, ReplyMessage reply) {
    String client = reply.to().requester();
    if (index == brokers.size()) {
      return Future.failedFuture(ReplyMessage.gone("no client '" + client + "' is connected"));
    }
    return vertx
        .eventBus()
        .<ClientKept.Producers>request(
            Addresses.clientKept(brokers.get(index)),
            new ClientKept.FindProducer(client),
            BusCodec.options(DELIVERY_MS))
        .transform(
            found -> {
              List<ClientKept.Member> members =
                  found.succeeded() ? found.result().body().members() : List.of();
              if (members.isEmpty()) {
                return toClient(vertx, brokers, index + 1, reply);
              }
              String holder = members.get(0).holder();
              return deliver(
                  vertx,
                  Addresses.requesterOf(holder),
                  new ReplyMessage(reply.to(), holder, reply.batch()));
            });
  }

  private void arrived(Message<ReplyMessage> message) {
    ReplyMessage reply = message.body();
    Waiting found = waiting.remove(reply.to().correlationId());
    if (found == null) {
      SluiceException.fail(
          message,
          ReplyMessage.gone(
              "nobody waits for this reply: the requester's time is over, or it has one already"));
      return;
    }
    vertx.cancelTimer(found.timer);
    if (found.requester.replied(reply)) {
      message.reply(Done.DONE, BusCodec.options(DELIVERY_MS));
    } else {
      SluiceException.fail(message, ReplyMessage.gone("the requester has closed its connection"));
    }
  }

  private void timedOut(String correlationId) {
    Waiting over = waiting.remove(correlationId);
    if (over != null) {
      over.requester.failed(
          new SluiceException(
              ErrorCode.TIMEOUT,
              "no consumer replied within "
                  + over.waitMs
                  + " ms; the request stays stored and may still be worked on"));
    }
  }
}
