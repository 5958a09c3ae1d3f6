package io.sluice.nameserver;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClusterNode;
import io.sluice.bus.ClusterNotice;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.CountTopics;
import io.sluice.bus.NameServerRequest.GatewayAlive;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.NameServerRequest.GetRoute;
import io.sluice.bus.NameServerRequest.NameServerAlive;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.TopicCount;
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
 * loop owns the {@link RouteTable} and the {@link Members}.
 */
public final class NameServerVerticle extends VerticleBase {

  private static final System.Logger LOG = System.getLogger(NameServerVerticle.class.getName());

  private static final long ANSWER_MS = 3_000;

  private final NameServerOptions options;
  private final Clock clock;
  private final RouteTable routes;

  private final BrokersByNode brokersByNode = new BrokersByNode();
  private final Members members = new Members();
  private boolean fullSaid;

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
    vertx
        .eventBus()
        .<ClusterNotice>localConsumer(
            Addresses.membership(), message -> memberChanged(message.body()));
    if (vertx.isClustered()) {
      vertx.setPeriodic(NameServerRequest.ALIVE_MS, timer -> tellOthers());
    }
    return Future.all(shared, own).onSuccess(listening -> begin());
  }

  private void begin() {
    askBrokers();
    if (vertx.isClustered()) {
      tellOthers();
    }
  }

  /** This one hears it too, and leaves it out where it answers. */
  private void tellOthers() {
    vertx
        .eventBus()
        .publish(
            Addresses.nameServers(),
            new NameServerAlive(options.getId()),
            ClusterNode.sign(vertx, BusCodec.options(ANSWER_MS)));
  }

  /** Brokers that run already tell what they have at once, not with their next timer. */
  private void askBrokers() {
    vertx
        .eventBus()
        .publish(
            Addresses.brokers(),
            new ClusterNotice.NameServerStarted(options.getId()),
            BusCodec.options(ANSWER_MS));
  }

  /** The Brokers of a process that is gone can not be reached: nobody should be sent to them. */
  private void memberChanged(ClusterNotice notice) {
    if (notice instanceof ClusterNotice.MemberChanged changed && !changed.joined()) {
      members.remove(changed.nodeId());
      for (Unregister gone : brokersByNode.remove(changed.nodeId())) {
        if (routes.unregister(gone)) {
          LOG.log(
              Level.WARNING,
              "broker {0} ({1}) at {2} is gone with its process",
              gone.brokerName(),
              gone.brokerId(),
              gone.address());
        }
      }
    }
  }

  private void handle(Message<NameServerRequest> message) {
    try {
      NameServerRequest request = message.body();
      if (request instanceof Register register) {
        refuseReplaced(register);
        if (!register.foreign()) {
          brokersByNode.put(ClusterNode.of(message), register);
        }
      }
      message.reply(answer(request, ClusterNode.of(message)));
    } catch (SluiceException e) {
      SluiceException.fail(message, e);
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "could not answer " + message.body(), e);
      SluiceException.fail(message, ErrorCode.INTERNAL, e.toString());
    }
  }

  private void refuseReplaced(Register register) {
    BrokerNode newer = routes.newerMaster(register);
    if (newer != null) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "broker "
              + register.brokerName()
              + " (0) at "
              + register.address()
              + " says epoch "
              + register.epoch()
              + ", but the master of that name is in epoch "
              + newer.epoch()
              + " at "
              + newer.address()
              + ": it was replaced and is not routed; let it follow that one");
    }
  }

  private BusMessage answer(NameServerRequest request, String nodeId) {
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
    if (request instanceof CountTopics count) {
      return new TopicCount(routes.topics(count.brokerName()));
    }
    if (request instanceof GetCluster) {
      return members.addTo(routes.cluster());
    }
    if (request instanceof NameServerAlive alive) {
      return heard(members.put(nodeId, alive.id(), clock.nowMs()));
    }
    if (request instanceof GatewayAlive alive) {
      return heard(members.put(nodeId, alive, clock.nowMs()));
    }
    throw new IllegalStateException("not an answerable request: " + request);
  }

  private Done heard(boolean noted) {
    if (!noted && !fullSaid) {
      fullSaid = true;
      LOG.log(
          Level.WARNING,
          "more than {0} NameServers or gateways say that they live; the rest is not listed",
          Members.MAX);
    }
    return Done.DONE;
  }

  private void expireSilent() {
    members.expire(clock.nowMs() - Members.EXPIRY_MS);
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
