package io.sluice.app;

import io.vertx.core.http.HttpMethod;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Makes a slave the master when its own master has closed. Blocks: for workers. */
final class HandOver {

  private static final System.Logger LOG = System.getLogger(HandOver.class.getName());

  /** The slave hears that the connection has ended, and what was confirmed, within this. */
  private static final long AGAIN_MS = 100;

  private HandOver() {}

  /**
   * Asks until it is done.
   *
   * @param order has the HTTP address of the slave's server
   * @throws CommandFailure if it was not done in time; the slave says why
   */
  static void promote(DrainOptions order, String brokerName) {
    URI to = order.to();
    long untilNs = System.nanoTime() + order.timeout().toNanos();
    String path = ServerClient.path("/v1/brokers/", brokerName, "/promote");
    try (ServerClient client = new ServerClient(to, order.authorization())) {
      while (true) {
        try {
          client.call(HttpMethod.POST, path, Map.of(), null);
          LOG.log(Level.INFO, "{0} is the master of {1} now", to, brokerName);
          return;
        } catch (CommandFailure failure) {
          if (System.nanoTime() > untilNs) {
            throw failure;
          }
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(AGAIN_MS));
        }
      }
    }
  }
}
