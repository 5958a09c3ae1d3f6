package io.sluice.app;

import io.sluice.gateway.DrainOrder;
import java.net.URI;
import java.time.Duration;

/**
 * How a server leaves.
 *
 * @param grace for so long sends are still taken, while routes say that nothing is to be sent here:
 *     RocketMQ clients look at the routes every 30 s
 * @param timeout waits at most so long for slaves to have everything
 * @param to HTTP address of the slave's server that is to be the master then; null for none
 * @param authorization with this header that server is asked; null for none
 */
public record DrainOptions(Duration grace, Duration timeout, URI to, String authorization) {

  /** As the configuration says. */
  static DrainOptions of(SluiceOptions options) {
    return new DrainOptions(options.drainGrace(), options.drainTimeout(), null, null);
  }

  /** As asked for, and as the configuration says for the rest. */
  static DrainOptions of(DrainOrder order, SluiceOptions options) {
    return new DrainOptions(
        order.grace() == null ? options.drainGrace() : order.grace(),
        options.drainTimeout(),
        order.to(),
        order.authorization());
  }
}
