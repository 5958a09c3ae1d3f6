package io.sluice.app;

import io.sluice.cluster.ClusterOptions;
import io.sluice.cluster.SecretTls;
import io.sluice.replication.ReplicationOptions;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetServerOptions;
import java.io.IOException;
import java.security.GeneralSecurityException;

/** The cluster's secret on the connections of replication: neither package knows the other. */
final class SecretConnections implements ReplicationOptions.Security {

  private final SecretTls tls;

  SecretConnections(SluiceOptions options) throws GeneralSecurityException, IOException {
    tls =
        new SecretTls(
            new ClusterOptions().setName(options.clusterName()).setSecret(options.clusterSecret()));
  }

  @Override
  public NetServerOptions apply(NetServerOptions options) {
    return tls.apply(options);
  }

  @Override
  public NetClientOptions apply(NetClientOptions options) {
    return tls.apply(options);
  }
}
