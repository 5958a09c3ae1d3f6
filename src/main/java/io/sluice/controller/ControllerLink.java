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
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One connection to the leader of the controllers; looks for it where it has moved. A request fails
 * where nobody who leads answers in time: the caller asks again.
 *
 * <p>Owned by the event loop that first asks.
 */
public final class ControllerLink {

  private static final int CONNECT_MS = 500;

  private final Vertx vertx;
  private final List<String> members;
  private final NetClient client;
  private final long answerMs;
  private final Map<Long, Promise<JsonObject>> open = new HashMap<>();
  private NetSocket socket;
  private Future<NetSocket> connecting;
  private int next;
  private String wanted = "";
  private long lastId;
  private boolean closed;

  /**
   * Nothing is opened yet.
   *
   * @param tls key and certificate of the cluster's secret, or null for none
   * @param answerMs a controller that does not answer for so long is left for another
   */
  public ControllerLink(Vertx vertx, List<String> members, PfxOptions tls, long answerMs) {
    this.vertx = vertx;
    this.answerMs = answerMs;
    this.members = List.copyOf(members);
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

  /** Asks the controller that leads. */
  public Future<JsonObject> request(JsonObject request) {
    return connection().compose(connected -> ask(connected, request));
  }

  private Future<NetSocket> connection() {
    if (closed) {
      return Future.failedFuture("closed");
    }
    if (socket != null) {
      return Future.succeededFuture(socket);
    }
    if (connecting == null) {
      String member = wanted.isEmpty() ? members.get(next++ % members.size()) : wanted;
      wanted = "";
      connecting =
          client
              .connect(ControllerOptions.portOf(member), ControllerOptions.hostOf(member))
              .onSuccess(this::connected)
              .onComplete(done -> connecting = null);
    }
    return connecting;
  }

  private void connected(NetSocket connected) {
    socket = connected;
    connected.handler(
        JsonFrames.parser(
            JsonFrames.MAX_ANSWER_BYTES,
            answer -> answered(connected, answer),
            broken -> drop(connected, "")));
    connected.exceptionHandler(failure -> {});
    connected.closeHandler(nothing -> drop(connected, ""));
  }

  private Future<JsonObject> ask(NetSocket connected, JsonObject request) {
    long id = ++lastId;
    Promise<JsonObject> promise = Promise.promise();
    open.put(id, promise);
    connected.write(JsonFrames.encode(request.put("id", id)));
    long timer =
        vertx.setTimer(
            answerMs,
            timeout -> {
              if (open.remove(id) != null) {
                promise.fail("the controller did not answer");
                drop(connected, "");
              }
            });
    return promise.future().onComplete(done -> vertx.cancelTimer(timer));
  }

  private void answered(NetSocket from, JsonObject answer) {
    Promise<JsonObject> promise = open.remove(answer.getLong("id"));
    if (!answer.getBoolean("leader", true) && !answer.containsKey("groups")) {
      drop(from, answer.getString("leaderAt", ""));
      if (promise != null) {
        promise.fail("this controller does not lead");
      }
    } else if (promise != null) {
      promise.complete(answer);
    }
  }

  private void drop(NetSocket which, String instead) {
    if (socket == which) {
      socket = null;
      wanted = members.contains(instead) ? instead : "";
      List<Promise<JsonObject>> lost = List.copyOf(open.values());
      open.clear();
      lost.forEach(promise -> promise.tryFail("the connection to the controller ended"));
      which.close();
    }
  }

  /** Ends it. */
  public void close() {
    closed = true;
    if (socket != null) {
      drop(socket, "");
    }
    client.close();
  }
}
