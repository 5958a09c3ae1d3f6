package io.sluice.replication;

import io.sluice.replication.Handshake.Action;
import io.sluice.replication.Handshake.Answer;
import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.RawSlice;
import io.sluice.store.StoreException;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A slave of a master of Apache RocketMQ: its log byte for byte over RocketMQ's HA connection; its
 * topics, groups and positions over its remoting port, as RocketMQ's own slaves fetch them, into
 * {@link RocketMqFiles}. Where the master waits for its slaves (SYNC_MASTER), it waits for this one
 * too.
 *
 * <p>RocketMQ's stream has no history to compare: so the last bytes of the log that is here are
 * asked for again at each connection, and must be the same.
 *
 * <p>Owned by the Broker's event loop, on which its connections run too. While the store prepares
 * room the socket is paused; what was read by then waits here, a few hundred KiB at most.
 *
 * <p>Source of the protocol: Apache RocketMQ 5.5.0, DefaultHAConnection and DefaultHAClient.
 */
public final class RocketMqFollower extends SlaveReplication {

  private static final System.Logger LOG = System.getLogger(RocketMqFollower.class.getName());

  private static final long FIRST_RETRY_MS = 100;
  private static final long MOST_RETRY_MS = 2_000;

  /** What needs an operator. */
  private static final long REFUSED_RETRY_MS = 10_000;

  private static final long BEAT_MS = 1_000;

  /** Topics, groups and positions are asked for so often; once a beat where nobody sends. */
  private static final long STATE_MS = 5_000;

  /** Twice RocketMQ's pause between heartbeats, and some; its own slaves wait 20 s. */
  private static final long SILENT_MS = 12_000;

  /** So much of what is here already is compared at each connection. */
  private static final int OVERLAP_BYTES = 64 << 10;

  private static final int HEAD_BYTES = 12;

  /** A frame has 32 KiB unless haTransferBatchSize says more. */
  private static final int MOST_FRAME_BYTES = 64 << 20;

  private static final int GET_BROKER_CONFIG = 26;
  private static final int GET_BROKER_RUNTIME_INFO = 28;

  private final Vertx vertx;
  private final ReplicationOptions options;
  private final Clock clock;
  private final Follower.Owner owner;
  private final RocketMqMaster master;
  private final RocketMqFiles files;
  private final ByteRate rate;
  private MessageStore store;
  private Runnable moved = () -> {};
  private NetClient client;
  private NetSocket socket;
  private long timer = -1;
  private long retryMs = FIRST_RETRY_MS;
  private long heardMs;
  private long saidMs;
  private String lastTrouble = "";
  private boolean stopped;
  private boolean adjusting;
  private boolean broken;
  private boolean forcing;

  // What was heard of the master last, and fetched from it.
  private RocketMqInfo info;
  private Future<Void> fetching = Future.succeededFuture();
  private long fetchedMs;
  private long stateVersion;
  private long stateOfEnd = -1;

