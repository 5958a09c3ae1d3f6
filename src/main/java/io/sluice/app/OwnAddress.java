package io.sluice.app;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Comparator;
import java.util.stream.Stream;

/** The address at which other processes of the cluster reach this one. */
final class OwnAddress {

  private OwnAddress() {}

  /**
   * Chooses the address: what was set, else the one the listeners are at, else the machine's first
   * that others can reach.
   */
  static String choose(String set, String host) {
    if (!set.isEmpty()) {
      return set;
    }
    boolean anywhere = host.isEmpty() || host.equals("0.0.0.0") || host.equals("::");
    return anywhere ? find() : host;
  }

  private static String find() {
    try {
      return NetworkInterface.networkInterfaces()
          .flatMap(OwnAddress::addresses)
          // Private addresses before public ones: processes of a cluster are near each other.
          .min(Comparator.comparing((InetAddress address) -> !address.isSiteLocalAddress()))
          .map(InetAddress::getHostAddress)
          .orElse("127.0.0.1");
    } catch (SocketException e) {
      return "127.0.0.1";
    }
  }

  private static Stream<InetAddress> addresses(NetworkInterface network) {
    try {
      return network.isUp() && !network.isLoopback()
          ? network
              .inetAddresses()
              .filter(address -> address instanceof Inet4Address)
              .filter(address -> !address.isLinkLocalAddress())
          : Stream.empty();
    } catch (SocketException e) {
      return Stream.empty();
    }
  }
}
