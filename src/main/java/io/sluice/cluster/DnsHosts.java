package io.sluice.cluster;

import java.lang.System.Logger.Level;
import java.util.IllegalFormatException;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.naming.NamingException;
import org.jgroups.Address;
import org.jgroups.protocols.dns.AddressedDNSResolver;
import org.jgroups.protocols.dns.DNSResolver;
import org.jgroups.protocols.dns.DefaultDNSResolver;

/**
 * Asks for the members' addresses: the machine's resolver, whose answers Java keeps for 30 s, or a
 * DNS server of one's own. Says so where there are none, since a process that finds nobody is a
 * cluster of its own without another word. Any thread of JGroups.
 */
final class DnsHosts implements DNSResolver {

  private static final System.Logger LOG = System.getLogger(DnsHosts.class.getName());

  private static final String JDK = "com.sun.jndi.dns.DnsContextFactory";

  private final DNSResolver resolver;
  private final AtomicBoolean missing = new AtomicBoolean();

  /**
   * Nothing is asked yet.
   *
   * @param server {@code host:port}, or empty for the machine's resolver
   */
  DnsHosts(String server) throws NamingException {
    resolver =
        server.isEmpty()
            ? new DefaultDNSResolver(JDK, server)
            : new AddressedDNSResolver(JDK, server);
  }

  @Override
  public List<Address> resolveIps(String name, DNSRecordType type) {
    List<Address> found = addresses(name, type);
    if (found.isEmpty() && missing.compareAndSet(false, true)) {
      LOG.log(
          Level.WARNING,
          "{0}, which cluster.hosts names, has no address in the DNS, so no other member is found;"
              + " it is looked up again and again",
          name);
    } else if (!found.isEmpty() && missing.compareAndSet(true, false)) {
      LOG.log(Level.INFO, "{0} has addresses in the DNS now: {1}", name, found);
    }
    return found;
  }

  private List<Address> addresses(String name, DNSRecordType type) {
    try {
      return resolver.resolveIps(name, type);
    } catch (IllegalFormatException notThere) {
      // What JGroups 5.4 logs of a name without addresses is no format.
      return List.of();
    }
  }

  @Override
  public void close() {
    resolver.close();
  }
}
