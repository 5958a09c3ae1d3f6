package io.sluice.replication;

import io.sluice.replication.Frames.Data;
import io.sluice.replication.Frames.Hello;
import io.sluice.replication.Frames.Welcome;
import io.sluice.replication.Handshake.Action;
import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.sluice.store.StoreFile;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import javax.net.ssl.SSLException;

/**
 * The slave's side: connects to the master, again and again, and writes what it sends into the log.
 *
 * <p>Owned by the Broker's event loop, on which its connection runs too. While the store prepares
 * room, or an epoch is written to its file, the socket is paused; what was read by then waits here,
 * a few hundred KiB at most.
 */
public final class Follower extends SlaveReplication {

  private static final System.Logger LOG = System.getLogger(Follower.class.getName());
  private static final long FIRST_RETRY_MS = 100;
  private static final long MOST_RETRY_MS = 2_000;

  /** A refusal needs an operator. */
  private static final long REFUSED_RETRY_MS = 10_000;

  private static final long NOTE_MS = 1_000;

  private static final String SECRETS =
      "; cluster.secret and cluster.name must be the same at both";

  /** Refusals of the store that do not pass. */
  static final Set<StoreException.Kind> ENDS =
      Set.of(StoreException.Kind.FAILED, StoreException.Kind.CLOSED);

  /** What a slave needs of the process it runs in. */
  public interface Owner {

    /** The log must be changed while nobody has it open: close the Broker, apply, start again. */
    void adjust(Adjustment adjustment);

    /** Close the Broker and start it as a master; completes when that takes sends. */
    CompletionStage<Void> promote();
  }

  private final Vertx vertx;
  private final FileAccess files;
  private final ReplicationOptions options;
  private final Clock clock;
  private final Owner owner;
  private final ByteRate rate;
  private MessageStore store;
  private Runnable moved = () -> {};
  private NetClient client;
  private NetSocket socket;
  private FrameReader reader;
  private EpochHistory own = EpochHistory.NONE;
  private EpochHistory masters = EpochHistory.NONE;
  private Welcome welcome;
  private FollowerFile.Heard heard = new FollowerFile.Heard(0, false, "");
  private FollowerFile.Heard noted = heard;
  private long timer = -1;
  private long heardMs;
  private long saidMs;
  private long retryMs = FIRST_RETRY_MS;
  private long mastersBegin;
  private long mastersEnd;
  private boolean following;
  private long acknowledged;
  private long notedMs;
  private boolean forcing;
  private boolean adjusting;
  private boolean broken;
  private boolean noting;
  private boolean stopped;
  private String lastTrouble = "";
  private boolean collecting;

  // For whoever wonders which log is the longest.
  private volatile long seenEpoch;
  private volatile long seenEnd;

  // What was read and can not be taken yet: parts of frames first, then bytes behind them.
  private final ArrayDeque<Object> held = new ArrayDeque<>();
  private final ArrayDeque<ByteBuffer> unread = new ArrayDeque<>();
  private boolean holding;

  /** A slave; nothing is opened yet. */
  public Follower(
      Vertx vertx, FileAccess files, ReplicationOptions options, Clock clock, Owner owner) {
    this.vertx = vertx;
    this.files = files;
    this.options = options;
    this.clock = clock;
    this.owner = owner;
    rate = new ByteRate(clock.nowMs());
  }

  @Override
  public String whereToGo() {
    return "the master of '"
        + options.brokerName()
        + (heard.masterAddress().isEmpty()
            ? "', which it reaches at " + options.masterHost() + ":" + options.masterPort()
            : "' at " + heard.masterAddress());
  }

  @Override
  public CompletionStage<Void> start(MessageStore opened, Runnable whenMoved) {
    store = opened;
    moved = whenMoved;
    client =
        vertx.createNetClient(
            options
                .security()
                .apply(new NetClientOptions().setTcpNoDelay(true).setConnectTimeout(2_000)));
    return vertx
        .executeBlocking(
            () -> {
              own = new EpochFile(files, options.directory()).read();
              return new FollowerFile(files, options.directory()).read();
            })
        .map(
            known -> {
              heard = known;
              noted = known;
              see();
              store.raw().confirm(Math.min(known.confirmed(), store.maxPhysicalOffset()));
              timer = vertx.setPeriodic(ReplicationOptions.HEARTBEAT_MS, id -> beat());
              connect();
              return (Void) null;
            })
        .toCompletionStage();
  }

  // The connection.

