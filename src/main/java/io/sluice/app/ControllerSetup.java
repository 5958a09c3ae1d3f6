package io.sluice.app;

import io.sluice.broker.BrokerOptions;
import io.sluice.cluster.ClusterOptions;
import io.sluice.cluster.ClusterTls;
import io.sluice.controller.AgentOptions;
import io.sluice.controller.ControllerOptions;
import io.sluice.store.FileAccess;
import java.io.IOException;
import java.security.GeneralSecurityException;

/** Options of controllers, and of what asks them. Static; for workers, as a key is derived. */
final class ControllerSetup {

  private ControllerSetup() {}

  static ControllerOptions controller(SluiceOptions options)
      throws GeneralSecurityException, IOException {
    ControllerConfig config = options.controllers();
    ClusterTls tls = tls(options.clusterName(), options.clusterSecret());
    return new ControllerOptions(
        options.clusterName(),
        config.host(),
        config.port(),
        config.members(),
        options.dataDirectory().resolve("controller").toAbsolutePath(),
        config.lease(),
        tls == null ? null : tls.pfx(),
        tls == null ? null : tls.jgroupsSockets());
  }

  static AgentOptions agent(FileAccess files, SluiceOptions options, BrokerOptions broker)
      throws GeneralSecurityException, IOException {
    ReplicationConfig replication = options.replication();
    if (replication.port() < 1) {
      throw new IllegalArgumentException(
          ConfigTable.REPLICATION_PORT.name()
              + " is "
              + replication.port()
              + "; with "
              + ConfigTable.CONTROLLER_MEMBERS.name()
              + " each Broker may become the master and needs a fixed port for its slaves, 10912 by"
              + " custom");
    }
    if (replication.follows()) {
      throw new IllegalArgumentException(
          ConfigTable.REPLICATION_FROM.name()
              + " and "
              + ConfigTable.CONTROLLER_MEMBERS.name()
              + " are both set; the controllers say who follows whom: leave the first out");
    }
    ClusterTls tls = tls(options.clusterName(), options.clusterSecret());
    return new AgentOptions(
        options.controllers().members(),
        broker.getBrokerName(),
        NodeIdentity.of(files, options.dataDirectory()),
        NodeIdentity.boot(files),
        OwnAddress.choose(options.advertisedHost(), options.host()) + ":" + replication.port(),
        broker.getAdvertisedAddress(),
        tls == null ? null : tls.pfx());
  }

  /** Null where there is no secret. */
  static ClusterTls tls(String cluster, String secret) throws GeneralSecurityException {
    return secret.isEmpty()
        ? null
        : new ClusterTls(new ClusterOptions().setName(cluster).setSecret(secret));
  }
}
