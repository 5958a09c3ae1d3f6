package io.sluice.app.load;

import java.net.InetSocketAddress;
import java.net.URI;

/**
 * Where a server is, and which process it is.
 *
 * @param pid its process, or -1 if that is not known
 * @param authorization says to it who asks, as that header; or null
 */
public record Endpoint(String host, int port, long pid, String authorization) {

  /** A server that everyone may ask. */
  public Endpoint(String host, int port, long pid) {
    this(host, port, pid, null);
  }

  /** The server at an address such as {@code http://127.0.0.1:8080}. */
  public static Endpoint of(URI uri, long pid) {
    return of(uri, pid, null);
  }

  /** As the other, with what says who asks. */
  public static Endpoint of(URI uri, long pid, String authorization) {
    return new Endpoint(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort(), pid, authorization);
  }

  /** The lines at the start of every request's headers. */
  String headers() {
    String host = "Host: " + this.host + ":" + port + "\r\n";
    return authorization == null ? host : host + "Authorization: " + authorization + "\r\n";
  }

  InetSocketAddress address() {
    return new InetSocketAddress(host, port);
  }
}
