package io.sluice.testkit;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.net.ConnectException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Hosts and connections between them, in the thread of a {@link Simulator}. What is sent arrives in
 * order, after a while, cut anywhere. A direction between two hosts may be blocked: what is on its
 * way then waits, as TCP sends it again and again, and arrives when the direction is free. A
 * process that dies closes its connections; a host that loses its power says nothing, and what
 * comes for it is lost.
 */
public final class SimulatedNetwork {

  /** A rack, a room, two towns. */
  private static final long[] USUAL_NS = {600_000, 5_000_000, 25_000_000};

  private final Simulator simulator;
  private final Map<String, Listener> listeners = new HashMap<>();
  private final Set<String> blocked = new HashSet<>();
  private final Set<String> down = new HashSet<>();
  private final Map<String, Long> delays = new HashMap<>();
  private final List<Pipe> stalled = new ArrayList<>();
  private final List<Socket> sockets = new ArrayList<>();

  private final long usualNs;

  /** A network of one run: one where things take up to so long, which chance decides. */
  public SimulatedNetwork(Simulator simulator) {
    this.simulator = simulator;
    usualNs = USUAL_NS[simulator.random.nextInt(USUAL_NS.length)];
  }

  /** Takes connections at a port. */
  record Listener(SimulatedProcess process, Consumer<NetSocket> taker) {}

  /** Nothing gets from one host to the other, in this direction. */
  public void block(String from, String to) {
    blocked.add(from + ">" + to);
  }

  /** All directions are free. */
  public void heal() {
    blocked.clear();
    delays.clear();
    List<Pipe> waiting = List.copyOf(stalled);
    stalled.clear();
    waiting.forEach(Pipe::schedule);
  }

  /** What goes in this direction takes so much longer. */
  public void delay(String from, String to, long delayMs) {
    delays.put(from + ">" + to, TimeUnit.MILLISECONDS.toNanos(delayMs));
  }

  /** Whether the host has power. */
  public void power(String host, boolean on) {
    if (on) {
      down.remove(host);
    } else {
      down.add(host);
    }
  }

  private boolean isBlocked(String from, String to) {
    return blocked.contains(from + ">" + to);
  }

  private long delayNs(String from, String to) {
    return simulator.between(30_000, usualNs) + delays.getOrDefault(from + ">" + to, 0L);
  }

  /** Sends one thing that is lost where the way is blocked: for clients, who ask again. */
  public void send(String from, String to, Runnable arrived) {
    simulator.after(
        null,
        delayNs(from, to),
        () -> {
          if (!isBlocked(from, to) && !down.contains(to)) {
            arrived.run();
          }
        });
  }

  // Connections.

  void listen(SimulatedProcess process, int port, Consumer<NetSocket> taker) {
    listeners.put(process.host() + ":" + port, new Listener(process, taker));
  }

  void stopListening(SimulatedProcess process, int port) {
    listeners.remove(process.host() + ":" + port);
  }

  Future<NetSocket> connect(SimulatedProcess from, String host, int port, long timeoutMs) {
    Promise<NetSocket> promise = Promise.promise();
    Socket client = new Socket(from, host, port);
    simulator.afterMs(
        from.life(),
        timeoutMs,
        () -> {
          if (promise.tryFail(new ConnectException("connection timed out: " + host))) {
            client.close();
          }
        });
    client.out.send(
        () -> {
          Listener listener = listeners.get(host + ":" + port);
          if (down.contains(host)) {
            return;
          }
          if (listener == null) {
            Pipe back = new Pipe(host, from.host());
            back.send(
                () -> in(from, () -> promise.tryFail(new ConnectException("refused by " + host))));
            return;
          }
          Socket server = new Socket(listener.process(), from.host(), 0);
          server.peer = client;
          client.peer = server;
          server.out.send(
              () ->
                  in(
                      from,
                      () -> {
                        if (!client.closed) {
                          promise.tryComplete(client.face);
                        }
                      }));
          in(listener.process(), () -> listener.taker().accept(server.face));
        });
    return promise.future();
  }

  private void in(SimulatedProcess process, Runnable task) {
    simulator.after(process.life(), null, 0, task);
  }

  /** The process is gone: its kernel closes its connections, unless that is gone too. */
  void died(SimulatedProcess process, boolean powerCut) {
    listeners.values().removeIf(listener -> listener.process() == process);
    for (Socket socket : List.copyOf(sockets)) {
      if (socket.process == process) {
        socket.died(powerCut);
      }
    }
  }

  /** Closes what a server or client has. */
  void closeAll(List<NetSocket> faces) {
    faces.forEach(NetSocket::close);
  }

  /** One direction of a connection. */
  private final class Pipe {

    private final String from;
    private final String to;
    private final ArrayDeque<Item> items = new ArrayDeque<>();
    private boolean scheduled;

    private record Item(long readyNs, Runnable arrived) {}

    Pipe(String from, String to) {
      this.from = from;
      this.to = to;
    }

    void send(Runnable arrived) {
      items.add(new Item(simulator.nowNs() + delayNs(from, to), arrived));
      schedule();
    }

    void schedule() {
      if (!scheduled && !items.isEmpty() && !stalled.contains(this)) {
        scheduled = true;
        long waitNs = Math.max(0, items.peek().readyNs - simulator.nowNs());
        simulator.after(null, null, waitNs, this::deliver);
      }
    }

