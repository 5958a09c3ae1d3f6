package io.sluice.remoting;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.OptionalSslHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.vertx.core.internal.net.NetSocketInternal;
import java.io.File;
import javax.net.ssl.SSLException;

/**
 * TLS on the ports of RocketMQ: clients with and without it use the same one. In the permissive
 * mode the first bytes of a connection decide; a frame of RocketMQ never begins like a TLS record,
 * since its length would be beyond 300 MB.
 *
 * <p>Source: Apache RocketMQ 5.5.0, TlsSystemConfig and NettyRemotingServer.
 */
final class Tls {

  private final SslContext context;
  private final boolean enforced;

  private Tls(SslContext context, boolean enforced) {
    this.context = context;
    this.enforced = enforced;
  }

  /**
   * Reads certificate and key; blocks.
   *
   * @return null if there is no certificate in the options
   * @throws IllegalArgumentException if they can not be used
   */
  static Tls load(RemotingOptions options) {
    if (!options.hasTls()) {
      return null;
    }
    File certificate = new File(options.getTlsCertificate());
    File key = new File(options.getTlsKey());
    try {
      return new Tls(
          SslContextBuilder.forServer(certificate, key).build(), options.isTlsEnforced());
    } catch (SSLException | IllegalArgumentException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IllegalArgumentException(
          "TLS can not be offered with the certificate "
              + certificate
              + " and the key "
              + key
              + " ("
              + cause.getMessage()
              + "); both have to be PEM files, the key PKCS #8 without a password",
          e);
    }
  }

  /** Puts it before a connection from which nothing was read yet; on its event loop. */
  void apply(NetSocketInternal socket) {
    ChannelHandlerContext handler = socket.channelHandlerContext();
    handler
        .pipeline()
        .addFirst(enforced ? context.newHandler(handler.alloc()) : new OptionalSslHandler(context));
  }
}
