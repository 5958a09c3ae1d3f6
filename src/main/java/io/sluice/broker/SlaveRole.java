package io.sluice.broker;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.FindByKey;
import io.sluice.bus.AdminRequest.FindByPhysicalOffset;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.GetGroup;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.GetTopic;
import io.sluice.bus.AdminRequest.ListGroups;
import io.sluice.bus.AdminRequest.ListTopics;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Commit;
import io.sluice.bus.ClientKept.EnsureTopic;
import io.sluice.bus.ClientKept.Lock;
import io.sluice.bus.ClientKept.Unlock;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.store.Replication;
import java.lang.System.Logger.Level;
import java.util.Set;

/**
 * What a Broker does, and does not do, as a slave: it follows the state in the log that it is
 * given, answers what only reads, and refuses the rest with the place to go to.
 *
 * <p>Owned by the Broker's event loop.
 */
final class SlaveRole {

  private static final System.Logger LOG = System.getLogger(SlaveRole.class.getName());

  private static final Set<Class<?>> READS =
      Set.of(
          GetTopic.class,
          ListTopics.class,
          GetGroup.class,
          ListGroups.class,
          GetLag.class,
          GetBroker.class,
          FindByKey.class,
          FindByPhysicalOffset.class);

  /** Positions and locks have one owner: the master. */
  private static final Set<Class<?>> CHANGES_OF_CLIENTS =
      Set.of(Commit.class, EnsureTopic.class, Lock.class, Unlock.class);

  private final Replication replication;
  private final StateRecovery recovery;
  private final BrokerState state;
  private final Catalog catalog;
  private final Reader reader;
  private final Turn turn;
  private final RocketMqState foreign;
  private boolean broken;

  /**
   * A slave.
   *
   * @param foreign where the state is, if it is not in the log; else null
   */
  SlaveRole(
      Replication replication,
      StateRecovery recovery,
      BrokerState state,
      Catalog catalog,
      Reader reader,
      Turn turn,
      RocketMqState foreign) {
    this.foreign = foreign;
    this.replication = replication;
    this.recovery = recovery;
    this.state = state;
    this.catalog = catalog;
    this.reader = reader;
    this.turn = turn;
  }

  /** The refusal of what would change something. */
  SluiceException refusal() {
    return new SluiceException(
        ErrorCode.NOT_MASTER,
        "this Broker is a slave and takes only reads; send to " + replication.whereToGo());
  }

  /** Whether a request changes nothing. */
  static boolean isRead(AdminRequest request) {
    return READS.contains(request.getClass());
  }

  /** Whether a request changes nothing that is kept. */
  static boolean isRead(ClientKept request) {
    return !CHANGES_OF_CLIENTS.contains(request.getClass());
  }

  /** Refuses what would change something. */
  AdminRequest checked(AdminRequest request) {
    if (!READS.contains(request.getClass())) {
      throw refusal();
    }
    return request;
  }

  /** Refuses what would change something. */
  ClientKept checked(ClientKept request) {
    if (CHANGES_OF_CLIENTS.contains(request.getClass())) {
      throw refusal();
    }
    return request;
  }

  /** Applies what has come of the state, a little at a time. A step of the turn. */
  void follow() {
    if (broken) {
      return;
    }
    long topics = state.dataVersion();
    try {
      if (foreign != null) {
        foreign.follow();
      } else if (recovery.follow()) {
        turn.request();
      }
    } catch (RuntimeException e) {
      broken = true;
      LOG.log(
          Level.ERROR,
          "the state can not be followed any more; the log goes on being copied. Start this slave"
              + " again",
          e);
    }
    if (state.dataVersion() != topics) {
      catalog.changed();
      reader.lookForAll();
    }
  }

  /** Whether a snapshot of the state would be one of the end of the log. */
  boolean maySnapshot() {
    return foreign == null && !broken && recovery.isAtEnd();
  }
}
