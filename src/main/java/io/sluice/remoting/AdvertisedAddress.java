package io.sluice.remoting;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The address that clients are told to dial, with what speaks against their reaching it.
 *
 * @param host as it is told
 * @param forIds the IPv4 address that stands in records and message ids: some of RocketMQ's tools
 *     take ids of 32 characters for granted
 * @param warnings sentences for the log, each with what to do; empty if nothing is wrong
 */
record AdvertisedAddress(String host, InetAddress forIds, List<String> warnings) {

  private static final String REMEDY =
      "; set --advertise (brokerIP1, advertised-host) to what clients can dial";

  /** Docker names a container's host by the start of its id. */
  private static final Pattern CONTAINER_NAME = Pattern.compile("[0-9a-f]{12}");

  /** Interfaces that containers are bridged by. */
  private static final Pattern BRIDGE = Pattern.compile("(docker|br-|veth|cni|flannel|podman).*");

  /** What is known of the machine. */
  interface Machine {

    /** All addresses of a name. */
    InetAddress[] lookUp(String name) throws UnknownHostException;

    /** Name of the interface that has the address, or null. */
    String interfaceOf(InetAddress address);

    /** Whether this process runs in a container. */
    boolean isContainer();

    /** This machine. */
    static Machine real() {
      return new Machine() {
        @Override
        public InetAddress[] lookUp(String name) throws UnknownHostException {
          return InetAddress.getAllByName(name);
        }

        @Override
        public String interfaceOf(InetAddress address) {
          try {
            NetworkInterface found = NetworkInterface.getByInetAddress(address);
            return found == null ? null : found.getName();
          } catch (SocketException e) {
            return null;
          }
        }

        @Override
        public boolean isContainer() {
          return Files.exists(Path.of("/.dockerenv"))
              || Files.exists(Path.of("/run/.containerenv"))
              || System.getenv("KUBERNETES_SERVICE_HOST") != null;
        }
      };
    }
  }

  /** Looks the name up; may block. */
  static AdvertisedAddress resolve(String host, String listeningHost) {
    return resolve(host, listeningHost, Machine.real());
  }

  static AdvertisedAddress resolve(String host, String listeningHost, Machine machine) {
    List<String> warnings = new ArrayList<>();
    InetAddress loopback = InetAddress.getLoopbackAddress();
    InetAddress[] addresses;
    try {
      addresses = machine.lookUp(host);
    } catch (UnknownHostException e) {
      warnings.add(
          "clients are told to dial "
              + host
              + ", a name that can not be resolved here; message ids name 127.0.0.1 instead"
              + REMEDY);
      return new AdvertisedAddress(host, loopback, warnings);
    }
    InetAddress forIds = null;
    for (InetAddress address : addresses) {
      if (forIds == null && address.getAddress().length == 4) {
        forIds = address;
      }
    }
    if (forIds == null) {
      warnings.add(
          "message ids name 127.0.0.1, since "
              + host
              + " has no IPv4 address; look-ups by id from other machines need one"
              + REMEDY);
      forIds = loopback;
    }
    String doubt = doubt(host, listeningHost, addresses[0], machine);
    if (doubt != null) {
      warnings.add("clients are told to dial " + host + ", " + doubt + REMEDY);
    }
    return new AdvertisedAddress(host, forIds, List.copyOf(warnings));
  }

  /** Why clients may not reach the address, or null. */
  private static String doubt(
      String host, String listeningHost, InetAddress address, Machine machine) {
    if (address.isAnyLocalAddress()) {
      return "which is no address but all of them";
    }
    if (address.isLoopbackAddress()) {
      return RemotingOptions.isWildcard(listeningHost)
          ? "which only those on this machine reach, though it listens on all addresses"
          : host.startsWith("127.") || host.equals("localhost") || host.equals("::1")
              ? null
              : "which is " + address.getHostAddress() + " here: only this machine reaches it";
    }
    String name = machine.interfaceOf(address);
    if (name != null && BRIDGE.matcher(name).matches()) {
      return "the address of " + name + ", which only containers of this machine reach";
    }
    if (CONTAINER_NAME.matcher(host).matches()) {
      return "a container's name, which only containers of its network know";
    }
    if (name != null && machine.isContainer() && address.isSiteLocalAddress()) {
      return "an address of this container, which only its own network reaches";
    }
    return null;
  }
}
