package io.sluice.controller;

import io.sluice.group.GroupTransport;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jgroups.Address;
import org.jgroups.JChannel;
import org.jgroups.protocols.FD_ALL3;
import org.jgroups.protocols.FRAG3;
import org.jgroups.protocols.MERGE3;
import org.jgroups.protocols.MFC;
import org.jgroups.protocols.UFC;
import org.jgroups.protocols.UNICAST3;
import org.jgroups.protocols.VERIFY_SUSPECT2;
import org.jgroups.protocols.pbcast.GMS;
import org.jgroups.protocols.pbcast.NAKACK2;
import org.jgroups.protocols.pbcast.STABLE;
import org.jgroups.protocols.raft.NO_DUPES;
import org.jgroups.protocols.raft.RAFT;
import org.jgroups.protocols.raft.Role;
import org.jgroups.raft.StateMachine;
import org.jgroups.raft.util.Utils;
import org.jgroups.stack.Protocol;
import org.jgroups.util.ExtendedUUID;
import org.jgroups.util.Util;

/**
 * The consensus on jgroups-raft (decision 0033): its log, its term and its vote are files in the
 * directory ({@link RaftLog}), forced before they are answered for. A TCP port of its own between
 * the controllers.
 */
final class RaftEngine implements Engine {

  private static final System.Logger LOG = System.getLogger(RaftEngine.class.getName());

  /** Where nobody was found by then, a controller begins alone, and is merged with others later. */
  private static final long JOIN_TIMEOUT_MS = 1_000;

  /**
   * The same for one that was there before, and so will hardly be the first. While it is alone its
   * process is ready and it counts for nothing: whoever stops the next one then leaves no majority.
   */
  private static final long JOIN_AGAIN_TIMEOUT_MS = 4_000;

  /** A controller that says nothing for so long is taken for gone, and another leads. */
  private static final long SILENT_MS = 1_200;

  private static final long BEAT_MS = 300;
  private static final long VERIFY_MS = 400;
  private static final long MERGE_MIN_MS = 500;
  private static final long MERGE_MAX_MS = 1_500;

  /**
   * When nothing comes for so long the engine sends again what followers do not have, and at no
   * other time (jgroups-raft 1.1.4, RAFT.processQueue). With its default of a second a follower
   * that joined later, or lost a message, never had the log where masters renew their leases; the
   * collecting of renewals leaves a longer pause than this between two.
   */
  private static final long CATCH_UP_MS = 20;

  /** Then the state takes the place of the log: a few renewals a second make some MB a day. */
  private static final int MAX_LOG_BYTES = 4 << 20;

  private static final int PROBE_BYTES = 64 << 10;

  /** After a log that could not be written, the next try. */
  private static final long TRY_AGAIN_MS = 1_000;

