package io.sluice.client;

import io.sluice.bus.Addresses;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.FrontNotice;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest.End;
import io.sluice.client.TransactionChecker.Outcome;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PlainBodies;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.MessageConsumer;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Begins and ends transactions, and answers Brokers that ask how one ended. To a Broker the client
 * is a producer as RocketMQ's are: as long as it has checkers it says every {@link #BEAT_MS} that
 * it lives. Owned by the client's context.
 */
final class Transactions {

  private static final System.Logger LOG = System.getLogger(Transactions.class.getName());

  /** RocketMQ clients' {@code heartbeatBrokerInterval}. */
  private static final long BEAT_MS = 30_000;

  private final Context context;
  private final BrokerCalls calls;
  private final BrokerDirectory directory;
  private final Sender sender;
  private final String frontId;
  private final String holder;
  private final Map<String, TransactionChecker> checkers = new HashMap<>();
  private MessageConsumer<FrontNotice> listening;
  private long beats = -1;

  Transactions(
      Context context, BrokerCalls calls, BrokerDirectory directory, Sender sender, String id) {
    this.context = context;
    this.calls = calls;
    this.directory = directory;
    this.sender = sender;
    frontId = "client-" + id;
    holder = frontId + ":0";
  }

  Future<Transaction> begin(String producerGroup, String topic, Buffer body, SendOptions options) {
    String problem = Names.groupProblem(producerGroup);
    if (problem != null) {
      return Future.failedFuture(new SluiceException(ErrorCode.INVALID_GROUP, problem));
    }
    return sender
        .send(topic, body, options, producerGroup)
        .map(receipt -> new Begun(producerGroup, receipt));
  }

  <T> Future<T> send(
      String producerGroup,
      String topic,
      Buffer body,
      SendOptions options,
      Function<Transaction, Future<T>> action) {
    return begin(producerGroup, topic, body, options)
        .compose(
            begun ->
                run(action, begun)
                    .compose(
                        result -> begun.commit().map(result),
                        failure ->
                            begun.rollback().transform(ended -> Future.<T>failedFuture(failure))));
  }

  private static <T> Future<T> run(Function<Transaction, Future<T>> action, Transaction begun) {
    try {
      return action.apply(begun);
    } catch (RuntimeException e) {
      return Future.failedFuture(e);
    }
  }

  /** Ends one by its id, which does not say which Broker has it. */
  Future<Void> end(String transactionId, boolean commit) {
    return directory
        .masters()
        .compose(
            masters -> {
              List<Future<Void>> asked = new ArrayList<>();
              masters.forEach(master -> asked.add(end(master, transactionId, commit)));
              return Future.join(asked).transform(done -> firstOf(asked));
            });
  }

