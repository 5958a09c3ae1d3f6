package io.sluice.cluster;

import java.util.ArrayList;
import java.util.List;

/**
 * How a process joins the others. Three ports in a row are opened: the one given for membership,
 * the next for the event bus, and the one after it for noticing at once that a process has died.
 */
public final class ClusterOptions {

  /** RocketMQ's name for a cluster that was given none. */
  public static final String DEFAULT_NAME = "DefaultCluster";

  /** JGroups' own. */
  public static final int DEFAULT_PORT = 7800;

  /** What {@link #setHosts} begins with where the members are found by a name in the DNS. */
  public static final String DNS_PREFIX = "dns:";

  private String name = DEFAULT_NAME;
  private String host = "127.0.0.1";
  private int port = DEFAULT_PORT;
  private String hosts = "";
  private String secret = "";

  public ClusterOptions() {}

  /** A copy. */
  public ClusterOptions(ClusterOptions other) {
    name = other.name;
    host = other.host;
    port = other.port;
    hosts = other.hosts;
    secret = other.secret;
  }

  public String getName() {
    return name;
  }

  /** Processes of another name are not joined. */
  public ClusterOptions setName(String name) {
    this.name = name;
    return this;
  }

  public String getHost() {
    return host;
  }

  /** Address or name of this machine at which the other processes reach it; not a wildcard. */
  public ClusterOptions setHost(String host) {
    this.host = host;
    return this;
  }

  public int getPort() {
    return port;
  }

  /** The first of three ports in a row. */
  public ClusterOptions setPort(int port) {
    if (port < 1 || port > 65_533) {
      throw new IllegalArgumentException("the port is " + port + "; allowed are 1 to 65533");
    }
    this.port = port;
    return this;
  }

  int busPort() {
    return port + 1;
  }

  int livenessPort() {
    return port + 2;
  }

  public String getHosts() {
    return hosts;
  }

  /**
   * Where to look for the others: {@code host:port} of some or all, parted by commas, this one may
   * be among them; or {@code dns:name} for every address that the name has, at the port of this one
   * (a headless service of Kubernetes). It is looked up as this machine looks up names, or with
   * {@code dns:name@host:port} at that DNS server, which is asked for the name as it stands. Empty
   * for a process that only waits for others.
   */
  public ClusterOptions setHosts(String hosts) {
    this.hosts = hosts == null ? "" : hosts.trim();
    return this;
  }

  boolean isByDns() {
    return hosts.startsWith(DNS_PREFIX);
  }

  /** The name to look up. */
  String dnsName() {
    String name = dns().split("@", 2)[0].trim();
    if (name.isEmpty()) {
      throw new IllegalArgumentException(
          "cluster.hosts is '"
              + hosts
              + "'; allowed is dns:NAME or dns:NAME@HOST:PORT, such as"
              + " dns:sluice.default.svc");
    }
    return name;
  }

  /** {@code host:port} of the DNS server to ask; empty for the machine's. */
  String dnsServer() {
    String[] parts = dns().split("@", 2);
    return parts.length == 1 ? "" : parts[1].trim();
  }

  private String dns() {
    return hosts.substring(DNS_PREFIX.length());
  }

  /** The hosts with their ports. */
  List<Endpoint> endpoints() {
    List<Endpoint> endpoints = new ArrayList<>();
    for (String text : hosts.split(",")) {
      if (!text.isBlank()) {
        endpoints.add(Endpoint.parse(text.trim()));
      }
    }
    return endpoints;
  }

  public String getSecret() {
    return secret;
  }

  /**
   * What all processes of the cluster know and nobody else: with it all three ports speak TLS and
   * take only those that have it too. Empty for none.
   */
  public ClusterOptions setSecret(String secret) {
    this.secret = secret == null ? "" : secret;
    return this;
  }

  boolean hasSecret() {
    return !secret.isEmpty();
  }

  /** A process to look for. */
  record Endpoint(String host, int port) {

    static Endpoint parse(String text) {
      int colon = text.lastIndexOf(':');
      try {
        int port = colon < 0 ? DEFAULT_PORT : Integer.parseInt(text.substring(colon + 1));
        if (port > 0 && port < 65_536) {
          return new Endpoint(colon < 0 ? text : text.substring(0, colon), port);
        }
      } catch (NumberFormatException e) {
        // Said below.
      }
      throw new IllegalArgumentException(
          "'" + text + "' is no host of the cluster; write host:port, several parted by commas");
    }
  }
}
