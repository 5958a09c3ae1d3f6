package io.sluice.remoting;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import java.util.HashMap;
import java.util.Map;

/**
 * Asks one server that speaks RocketMQ's protocol: another Broker or a NameServer. Connects at the
 * first request, and again at the next one after the connection was lost.
 *
 * <p>Each request gets one answer: the server's, or a failure after the timeout. Owned by the event
 * loop that asks.
 */
public final class RemotingClient {

  /** The tables of a Broker with ten thousands of topics have some MiB. */
  private static final int MAX_FRAME_BYTES = 64 << 20;

  private static final int CONNECT_MS = 3_000;

  private final Vertx vertx;
  private final NetClient client;
  private final String host;
  private final int port;
  private final long timeoutMs;
  private Future<ClientConnection> connection;
  private Runnable lost = () -> {};

  /**
   * What a server answered.
   *
   * @param code 0 for success
   * @param remark a sentence, or null
   * @param fields of the header
   * @param body empty if there is none
   */
  public record Reply(int code, String remark, Map<String, String> fields, byte[] body) {}

  /**
   * A client that is not connected yet.
   *
   * @param timeoutMs for one answer
   */
  public RemotingClient(Vertx vertx, String host, int port, long timeoutMs) {
    this.vertx = vertx;
    this.host = host;
    this.port = port;
    this.timeoutMs = timeoutMs;
    client =
        vertx.createNetClient(
            new NetClientOptions().setTcpNoDelay(true).setConnectTimeout(CONNECT_MS));
  }

  /** Has this called when a connection ends, on the event loop that asks. */
  void whenLost(Runnable told) {
    lost = told;
  }

  /** {@code host:port} of the server. */
  public String address() {
    return host + ":" + port;
  }

  /**
   * Asks.
   *
   * @param body or null
   * @return the answer, also one that refuses; fails with BROKER_UNAVAILABLE or TIMEOUT if none
   *     came
   */
  public Future<Reply> ask(int code, Map<String, String> fields, byte[] body) {
    ExtFields header = new ExtFields(Math.max(1, fields.size()));
    fields.forEach(header::put);
    return connected()
        .compose(open -> open.ask(code, header, body, timeoutMs))
        .map(RemotingClient::reply)
        .recover(failure -> Future.failedFuture(named(failure, code)));
  }

  /** Closes the connection; what waits fails. */
  public Future<Void> close() {
    return client.close();
  }

  private Future<ClientConnection> connected() {
    if (connection == null) {
      connection = client.connect(port, host).map(this::opened);
      connection.onFailure(failure -> connection = null);
    }
    return connection;
  }

  private ClientConnection opened(NetSocket socket) {
    ClientConnection opened =
        new ClientConnection(
            vertx,
            (NetSocketInternal) socket,
            "",
            MAX_FRAME_BYTES,
            request -> request.fail(ResponseCode.NOT_SUPPORTED, "this end only asks"));
    socket.closeHandler(
        nothing -> {
          connection = null;
          opened.closed();
          lost.run();
        });
    return opened;
  }

  private static Reply reply(Command answer) {
    Map<String, String> fields = new HashMap<>();
    for (int i = 0; i < answer.fields().count(); i++) {
      fields.put(answer.fields().name(i), answer.fields().value(i));
    }
    byte[] body = new byte[answer.bodyBytes()];
    if (body.length > 0) {
      answer.body().get(body);
    }
    return new Reply(answer.code, answer.remark, fields, body);
  }

  private SluiceException named(Throwable failure, int code) {
    boolean late = failure instanceof SluiceException sluice && sluice.code() == ErrorCode.TIMEOUT;
    return new SluiceException(
        late ? ErrorCode.TIMEOUT : ErrorCode.BROKER_UNAVAILABLE,
        address()
            + (late
                ? " did not answer code " + code + " within " + timeoutMs + " ms"
                : " is not reached for code " + code + ": " + failure.getMessage()));
  }
}
