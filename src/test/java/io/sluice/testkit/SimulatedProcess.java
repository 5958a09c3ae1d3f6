package io.sluice.testkit;

import io.sluice.store.StoreThreads;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.MessageProducer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;
import io.vertx.core.internal.WorkerExecutorInternal;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.impl.NetServerInternal;
import io.vertx.core.shareddata.LocalMap;
import io.vertx.core.shareddata.SharedData;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

/**
 * A process of a simulated host: a Vert.x with one event loop, and the threads of its store, all of
 * which are the simulator's one thread. Time, chance and connections are the simulator's too.
 *
 * <p>What runs in it is the real thing, from the verticle to the store; only what of Vert.x it uses
 * is made anew here. What it does not use is not there, and says so.
 */
public final class SimulatedProcess {

  private final Simulator simulator;
  private final SimulatedNetwork network;
  private final String host;
  private final Simulator.Life life;
  private final VertxInternal vertx;
  private final Map<String, List<Registration>> consumers = new HashMap<>();
  private final Map<Long, Simulator.Event> timers = new HashMap<>();
  private final Map<String, Deployment> deployments = new HashMap<>();
  private final Map<String, LocalMap<?, ?>> maps = new HashMap<>();
  private long nextId;
  private long blockingUntilNs;
  private long diskFactor = 1;

  /** A handler at an address. */
  private record Registration(Handler<Message<Object>> handler, Simulator.Scope scope) {}

  private record Deployment(
      Deployable deployable, ContextInternal context, Simulator.Scope scope) {}

  private BiConsumer<String, Object> elsewhere = (address, body) -> {};

  /** A process that begins now. */
  public SimulatedProcess(Simulator simulator, SimulatedNetwork network, String host) {
    this.simulator = simulator;
    this.network = network;
    this.host = host;
    life = new Simulator.Life(host);
    vertx = makeVertx();
    network.power(host, true);
  }

  /** Its Vert.x. */
  public Vertx vertx() {
    return vertx;
  }

  /** Where its store works. */
  public StoreThreads threads() {
    return new SimulatedThreads();
  }

  public Simulator.Life life() {
    return life;
  }

  public String host() {
    return host;
  }

  /** What its disk does takes so many times as long as usual. */
  public void slowDisk(long factor) {
    diskFactor = factor;
  }

  /** Ends it at once, with its machine or alone. */
  public void die(boolean powerCut) {
    simulator.end(life);
    if (powerCut) {
      network.power(host, false);
    }
    network.died(this, powerCut);
  }

  /** Lets something happen in it, soon. */
  public void run(Runnable task) {
    simulator.after(life, null, 0, task);
  }

  private long diskNs() {
    return simulator.between(60_000, 2_000_000) * diskFactor;
  }

  // Vert.x.

  private VertxInternal makeVertx() {
    Stand stand = new Stand("Vert.x of " + host);
    EventBus bus = makeBus();
    SharedData shared = makeSharedData();
    return stand
        .on("setTimer", args -> timer((Long) args[0], 0, handler(args[1])))
        .on("setPeriodic", args -> timer((Long) args[0], (Long) args[0], handler(args[1])))
        .on("cancelTimer", args -> cancel((Long) args[0]))
        .on("executeBlocking", args -> blocking((Callable<?>) args[0]))
        .on("createSharedWorkerExecutor", args -> makeWorker())
        .on("createEventLoopContext", args -> makeContext(new Simulator.Scope()))
        .on("getOrCreateContext", args -> makeContext(simulator.scope()))
        .on("eventBus", args -> bus)
        .on("isClustered", args -> false)
        .on("sharedData", args -> shared)
        .on("createNetServer", args -> makeServer())
        .on("createNetClient", args -> makeClient((NetClientOptions) args[0]))
        .on("deployVerticle", args -> deploy((Deployable) args[0]))
        .on("undeploy", args -> undeploy((String) args[0]))
        .as(VertxInternal.class);
  }

