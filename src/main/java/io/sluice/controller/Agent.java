package io.sluice.controller;

import io.sluice.controller.Mastership.Agreed;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.UUID;

/**
 * A Broker's side of the controllers: says that it lives, renews the lease while it is the master,
 * and tells the Broker what it is to be. Its own event loop owns it, apart from the Broker's, so
 * that a busy or closed Broker costs no lease.
 */
public final class Agent {

  private static final System.Logger LOG = System.getLogger(Agent.class.getName());

  /** Several renewals fit into any lease that may be set. */
  private static final long HEARTBEAT_MS = 250;

  /**
   * A node whose disk fails says so long nothing of itself: nobody elects it again and again while
   * there is no other.
   */
  private static final long REST_MS = 5_000;

  /** Then another controller is asked with the next heartbeat, while the lease still holds. */
  private static final long ANSWER_MS = 700;

  /** The Broker that is told what to be. Called on the agent's event loop; does not block. */
  public interface Broker {

    /** The last epoch of its log and the log's end, as far as they are known: a preference only. */
    Position position();

    /** Be the master, until the other method is called. */
    void lead(Mastership mastership);

    /**
     * Be a slave.
     *
     * @param node the own number
     * @param masterAt {@code host:port} of the master of this epoch
     */
    void follow(long node, long epoch, String masterAt);
  }

  /** Of a log. */
  public record Position(long epoch, long end) {}

  private final Clock clock;
  private final Context context;
  private final Vertx vertx;
  private final AgentOptions options;
  private final Broker broker;
  private final ControllerLink link;
  private final Lease lease;
  private final String incarnation = UUID.randomUUID().toString();
  private final Promise<Void> known = Promise.promise();

  // Owned by the context.
  private long timer = -1;
  private boolean asking;
  private boolean stopped;
  private long toldEpoch = -1;
  private String toldMasterAt = "";
  private Mastership mastership;
  private long highestEpoch;
  private long resignedEpoch = -1;
  private long restsUntilNs;
  private boolean rests;
  private String lastError = "";

  /** Nothing is opened yet. */
  public Agent(Vertx vertx, AgentOptions options, Clock clock, Broker broker) {
    this.vertx = vertx;
    this.options = options;
    this.clock = clock;
    this.broker = broker;
    lease = new Lease(clock);
    context = ((VertxInternal) vertx).createEventLoopContext();
    link = new ControllerLink(vertx, options.members(), options.tls(), ANSWER_MS);
  }

  /** Begins. */
  public void start() {
    context.runOnContext(
        nothing -> {
          heartbeat();
          timer = vertx.setPeriodic(HEARTBEAT_MS, id -> heartbeat());
        });
  }

  /** Completes when the Broker has been told for the first time what to be. */
  public Future<Void> known() {
    return known.future();
  }

  private JsonObject identified(String op) {
    return new JsonObject()
        .put("op", op)
        .put("name", options.brokerName())
        .put("identity", options.identity())
        .put("incarnation", incarnation);
  }

  private void heartbeat() {
    rests = rests && clock.nowNs() - restsUntilNs < 0;
    link.connect();
    if (asking || stopped || rests) {
      return;
    }
    asking = true;
    Lease.Sent[] sent = new Lease.Sent[1];
    link.request(
            () -> {
              sent[0] = lease.now();
              return heartbeatNow();
            })
        .onComplete(
            answered -> {
              asking = false;
              if (answered.succeeded() && !stopped) {
                take(answered.result(), sent[0]);
              }
            });
  }

  private JsonObject heartbeatNow() {
    Position position = broker.position();
    return identified("heartbeat")
        .put("boot", options.boot())
        .put("replicationAt", options.replicationAt())
        .put("address", options.address())
        .put("epoch", position.epoch())
        .put("end", position.end());
  }

  private void take(JsonObject answer, Lease.Sent sent) {
    String error = answer.getString("error", "");
    if (!error.isEmpty()) {
      if (!error.equals(lastError)) {
        LOG.log(Level.ERROR, "the controllers refuse this Broker: {0}", error);
      }
      lastError = error;
      return;
    }
    BrokerGroup group = BrokerGroup.fromJson(answer.getJsonObject("group"));
    if (group.epoch() < highestEpoch) {
      // An answer that was overtaken.
      return;
    }
    highestEpoch = group.epoch();
    long own = group.numberOf(options.identity());
    boolean elected =
        group.epoch() > 0 && group.master() == own && group.incarnation().equals(incarnation);
    if (elected && group.epoch() == resignedEpoch) {
      // Perhaps another controller leads, which has not heard it.
      link.request(identified("resign"));
    } else if (elected) {
      long leaseMs = answer.getLong("leaseMs");
      sayIfNearlyOver(group.epoch(), leaseMs);
      lease.granted(group.epoch(), sent, leaseMs);
      lead(group, own);
    } else if (group.epoch() > 0) {
      follow(group, own);
    }
  }

