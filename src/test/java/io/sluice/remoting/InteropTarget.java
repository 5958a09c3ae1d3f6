package io.sluice.remoting;

/**
 * What the interop tests run against: a Sluice of their own, or with {@code
 * -Drocketmq.nameserver=host:port} any running RocketMQ whose Broker is called {@code broker-a}. A
 * test is right only if it passes there too.
 */
final class InteropTarget implements AutoCloseable {

  static final String BROKER = "broker-a";

  private final String nameServer;

  InteropTarget() throws Exception {
    String given = System.getProperty("rocketmq.nameserver", "");
    if (given.isEmpty()) {
      throw new IllegalStateException();
    }
    nameServer = given;
  }

  String nameServer() {
    return nameServer;
  }

  @Override
  public void close() throws Exception {}
}