  @SuppressWarnings("unchecked")
  private static <T> Handler<T> handler(Object argument) {
    return (Handler<T>) argument;
  }

  private Object timer(long delayMs, long intervalMs, Handler<Long> task) {
    long id = nextId++;
    Simulator.Scope scope = simulator.scope();
    if (scope != null) {
      scope.closers.add(() -> cancel(id));
    }
    schedule(id, delayMs, intervalMs, task);
    return id;
  }

  private void schedule(long id, long delayMs, long intervalMs, Handler<Long> task) {
    timers.put(
        id,
        simulator.afterMs(
            life,
            delayMs,
            () -> {
              timers.remove(id);
              if (intervalMs > 0) {
                schedule(id, intervalMs, intervalMs, task);
              }
              task.handle(id);
            }));
  }

  private boolean cancel(long id) {
    Simulator.Event event = timers.remove(id);
    return event != null && event.cancel();
  }

  /** One after the other, as those of one context are. */
  private Future<Object> blocking(Callable<?> work) {
    blockingUntilNs = Math.max(blockingUntilNs, simulator.nowNs()) + diskNs();
    Promise<Object> promise = Promise.promise();
    simulator.after(
        life,
        blockingUntilNs - simulator.nowNs(),
        () -> {
          try {
            Object result = work.call();
            simulator.after(life, 1_000, () -> promise.complete(result));
          } catch (Exception e) {
            simulator.after(life, 1_000, () -> promise.fail(e));
          }
        });
    return promise.future();
  }

  private WorkerExecutorInternal makeWorker() {
    return new Stand("worker of " + host)
        .on("executeBlocking", args -> blocking((Callable<?>) args[0]))
        .on("close", args -> Future.succeededFuture())
        .as(WorkerExecutorInternal.class);
  }

  private ContextInternal makeContext(Simulator.Scope scope) {
    return new Stand("context of " + host)
        .on("owner", args -> vertx)
        .on(
            "runOnContext",
            args -> {
              Handler<Void> task = handler(args[0]);
              simulator.after(life, scope, 0, () -> task.handle(null));
              return null;
            })
        .as(ContextInternal.class);
  }

  private Future<Object> deploy(Deployable deployable) {
    String id = "deployment-" + nextId++;
    Simulator.Scope scope = new Simulator.Scope();
    ContextInternal context = makeContext(scope);
    Promise<Object> promise = Promise.promise();
    Simulator.Scope caller = simulator.scope();
    simulator.after(
        life,
        scope,
        0,
        () -> {
          try {
            deployable
                .deploy(context)
                .onComplete(
                    started -> {
                      if (started.succeeded()) {
                        deployments.put(id, new Deployment(deployable, context, scope));
                        simulator.after(life, caller, 0, () -> promise.complete(id));
                      } else {
                        close(scope);
                        simulator.after(life, caller, 0, () -> promise.fail(started.cause()));
                      }
                    });
          } catch (Exception e) {
            promise.fail(e);
          }
        });
    return promise.future();
  }

  private Future<Object> undeploy(String id) {
    Deployment deployment = deployments.remove(id);
    Promise<Object> promise = Promise.promise();
    Simulator.Scope caller = simulator.scope();
    simulator.after(
        life,
        deployment.scope(),
        0,
        () -> {
          try {
            deployment
                .deployable()
                .undeploy(deployment.context())
                .onComplete(
                    stopped -> {
                      close(deployment.scope());
                      simulator.after(
                          life,
                          caller,
                          0,
                          () -> {
                            if (stopped.succeeded()) {
                              promise.complete();
                            } else {
                              promise.fail(stopped.cause());
                            }
                          });
                    });
          } catch (Exception e) {
            promise.fail(e);
          }
        });
    return promise.future();
  }

  private static void close(Simulator.Scope scope) {
    List.copyOf(scope.closers).forEach(Runnable::run);
    scope.closers.clear();
  }

  private SharedData makeSharedData() {
    return new Stand("shared data of " + host)
        .on("getLocalMap", args -> maps.computeIfAbsent((String) args[0], name -> makeMap()))
        .as(SharedData.class);
  }