  private void sayIfNearlyOver(long epoch, long leaseMs) {
    long leftMs = lease.leftMs(epoch);
    if (leftMs > 0 && leftMs < leaseMs / 2) {
      LOG.log(
          Level.INFO,
          "broker {0}: the lease is renewed with {1} of {2} ms left; another controller leads, or"
              + " this one or the way to it was slow; connected are {3} of {4} controllers",
          options.brokerName(),
          Long.toString(leftMs),
          Long.toString(leaseMs),
          link.connected(),
          options.members().size());
    }
  }

  private void lead(BrokerGroup group, long own) {
    if (mastership == null || mastership.epoch() != group.epoch()) {
      TreeSet<Long> slaves = new TreeSet<>(group.inSync());
      slaves.remove(own);
      mastership =
          new Mastership(
              group.epoch(),
              own,
              lease,
              new Agreed(group.version(), slaves),
              this::change,
              this::rest);
      toldEpoch = group.epoch();
      toldMasterAt = "";
      LOG.log(
          Level.WARNING,
          "broker {0}: this node ({1}) is the master in epoch {2}; in sync are {3}",
          options.brokerName(),
          Long.toString(own),
          Long.toString(group.epoch()),
          group.inSync());
      broker.lead(mastership);
      known.tryComplete();
    } else {
      mastership.learn(group);
    }
  }

  private void follow(BrokerGroup group, long own) {
    if (mastership != null) {
      lease.drop();
      mastership = null;
      LOG.log(
          Level.WARNING,
          "broker {0}: this node ({1}) is not the master any more; node {2} is in epoch {3}",
          options.brokerName(),
          Long.toString(own),
          Long.toString(group.master()),
          Long.toString(group.epoch()));
    }
    if (group.master() == own) {
      // An earlier start of this process was; it is waited for the end of its lease.
      return;
    }
    String at = group.nodes().get(group.master()).replicationAt();
    if (toldEpoch != group.epoch() || !toldMasterAt.equals(at)) {
      toldEpoch = group.epoch();
      toldMasterAt = at;
      broker.follow(own, group.epoch(), at);
      known.tryComplete();
    }
  }

  /** The Broker could not become the master of this epoch: another should. For any thread. */
  public void resign(long epoch) {
    context.runOnContext(nothing -> giveUp(epoch));
  }

  /** As {@link #resign}, for a Broker whose disk fails: it is no candidate for a while. */
  public void rest(long epoch) {
    context.runOnContext(
        nothing -> {
          if (giveUp(epoch)) {
            rests = true;
            restsUntilNs = clock.nowNs() + REST_MS * 1_000_000;
          }
        });
  }

  private boolean giveUp(long epoch) {
    if (mastership == null || mastership.epoch() != epoch) {
      return false;
    }
    resignedEpoch = epoch;
    lease.drop();
    mastership = null;
    link.request(identified("resign"));
    return true;
  }

  /** On any thread; the future completes on the agent's. */
  private Future<Agreed> change(Agreed from, SortedSet<Long> set) {
    Promise<Agreed> done = Promise.promise();
    context.runOnContext(
        nothing -> {
          Mastership now = mastership;
          if (now == null || stopped) {
            done.fail("not the master");
            return;
          }
          link.request(
                  identified("change")
                      .put("epoch", now.epoch())
                      .put("version", from.version())
                      .put("inSync", new JsonArray(List.copyOf(set))))
              .map(
                  answer -> {
                    now.learn(BrokerGroup.fromJson(answer.getJsonObject("group")));
                    return now.agreed();
                  })
              .onComplete(done);
        });
    return done.future();
  }

  /**
   * Ends. The Broker must be closed by then: another master may be elected at once.
   *
   * @return completes when the controllers have heard it, or do not answer
   */
  public Future<Void> stop() {
    Promise<Void> done = Promise.promise();
    context.runOnContext(
        nothing -> {
          stopped = true;
          if (timer >= 0) {
            vertx.cancelTimer(timer);
          }
          lease.drop();
          Future<?> said =
              mastership == null ? Future.succeededFuture() : link.request(identified("resign"));
          said.onComplete(
              told -> {
                link.close();
                done.complete();
              });
        });
    return done.future();
  }
}