  // The stream of one connection.
  private final ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES);
  private final ArrayDeque<ByteBuffer> unread = new ArrayDeque<>();
  private byte[] overlap = new byte[0];
  private long overlapFrom;
  private long next;
  private int frameLeft;
  private boolean holding;
  private boolean caughtUp;

  /** A slave; nothing is opened yet. */
  public RocketMqFollower(
      Vertx vertx,
      ReplicationOptions options,
      Clock clock,
      Follower.Owner owner,
      RocketMqMaster master) {
    this.vertx = vertx;
    this.options = options;
    this.clock = clock;
    this.owner = owner;
    this.master = master;
    files = new RocketMqFiles(options.directory());
    rate = new ByteRate(clock.nowMs());
  }

  @Override
  public String whereToGo() {
    return "the master of '" + options.brokerName() + "', a RocketMQ Broker at " + master.address();
  }

  @Override
  public ForeignState foreignState() {
    return new ForeignState(files.directory(), stateVersion);
  }

  @Override
  public CompletionStage<Void> start(MessageStore opened, Runnable whenMoved) {
    store = opened;
    moved = whenMoved;
    client =
        vertx.createNetClient(new NetClientOptions().setTcpNoDelay(true).setConnectTimeout(2_000));
    return vertx
        .executeBlocking(() -> new long[] {files.takingOverFrom(), files.hasState() ? 1 : 0})
        .map(
            found -> {
              stateVersion = found[1];
              timer = vertx.setPeriodic(BEAT_MS, id -> beat());
              if (found[0] >= 0) {
                // After this start: what is adjusted is closed first.
                vertx.runOnContext(nothing -> undoTakeOver(found[0]));
              } else {
                connect();
              }
              return (Void) null;
            })
        .toCompletionStage();
  }

  /** What a take-over wrote behind RocketMQ's log before it broke off has to go. */
  private void undoTakeOver(long end) {
    adjust(new Answer(Action.CUT, Math.min(end, store.maxPhysicalOffset()), ""));
  }

  private void adjust(Answer answer) {
    adjusting = true;
    if (socket != null) {
      NetSocket before = socket;
      socket = null;
      before.close();
    }
    owner.adjust(
        new Adjustment(FileAccess.system(), options, answer, false, EpochHistory.NONE)
            .then(files::giveUpTakeOver));
  }

  // The connection.

  /**
   * What is to be done with the log that is here. A pure function of where both begin and end.
   *
   * @return FOLLOW with the end of the own log, RESTART with where to begin, or REFUSED
   */
  static Answer decide(long ownBegin, long ownEnd, long mastersBegin, long mastersEnd) {
    if (ownEnd > mastersEnd) {
      return new Answer(
          Action.REFUSED,
          0,
          "its log ends at "
              + mastersEnd
              + ", this one at "
              + ownEnd
              + ": it has lost what it had, or is another one. Begin with an empty directory");
    }
    boolean empty = ownBegin == ownEnd;
    return ownEnd < mastersBegin || empty && ownEnd != mastersBegin
        ? new Answer(Action.RESTART, mastersBegin, "")
        : new Answer(Action.FOLLOW, ownEnd, "");
  }

  /**
   * From where the log is asked for: a little of what is here, to compare. Never from 0, since
   * RocketMQ takes that for "the newest file, please". So the first byte of all can not be had; it
   * is the highest of the size of a record, which is 0 for all below 16 MiB.
   */
  static long askFrom(long begin, long end) {
    return Math.max(1, Math.max(begin, end - OVERLAP_BYTES));
  }

  private void connect() {
    if (stopped || adjusting || broken) {
      return;
    }
    askInfo()
        .onComplete(
            asked -> {
              if (stopped || adjusting) {
                return;
              }
              if (asked.failed()) {
                retryLater(asked.cause().getMessage());
                return;
              }
              String trouble = info.trouble(options);
              Answer answer =
                  trouble != null
                      ? new Answer(Action.REFUSED, 0, trouble)
                      : decide(
                          store.minPhysicalOffset(),
                          store.maxPhysicalOffset(),
                          info.begin(),
                          info.end());
              if (answer.action() == Action.REFUSED) {
                retryMs = REFUSED_RETRY_MS;
                retryLater("it can not be followed: " + answer.text());
              } else if (answer.action() == Action.RESTART) {
                adjust(answer);
              } else {
                connectStream();
              }
            });
  }

  private Future<Void> askInfo() {
    return Future.all(master.ask(GET_BROKER_CONFIG), master.ask(GET_BROKER_RUNTIME_INFO))
        .map(
            answers -> {
              try {
                info = RocketMqInfo.of(answers.resultAt(0), answers.resultAt(1));
              } catch (java.io.IOException | RuntimeException e) {
                throw new IllegalArgumentException(
                    "what " + master.address() + " says of itself can not be read: " + e, e);
              }
              return null;
            });
  }

  private void connectStream() {
    store.raw().dropTail();
    long end = store.raw().receivedTo();
    long from = askFrom(store.minPhysicalOffset(), end);
    String host = master.address().substring(0, master.address().lastIndexOf(':'));
    readOverlap(from, new byte[(int) Math.max(0, end - from)], 0)
        .compose(
            own -> {
              overlap = own;
              overlapFrom = from;
              return client.connect(info.haPort(), host);
            })
        .onComplete(
            connected -> {
              if (connected.failed()) {
                retryLater(connected.cause().getMessage());
              } else if (stopped || adjusting || broken) {
                connected.result().close();
              } else {
                greet(connected.result(), from);
              }
            });
  }

  private Future<byte[]> readOverlap(long from, byte[] into, int done) {
    if (done == into.length) {
      return Future.succeededFuture(into);
    }
    return Future.fromCompletionStage(store.raw().read(from + done, into.length - done))
        .compose(
            slice -> {
              if (slice == null) {
                return Future.failedFuture(
                    "the own log can not be read at physical offset " + (from + done));
              }
              return readOverlap(from, into, done + copy(slice, into, done));
            });
  }

  private static int copy(RawSlice slice, byte[] into, int at) {
    try (slice) {
      int count = slice.bytes().remaining();
      slice.bytes().get(into, at, count);
      return count;
    }
  }

  private void greet(NetSocket connected, long from) {
    socket = connected;
    heardMs = clock.nowMs();
    next = from;
    frameLeft = 0;
    head.clear();
    unread.clear();
    holding = false;
    caughtUp = false;
    connected.handler(bytes -> read(connected, bytes));
    connected.exceptionHandler(failure -> lastTrouble = failure.toString());
    connected.closeHandler(
        nothing -> {
          if (socket == connected) {
            socket = null;
            retryLater("the connection ended");
          }
        });
    report(from);
    LOG.log(
        Level.INFO,
        "slave {0} of {1} follows the RocketMQ Broker at {2} from physical offset {3}",
        Long.toString(options.brokerId()),
        options.brokerName(),
        master.address(),
        Long.toString(from + overlap.length));
    fetchState();
  }

  private void retryLater(String trouble) {
    if (stopped || adjusting || broken) {
      return;
    }
    if (!trouble.equals(lastTrouble)) {
      lastTrouble = trouble;
      LOG.log(
          Level.WARNING,
          "slave {0} of {1} does not follow the RocketMQ Broker at {2} ({3}); it tries again",
          Long.toString(options.brokerId()),
          options.brokerName(),
          master.address(),
          trouble);
    }
    vertx.setTimer(retryMs, id -> connect());
    retryMs = Math.min(MOST_RETRY_MS, retryMs * 2);
  }

  private void drop(String why) {
    if (socket != null) {
      NetSocket before = socket;
      socket = null;
      before.close();
      retryLater(why);
    }
  }

  // The stream.

  private void read(NetSocket from, Buffer bytes) {
    if (from != socket) {
      return;
    }
    heardMs = clock.nowMs();
    unread.add(((BufferInternal) bytes).getByteBuf().nioBuffer());
    takeUnread();
  }

  private void takeUnread() {
    try {
      while (!unread.isEmpty() && !holding && socket != null) {
        ByteBuffer first = unread.peek();
        take(first);
        if (!first.hasRemaining()) {
          unread.poll();
        }
      }
      if (!holding && socket != null) {
        tookSome();
      }
    } catch (RuntimeException e) {
      drop(e.toString());
    }
  }

  /** Takes what it can of the bytes; stops where the store lacks room. */
  private void take(ByteBuffer in) {
    while (in.hasRemaining() && !holding && socket != null) {
      if (frameLeft > 0) {
        takeBytes(in);
        continue;
      }
      int count = Math.min(head.remaining(), in.remaining());
      head.put(in.slice(in.position(), count));
      in.position(in.position() + count);
      if (!head.hasRemaining()) {
        begin(head.getLong(0), head.getInt(8));
        head.clear();
      }
    }
  }

  private void begin(long physicalOffset, int bytes) {
    if (physicalOffset != next) {
      throw new IllegalArgumentException(
          "the master sends physical offset " + physicalOffset + ", " + next + " comes next");
    }
    if (bytes < 0 || bytes > MOST_FRAME_BYTES) {
      throw new IllegalArgumentException(
          "the master sends a frame of " + bytes + " bytes; this is not RocketMQ's HA connection");
    }
    frameLeft = bytes;
  }

  private void takeBytes(ByteBuffer in) {
    int count = Math.min(frameLeft, in.remaining());
    long overlapEnd = overlapFrom + overlap.length;
    if (next < overlapEnd) {
      compare(in, (int) Math.min(count, overlapEnd - next));
      return;
    }
    if (next == 1 && store.raw().receivedTo() == 0 && !append(ByteBuffer.allocate(1))) {
      return;
    }
    ByteBuffer part = in.slice(in.position(), count);
    append(part);
    rate.add(part.position(), clock.nowMs());
    in.position(in.position() + part.position());
    next += part.position();
    frameLeft -= part.position();
  }

  private void compare(ByteBuffer in, int count) {
    int at = (int) (next - overlapFrom);
    for (int i = 0; i < count; i++) {
      if (in.get(in.position() + i) != overlap[at + i]) {
        retryMs = REFUSED_RETRY_MS;
        throw new IllegalStateException(
            "the log here and the master's are not the same at physical offset "
                + (next + i)
                + ": the master lost what it had not forced, or is another one. Begin with an empty"
                + " directory");
      }
    }
    in.position(in.position() + count);
    next += count;
    frameLeft -= count;
  }

  /** Puts bytes into the log; where it lacks room, goes on when there is some. */
  private boolean append(ByteBuffer bytes) {
    if (store.raw().append(bytes)) {
      return true;
    }
    StoreException refusal = store.refusal();
    if (refusal != null && Follower.ENDS.contains(refusal.kind())) {
      broken = true;
      LOG.log(Level.ERROR, "the store takes nothing more, start this slave again", refusal);
      drop(refusal.getMessage());
      return false;
    }
    holding = true;
    socket.pause();
    NetSocket during = socket;
    store.whenWritable(
        () -> {
          if (during == socket && socket != null) {
            holding = false;
            takeUnread();
            if (!holding && socket != null) {
              socket.resume();
            }
          }
        });
    return false;
  }

  private void tookSome() {
    long end = store.maxPhysicalOffset();
    if (next >= overlapFrom + overlap.length) {
      retryMs = FIRST_RETRY_MS;
      lastTrouble = "";
      caughtUp = info != null && end >= info.end();
    }
    report(Math.max(overlapFrom, end));
    force();
    moved.run();
  }

  private void report(long physicalOffset) {
    saidMs = clock.nowMs();
    socket.write(Buffer.buffer(8).appendLong(physicalOffset));
  }

  /** Forces all the time while something comes: one force serves all that came before it. */
  private void force() {
    if (forcing || stopped || store.maxPhysicalOffset() <= store.forcedPhysicalOffset()) {
      return;
    }
    forcing = true;
    store.whenForced(
        store.maxPhysicalOffset(),
        failure -> {
          forcing = false;
          if (failure == null && socket != null) {
            force();
          }
        });
  }

  private void beat() {
    long nowMs = clock.nowMs();
    rate.look(nowMs);
    if (socket == null) {
      return;
    }
    if (!holding && nowMs - heardMs > SILENT_MS) {
      drop("the master was silent for " + (nowMs - heardMs) + " ms");
      return;
    }
    report(Math.max(overlapFrom, store.maxPhysicalOffset()));
    if (fetching.isComplete() && (!info.writable() || nowMs - fetchedMs >= STATE_MS)) {
      fetchState();
    }
  }

  // Topics, groups and positions.

  /** Fetches all of it; what it says of the log is older than the log's end that follows it. */
  private Future<Void> fetchState() {
    if (!fetching.isComplete()) {
      return fetching;
    }
    fetchedMs = clock.nowMs();
    Map<Integer, byte[]> answers = new HashMap<>();
    Future<Void> asked = Future.succeededFuture();
    for (int code : RocketMqFiles.STATE.keySet()) {
      asked = asked.compose(done -> askState(code, answers));
    }
    fetching =
        asked
            .compose(
                done ->
                    vertx.<Void>executeBlocking(
                        () -> {
                          for (Map.Entry<Integer, byte[]> answer : answers.entrySet()) {
                            files.write(answer.getKey(), answer.getValue());
                          }
                          return null;
                        }))
            .compose(written -> askInfo())
            .onComplete(
                done -> {
                  if (done.succeeded()) {
                    stateVersion++;
                    stateOfEnd = info.end();
                    caughtUp = store.maxPhysicalOffset() >= info.end();
                    moved.run();
                  } else if (socket != null && !stopped) {
                    LOG.log(
                        Level.WARNING,
                        "topics, groups and positions of the RocketMQ Broker at {0} could not be"
                            + " fetched: {1}",
                        master.address(),
                        done.cause().getMessage());
                  }
                });
    return fetching;
  }

  private Future<Void> askState(int code, Map<Integer, byte[]> answers) {
    Future<byte[]> answer = master.ask(code);
    if (code == RocketMqFiles.TIMER_CHECKPOINT) {
      answer = answer.otherwise(new byte[0]);
    }
    return answer.map(
        body -> {
          answers.put(code, body);
          return null;
        });
  }

  // What the Broker asks.

  @Override
  public long keepFrom() {
    return info == null ? 0 : info.begin();
  }

  @Override
  public Status status() {
    return new Status(
        "slave",
        0,
        store.raw().confirmedTo(),
        socket != null && caughtUp ? 1 : 0,
        new TreeSet<>(),
        (socket == null ? "does not follow " : "follows ")
            + whereToGo()
            + ", ends at "
            + store.maxPhysicalOffset()
            + (info == null ? "" : " of " + info.end())
            + (info == null || info.writable() ? "" : ", which takes no sends any more")
            + (lastTrouble.isEmpty() ? "" : " (" + lastTrouble + ")"));
  }

  @Override
  public Upstream upstream() {
    return new Upstream(master.address(), heardMs, saidMs, rate.perSecond(clock.nowMs()));
  }

  @Override
  public CompletionStage<Void> promote(boolean force) {
    // If the master still answers, with what it says last.
    Future<Void> last = socket == null ? Future.succeededFuture() : fetchState().otherwiseEmpty();
    return last.compose(fetched -> checked(force)).toCompletionStage();
  }

  private Future<Void> checked(boolean force) {
    long end = store.maxPhysicalOffset();
    String lack =
        info == null || stateOfEnd < 0
            ? "topics, groups and positions were not fetched from it since this slave started"
            : info.writable()
                ? "it takes sends: set its brokerPermission to 4 (mqadmin updateBrokerConfig), and"
                    + " wait until its producers know, 30 s"
                : end < info.end()
                    ? "its log ends at " + info.end() + ", this one at " + end
                    : null;
    if (!force && lack != null) {
      return Future.failedFuture(
          new StoreException(
              StoreException.Kind.NOT_IN_SYNC,
              "messages of "
                  + whereToGo()
                  + " may be missing here: "
                  + lack
                  + ". Or promote this slave with force"));
    }
    LOG.log(
        Level.WARNING,
        "slave {0} of {1} takes over from the RocketMQ Broker at {2} at physical offset {3}{4}",
        Long.toString(options.brokerId()),
        options.brokerName(),
        master.address(),
        Long.toString(end),
        force ? ", by force" : "");
    return Future.fromCompletionStage(owner.promote());
  }

  @Override
  public CompletionStage<Void> stop() {
    stopped = true;
    if (timer >= 0) {
      vertx.cancelTimer(timer);
    }
    NetSocket before = socket;
    socket = null;
    if (before != null) {
      before.close();
    }
    return client == null
        ? CompletableFuture.completedFuture(null)
        : client.close().eventually(master::close).toCompletionStage();
  }
}