  private static LocalMap<?, ?> makeMap() {
    Map<Object, Object> map = new HashMap<>();
    return new Stand("local map")
        .on("get", args -> map.get(args[0]))
        .on("getOrDefault", args -> map.getOrDefault(args[0], args[1]))
        .on("put", args -> map.put(args[0], args[1]))
        .on("remove", args -> map.remove(args[0]))
        .on("containsKey", args -> map.containsKey(args[0]))
        .as(LocalMap.class);
  }

  // Connections.

  private NetServerInternal makeServer() {
    Stand stand = new Stand("server of " + host);
    List<NetSocket> taken = new ArrayList<>();
    List<Handler<NetSocket>> taker = new ArrayList<>();
    int[] port = {-1};
    return stand
        .on("exceptionHandler", args -> stand)
        .on(
            "connectHandler",
            args -> {
              taker.add(handler(args[0]));
              return stand;
            })
        .on(
            "listen",
            args -> {
              port[0] = (Integer) args[0];
              network.listen(
                  this,
                  port[0],
                  socket -> {
                    taken.add(socket);
                    taker.get(0).handle(socket);
                  });
              return soon(() -> stand.as(NetServerInternal.class));
            })
        .on("actualPort", args -> port[0])
        .on(
            "close",
            args -> {
              network.stopListening(this, port[0]);
              network.closeAll(taken);
              return soon(() -> null);
            })
        .as(NetServerInternal.class);
  }

  private NetClient makeClient(NetClientOptions options) {
    List<NetSocket> open = new ArrayList<>();
    return new Stand("client of " + host)
        .on(
            "connect",
            args ->
                network
                    .connect(this, (String) args[1], (Integer) args[0], options.getConnectTimeout())
                    .onSuccess(open::add))
        .on(
            "close",
            args -> {
              network.closeAll(open);
              return soon(() -> null);
            })
        .as(NetClient.class);
  }

  private Future<Object> soon(Callable<Object> result) {
    Promise<Object> promise = Promise.promise();
    simulator.after(
        life,
        50_000,
        () -> {
          try {
            promise.complete(result.call());
          } catch (Exception e) {
            promise.fail(e);
          }
        });
    return promise.future();
  }

  // The event bus.

  private EventBus makeBus() {
    Stand stand = new Stand("event bus of " + host);
    return stand
        .on("consumer", args -> register((String) args[0], handler(args[1])))
        .on("localConsumer", args -> register((String) args[0], handler(args[1])))
        .on(
            "send",
            args -> {
              elsewhere.accept((String) args[0], args[1]);
              request((String) args[0], args[1]);
              return stand;
            })
        .on("request", args -> request((String) args[0], args[1]))
        .on(
            "publish",
            args -> {
              publish((String) args[0], args[1]);
              return stand;
            })
        .on("sender", args -> producer((String) args[0]))
        .as(EventBus.class);
  }

  private MessageConsumer<?> register(String address, Handler<Message<Object>> handler) {
    Registration registration = new Registration(handler, simulator.scope());
    consumers.computeIfAbsent(address, key -> new ArrayList<>()).add(registration);
    Runnable leave = () -> consumers.get(address).remove(registration);
    if (simulator.scope() != null) {
      simulator.scope().closers.add(leave);
    }
    return new Stand("consumer of " + address)
        .on("completion", args -> Future.succeededFuture())
        .on(
            "unregister",
            args -> {
              leave.run();
              return Future.succeededFuture();
            })
        .as(MessageConsumer.class);
  }

  private MessageProducer<?> producer(String address) {
    return new Stand("producer to " + address)
        .on("write", args -> request(address, args[0]).mapEmpty())
        .as(MessageProducer.class);
  }

  /** What is published or sent is told here too: others may listen for it. */
  public void onPublish(BiConsumer<String, Object> elsewhere) {
    this.elsewhere = elsewhere;
  }

