package io.sluice.app;

import io.vertx.core.json.JsonObject;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** The line that says that a server is ready, and where. */
final class ReadyLine {

  private ReadyLine() {}

  /** For programs. */
  static String json(Sluice sluice) {
    JsonObject line = new JsonObject().put("ready", true);
    putPort(line, "http", sluice.httpPort());
    putPort(line, "nameserver", sluice.nameServerPort());
    putPort(line, "broker", sluice.brokerPort());
    putPort(line, "replication", sluice.replicationPort());
    putPort(line, "controller", sluice.controllerPort());
    if (sluice.recoveredMs() >= 0) {
      line.put("recoveredMs", sluice.recoveredMs());
    }
    return line.encode();
  }

  private static void putPort(JsonObject line, String name, int port) {
    if (port >= 0) {
      line.put(name, port);
    }
  }

  /** For people. */
  static String text(Sluice sluice, SluiceOptions options) {
    StringBuilder line = new StringBuilder("ready after ");
    long upMs = ManagementFactory.getRuntimeMXBean().getUptime();
    line.append(String.format(Locale.ROOT, "%.2f s", upMs / 1000.0));
    if (sluice.httpPort() >= 0) {
      String host = options.host().equals("0.0.0.0") ? "127.0.0.1" : options.host();
      line.append(": http://").append(host).append(':').append(sluice.httpPort());
    }
    if (sluice.nameServerPort() >= 0) {
      line.append(", NameServer at port ").append(sluice.nameServerPort());
    }
    if (sluice.brokerPort() >= 0) {
      line.append(", Broker at port ").append(sluice.brokerPort());
    }
    if (sluice.replicationPort() >= 0) {
      line.append(", slaves at port ").append(sluice.replicationPort());
    }
    if (sluice.controllerPort() >= 0) {
      line.append(", controller at port ").append(sluice.controllerPort());
    }
    if (sluice.recoveredMs() >= 0) {
      line.append(", data in ").append(options.dataDirectory());
      line.append(" (recovered in ").append(sluice.recoveredMs()).append(" ms)");
    }
    return line.toString();
  }
}
