package io.sluice.controller;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.PfxOptions;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Connections to the controllers, and which of them leads. A request goes to one controller after
 * the other as long as none that leads takes it. It fails where all were asked, and where one does
 * not answer in time: the caller asks again.
 *
 * <p>Whoever holds a lease stays connected to all of them ({@link #connect}): a handshake with a
 * controller that was just started may take as long as a lease on a busy machine, and to find the
 * next leader must not.
 *
 * <p>Owned by the event loop that first asks.
 */
public final class ControllerLink {

  private static final int CONNECT_MS = 500;

  /** Then another is asked; the handshake may go on. */
  private static final long CONNECTED_MS = 700;

  /** After a connection that was not to be had, or ended. */
  private static final long AGAIN_MS = 1_000;

  private final Vertx vertx;
  private final List<Peer> peers;
  private final NetClient client;
  private final long answerMs;
  private Peer leader;
  private long lastId;
  private boolean closed;

  /** That controller does not lead, or is not there: another may. */
  private static final class Elsewhere extends Exception {

    private static final long serialVersionUID = 1L;

    /** {@code host:port} of the leader as far as it knows, or empty. */
    private final String leaderAt;

    Elsewhere(String message, String leaderAt) {
      super(message, null, false, false);
      this.leaderAt = leaderAt;
    }
  }

  /**
   * Nothing is opened yet.
   *
   * @param tls key and certificate of the cluster's secret, or null for none
   * @param answerMs a controller that does not answer for so long is left for another
   */
  public ControllerLink(Vertx vertx, List<String> members, PfxOptions tls, long answerMs) {
    this.vertx = vertx;
    this.answerMs = answerMs;
    peers = members.stream().map(Peer::new).toList();
    NetClientOptions connects =
        new NetClientOptions().setTcpNoDelay(true).setConnectTimeout(CONNECT_MS);
    if (tls != null) {
      connects
          .setSsl(true)
          // The certificate is the cluster's, not a machine's.
          .setHostnameVerificationAlgorithm("")
          .setEnabledSecureTransportProtocols(Set.of("TLSv1.3"))
          .setKeyCertOptions(tls)
          .setTrustOptions(tls);
    }
    client = vertx.createNetClient(connects);
  }

  /** Connects to those that it is not connected to, without waiting for them. */
  void connect() {
    for (Peer peer : peers) {
      if (!peer.rests) {
        peer.connection();
      }
    }
  }

  /** To how many it is connected. */
  int connected() {
    return (int) peers.stream().filter(peer -> peer.socket != null).count();
  }

  /** Asks the controller that leads. A request may come to it twice, where its connection ended. */
  public Future<JsonObject> request(JsonObject request) {
    return request(() -> request);
  }

  /** As above, of what is asked for anew just before each time that it is sent. */
  Future<JsonObject> request(Supplier<JsonObject> request) {
    Set<Peer> asked = new HashSet<>();
    Peer first = leader == null ? next("", asked) : leader;
    return first == null
        ? Future.failedFuture("no controller was to be reached a moment ago")
        : request(request, first, asked);
  }

  private Future<JsonObject> request(Supplier<JsonObject> request, Peer peer, Set<Peer> asked) {
    asked.add(peer);
    return peer.request(request)
        .onSuccess(answer -> leader = peer)
        .recover(
            failure -> {
              if (leader == peer) {
                leader = null;
              }
              Peer next =
                  failure instanceof Elsewhere elsewhere ? next(elsewhere.leaderAt, asked) : null;
              return next == null ? Future.failedFuture(failure) : request(request, next, asked);
            });
  }

  /**
   * Whom to ask: the one that is said to lead, else one that is there. One that was not to be
   * reached a moment ago is not waited for. Null if there is nobody else.
   */
  private Peer next(String leaderAt, Set<Peer> asked) {
    Peer found = null;
    for (Peer peer : peers) {
      if (!asked.contains(peer) && !peer.isAway()) {
        if (peer.member.equals(leaderAt)) {
          return peer;
        }
        if (found == null || found.socket == null && peer.socket != null) {
          found = peer;
        }
      }
    }
    return found;
  }

  /** Ends it. */
  public void close() {
    closed = true;
    peers.forEach(peer -> peer.drop(peer.socket));
    client.close();
  }

  /** One controller, and what it has not answered yet. */
  private final class Peer {

    private final String member;
    private final Map<Long, Promise<JsonObject>> open = new HashMap<>();
    private NetSocket socket;
    private Future<NetSocket> connecting;
    private boolean rests;

    Peer(String member) {
      this.member = member;
    }

    Future<JsonObject> request(Supplier<JsonObject> request) {
      Promise<NetSocket> connected = Promise.promise();
      connection().onComplete(connected::tryComplete, connected::tryFail);
      return within(CONNECTED_MS, connected, new Elsewhere(member + " does not connect", ""))
          .compose(to -> ask(to, request.get()));
    }

    Future<NetSocket> connection() {
      if (closed) {
        return Future.failedFuture("closed");
      }
      if (socket != null) {
        return Future.succeededFuture(socket);
      }
      if (connecting == null) {
        connecting =
            client
                .connect(ControllerOptions.portOf(member), ControllerOptions.hostOf(member))
                .onSuccess(this::connected)
                .onFailure(failure -> rest())
                .onComplete(done -> connecting = null)
                .recover(failure -> Future.failedFuture(new Elsewhere(failure.toString(), "")));
      }
      return connecting;
    }

    private void connected(NetSocket connected) {
      socket = connected;
      connected.handler(
          JsonFrames.parser(
              JsonFrames.MAX_ANSWER_BYTES, this::answered, broken -> drop(connected)));
      connected.exceptionHandler(failure -> {});
      connected.closeHandler(nothing -> drop(connected));
    }

    private Future<JsonObject> ask(NetSocket connected, JsonObject request) {
      long id = ++lastId;
      Promise<JsonObject> promise = Promise.promise();
      open.put(id, promise);
      connected.write(JsonFrames.encode(request.put("id", id)));
      return within(answerMs, promise, new IllegalStateException(member + " did not answer"))
          .onFailure(
              failure -> {
                if (open.remove(id) != null) {
                  drop(connected);
                }
              });
    }

    private <T> Future<T> within(long ms, Promise<T> promise, Exception late) {
      long timer = vertx.setTimer(ms, passed -> promise.tryFail(late));
      return promise.future().onComplete(done -> vertx.cancelTimer(timer));
    }

    private void answered(JsonObject answer) {
      Promise<JsonObject> promise = open.remove(answer.getLong("id"));
      if (promise == null) {
        return;
      }
      if (!answer.getBoolean("leader", true) && !answer.containsKey("groups")) {
        promise.tryFail(new Elsewhere(member + " does not lead", answer.getString("leaderAt", "")));
      } else {
        promise.tryComplete(answer);
      }
    }

    private void drop(NetSocket which) {
      if (which != null && socket == which) {
        socket = null;
        if (leader == this) {
          leader = null;
        }
        rest();
        List<Promise<JsonObject>> lost = List.copyOf(open.values());
        open.clear();
        Elsewhere ended = new Elsewhere("the connection to " + member + " ended", "");
        lost.forEach(promise -> promise.tryFail(ended));
        which.close();
      }
    }

    private boolean isAway() {
      return rests && socket == null;
    }

    private void rest() {
      if (!closed) {
        rests = true;
        vertx.setTimer(AGAIN_MS, passed -> rests = false);
      }
    }
  }
}
