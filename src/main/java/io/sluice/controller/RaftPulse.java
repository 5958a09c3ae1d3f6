package io.sluice.controller;

import java.lang.System.Logger.Level;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jgroups.JChannel;
import org.jgroups.View;
import org.jgroups.protocols.raft.RAFT;

/**
 * Sees to it that somebody leads. The engine elects only when the view of the members says that the
 * leader is gone (jgroups-raft 1.1.4, ELECTION.handleView). A leader that gave up, as it saw no
 * majority for a moment, and is in the others' view all the time is waited for without end. So
 * whoever leads commits an empty entry each second in which there is no other, and when none came
 * for longer the coordinator of the view elects. An election that was not needed does no harm: it
 * costs a term.
 *
 * <p>On the engine's thread; {@link #applied} from any.
 */
final class RaftPulse {

  private static final System.Logger LOG = System.getLogger(RaftPulse.class.getName());

  private static final long TICK_MS = 250;
  private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(1);

  /** Longer than the election that follows when the members see that the leader is gone. */
  private static final long LOST_NS = TimeUnit.SECONDS.toNanos(3);

  private final String self;
  private final RAFT raft;
  private final RaftElection election;
  private final ScheduledExecutorService thread;
  private volatile long appliedNs = System.nanoTime();
  private JChannel channel;
  private long quietNs = appliedNs;
  private long saidNs = appliedNs;
  private long electedNs = appliedNs;
  private long tickNs;

  RaftPulse(String self, RAFT raft, RaftElection election, ScheduledExecutorService thread) {
    this.self = self;
    this.raft = raft;
    this.election = election;
    this.thread = thread;
  }

  /** Begins, once the channel is connected; ends when it is closed. */
  void start(JChannel connected) {
    channel = connected;
    tickNs = System.nanoTime();
    thread.schedule(this::tick, TICK_MS, TimeUnit.MILLISECONDS);
  }

  /** An entry was committed. */
  void applied() {
    appliedNs = System.nanoTime();
  }

  private void tick() {
    if (!channel.isConnected()) {
      return;
    }
    thread.schedule(this::tick, TICK_MS, TimeUnit.MILLISECONDS);
    long nowNs = System.nanoTime();
    if (nowNs - tickNs > IDLE_NS || !seesMajority()) {
      // This process stood still, or alone: it does not know what the others agree on meanwhile.
      quietNs = nowNs;
    }
    tickNs = nowNs;
    quietNs = Math.max(quietNs, appliedNs);
    long silentNs = nowNs - quietNs;
    try {
      if (raft.isLeader() && silentNs > IDLE_NS && nowNs - saidNs > IDLE_NS) {
        saidNs = nowNs;
        byte[] nothing = new Command.Barrier().encode();
        raft.setAsync(nothing, 0, nothing.length, null);
      } else if (silentNs > LOST_NS && nowNs - electedNs > LOST_NS && mayElect()) {
        electedNs = nowNs;
        LOG.log(
            Level.WARNING,
            "controller {0}: nothing was agreed on for {1} ms though enough controllers are there:"
                + " an election begins",
            self,
            Long.toString(silentNs / 1_000_000));
        election.elect();
      }
    } catch (Exception e) {
      // It leads no more, or leaves; the next tick looks again.
      LOG.log(Level.DEBUG, "no pulse", e);
    }
  }

  private boolean seesMajority() {
    View view = channel.getView();
    return view != null && view.size() >= raft.majority();
  }

  /** As only the view's coordinator does, where a majority is in the view. */
  private boolean mayElect() {
    return seesMajority()
        && channel.getView().getCoord().equals(channel.getAddress())
        && !election.isVotingThreadRunning();
  }
}
