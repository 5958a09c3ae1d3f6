package io.sluice.client;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.Recall;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a Vert.x application uses to send and receive, over the event bus of its own Vert.x
 * instance.
 *
 * <pre>{@code
 * SluiceClient client = SluiceClient.create(vertx);
 * client.send("orders", Buffer.buffer("one coffee"));
 * client.subscribe("orders", "kitchen", message -> prepare(message.body()));
 * }</pre>
 *
 * <p>Safe for any thread. Inside, one context does the work: the one that {@link #create} was
 * called on, or one of its own; handlers are called there, and futures complete there. Sends of one
 * turn of the event loop are stored as one batch, and are stored in the order they were made. A
 * failure is a {@link SluiceException}. What no Broker took, and so was not stored, is offered for
 * three seconds to whichever master is there, in its order; otherwise nothing is sent twice.
 */
public final class SluiceClient {

  private static final SendOptions DEFAULT_SEND = new SendOptions();

  private final Context context;
  private final BrokerCalls calls;
  private final BrokerDirectory directory;
  private final Sender sender;
  private final Vertx vertx;
  private final Clock clock;

  // Owned by the context.
  private Asking asking;
  private final Transactions transactions;
  private final String id = UUID.randomUUID().toString();
  private final Set<Subscription> subscriptions = ConcurrentHashMap.newKeySet();
  private int subscriptionCount;

  private SluiceClient(Vertx vertx, Clock clock) {
    this.vertx = vertx;
    this.clock = clock;
    context = vertx.getOrCreateContext();
    calls = new BrokerCalls(vertx);
    directory = new BrokerDirectory(vertx, clock);
    sender = new Sender(context, calls, directory, clock);
    transactions = new Transactions(context, calls, directory, sender, id);
  }

  /** A client; the server's codec is registered with this Vert.x instance already. */
  public static SluiceClient create(Vertx vertx) {
    return new SluiceClient(vertx, Clock.system());
  }

  /** Sends with the defaults. */
  public Future<SendReceipt> send(String topic, Buffer body) {
    return send(topic, body, DEFAULT_SEND);
  }

  /**
   * Sends a message.
   *
   * @param body not to be changed afterwards
   * @return completes when the ack level of the options is reached
   */
  public Future<SendReceipt> send(String topic, Buffer body, SendOptions options) {
    return here(() -> sender.send(topic, body, options, null));
  }

  /**
   * Begins a transaction: stores a message that nobody sees until it is committed. Should this
   * process die before, those who {@link #checkTransactions} of the same group are asked.
   *
   * @param producerGroup the group of those who can say how it ended
   * @return completes when the ack level of the options is reached
   */
  public Future<Transaction> begin(
      String producerGroup, String topic, Buffer body, SendOptions options) {
    return here(() -> transactions.begin(producerGroup, topic, body, options));
  }

  /**
   * Sends a message that is seen if something else is done: begins a transaction, does it, then
   * commits, or rolls back if it failed.
   *
   * @param action what is to be done between the two, on the client's context
   * @return completes with the result of the action once the message is committed; fails as the
   *     action did once it is rolled back. If the end itself failed the group is asked later.
   */
  public <T> Future<T> sendInTransaction(
      String producerGroup,
      String topic,
      Buffer body,
      SendOptions options,
      Function<Transaction, Future<T>> action) {
    return here(() -> transactions.send(producerGroup, topic, body, options, action));
  }

  /**
   * Ends a transaction by its id, as {@link Transaction#commit} and {@link Transaction#rollback}
   * do.
   */
  public Future<Void> endTransaction(String transactionId, boolean commit) {
    return here(() -> transactions.end(transactionId, commit));
  }

  /**
   * Has a handler asked how transactions of a group ended that nobody has ended in time.
   *
   * @return completes when the Brokers know of it
   */
  public Future<TransactionChecks> checkTransactions(
      String producerGroup, TransactionChecker checker) {
    return here(() -> transactions.check(producerGroup, checker));
  }

  /**
   * Sends a message and waits for a consumer's reply.
   *
   * @param wait from now until the reply; up to 5 minutes
   * @return completes with the reply, which needs no settlement; fails with TIMEOUT if nobody
   *     replied in time: the message stays stored then
   */
  public Future<ReceivedMessage> request(
      String topic, Buffer body, SendOptions options, Duration wait) {
    return here(() -> asking().request(topic, body, options, wait));
  }

  /**
   * Replies to a request that was received; {@link ReceivedMessage#replyTo} says whether it is one.
   *
   * @return completes when the requester has the reply; fails with REQUESTER_GONE if it does not
   *     wait any more
   */
  public Future<Void> reply(ReceivedMessage request, Buffer body, SendOptions options) {
    if (request.replyTo() == null) {
      return Future.failedFuture(
          new SluiceException(
              ErrorCode.INVALID_ARGUMENT,
              "the message " + request.messageId() + " waits for no reply"));
    }
    return here(() -> asking().reply(ReplyTo.parse(request.replyTo()), body, options));
  }

  private Asking asking() {
    if (asking == null) {
      asking = new Asking(new Requests(vertx, context, directory, id), sender, id);
    }
    return asking;
  }

  /**
   * Recalls a message that waits to be delivered later.
   *
   * @return completes when it is recalled, for good; fails with CONFLICT if it was delivered
   *     already, with MESSAGE_NOT_FOUND if there is none
   */
  public Future<Void> recall(String topic, String messageId) {
    return here(
        () ->
            directory
                .brokerFor(topic)
                .compose(
                    broker ->
                        calls.<Done>request(
                            broker,
                            Addresses.admin(broker),
                            new Recall(topic, messageId),
                            BrokerCalls.TIMEOUT_MS))
                .mapEmpty());
  }

  /** Subscribes with the defaults. */
  public Future<Subscription> subscribe(String topic, String group, MessageHandler handler) {
    return subscribe(topic, group, new SubscribeOptions(), handler);
  }

  /**
   * Has messages handed to a handler: those of all masters that have the topic, also of those that
   * come to have it later, or come back.
   *
   * @param group the group; null for a reader
   * @return completes when the subscription stands: what is sent from then on is not missed
   */
  public Future<Subscription> subscribe(
      String topic, String group, SubscribeOptions options, MessageHandler handler) {
    SubscribeOptions own = new SubscribeOptions(options);
    boolean reads =
        own.getMode() == SubscribeOptions.Mode.READER
            || own.getMode() == SubscribeOptions.Mode.BROADCAST;
    if (group == null && own.getMode() != SubscribeOptions.Mode.READER) {
      return Future.failedFuture(
          new SluiceException(ErrorCode.INVALID_ARGUMENT, "only a reader can do without a group"));
    }
    return here(
        () -> {
          TopicSubscription subscription =
              new TopicSubscription(
                  topic, group, directory, vertx, clock, parts(topic, group, own, reads, handler));
          Subscribed subscribed = new Subscribed(subscription);
          subscriptions.add(subscribed);
          return subscription
              .start()
              .<Subscription>map(subscribed)
              .recover(
                  failure -> subscribed.close().transform(closed -> Future.failedFuture(failure)));
        });
  }

  /**
   * Sets a group's position in a topic: replays it, or passes over messages. Leases in flight end,
   * live consumers follow at once.
   */
  public Future<Void> seek(String topic, String group, StartPosition to) {
    return here(
        () ->
            directory
                .brokersFor(topic)
                .compose(
                    brokers ->
                        Future.join(
                            brokers.stream()
                                .map(
                                    broker ->
                                        setPosition(
                                            broker, new SetPosition(group, topic, to, null, null)))
                                .toList()))
                .mapEmpty());
  }

  /**
   * Sets a group's position in some queues of a topic.
   *
   * @param offsets by queue id, the next message for the group
   */
  public Future<Void> seek(String topic, String group, Map<Integer, Long> offsets) {
    Map<Integer, Long> sorted = new TreeMap<>(offsets);
    SetPosition request =
        new SetPosition(
            group,
            topic,
            null,
            sorted.keySet().stream().mapToInt(Integer::intValue).toArray(),
            sorted.values().stream().mapToLong(Long::longValue).toArray());
    return here(() -> directory.brokerFor(topic).compose(broker -> setPosition(broker, request)));
  }

  private Future<Void> setPosition(String broker, SetPosition request) {
    return calls
        .<Positions>request(broker, Addresses.admin(broker), request, BrokerCalls.TIMEOUT_MS)
        .mapEmpty();
  }

  /** Subscribes for a stream; see {@link MessageStream} for how its messages are settled. */
  public Future<MessageStream> stream(String topic, String group, SubscribeOptions options) {
    MessageStream stream = new MessageStream();
    return subscribe(topic, group, options, stream::offer).map(stream::subscribed);
  }

  /** A stream to write messages to. */
  public MessageSink sink(String topic, SendOptions options) {
    return new MessageSink(this, topic, new SendOptions(options));
  }

  /** Closes all subscriptions, each as {@link Subscription#close}; is asked nothing any more. */
  public Future<Void> close() {
    context.runOnContext(
        nothing -> {
          if (asking != null) {
            asking.close();
            asking = null;
          }
        });
    return Future.join(subscriptions.stream().map(Subscription::close).toList())
        .eventually(() -> here(transactions::close))
        .mapEmpty();
  }

  /** Makes what asks one Broker for a subscription. */
  private TopicSubscription.Parts parts(
      String topic, String group, SubscribeOptions options, boolean reads, MessageHandler handler) {
    String holder = nextHolder();
    return (brokerName, since) -> {
      SubscribeOptions own = new SubscribeOptions(options);
      if (since != null && own.getFrom().kind() == StartPosition.Kind.LATEST) {
        own.setFrom(since);
      }
      return reads
          ? new ReadSubscription(context, calls, brokerName, topic, holder, own, handler)
          : new GroupSubscription(context, calls, brokerName, topic, group, holder, own, handler);
    };
  }

  private String nextHolder() {
    return "client:" + id + ":" + subscriptionCount++;
  }

  /** Does something on the client's context. */
  private <T> Future<T> here(Supplier<Future<T>> action) {
    if (Vertx.currentContext() == context) {
      return action.get();
    }
    Promise<T> promise = Promise.promise();
    context.runOnContext(nothing -> action.get().onComplete(promise));
    return promise.future();
  }

  /** A subscription that any thread may close. */
  private final class Subscribed implements Subscription {
    private final TopicSubscription subscription;

    private Subscribed(TopicSubscription subscription) {
      this.subscription = subscription;
    }

    @Override
    public String topic() {
      return subscription.topic();
    }

    @Override
    public String group() {
      return subscription.group();
    }

    @Override
    public Future<Void> close() {
      return here(
          () -> {
            subscriptions.remove(this);
            return subscription.close();
          });
    }
  }
}
