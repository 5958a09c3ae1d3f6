package io.sluice.cluster;

import io.sluice.group.GroupTransport;
import io.vertx.ext.cluster.infinispan.InfinispanClusterManager;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.naming.NamingException;
import javax.sql.DataSource;
import org.infinispan.configuration.cache.CacheMode;
import org.infinispan.configuration.cache.Configuration;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.configuration.global.GlobalConfigurationBuilder;
import org.infinispan.configuration.global.ShutdownHookBehavior;
import org.infinispan.manager.DefaultCacheManager;
import org.infinispan.remoting.transport.Address;
import org.infinispan.remoting.transport.jgroups.JGroupsChannelConfigurator;
import org.infinispan.remoting.transport.jgroups.JGroupsTransport;
import org.jgroups.JChannel;
import org.jgroups.conf.ProtocolConfiguration;
import org.jgroups.protocols.FD_ALL3;
import org.jgroups.protocols.FRAG3;
import org.jgroups.protocols.MERGE3;
import org.jgroups.protocols.MFC;
import org.jgroups.protocols.UFC;
import org.jgroups.protocols.UNICAST3;
import org.jgroups.protocols.VERIFY_SUSPECT2;
import org.jgroups.protocols.dns.DNS_PING;
import org.jgroups.protocols.pbcast.GMS;
import org.jgroups.protocols.pbcast.NAKACK2;
import org.jgroups.protocols.pbcast.STABLE;
import org.jgroups.stack.Protocol;
import org.jgroups.util.SocketFactory;

/**
 * Vert.x's cluster manager on Infinispan, set up in code: over TCP, without multicast, files or
 * JMX. What is shared is small (who listens where), so everybody has all of it.
 */
final class Infinispan {

  /** How long a process looks for others before it is the first. */
  private static final long JOIN_TIMEOUT_MS = 1_000;

  /**
   * A process that says nothing for so long, though its sockets are open, is taken for gone: it is
   * stopped, or cut off. Long enough for a pause of the machine.
   */
  private static final long SILENT_MS = 8_000;

  private static final long HEARTBEAT_MS = 2_000;

  /** Parts that were cut off look for each other so often. */
  private static final long MERGE_MIN_MS = 1_000;

  private static final long MERGE_MAX_MS = 4_000;

  private final JChannel channel;
  private final DefaultCacheManager caches;
  private final InfinispanClusterManager manager;

  /** Reads the options; nothing is opened yet. */
  Infinispan(ClusterOptions options, ClusterTls tls) throws Exception {
    channel =
        GroupTransport.channel(
            options.getHost() + ":" + options.getPort() + "-" + UUID.randomUUID(),
            stack(options, tls));
    caches = new DefaultCacheManager(global(options, channel).build(), false);
    Configuration everywhere = cache(CacheMode.REPL_SYNC);
    for (String name : List.of("__vertx.subs", "__vertx.haInfo", "__vertx.nodeInfo")) {
      caches.defineConfiguration(name, everywhere);
    }
    caches.defineConfiguration(
        "__vertx.distributed.cache.configuration", cache(CacheMode.DIST_SYNC));
    manager = new Manager(caches);
  }

  InfinispanClusterManager manager() {
    return manager;
  }

  /** Joins. Blocks. */
  void start() {
    caches.start();
  }

  /** Leaves. Blocks. */
  void stop() {
    caches.stop();
  }

  private static Configuration cache(CacheMode mode) {
    return new ConfigurationBuilder().clustering().cacheMode(mode).build();
  }

  /** What the messages of the membership go through. */
  JChannel channel() {
    return channel;
  }

  private static GlobalConfigurationBuilder global(ClusterOptions options, JChannel channel) {
    GlobalConfigurationBuilder global = new GlobalConfigurationBuilder();
    global
        .transport()
        .defaultTransport()
        .clusterName(options.getName())
        .addProperty(JGroupsTransport.CHANNEL_CONFIGURATOR, new Prepared(channel));
    global.jmx().enabled(false);
    global.metrics().gauges(false);
    global.cacheContainer().statistics(false);
    global.shutdown().hookBehavior(ShutdownHookBehavior.DONT_REGISTER);
    return global;
  }

  /**
   * Vert.x asks for the members by a method that Infinispan 15 has made private, and loses the
   * error that it gets: no process would reach another.
   */
  private static final class Manager extends InfinispanClusterManager {

    private final DefaultCacheManager caches;

    Manager(DefaultCacheManager caches) {
      super(caches);
      this.caches = caches;
    }

    @Override
    public List<String> getNodes() {
      List<Address> members = caches.getMembers();
      return members == null ? List.of() : members.stream().map(Address::toString).toList();
    }
  }

  /** Gives the channel that is there to Infinispan, which else would read one from a file. */
  private record Prepared(JChannel channel) implements JGroupsChannelConfigurator {
    @Override
    public String getName() {
      return "sluice";
    }

    @Override
    public JChannel createChannel(String name) {
      return channel;
    }

    @Override
    public void setSocketFactory(SocketFactory factory) {
      // The channel has its own.
    }

    @Override
    public void setDataSource(DataSource dataSource) {
      // It needs none.
    }

    @Override
    public String getProtocolStackString() {
      return channel.getProtocolStack().toString();
    }

    @Override
    public List<ProtocolConfiguration> getProtocolStack() {
      return List.of();
    }
  }

  private static List<Protocol> stack(ClusterOptions options, ClusterTls tls) throws Exception {
    GroupTransport transport =
        new GroupTransport(
            InetAddress.getByName(options.getHost()),
            options.getPort(),
            options.livenessPort(),
            tls == null ? null : tls.jgroupsSockets());
    return List.of(
        transport.messages(),
        discovery(options),
        new MERGE3().setMinInterval(MERGE_MIN_MS).setMaxInterval(MERGE_MAX_MS),
        transport.liveness(),
        new FD_ALL3().setTimeout(SILENT_MS).setInterval(HEARTBEAT_MS),
        new VERIFY_SUSPECT2(),
        new NAKACK2().useMcastXmit(false),
        new UNICAST3(),
        new STABLE(),
        new GMS().setJoinTimeout(JOIN_TIMEOUT_MS).printLocalAddress(false),
        new UFC(),
        new MFC(),
        new FRAG3());
  }

  private static Protocol discovery(ClusterOptions options) throws NamingException {
    if (options.isByDns()) {
      DNS_PING names =
          new DNS_PING()
              .setDNSQuery(options.dnsName())
              .setDNSResolver(new DnsHosts(options.dnsServer()));
      return GroupTransport.asking(names, JOIN_TIMEOUT_MS);
    }
    List<InetSocketAddress> hosts = new ArrayList<>();
    for (ClusterOptions.Endpoint endpoint : options.endpoints()) {
      hosts.add(new InetSocketAddress(endpoint.host(), endpoint.port()));
    }
    return GroupTransport.among(hosts, JOIN_TIMEOUT_MS);
  }
}