  private void connect() {
    if (stopped || adjusting || broken) {
      return;
    }
    client
        .connect(options.masterPort(), options.masterHost())
        .onComplete(
            connected -> {
              if (connected.failed()) {
                retryLater(
                    connected.cause().getMessage()
                        + (connected.cause() instanceof SSLException ? SECRETS : ""));
              } else if (stopped || adjusting || broken) {
                connected.result().close();
              } else {
                greet(connected.result());
              }
            });
  }

  private void retryLater(String trouble) {
    if (stopped || adjusting || broken) {
      return;
    }
    if (!trouble.equals(lastTrouble)) {
      lastTrouble = trouble;
      LOG.log(
          Level.WARNING,
          "slave {0} of {1} does not reach its master at {2}:{3} ({4}); it tries again",
          Long.toString(options.brokerId()),
          options.brokerName(),
          options.masterHost(),
          Integer.toString(options.masterPort()),
          trouble);
    }
    vertx.setTimer(retryMs, id -> connect());
    retryMs = Math.min(MOST_RETRY_MS, retryMs * 2);
  }

  private void greet(NetSocket connected) {
    socket = connected;
    heardMs = clock.nowMs();
    saidMs = heardMs;
    following = false;
    welcome = null;
    collecting = false;
    held.clear();
    unread.clear();
    holding = false;
    store.raw().dropTail();
    reader = new FrameReader(new Handler());
    connected.handler(bytes -> read(connected, bytes));
    connected.exceptionHandler(failure -> lastTrouble = failure.toString());
    connected.closeHandler(nothing -> ended(connected));
    connected.write(
        Frames.hello(
            new Hello(
                Frames.VERSION,
                options.cluster(),
                options.brokerName(),
                options.address(),
                options.brokerId(),
                options.store().segmentBytes(),
                new Handshake.Log(own, store.minPhysicalOffset(), store.raw().receivedTo()))));
  }

  private void ended(NetSocket which) {
    if (socket == which) {
      socket = null;
      following = false;
      retryLater(
          welcome == null
              ? "the connection ended before the master's welcome" + SECRETS
              : "the connection ended");
    }
  }

  private void drop(String why) {
    if (socket != null) {
      LOG.log(
          Level.WARNING,
          "slave {0} of {1} ends the connection to its master: {2}",
          Long.toString(options.brokerId()),
          options.brokerName(),
          why);
      NetSocket before = socket;
      socket = null;
      following = false;
      before.close();
      retryLater(why);
    }
  }

  private void read(NetSocket from, Buffer bytes) {
    if (from != socket) {
      return;
    }
    heardMs = clock.nowMs();
    ByteBuffer in = ((BufferInternal) bytes).getByteBuf().nioBuffer();
    try {
      if (holding) {
        unread.add(in);
      } else {
        reader.read(in);
        tookSome();
      }
    } catch (RuntimeException e) {
      drop(e.toString());
    }
  }

  /** Something must come first: nothing more is taken until then. */
  private void hold() {
    holding = true;
    socket.pause();
  }

  private void release() {
    if (socket == null) {
      return;
    }
    holding = false;
    try {
      while (!held.isEmpty() && !holding && socket != null) {
        Object next = held.poll();
        if (next instanceof Log log) {
          append(log);
        } else if (next instanceof Begun begun) {
          begin(begun.data());
        } else {
          ((Runnable) next).run();
        }
      }
      while (!unread.isEmpty() && !holding && socket != null) {
        reader.read(unread.poll());
      }
      if (!holding && socket != null) {
        tookSome();
        socket.resume();
      }
    } catch (RuntimeException e) {
      drop(e.toString());
    }
  }

  /** Bytes of the log that wait. */
  private record Log(ByteBuffer bytes) {}

  /** The head of a DATA frame that waits. */
  private record Begun(Data data) {}

  private final class Handler implements FrameReader.Handler {
    @Override
    public void onData(Data data) {
      if (holding) {
        held.add(new Begun(data));
      } else {
        begin(data);
      }
    }

    @Override
    public void onBytes(ByteBuffer bytes) {
      if (holding) {
        held.add(new Log(bytes));
      } else {
        append(new Log(bytes));
      }
    }

    @Override
    public void onFrame(byte type, ByteBuffer content) {
      if (holding) {
        held.add((Runnable) () -> take(type, content));
      } else {
        take(type, content);
      }
    }
  }

  private void take(byte type, ByteBuffer content) {
    if (type == Frames.WELCOME && welcome == null) {
      welcomed(Frames.readWelcome(content));
    } else if (type == Frames.SNAPSHOT && welcome != null && welcome.snapshot()) {
      snapshot(content);
    } else {
      throw new IllegalArgumentException("a frame of type " + type + " is out of its order");
    }
  }