  private final ControllerOptions options;
  private final BiFunction<Path, Consumer<IOException>, RaftLog> logs;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread made = new Thread(task, "sluice-controller");
            made.setDaemon(true);
            return made;
          });
  private ControllerState state;
  private Consumer<Boolean> leads;
  private JChannel channel;
  private RaftElection election;
  private volatile RAFT raft;
  private String whyOut = "";
  private boolean stopped;

  RaftEngine(ControllerOptions options) {
    this(options, RaftLog::new);
  }

  /** For tests, with logs that fail. */
  RaftEngine(ControllerOptions options, BiFunction<Path, Consumer<IOException>, RaftLog> logs) {
    this.options = options;
    this.logs = logs;
  }

  @Override
  public synchronized void start(ControllerState state, Consumer<Boolean> leads) throws Exception {
    this.state = state;
    this.leads = leads;
    open();
  }

  private void open() throws Exception {
    RAFT opened = new RAFT();
    RaftLog log = logs.apply(options.directory(), cause -> leave(opened, cause));
    try {
      open(opened, log.open());
    } catch (Exception e) {
      Util.close(channel);
      log.close();
      throw e;
    }
  }

  private void open(RAFT opened, RaftLog log) throws Exception {
    election = new RaftElection(thread);
    RaftPulse pulse = new RaftPulse(options.self(), opened, election, thread);
    opened
        .raftId(options.self())
        .members(options.members())
        .maxLogSize(MAX_LOG_BYTES)
        .maxLogCacheSize(0)
        .resendInterval(CATCH_UP_MS)
        .log(log)
        .stateMachine(new Applier(state, pulse));
    opened.addRoleListener(
        role -> {
          LOG.log(Level.INFO, "controller {0} is {1}", options.self(), role);
          leads.accept(role == Role.Leader);
        });
    boolean again = log.currentTerm() > 0;
    channel =
        GroupTransport.channel(
            options.self(), stack(opened, again ? JOIN_AGAIN_TIMEOUT_MS : JOIN_TIMEOUT_MS));
    raft = opened;
    channel.connect("sluice-controllers-" + options.cluster());
    pulse.start(channel);
  }

  /**
   * A controller that can not write takes no part: what it said would not be true after a crash,
   * and a leader that could not write an entry must not give its number to another. It comes back
   * as after a crash, when there is room again.
   */
  private void leave(RAFT left, IOException cause) {
    if (thread.isShutdown()) {
      return;
    }
    thread.execute(
        () -> {
          synchronized (this) {
            if (stopped || raft != left) {
              return;
            }
            LOG.log(
                Level.ERROR,
                "controller {0} takes no part until its log in {1} can be written again: {2}",
                options.self(),
                options.directory(),
                cause.toString());
            whyOut = "";
            close();
            thread.schedule(this::comeBack, TRY_AGAIN_MS, TimeUnit.MILLISECONDS);
          }
        });
  }

  private synchronized void comeBack() {
    if (stopped) {
      return;
    }
    try {
      probe();
      state.decode(new ControllerState().encode());
      open();
      LOG.log(Level.INFO, "controller {0} takes part again", options.self());
    } catch (Exception e) {
      String why = e.toString();
      if (!why.equals(whyOut)) {
        // Not the same line each second.
        whyOut = why;
        LOG.log(Level.WARNING, "controller {0} takes no part yet: {1}", options.self(), whyOut);
      }
      thread.schedule(this::comeBack, TRY_AGAIN_MS, TimeUnit.MILLISECONDS);
    }
  }

  /** Fails unless there is room for a while. */
  private void probe() throws IOException {
    Path probe = options.directory().resolve("probe");
    try {
      Files.write(probe, new byte[PROBE_BYTES]);
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  private List<Protocol> stack(RAFT opened, long joinTimeoutMs) throws Exception {
    GroupTransport transport =
        new GroupTransport(
            InetAddress.getByName(options.host()),
            options.port() + 1,
            options.port() + 2,
            options.sockets());
    List<InetSocketAddress> hosts = new ArrayList<>();
    for (String member : options.members()) {
      hosts.add(
          new InetSocketAddress(
              ControllerOptions.hostOf(member), ControllerOptions.portOf(member) + 1));
    }
    VERIFY_SUSPECT2 verify = new VERIFY_SUSPECT2();
    verify.setTimeout(VERIFY_MS);
    return List.of(
        transport.messages(),
        GroupTransport.among(hosts, joinTimeoutMs),
        new MERGE3().setMinInterval(MERGE_MIN_MS).setMaxInterval(MERGE_MAX_MS),
        transport.liveness(),
        new FD_ALL3().setTimeout(SILENT_MS).setInterval(BEAT_MS),
        verify,
        new NAKACK2().useMcastXmit(false),
        new UNICAST3(),
        new STABLE(),
        new NO_DUPES(),
        new GMS().setJoinTimeout(joinTimeoutMs).printLocalAddress(false),
        new UFC(),
        new MFC(),
        new FRAG3(),
        election,
        opened);
  }

  @Override
  public CompletionStage<Boolean> submit(Command command) {
    byte[] bytes = command.encode();
    try {
      return raft.setAsync(bytes, 0, bytes.length, null)
          .thenApply(answer -> answer != null && answer.length == 1 && answer[0] == 1);
    } catch (RuntimeException e) {
      // It leads no more.
      return CompletableFuture.failedFuture(e);
    }
  }

  @Override
  public boolean isLeader() {
    return raft != null && raft.isLeader();
  }

  @Override
  public String leader() {
    Address leader = raft == null ? null : raft.leader();
    return leader instanceof ExtendedUUID named ? Utils.extractRaftId(named) : "";
  }

  /** The part of the engine that leads or follows; for tests of its failures. */
  RAFT raft() {
    return raft;
  }

  /** As {@link #raft}. */
  RaftElection election() {
    return election;
  }

  @Override
  public synchronized void stop() {
    stopped = true;
    thread.shutdown();
    if (channel != null) {
      close();
    }
  }

  private void close() {
    channel.close();
    election.end();
  }

  /** Between the engine's bytes and the state. */
  private record Applier(ControllerState state, RaftPulse pulse) implements StateMachine {
    @Override
    public byte[] apply(byte[] data, int offset, int length, boolean serialize) {
      pulse.applied();
      byte[] bytes = new byte[length];
      System.arraycopy(data, offset, bytes, 0, length);
      boolean done = state.apply(Command.decode(bytes));
      return new byte[] {(byte) (done ? 1 : 0)};
    }

    @Override
    public void readContentFrom(DataInput in) throws IOException {
      byte[] bytes = new byte[in.readInt()];
      in.readFully(bytes);
      state.decode(bytes);
    }

    @Override
    public void writeContentTo(DataOutput out) throws IOException {
      byte[] bytes = state.encode();
      out.writeInt(bytes.length);
      out.write(bytes);
    }
  }
}
