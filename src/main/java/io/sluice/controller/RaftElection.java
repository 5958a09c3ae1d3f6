package io.sluice.controller;

import org.jgroups.protocols.raft.ELECTION;

/**
 * The engine's election, which can be ended. Its own stop only asks the thread that collects votes
 * to end, and that one goes on for as long as it sees a majority and no leader: without end where
 * its channel was closed in the middle of a vote.
 */
final class RaftElection extends ELECTION {

  RaftElection() {
    setId(ELECTION_ID);
  }

  /** Ends it for good, once the channel is closed. */
  void end() {
    view = null;
    stopVotingThread();
  }
}