  // The beginning.

  private void welcomed(Welcome answer) {
    welcome = answer;
    masters = answer.history();
    Action action = answer.answer().action();
    if (action == Action.REFUSED) {
      retryMs = REFUSED_RETRY_MS;
      drop("refused, " + answer.answer().text());
    } else if (action != Action.FOLLOW) {
      if (!answer.snapshot()) {
        adjust(false);
      }
    } else if (answer.answer().place() != store.raw().receivedTo()) {
      throw new IllegalArgumentException(
          "the master begins at "
              + answer.answer().place()
              + ", this log ends at "
              + store.raw().receivedTo());
    } else {
      follow(answer);
    }
  }

  private void follow(Welcome answer) {
    following = true;
    retryMs = FIRST_RETRY_MS;
    lastTrouble = "";
    heard = new FollowerFile.Heard(heard.confirmed(), heard.inSync(), answer.address());
    LOG.log(
        Level.INFO,
        "slave {0} of {1} follows {2}:{3} from physical offset {4}",
        Long.toString(options.brokerId()),
        options.brokerName(),
        options.masterHost(),
        Integer.toString(options.masterPort()),
        Long.toString(answer.answer().place()));
    writeEpochs(masters.upTo(answer.answer().place()));
  }

  /** Nothing is taken until the epochs are on the disk. */
  private void writeEpochs(EpochHistory history) {
    if (history.equals(own)) {
      return;
    }
    hold();
    NetSocket during = socket;
    vertx
        .executeBlocking(
            () -> {
              new EpochFile(files, options.directory()).write(history);
              return null;
            })
        .onComplete(
            written -> {
              if (written.failed()) {
                drop("the epochs could not be written: " + written.cause());
              } else {
                own = history;
                if (during == socket) {
                  release();
                }
              }
            });
  }

  private void snapshot(ByteBuffer part) {
    boolean last = !part.hasRemaining();
    Path path = options.directory().resolve(Adjustment.RECEIVED_NAME);
    boolean first = !collecting;
    collecting = true;
    byte[] bytes = new byte[part.remaining()];
    part.get(bytes);
    hold();
    NetSocket during = socket;
    vertx
        .<Void>executeBlocking(
            () -> {
              write(path, first, bytes);
              return null;
            })
        .onComplete(
            written -> {
              if (written.failed()) {
                drop("the snapshot could not be written: " + written.cause());
              } else if (during == socket && last) {
                adjust(true);
              } else if (during == socket) {
                release();
              }
            });
  }

  /** Forced at its end: it takes its place by its name alone. */
  private void write(Path path, boolean first, byte[] bytes) throws IOException {
    try (StoreFile file = files.open(path)) {
      if (first) {
        file.setSize(0);
      }
      if (bytes.length == 0) {
        file.force();
      } else {
        file.write(ByteBuffer.wrap(bytes), file.size());
      }
    }
  }

  private void adjust(boolean snapshot) {
    adjusting = true;
    NetSocket before = socket;
    socket = null;
    before.close();
    owner.adjust(new Adjustment(files, options, welcome.answer(), snapshot, masters));
  }

  // The stream.

  private void begin(Data data) {
    if (!following) {
      throw new IllegalArgumentException("the log came before the welcome");
    }
    if (data.physicalOffset() != store.raw().receivedTo()) {
      throw new IllegalArgumentException(
          "the master sends physical offset "
              + data.physicalOffset()
              + ", this log ends at "
              + store.raw().receivedTo());
    }
    mastersBegin = data.begin();
    mastersEnd = data.end();
    heard =
        new FollowerFile.Heard(
            Math.max(heard.confirmed(), data.confirmed()),
            (data.flags() & Frames.IN_SYNC) != 0,
            heard.masterAddress());
    if ((data.flags() & Frames.ANSWER) != 0) {
      acknowledge();
    }
    if (data.epoch() > own.lastNumber()) {
      writeEpochs(masters.upTo(data.physicalOffset()));
    }
  }

  private void append(Log log) {
    int count = log.bytes().remaining();
    boolean taken = store.raw().append(log.bytes());
    rate.add(count - log.bytes().remaining(), clock.nowMs());
    if (!taken) {
      StoreException refusal = store.refusal();
      if (refusal != null && ENDS.contains(refusal.kind())) {
        broken = true;
        drop("its store takes nothing more, start this slave again: " + refusal.getMessage());
        return;
      }
      held.addFirst(log);
      hold();
      NetSocket during = socket;
      store.whenWritable(
          () -> {
            if (during == socket) {
              release();
            }
          });
    }
  }