  private static Future<Void> firstOf(List<Future<Void>> asked) {
    SluiceException reason = null;
    for (Future<Void> each : asked) {
      if (each.succeeded()) {
        return each;
      }
      SluiceException failure = SluiceException.of(each.cause());
      if (reason == null || reason.code() == ErrorCode.TRANSACTION_NOT_FOUND) {
        reason = failure;
      }
    }
    return Future.failedFuture(
        reason != null
            ? reason
            : new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered"));
  }

  private Future<Void> end(String brokerName, String transactionId, boolean commit) {
    return calls
        .request(
            brokerName,
            Addresses.transactions(brokerName),
            new End(transactionId, commit),
            BrokerCalls.TIMEOUT_MS)
        .mapEmpty();
  }

  Future<TransactionChecks> check(String producerGroup, TransactionChecker checker) {
    String problem = Names.groupProblem(producerGroup);
    if (problem != null) {
      return Future.failedFuture(new SluiceException(ErrorCode.INVALID_GROUP, problem));
    }
    if (checkers.putIfAbsent(producerGroup, checker) != null) {
      return Future.failedFuture(
          new SluiceException(
              ErrorCode.CONFLICT,
              "the client checks the transactions of '" + producerGroup + "' already"));
    }
    if (listening == null) {
      listening =
          calls
              .vertx()
              .eventBus()
              .consumer(Addresses.front(frontId), message -> hear(message.body()));
      beats = calls.vertx().setPeriodic(BEAT_MS, timer -> beat());
    }
    return beat()
        .<TransactionChecks>map(told -> new Checks(producerGroup))
        .onFailure(failure -> stop(producerGroup));
  }

  Future<Void> close() {
    checkers.clear();
    return stopListening();
  }

  private Future<Void> stop(String producerGroup) {
    if (checkers.remove(producerGroup) == null) {
      return Future.succeededFuture();
    }
    return checkers.isEmpty() ? stopListening() : beat().otherwiseEmpty();
  }

  private Future<Void> stopListening() {
    if (listening == null) {
      return Future.succeededFuture();
    }
    calls.vertx().cancelTimer(beats);
    Future<Void> stopped = listening.unregister();
    listening = null;
    return stopped.eventually(
        () -> tellAll(() -> new ClientKept.Disconnect(holder)).otherwiseEmpty());
  }

  private Future<Void> beat() {
    ClientKept.Member member = new ClientKept.Member(holder, holder, "event-bus", "OTHER", 0);
    return tellAll(
        () -> new ClientKept.Heartbeat(member, List.copyOf(checkers.keySet()), List.of()));
  }

  private Future<Void> tellAll(Supplier<ClientKept> notice) {
    return directory
        .masters()
        .compose(
            masters -> {
              List<Future<Done>> told = new ArrayList<>();
              for (String master : masters) {
                told.add(
                    calls.request(
                        master,
                        Addresses.clientKept(master),
                        notice.get(),
                        BrokerCalls.TIMEOUT_MS));
              }
              return Future.join(told).mapEmpty();
            });
  }

  private void hear(FrontNotice notice) {
    if (!(notice instanceof CheckTransaction check)) {
      return;
    }
    TransactionChecker checker = checkers.get(check.group());
    if (checker == null) {
      return;
    }
    MessageView view =
        new PlainBodies(PlainBodies.MAX_BODY_BYTES)
            .plain(new MessageView().wrap(ByteBuffer.wrap(check.record()), 0));
    ReceivedMessage message =
        new ReceivedMessage(
            check.brokerName(), check.topic(), view, 0, 0, (m, kind, delayMs, reason) -> {});
    ask(checker, check, message)
        .compose(
            outcome ->
                outcome == null || outcome == Outcome.UNKNOWN
                    ? Future.succeededFuture()
                    : end(check.brokerName(), check.transactionId(), outcome == Outcome.COMMIT))
        .onFailure(
            failure ->
                LOG.log(
                    Level.WARNING,
                    "could not say how the transaction {0} ended: {1}",
                    check.transactionId(),
                    failure.getMessage()));
  }

  private static Future<Outcome> ask(
      TransactionChecker checker, CheckTransaction check, ReceivedMessage message) {
    try {
      Future<Outcome> answer = checker.check(check.transactionId(), message);
      return answer == null ? Future.succeededFuture() : answer;
    } catch (RuntimeException e) {
      return Future.failedFuture(e);
    }
  }

  private <T> Future<T> here(Supplier<Future<T>> action) {
    if (Vertx.currentContext() == context) {
      return action.get();
    }
    Promise<T> promise = Promise.promise();
    context.runOnContext(nothing -> action.get().onComplete(promise));
    return promise.future();
  }

  private final class Begun implements Transaction {
    private final String group;
    private final SendReceipt receipt;

    private Begun(String group, SendReceipt receipt) {
      this.group = group;
      this.receipt = receipt;
    }

    @Override
    public String id() {
      return receipt.messageId();
    }

    @Override
    public String group() {
      return group;
    }

    @Override
    public SendReceipt receipt() {
      return receipt;
    }

    @Override
    public Future<Void> commit() {
      return here(() -> end(receipt.brokerName(), id(), true));
    }

    @Override
    public Future<Void> rollback() {
      return here(() -> end(receipt.brokerName(), id(), false));
    }
  }

  private final class Checks implements TransactionChecks {
    private final String group;

    private Checks(String group) {
      this.group = group;
    }

    @Override
    public String group() {
      return group;
    }

    @Override
    public Future<Void> close() {
      return here(() -> stop(group));
    }
  }
}
