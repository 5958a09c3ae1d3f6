package io.sluice.replication;

import io.vertx.core.Future;

/** The remoting port of a Broker of Apache RocketMQ, as a {@link RocketMqFollower} needs it. */
public interface RocketMqMaster {

  /** {@code host:port} that is asked, for people. */
  String address();

  /**
   * Asks what needs no header fields.
   *
   * @param code of RocketMQ's request
   * @return the answer's body; fails if there is no answer or it refuses
   */
  Future<byte[]> ask(int code);

  /** Ends the connection. */
  Future<Void> close();
}
