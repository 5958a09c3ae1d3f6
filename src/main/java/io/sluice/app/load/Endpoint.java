package io.sluice.app.load;

import java.net.InetSocketAddress;
import java.net.URI;

/**
 * Where a server is, and which process it is.
 *
 * @param pid its process, or -1 if that is not known
 */
public record Endpoint(String host, int port, long pid) {

  /** The server at an address such as {@code http://127.0.0.1:8080}. */
  public static Endpoint of(URI uri, long pid) {
    return new Endpoint(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort(), pid);
  }

  InetSocketAddress address() {
    return new InetSocketAddress(host, port);
  }
}
