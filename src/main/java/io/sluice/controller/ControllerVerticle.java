package io.sluice.controller;

import io.sluice.controller.Command.Barrier;
import io.sluice.controller.Command.Change;
import io.sluice.controller.Command.Elect;
import io.sluice.controller.Command.Join;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A controller: takes the connections of Brokers, keeps the masters' leases while it leads, and
 * puts what it decides into the log of the controllers.
 *
 * <p>A renewal is answered only when a command that was submitted after its receipt is committed.
 * So whoever was granted a lease was so by a leader that led when the renewal came, and whoever
 * leads later begins later: it waits a whole lease from there.
 *
 * <p>One event loop owns the connections and the leases; the engine has threads of its own.
 */
public final class ControllerVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(ControllerVerticle.class.getName());

  private static final long TICK_MS = 100;

  /** A command that is not in the log by then may still come to be there. */
  private static final long SUBMIT_MS = 2_000;

  /** What comes within it shares an entry of the log; in the pauses followers catch up. */
  private static final long COLLECT_MS = 50;

  private static final int MAX_CONNECTIONS = 10_000;

  /** A connection with so many unanswered requests is read no further. */
  private static final int MAX_OPEN = 64;

  private final ControllerOptions options;
  private final Engine engine;
  private final ControllerState state = new ControllerState();
  private final Elections elections;
  private final List<Pending> waiting = new ArrayList<>();
  private final Set<Promise<Boolean>> submitted = new HashSet<>();
  private final Set<String> electing = new HashSet<>();
  private NetServer server;
  private boolean barrier;
  private int connections;

  /** Who is owed an answer. */
  private record Pending(Connection connection, JsonObject request) {}

  private static final class Connection {
    private final NetSocket socket;
    private int open;

    private Connection(NetSocket socket) {
      this.socket = socket;
    }
  }

  /** A controller on jgroups-raft; nothing is opened yet. */
  public ControllerVerticle(ControllerOptions options, Clock clock) {
    this(options, clock, new RaftEngine(options));
  }

  ControllerVerticle(ControllerOptions options, Clock clock, Engine engine) {
    this.options = options;
    this.engine = engine;
    elections = new Elections(clock, options.lease());
  }

  @Override
  public Future<?> start() {
    Context home = context;
    return vertx
        .executeBlocking(
            () -> {
              engine.start(state, leads -> home.runOnContext(nothing -> changed(leads)));
              return null;
            })
        .compose(
            started -> {
              elections.lead(engine.isLeader());
              vertx.setPeriodic(TICK_MS, id -> tick());
              return listen();
            });
  }

  private Future<NetServer> listen() {
    NetServerOptions listening = new NetServerOptions().setTcpNoDelay(true);
    if (options.tls() != null) {
      listening
          .setSsl(true)
          .setClientAuth(ClientAuth.REQUIRED)
          .setEnabledSecureTransportProtocols(Set.of("TLSv1.3"))
          .setKeyCertOptions(options.tls())
          .setTrustOptions(options.tls());
    }
    server = vertx.createNetServer(listening).connectHandler(this::connected);
    return server.listen(options.port(), options.host());
  }

  @Override
  public Future<?> stop() {
    elections.lead(false);
    return server
        .close()
        .eventually(
            () ->
                vertx.executeBlocking(
                    () -> {
                      engine.stop();
                      return null;
                    }));
  }

  // Leading.

  /** It began to lead, or led no more, and may have begun again since. */
  private void changed(boolean leads) {
    elections.lead(engine.isLeader());
    if (!leads) {
      // Whoever waits asks the next leader at once, while his lease still holds.
      List.copyOf(submitted).forEach(open -> open.tryFail("this controller leads no more"));
    }
  }

  private void tick() {
    boolean leads = engine.isLeader();
    if (leads != elections.isLeader()) {
      changed(leads);
    }
    for (Elect elect : elections.tick(state)) {
      propose(elect);
    }
  }

  private void propose(Elect elect) {
    if (!electing.add(elect.name())) {
      return;
    }
    LOG.log(
        Level.WARNING,
        "broker {0}: node {1} is to be the master in epoch {2}",
        elect.name(),
        Long.toString(elect.node()),
        Long.toString(elect.epoch()));
    submit(elect)
        .onComplete(
            done -> {
              electing.remove(elect.name());
              if (done.failed()) {
                LOG.log(
                    Level.WARNING,
                    "broker {0}: it is not known whether epoch {1} began: {2}",
                    elect.name(),
                    Long.toString(elect.epoch()),
                    done.cause());
              }
            });
  }

  /** Submits, and comes back to this event loop. */
  private Future<Boolean> submit(Command command) {
    Promise<Boolean> promise = Promise.promise();
    submitted.add(promise);
    long timer =
        vertx.setTimer(
            SUBMIT_MS, id -> promise.tryFail("not agreed on within " + SUBMIT_MS + " ms"));
    engine
        .submit(command)
        .whenComplete(
            (result, failure) ->
                context.runOnContext(
                    nothing -> {
                      if (failure == null) {
                        promise.tryComplete(result);
                      } else {
                        promise.tryFail(failure);
                      }
                    }));
    return promise
        .future()
        .onComplete(
            done -> {
              vertx.cancelTimer(timer);
              submitted.remove(promise);
            });
  }

  // Connections.

  private void connected(NetSocket socket) {
    if (connections >= MAX_CONNECTIONS) {
      socket.close();
      return;
    }
    connections++;
    Connection connection = new Connection(socket);
    socket.handler(
        JsonFrames.parser(
            JsonFrames.MAX_REQUEST_BYTES,
            request -> take(connection, request),
            broken -> {
              LOG.log(
                  Level.WARNING,
                  "a connection from {0} is closed: {1}",
                  socket.remoteAddress(),
                  broken.toString());
              socket.close();
            }));
    socket.exceptionHandler(failure -> {});
    socket.closeHandler(nothing -> connections--);
  }

  private void take(Connection connection, JsonObject request) {
    if (++connection.open >= MAX_OPEN) {
      connection.socket.pause();
    }
    String op = request.getString("op", "");
    try {
      if (op.equals("status")) {
        answer(connection, request, status());
      } else if (!engine.isLeader()) {
        answer(connection, request, notLeader());
      } else {
        lead(op, connection, request);
      }
    } catch (RuntimeException e) {
      LOG.log(Level.WARNING, "a request could not be read: " + request.encode(), e);
      answer(connection, request, new JsonObject().put("error", "malformed: " + e));
    }
  }

  private void lead(String op, Connection connection, JsonObject request) {
    switch (op) {
      case "heartbeat" -> heartbeat(connection, request);
      case "change" ->
          decided(
              connection,
              request,
              new Change(
                  request.getString("name"),
                  request.getLong("epoch"),
                  request.getLong("version"),
                  new TreeSet<>(BrokerGroup.longs(request.getJsonArray("inSync")))));
      case "resign" -> {
        BrokerGroup group = state.group(request.getString("name"));
        elections.resigned(
            group, group.numberOf(request.getString("identity")), request.getString("incarnation"));
        answer(connection, request, said(group.name(), true));
        tick();
      }
      case "elect" -> byHand(connection, request);
      default -> throw new IllegalArgumentException("unknown op");
    }
  }

  private void byHand(Connection connection, JsonObject request) {
    BrokerGroup group = state.group(request.getString("name"));
    long node = request.getLong("node");
    boolean unclean = request.getBoolean("unclean", false);
    String incarnation = elections.incarnationOf(group.name(), node);
    String why = null;
    if (incarnation == null) {
      why = "node " + node + " of " + group.name() + " was not heard of lately; start it";
    } else if (!unclean && !group.inSync().contains(node)) {
      why =
          "node "
              + node
              + " is not in sync (in sync are "
              + group.inSync()
              + "): messages that were acked may be missing there; --unclean takes it all the same";
    } else if (elections.isAlive(group.name(), group.master()) && group.master() != node) {
      why =
          "the master, node " + group.master() + ", lives; stop it first: it hands over by itself";
    }
    if (why != null) {
      answer(connection, request, new JsonObject().put("error", why));
      return;
    }
    decided(connection, request, elections.elect(group, node, incarnation, unclean));
  }

  private void decided(Connection connection, JsonObject request, Command command) {
    String name = request.getString("name");
    submit(command)
        .onComplete(
            done ->
                answer(
                    connection,
                    request,
                    done.succeeded() ? said(name, done.result()) : notLeader()));
  }

  private void heartbeat(Connection connection, JsonObject request) {
    BrokerGroup group = state.group(request.getString("name"));
    BrokerGroup.Node node =
        new BrokerGroup.Node(
            request.getString("identity"),
            request.getString("boot"),
            request.getString("replicationAt"),
            request.getString("address"));
    long number = group.numberOf(node.identity());
    if (number != 0 && group.nodes().get(number).equals(node)) {
      heard(request, number);
      waiting.add(new Pending(connection, request));
      commitSoon();
      return;
    }
    submit(new Join(group.name(), node))
        .onComplete(
            done -> {
              long joined = state.group(group.name()).numberOf(node.identity());
              if (done.failed() || !engine.isLeader()) {
                answer(connection, request, notLeader());
              } else if (joined == 0) {
                answer(
                    connection,
                    request,
                    new JsonObject().put("error", "there are too many nodes or Brokers already"));
              } else {
                heard(request, joined);
                answer(connection, request, said(group.name(), true));
              }
            });
  }

  private void heard(JsonObject request, long number) {
    elections.heard(
        state.group(request.getString("name")),
        number,
        request.getString("incarnation"),
        request.getLong("epoch"),
        request.getLong("end"));
  }

  /** One entry of the log for all that have come by then. */
  private void commitSoon() {
    if (barrier) {
      return;
    }
    barrier = true;
    vertx.setTimer(
        COLLECT_MS,
        id -> {
          List<Pending> asked = List.copyOf(waiting);
          waiting.clear();
          submit(new Barrier())
              .onComplete(
                  done -> {
                    for (Pending each : asked) {
                      answer(
                          each.connection(),
                          each.request(),
                          done.succeeded()
                              ? said(each.request().getString("name"), true)
                              : notLeader());
                    }
                    barrier = false;
                    if (!waiting.isEmpty()) {
                      commitSoon();
                    }
                  });
        });
  }

  private JsonObject said(String name, boolean ok) {
    return new JsonObject()
        .put("leader", true)
        .put("ok", ok)
        .put("leaseMs", options.lease().toMillis())
        .put("group", state.group(name).toJson());
  }

  private JsonObject notLeader() {
    String leader = engine.leader();
    return new JsonObject()
        .put("leader", false)
        .put("leaderAt", leader.equals(options.self()) ? "" : leader);
  }

  private JsonObject status() {
    JsonArray groups = new JsonArray();
    for (Map.Entry<String, BrokerGroup> each : state.groups().entrySet()) {
      JsonObject group = each.getValue().toJson();
      if (engine.isLeader()) {
        JsonArray nodes = group.getJsonArray("nodes");
        for (int i = 0; i < nodes.size(); i++) {
          JsonObject node = nodes.getJsonObject(i);
          node.put("alive", elections.isAlive(each.getKey(), node.getLong("node")));
        }
      }
      groups.add(group);
    }
    return new JsonObject()
        .put("controller", options.self())
        .put("leader", engine.isLeader())
        .put("leaderAt", engine.leader())
        .put("members", new JsonArray(options.members()))
        .put("leaseMs", options.lease().toMillis())
        .put("groups", groups);
  }

  private void answer(Connection connection, JsonObject request, JsonObject answer) {
    if (connection.open-- == MAX_OPEN) {
      connection.socket.resume();
    }
    connection.socket.write(JsonFrames.encode(answer.put("id", request.getLong("id", 0L))));
  }
}
