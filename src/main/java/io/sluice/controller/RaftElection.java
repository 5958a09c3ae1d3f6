package io.sluice.controller;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jgroups.MergeView;
import org.jgroups.Message;
import org.jgroups.View;
import org.jgroups.protocols.raft.ELECTION;
import org.jgroups.protocols.raft.RaftHeader;
import org.jgroups.protocols.raft.election.BaseElection;
import org.jgroups.protocols.raft.election.LeaderElected;

/**
 * The engine's election (jgroups-raft 1.1.4), with two differences.
 *
 * <p>It can be ended. The engine's own stop only asks the thread that collects votes to end, and
 * that one goes on for as long as it sees a majority and no leader: without end where its channel
 * was closed in the middle of a vote.
 *
 * <p>It leaves a leader alone. A controller that found nobody when it started is alone at first,
 * and then merged with the others; where it becomes the coordinator of the merged view, the engine
 * has it elect, since it sees a majority for the first time. The leader of the others steps down
 * for it, and masters whose leases end meanwhile refuse sends. Here the coordinator of a merged
 * view waits for the leader to make itself known, as it does in a view with new members, where a
 * part of the view had a majority and so may have one.
 */
final class RaftElection extends ELECTION {

  /** In this time a leader's word is there, on a busy machine too. */
  private static final long MADE_KNOWN_MS = 500;

  /** It may come before the view does. */
  private static final long HEARD_NS = TimeUnit.MILLISECONDS.toNanos(2 * MADE_KNOWN_MS);

  private final ScheduledExecutorService thread;
  private volatile long heardNs = System.nanoTime() - HEARD_NS;

  RaftElection(ScheduledExecutorService thread) {
    this.thread = thread;
    setId(ELECTION_ID);
  }

  @Override
  protected void handleMessage(Message message, RaftHeader header) {
    if (header instanceof LeaderElected) {
      heardNs = System.nanoTime();
    }
    super.handleMessage(message, header);
  }

  @Override
  public BaseElection startVotingThread() {
    if (!mayHaveLeader(view)) {
      return elect();
    }
    try {
      thread.schedule(this::electIfNobodyLeads, MADE_KNOWN_MS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      // It is stopped.
    }
    return this;
  }

  private boolean mayHaveLeader(View merged) {
    return merged instanceof MergeView parts
        && parts.getSubgroups().stream().anyMatch(part -> part.size() >= raft.majority());
  }

  /** Whom it knows as the leader says nothing: that one may have stepped down, and be back. */
  private void electIfNobodyLeads() {
    boolean heard = System.nanoTime() - heardNs < HEARD_NS;
    if (!heard && isMajorityAvailable() && isViewCoordinator()) {
      elect();
    }
  }

  /** Elects, whoever leads. */
  BaseElection elect() {
    return super.startVotingThread();
  }

  /** Ends it for good, once the channel is closed. */
  void end() {
    view = null;
    stopVotingThread();
  }
}
