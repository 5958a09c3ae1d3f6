package io.sluice.cluster;

import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.PfxOptions;
import io.vertx.core.net.TCPSSLOptions;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.util.Set;

/**
 * TLS of the cluster's secret for connections of Vert.x: both ends show that they have it, and
 * neither is heard or told anything by who has it not. Immutable.
 */
public final class SecretTls {

  private final PfxOptions store;

  /**
   * Derives key and certificate; takes a part of a second.
   *
   * @param options their secret is not empty
   * @throws IllegalArgumentException if the secret is too short
   */
  public SecretTls(ClusterOptions options) throws GeneralSecurityException, IOException {
    this(new ClusterTls(options));
  }

  SecretTls(ClusterTls tls) throws GeneralSecurityException, IOException {
    // Options are copied by JSON here and there, so only values survive.
    store = tls.pfx();
  }

  /** For a listener. */
  public NetServerOptions apply(NetServerOptions options) {
    applyToBoth(options);
    return options.setClientAuth(ClientAuth.REQUIRED);
  }

  /** For who connects; whatever the name of the other end is. */
  public NetClientOptions apply(NetClientOptions options) {
    applyToBoth(options);
    return options.setHostnameVerificationAlgorithm("");
  }

  void applyToBoth(TCPSSLOptions options) {
    options
        .setSsl(true)
        .setEnabledSecureTransportProtocols(Set.of(ClusterTls.PROTOCOL))
        .setKeyCertOptions(store)
        .setTrustOptions(store);
  }
}
