package io.sluice.controller;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jgroups.Address;
import org.jgroups.MergeView;
import org.jgroups.View;
import org.jgroups.protocols.raft.ELECTION;
import org.jgroups.protocols.raft.election.BaseElection;

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

  private final ScheduledExecutorService thread;

  RaftElection(ScheduledExecutorService thread) {
    this.thread = thread;
    setId(ELECTION_ID);
  }

  @Override
  public BaseElection startVotingThread() {
    Address leader = raft.leader();
    if (leader != null && view.containsMember(leader)) {
      // It was heard of before the view was seen.
      return this;
    }
    if (leader == null && mayHaveLeader(view)) {
      try {
        thread.schedule(this::electIfNobodyLeads, MADE_KNOWN_MS, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // It is stopped.
      }
      return this;
    }
    return elect();
  }

  private boolean mayHaveLeader(View merged) {
    return merged instanceof MergeView parts
        && parts.getSubgroups().stream().anyMatch(part -> part.size() >= raft.majority());
  }

  private void electIfNobodyLeads() {
    if (raft.leader() == null && isMajorityAvailable() && isViewCoordinator()) {
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
