package io.sluice.broker;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.PopRequest;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.RequestBundle;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Takes the requests on the addresses of this Broker's name, and gives each to the part that
 * answers it: what a master takes, what a slave takes, what needs a lease that holds.
 *
 * <p>Owned by the Broker's event loop.
 */
final class Endpoints {

  private static final System.Logger LOG = System.getLogger(Endpoints.class.getName());

  private final Vertx vertx;
  private final BrokerOptions options;
  private final Fence fence;
  private final Handlers handlers;
  private final Bundles bundles;
  private SlaveRole slave;
  private boolean open;

  /** The parts that answer. */
  record Handlers(
      Appender appender,
      Dispatcher dispatcher,
      Reader reader,
      Settler settler,
      Admin admin,
      ClientKeptHandler clientKept,
      PopHandler pops,
      Operator operator,
      LetterHandler letters,
      TransactionHandler transactions,
      ReplicationAdmin replication) {}

  Endpoints(Vertx vertx, BrokerOptions options, Turn turn, Fence fence, Handlers handlers) {
    this.vertx = vertx;
    this.options = options;
    this.fence = fence;
    this.handlers = handlers;
    bundles = new Bundles(vertx, turn, this::take);
  }

  /**
   * Listens. What comes is refused until {@link #open()}.
   *
   * @param role null for a master
   */
  Future<?> listen(SlaveRole role) {
    slave = role;
    return slave == null ? listenAsMaster() : listenAsSlave();
  }

  /** Takes what comes from now on. */
  void open() {
    open = true;
  }

  /**
   * Refuses what comes from now on.
   *
   * @return what it is refused with
   */
  SluiceException close() {
    open = false;
    return notOpen();
  }

  /** Sends the bundled answers there are. The last step of the turn. */
  void flush() {
    bundles.flush();
  }

  /** Forgets the fronts that wait for nothing. */
  void forgetIdle() {
    bundles.forgetIdle();
  }

  /** What a master and a slave do alike. */
  private List<Future<Void>> listenForReads(String name) {
    List<Future<Void>> listening = new ArrayList<>();
    listening.add(
        this.<ReleaseRequest>on(
            Addresses.release(name),
            (request, at) -> {
              handlers.dispatcher.release(request.holder());
              at.reply(Done.DONE);
            }));
    listening.add(
        this.<ReadRequest>on(
            Addresses.read(name), (request, at) -> handlers.reader.read(request, Answer.to(at))));
    listening.add(
        this.<RequestBundle>on(
            Addresses.bundles(name),
            (request, at) -> {
              at.reply(Done.DONE);
              bundles.take(request);
            }));
    return listening;
  }

  private Future<?> listenAsMaster() {
    String name = options.getBrokerName();
    List<Future<Void>> listening = listenForReads(name);
    listening.add(
        this.<AppendRequest>on(
            Addresses.append(name),
            (request, at) -> handlers.appender.append(request, Answer.to(at))));
    listening.add(
        this.<ReceiveRequest>on(
            Addresses.receive(name),
            (request, at) -> {
              fence.check();
              receive(request, Answer.to(at));
            }));
    listening.add(onFenced(Addresses.settle(name), handlers.settler::settle));
    listening.add(
        this.<AdminRequest>on(
            Addresses.admin(name),
            (request, at) -> {
              Answer<BusMessage> answer = Answer.to(at);
              if (handlers.replication.tryHandle(request, answer)) {
                return;
              }
              if (SlaveRole.isRead(request)) {
                handlers.admin.handle(request, handlers.clientKept.following(request, answer));
              } else {
                fence.check();
                handlers.admin.handle(
                    request, handlers.clientKept.following(request, fence.guard(answer)));
              }
            }));
    listening.add(
        this.<ClientKept>on(
            Addresses.clientKept(name),
            (request, at) -> {
              if (SlaveRole.isRead(request)) {
                handlers.clientKept.handle(request, Answer.to(at));
              } else {
                fence.check();
                handlers.clientKept.handle(request, fence.guard(Answer.to(at)));
              }
            }));
    listening.add(
        this.<PopRequest>on(
            Addresses.pop(name),
            (request, at) -> {
              fence.check();
              handlers.pops.handle(request, Answer.to(at));
            }));
    listening.add(
        this.<OperatorRequest>on(
            Addresses.operator(name),
            (request, at) -> handlers.operator.handle(request, Answer.to(at))));
    listening.add(onFenced(Addresses.letters(name), handlers.letters::handle));
    listening.add(onFenced(Addresses.transactions(name), handlers.transactions::handle));
    if (options.isPlainSends()) {
      listening.add(new PlainTransactions(vertx, options, handlers.transactions).listen());
    }
    return Future.all(listening);
  }