    private void deliver() {
      scheduled = false;
      if (items.isEmpty()) {
        return;
      }
      if (isBlocked(from, to)) {
        stalled.add(this);
        return;
      }
      items.poll().arrived().run();
      schedule();
    }
  }

  /** One end of a connection. */
  private final class Socket {

    private final SimulatedProcess process;
    private final String remote;
    private final Pipe out;
    private final NetSocket face;
    private final ArrayDeque<Runnable> unread = new ArrayDeque<>();
    private Socket peer;
    private Handler<Buffer> handler = nothing -> {};
    private Handler<Void> closeHandler = nothing -> {};
    private Handler<Void> drainHandler = nothing -> {};
    private int underWay;
    private int most = 64 << 10;
    private boolean wasFull;
    private boolean paused;
    private boolean closed;

    Socket(SimulatedProcess process, String remote, int port) {
      this.process = process;
      this.remote = remote;
      out = new Pipe(process.host(), remote);
      sockets.add(this);
      Stand stand = new Stand("socket of " + process.host() + " to " + remote);
      face =
          stand
              .on("handler", args -> set(() -> handler = handlerOf(args), stand))
              .on("closeHandler", args -> set(() -> closeHandler = handlerOf(args), stand))
              .on("drainHandler", args -> set(() -> drainHandler = handlerOf(args), stand))
              .on("exceptionHandler", args -> stand)
              .on("setWriteQueueMaxSize", args -> set(() -> most = (Integer) args[0], stand))
              .on("writeQueueFull", args -> isFull())
              .on("write", args -> write((Buffer) args[0]))
              .on("pause", args -> set(() -> paused = true, stand))
              .on("resume", args -> set(this::resume, stand))
              .on("close", args -> close())
              .on("remoteAddress", args -> SocketAddress.inetSocketAddress(port, remote))
              .as(NetSocket.class);
    }

    @SuppressWarnings("unchecked")
    private static <T> Handler<T> handlerOf(Object[] args) {
      return args[0] == null ? nothing -> {} : (Handler<T>) args[0];
    }

    private static Stand set(Runnable change, Stand stand) {
      change.run();
      return stand;
    }

    private boolean isFull() {
      wasFull |= underWay >= most;
      return underWay >= most;
    }

    private Future<Void> write(Buffer buffer) {
      if (closed || peer == null) {
        return Future.failedFuture(new ConnectException("the connection is closed"));
      }
      byte[] bytes = buffer.getBytes();
      Promise<Void> written = Promise.promise();
      underWay += bytes.length;
      int cut = simulator.percent(30) ? simulator.random.nextInt(bytes.length + 1) : bytes.length;
      if (cut > 0 && cut < bytes.length) {
        part(Buffer.buffer(bytes).getBuffer(0, cut), null);
        part(Buffer.buffer(bytes).getBuffer(cut, bytes.length), written);
      } else {
        part(Buffer.buffer(bytes), written);
      }
      return written.future();
    }

    private void part(Buffer bytes, Promise<Void> written) {
      Socket to = peer;
      out.send(
          () -> {
            if (to.closed || to.process.life().hasEnded()) {
              if (!down.contains(to.process.host())) {
                // Nobody knows this connection: the other kernel says so.
                to.out.send(() -> in(process, this::finished));
              }
              return;
            }
            in(to.process, () -> to.take(bytes, () -> taken(bytes.length(), written)));
          });
    }

    private void take(Buffer bytes, Runnable done) {
      if (closed) {
        return;
      }
      if (paused || !unread.isEmpty()) {
        unread.add(() -> hand(bytes, done));
      } else {
        hand(bytes, done);
      }
    }

    private void hand(Buffer bytes, Runnable done) {
      out.send(done);
      handler.handle(bytes);
    }

    /** The other side has it: so much is under way no more. */
    private void taken(int bytes, Promise<Void> written) {
      in(
          process,
          () -> {
            underWay -= bytes;
            if (written != null) {
              written.tryComplete();
            }
            if (wasFull && underWay <= most / 2 && !closed) {
              wasFull = false;
              drainHandler.handle(null);
            }
          });
    }

    private void resume() {
      paused = false;
      in(process, this::readOn);
    }

    private void readOn() {
      if (!paused && !closed && !unread.isEmpty()) {
        unread.poll().run();
        in(process, this::readOn);
      }
    }

    private Future<Void> close() {
      if (!closed) {
        out.send(this::tellPeer);
        end();
      }
      return Future.succeededFuture();
    }

    private void tellPeer() {
      if (peer != null) {
        in(peer.process, peer::finished);
      }
    }

    private void finished() {
      if (!closed) {
        end();
      }
    }

    private void end() {
      closed = true;
      sockets.remove(this);
      in(process, () -> closeHandler.handle(null));
    }

    private void died(boolean powerCut) {
      closed = true;
      sockets.remove(this);
      if (powerCut) {
        out.items.clear();
        return;
      }
      // What the process had given to its kernel may still leave.
      int kept = simulator.random.nextInt(out.items.size() + 1);
      while (out.items.size() > kept) {
        out.items.removeLast();
      }
      out.send(this::tellPeer);
    }
  }
}
