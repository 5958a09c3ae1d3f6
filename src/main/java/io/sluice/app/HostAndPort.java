package io.sluice.app;

/**
 * Where clients dial.
 *
 * @param host a name or an address; IPv6 without brackets
 * @param port 0 if none was given
 */
record HostAndPort(String host, int port) {

  /**
   * Reads {@code host}, {@code host:port} or {@code [IPv6]:port}.
   *
   * @param key that the text is the value of
   * @return null where the text is empty
   * @throws IllegalArgumentException naming the key, what was found and what is allowed
   */
  static HostAndPort parse(ConfigKey key, String text) {
    if (text.isEmpty()) {
      return null;
    }
    int bracket = text.indexOf(']');
    int colon = text.lastIndexOf(':');
    boolean bareIpv6 = bracket < 0 && text.indexOf(':') != colon;
    boolean hasPort = colon > bracket && !bareIpv6;
    String host = hasPort ? text.substring(0, colon) : text;
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    int port = hasPort ? port(text.substring(colon + 1)) : 0;
    if (host.isBlank() || port < 0) {
      throw new IllegalArgumentException(
          key.name()
              + ": found '"
              + text
              + "', allowed is host or host:port with a port 1 to 65535");
    }
    return new HostAndPort(host, port);
  }

  private static int port(String text) {
    try {
      int port = Integer.parseInt(text);
      return port > 0 && port < 65_536 ? port : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
