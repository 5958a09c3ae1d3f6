package io.sluice.controller;

import io.vertx.core.net.PfxOptions;
import java.util.List;

/**
 * What a Broker tells the controllers.
 *
 * @param members {@code host:port} of the controllers
 * @param brokerName the group that it is one of
 * @param identity of its data directory, drawn once
 * @param boot the present start of its machine
 * @param replicationAt {@code host:port} at which it takes slaves when it is the master
 * @param address {@code host:port} that RocketMQ clients dial
 * @param tls key and certificate of the cluster's secret, or null for none
 */
public record AgentOptions(
    List<String> members,
    String brokerName,
    String identity,
    String boot,
    String replicationAt,
    String address,
    PfxOptions tls) {

  /** A copy. */
  public AgentOptions {
    members = List.copyOf(members);
  }
}
