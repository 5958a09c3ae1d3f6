package io.sluice.app;

import io.sluice.remoting.RemotingClient;
import io.sluice.replication.RocketMqMaster;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.Map;

/** Gives replication the remoting client: neither of the two packages knows the other. */
final class RocketMqPort implements RocketMqMaster {

  /** As RocketMQ's own slaves wait. */
  private static final long TIMEOUT_MS = 5_000;

  private final RemotingClient client;

  RocketMqPort(Vertx vertx, String host, int port) {
    client = new RemotingClient(vertx, host, port, TIMEOUT_MS);
  }

  @Override
  public String address() {
    return client.address();
  }

  @Override
  public Future<byte[]> ask(int code) {
    return client
        .ask(code, Map.of(), null)
        .compose(
            reply ->
                reply.code() == 0
                    ? Future.succeededFuture(reply.body())
                    : Future.failedFuture(
                        address()
                            + " answers code "
                            + code
                            + " with "
                            + reply.code()
                            + (reply.remark() == null ? "" : ", " + reply.remark())));
  }

  @Override
  public Future<Void> close() {
    return client.close();
  }
}
