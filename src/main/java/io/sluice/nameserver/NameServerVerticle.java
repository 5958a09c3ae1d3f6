package io.sluice.nameserver;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.NameServerRequest.GetRoute;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.SluiceException;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.Message;
import java.lang.System.Logger.Level;

/**
 * A NameServer on the event bus: {@link Addresses#nameServers} (also by publish, which is how
 * Brokers register with all of them) and {@link Addresses#nameServer} with its own id. One event
 * loop owns the {@link RouteTable}.
 */
public final class NameServerVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(NameServerVerticle.class.getName());

  private final NameServerOptions options;
  private final Clock clock;
  private final RouteTable routes;

  /** A NameServer; the options are copied. */
  public NameServerVerticle(NameServerOptions options, Clock clock) {
    this.options = new NameServerOptions(options);
    this.clock = clock;
    routes = new RouteTable(options.getId());
  }

  @Override
  public Future<?> start() {
    vertx.setPeriodic(options.getScanInterval().toMillis(), timer -> expireSilent());
    Future<Void> shared =
        vertx
            .eventBus()
            .<NameServerRequest>consumer(Addresses.nameServers(), this::handle)
            .completion();
    Future<Void> own =
        vertx
            .eventBus()
            .<NameServerRequest>consumer(Addresses.nameServer(options.getId()), this::handle)
            .completion();
    return Future.all(shared, own);
  }

  private void handle(Message<NameServerRequest> message) {
    try {
      message.reply(answer(message.body()));
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "could not answer " + message.body(), e);
      SluiceException.fail(message, ErrorCode.INTERNAL, e.toString());
    }
  }

  private BusMessage answer(NameServerRequest request) {
    if (request instanceof Register register) {
      if (routes.register(register, clock.nowMs())) {
        LOG.log(
            Level.INFO,
            "broker {0} ({1}) at {2} has {3} topics",
            register.brokerName(),
            register.brokerId(),
            register.address(),
            register.topics().size());
      }
      return Done.DONE;
    }
    if (request instanceof Unregister unregister) {
      if (routes.unregister(unregister)) {
        LOG.log(
            Level.INFO, "broker {0} ({1}) left", unregister.brokerName(), unregister.brokerId());
      }
      return Done.DONE;
    }
    if (request instanceof GetRoute get) {
      return routes.route(get.topic());
    }
    if (request instanceof GetCluster) {
      return routes.cluster();
    }
    throw new IllegalStateException("not an answerable request: " + request);
  }

  private void expireSilent() {
    long silentSinceMs = clock.nowMs() - options.getExpiry().toMillis();
    for (BrokerNode dead : routes.expire(silentSinceMs)) {
      LOG.log(
          Level.WARNING,
          "broker {0} ({1}) at {2} has said nothing for {3}; it is taken for dead",
          dead.brokerName(),
          dead.brokerId(),
          dead.address(),
          options.getExpiry());
    }
  }
}