  private Future<?> listenAsSlave() {
    String name = options.getBrokerName();
    if (vertx.isClustered()) {
      // The address of the Broker is the master's.
      name = ClusterNode.slaveName(name, options.getBrokerId());
      ClusterNode.putSlave(vertx, options.getBrokerName(), name);
    }
    List<Future<Void>> listening = listenForReads(name);
    for (String refused :
        List.of(
            Addresses.append(name),
            Addresses.receive(name),
            Addresses.settle(name),
            Addresses.letters(name),
            Addresses.transactions(name),
            Addresses.pop(name))) {
      listening.add(
          this.<BusMessage>on(
              refused,
              (request, at) -> {
                throw slave.refusal();
              }));
    }
    listening.add(
        this.<AdminRequest>on(
            Addresses.admin(name),
            (request, at) -> {
              Answer<BusMessage> answer = Answer.to(at);
              if (!handlers.replication.tryHandle(request, answer)) {
                handlers.admin.handle(slave.checked(request), answer);
              }
            }));
    listening.add(
        this.<ClientKept>on(
            Addresses.clientKept(name),
            (request, at) -> handlers.clientKept.handle(slave.checked(request), Answer.to(at))));
    return Future.all(listening);
  }

  private void receive(ReceiveRequest request, Answer<? super ReceiveReply> answer) {
    handlers.clientKept.checkLeasesAllowed(request.group(), request.topic());
    handlers.dispatcher.receive(request, answer);
  }

  /** Takes one request out of a bundle. */
  private void take(BusMessage request, Answer<BusMessage> answer) {
    boolean reads = request instanceof ReadRequest || request instanceof ReleaseRequest;
    if (slave != null && !reads) {
      throw slave.refusal();
    }
    if (!reads) {
      fence.check();
    }
    if (request instanceof ReceiveRequest receive) {
      receive(receive, answer);
    } else if (request instanceof SettleRequest settle) {
      handlers.settler.settle(settle, fence.guard(answer));
    } else if (request instanceof ReadRequest read) {
      handlers.reader.read(read, answer);
    } else if (request instanceof ReleaseRequest release) {
      handlers.dispatcher.release(release.holder());
      answer.succeed(Done.DONE);
    } else {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          request.getClass().getSimpleName() + " does not travel in a bundle");
    }
  }

  /** What changes something: refused without the lease, and not acked when it ended meanwhile. */
  private <T extends BusMessage, R extends BusMessage> Future<Void> onFenced(
      String address, BiConsumer<T, Answer<R>> handler) {
    return this.<T>on(
        address,
        (request, at) -> {
          fence.check();
          handler.accept(request, fence.guard(Answer.to(at)));
        });
  }

  private <T extends BusMessage> Future<Void> on(
      String address, BiConsumer<T, Message<T>> handler) {
    if (slave != null && !vertx.isClustered()) {
      return vertx
          .eventBus()
          .<T>localConsumer(address, message -> handle(message, handler))
          .completion();
    }
    return vertx.eventBus().<T>consumer(address, message -> handle(message, handler)).completion();
  }

  /** Answers what a handler throws; a handler that returns has answered or will. */
  private <T extends BusMessage> void handle(
      Message<T> message, BiConsumer<T, Message<T>> handler) {
    if (!open) {
      SluiceException.fail(message, message.body() instanceof AppendRequest ? gone() : notOpen());
      return;
    }
    try {
      handler.accept(message.body(), message);
    } catch (SluiceException e) {
      SluiceException.fail(message, e);
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "could not answer " + message.body(), e);
      SluiceException.fail(message, e);
    }
  }

  /** Nothing was stored of what comes so late, or so early: it may go to another. */
  private SluiceException gone() {
    return new SluiceException(ErrorCode.BROKER_UNAVAILABLE, notOpen().getMessage());
  }

  private SluiceException notOpen() {
    return new SluiceException(
        ErrorCode.SHUTTING_DOWN, "the Broker '" + options.getBrokerName() + "' is not running");
  }
}