  private void publish(String address, Object body) {
    elsewhere.accept(address, body);
    for (Registration each : List.copyOf(consumers.getOrDefault(address, List.of()))) {
      simulator.after(
          life, each.scope(), 2_000, () -> each.handler().handle(message(body, Promise.promise())));
    }
  }

  /** Asks whoever listens at an address of this process. */
  public Future<Message<Object>> request(String address, Object body) {
    Promise<Message<Object>> promise = Promise.promise();
    simulator.after(
        life,
        null,
        2_000,
        () -> {
          List<Registration> there = consumers.getOrDefault(address, List.of());
          if (there.isEmpty()) {
            promise.fail(
                new ReplyException(ReplyFailure.NO_HANDLERS, "No handlers for address " + address));
          } else {
            Registration first = there.get(0);
            simulator.after(
                life, first.scope(), 0, () -> first.handler().handle(message(body, promise)));
          }
        });
    return promise.future();
  }

  @SuppressWarnings("unchecked")
  private Message<Object> message(Object body, Promise<Message<Object>> reply) {
    MultiMap headers = MultiMap.caseInsensitiveMultiMap();
    return (Message<Object>)
        new Stand("message")
            .on("body", args -> body)
            .on("headers", args -> headers)
            .on(
                "reply",
                args -> {
                  Object answer = args[0];
                  simulator.after(
                      life, null, 2_000, () -> reply.tryComplete(message(answer, null)));
                  return null;
                })
            .on(
                "fail",
                args -> {
                  ReplyException failure =
                      new ReplyException(
                          ReplyFailure.RECIPIENT_FAILURE, (Integer) args[0], (String) args[1]);
                  simulator.after(life, null, 2_000, () -> reply.tryFail(failure));
                  return null;
                })
            .as(Message.class);
  }

  // The store's threads.

  private final class SimulatedThreads implements StoreThreads {

    @Override
    public long nowNs() {
      return simulator.nowNs();
    }

    @Override
    public void start(String name, Runnable task) {
      simulator.after(life, diskNs(), task);
    }

    @Override
    public Loop loop(String name, Step step) {
      return new SimulatedLoop(step);
    }

    @Override
    public Pool pool(String name, int threads, int maxWaiting) {
      return new SimulatedPool();
    }
  }

  private final class SimulatedLoop implements StoreThreads.Loop {

    private static final long ROUND_NS = 20_000;

    private final StoreThreads.Step step;
    private Simulator.Event next;
    private boolean ended;
    private boolean running;
    private boolean woken;

    SimulatedLoop(StoreThreads.Step step) {
      this.step = step;
    }

    @Override
    public void start() {
      wake();
    }

    @Override
    public void wake() {
      woken = true;
      if (!running) {
        schedule(diskNs());
      }
    }

    private void schedule(long delayNs) {
      if (ended || next != null && next.atNs() <= simulator.nowNs() + delayNs) {
        return;
      }
      if (next != null) {
        next.cancel();
      }
      next = simulator.after(life, null, delayNs, this::round);
    }

    private void round() {
      if (next != null) {
        next.cancel();
        next = null;
      }
      if (ended) {
        return;
      }
      running = true;
      woken = false;
      long waitNs = step.run();
      running = false;
      if (waitNs == StoreThreads.END) {
        ended = true;
      } else {
        schedule(woken ? diskNs() : Math.max(ROUND_NS, waitNs));
      }
    }

    @Override
    public void awaitRound() {
      round();
    }

    @Override
    public void join() {
      while (!ended) {
        round();
      }
    }
  }

  private final class SimulatedPool implements StoreThreads.Pool {

    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();

    @Override
    public void execute(Runnable task) {
      waiting.add(task);
      simulator.after(life, null, diskNs(), () -> runIfWaiting(task));
    }

    private void runIfWaiting(Runnable task) {
      if (waiting.remove(task)) {
        task.run();
      }
    }

    @Override
    public void close() {
      Runnable task;
      while ((task = waiting.poll()) != null) {
        task.run();
      }
    }
  }
}