  private void see() {
    seenEpoch = own.lastNumber();
    seenEnd = store.maxPhysicalOffset();
  }

  /** Number of its log's last epoch; safe for any thread. */
  public long seenEpoch() {
    return seenEpoch;
  }

  /** End of its log a moment ago; safe for any thread. */
  public long seenEnd() {
    return seenEnd;
  }

  /** After each read: what is whole is acknowledged, and forced. */
  private void tookSome() {
    see();
    if (!following) {
      return;
    }
    long confirmed = Math.min(heard.confirmed(), store.maxPhysicalOffset());
    if (confirmed > store.raw().confirmedTo()) {
      store.raw().confirm(confirmed);
    }
    if (store.maxPhysicalOffset() > acknowledged) {
      acknowledge();
      force();
    }
    moved.run();
  }

  private void acknowledge() {
    if (socket != null) {
      acknowledged = store.maxPhysicalOffset();
      saidMs = clock.nowMs();
      socket.write(Frames.ack(acknowledged, Math.min(acknowledged, store.forcedPhysicalOffset())));
    }
  }

  /** Forces all the time while something comes: one force serves all that came before it. */
  private void force() {
    if (forcing || stopped) {
      return;
    }
    forcing = true;
    store.whenForced(
        store.maxPhysicalOffset(),
        failure -> {
          forcing = false;
          if (failure == null && following) {
            acknowledge();
            if (store.maxPhysicalOffset() > store.forcedPhysicalOffset()) {
              force();
            }
          }
        });
  }

  private void beat() {
    rate.look(clock.nowMs());
    if (socket != null && !holding && clock.nowMs() - heardMs > ReplicationOptions.SILENT_MS) {
      drop("the master was silent for " + (clock.nowMs() - heardMs) + " ms");
    }
    if (!noting && !heard.equals(noted) && clock.nowMs() - notedMs >= NOTE_MS) {
      note();
    }
  }

  private Future<Void> note() {
    noting = true;
    notedMs = clock.nowMs();
    FollowerFile.Heard now = heard;
    return vertx
        .<Void>executeBlocking(
            () -> {
              new FollowerFile(files, options.directory()).write(now);
              return null;
            })
        .onComplete(
            written -> {
              noting = false;
              noted = now;
            });
  }

  // What the Broker asks.

  @Override
  public long keepFrom() {
    return mastersBegin;
  }

  @Override
  public Status status() {
    return new Status(
        "slave",
        own.lastNumber(),
        store.raw().confirmedTo(),
        heard.inSync() ? 1 : 0,
        new TreeSet<>(),
        (following ? "follows " : socket == null ? "does not reach " : "is connected to ")
            + whereToGo()
            + ", ends at "
            + store.maxPhysicalOffset()
            + " of "
            + mastersEnd
            + (heard.inSync() ? ", in sync" : ", not in sync")
            + (lastTrouble.isEmpty() ? "" : " (" + lastTrouble + ")"));
  }

  @Override
  public Upstream upstream() {
    return new Upstream(
        options.masterHost() + ":" + options.masterPort(),
        heardMs,
        saidMs,
        rate.perSecond(clock.nowMs()));
  }

  @Override
  public CompletionStage<Void> promote(boolean force) {
    long end = store.maxPhysicalOffset();
    if (!force && (!heard.inSync() || end < heard.confirmed())) {
      return CompletableFuture.failedFuture(
          new StoreException(
              StoreException.Kind.NOT_IN_SYNC,
              "this slave was not in sync when it heard from its master last: its log ends at "
                  + end
                  + ", confirmed was "
                  + heard.confirmed()
                  + ". Messages that were acked may be missing here; promote another slave, or"
                  + " this one with force"));
    }
    LOG.log(
        Level.WARNING,
        "slave {0} of {1} becomes the master at physical offset {2}{3}",
        Long.toString(options.brokerId()),
        options.brokerName(),
        Long.toString(end),
        force ? ", by force" : "");
    return owner.promote();
  }

  @Override
  public CompletionStage<Void> stop() {
    stopped = true;
    if (timer >= 0) {
      vertx.cancelTimer(timer);
    }
    NetSocket before = socket;
    socket = null;
    following = false;
    if (before != null) {
      before.close();
    }
    if (client == null) {
      return CompletableFuture.completedFuture(null);
    }
    return note().transform(done -> client.close()).toCompletionStage();
  }
}
