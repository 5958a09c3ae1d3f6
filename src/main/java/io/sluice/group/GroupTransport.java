package io.sluice.group;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.jgroups.JChannel;
import org.jgroups.protocols.Discovery;
import org.jgroups.protocols.FD_SOCK;
import org.jgroups.protocols.TCP;
import org.jgroups.protocols.TCPPING;
import org.jgroups.stack.Protocol;
import org.jgroups.util.SocketFactory;

/**
 * How processes of a JGroups group reach and find each other: over TCP, at ports that are known,
 * and without multicast. The membership of the event bus and the controllers stand on it, each with
 * protocols of its own above.
 *
 * @param address where this process listens and from where it connects
 * @param port for messages
 * @param livenessPort for the sockets whose end says that a process is gone
 * @param sockets makes the sockets for messages; null for plain ones
 */
public record GroupTransport(
    InetAddress address, int port, int livenessPort, SocketFactory sockets) {

  /** A dead host among those to look for must not hold up a start. */
  private static final int CONNECT_TIMEOUT_MS = 500;

  /** Messages of a membership are few and small. */
  private static final int MAX_THREADS = 32;

  private static final long ASK_AGAIN_MS = 250;

  /**
   * Joins the protocols, from {@link #messages} upwards, to a channel that is not connected yet.
   *
   * @param name of this process, for the logs of all
   */
  public static JChannel channel(String name, List<Protocol> protocols) throws Exception {
    JChannel channel = new JChannel(protocols);
    // Else it listens to multicasts.
    channel.getProtocolStack().getTransport().getDiagnosticsHandler().setEnabled(false);
    return channel.name(name);
  }

  /** Carries the messages. */
  public TCP messages() {
    TCP tcp = new TCP();
    tcp.setBindAddress(address);
    tcp.setBindPort(port);
    tcp.setPortRange(0);
    tcp.setSockConnTimeout(CONNECT_TIMEOUT_MS);
    tcp.getThreadPool().setMaxThreads(MAX_THREADS);
    tcp.setBundler(new DestinationBundler());
    if (sockets != null) {
      tcp.setSocketFactory(sockets);
    }
    return tcp;
  }

  /** Sees at once that a process has died. */
  public FD_SOCK liveness() {
    return new FD_SOCK()
        .setBindAddress(address)
        .setStartPort(livenessPort)
        .setPortRange(0)
        .setSockConnTimeout(CONNECT_TIMEOUT_MS);
  }

  /**
   * Looks for others where they are said to be.
   *
   * @param hosts their addresses with the ports for messages
   * @param joinTimeoutMs as in {@link #asking}
   */
  public static Discovery among(List<InetSocketAddress> hosts, long joinTimeoutMs) {
    return asking(new TCPPING().setInitialHosts(hosts).setPortRange(0), joinTimeoutMs);
  }

  /**
   * Makes it ask again and again: who hears it may answer over a connection to an earlier start of
   * this process, and the answer is lost with it. A process that had no answer begins alone.
   *
   * @param joinTimeoutMs how long it asks
   */
  public static <D extends Discovery> D asking(D discovery, long joinTimeoutMs) {
    discovery.setValue("num_discovery_runs", (int) (joinTimeoutMs / ASK_AGAIN_MS));
    return discovery;
  }
}
