package io.sluice.replication;

import io.sluice.replication.Frames.Data;
import io.sluice.replication.Frames.Hello;
import io.sluice.replication.Frames.Welcome;
import io.sluice.replication.Handshake.Action;
import io.sluice.replication.Handshake.Answer;
import io.sluice.store.RawSlice;
import io.sluice.store.Replication;
import io.sluice.store.StoreFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * One slave's connection at its master. Sends slices of the log as long as the socket takes them: a
 * slow slave costs at most five mebibytes of the socket's queues, one of Netty's, and 16 slices of
 * Vert.x's above it, which counts messages (5.0.7). These keep their segments mapped.
 *
 * <p>Owned by the Broker's event loop.
 */
final class ReplicaSession {

  private static final System.Logger LOG = System.getLogger(ReplicaSession.class.getName());

  /** Large enough that a frame's head and its wake-up do not count: 0.2 ms of loopback. */
  private static final int SLICE_BYTES = 256 << 10;

  /** Netty's queue of the socket: four slices. */
  private static final int QUEUE_BYTES = 4 * SLICE_BYTES;

  /** Read and sent at a time. */
  private static final int SNAPSHOT_PART_BYTES = 64 << 10;

  private final Master master;
  private final NetSocket socket;
  private final FrameReader reader;
  private final ByteRate rate;
  private Hello hello;
  private boolean following;
  private boolean reading;
  private boolean closed;
  private long sentTo;
  private long receivedTo;
  private long forcedTo;
  private long confirmedSent = -1;
  private long heardMs;
  private long saidMs;
  private String reason = "its connection ended";

  ReplicaSession(Master master, NetSocket socket) {
    this.master = master;
    this.socket = socket;
    heardMs = master.clock.nowMs();
    rate = new ByteRate(heardMs);
    reader =
        new FrameReader(
            new FrameReader.Handler() {
              @Override
              public void onData(Data data) {
                throw new IllegalArgumentException("a slave sends no log");
              }

              @Override
              public void onBytes(ByteBuffer bytes) {
                throw new IllegalArgumentException("a slave sends no log");
              }

              @Override
              public void onFrame(byte type, ByteBuffer content) {
                take(type, content);
              }
            });
  }

  void start() {
    socket.setWriteQueueMaxSize(QUEUE_BYTES);
    socket.handler(this::read);
    socket.drainHandler(nothing -> pump());
    socket.exceptionHandler(failure -> reason = failure.toString());
    socket.closeHandler(
        nothing -> {
          closed = true;
          if (hello != null) {
            master.left(this, reason);
          }
        });
    master
        .vertx()
        .setTimer(
            ReplicationOptions.SILENT_MS,
            id -> {
              if (hello == null) {
                close("it said no hello");
              }
            });
  }

  long id() {
    return hello.brokerId();
  }

  String address() {
    return hello.address();
  }

  Replication.Slave slave() {
    return new Replication.Slave(
        id(),
        address(),
        receivedTo,
        sentTo,
        master.isInSync(id()),
        rate.perSecond(master.clock.nowMs()));
  }

  String describe() {
    return "slave "
        + id()
        + " ("
        + address()
        + ") "
        + (master.isInSync(id()) ? "in sync" : "not in sync")
        + ", received "
        + receivedTo
        + ", forced "
        + forcedTo;
  }

  void close(String why) {
    if (!closed) {
      closed = true;
      reason = why;
      if (hello != null) {
        master.left(this, reason);
      }
      socket.close();
    }
  }

  private void read(Buffer bytes) {
    if (closed) {
      return;
    }
    heardMs = master.clock.nowMs();
    try {
      reader.read(((BufferInternal) bytes).getByteBuf().nioBuffer());
    } catch (RuntimeException e) {
      LOG.log(
          Level.WARNING,
          "a connection at the port for slaves from {0} is closed: {1}",
          socket.remoteAddress(),
          e.toString());
      close(e.toString());
    }
  }

  private void take(byte type, ByteBuffer content) {
    if (type == Frames.HELLO && hello == null) {
      hello = Frames.readHello(content);
      if (hello == null) {
        throw new IllegalArgumentException("this is no slave's hello");
      }
      welcome();
    } else if (type == Frames.ACK && following) {
      Frames.Ack ack = Frames.readAck(content);
      if (ack.received() > sentTo) {
        throw new IllegalArgumentException(
            "acknowledged is " + ack.received() + ", sent was up to " + sentTo);
      }
      receivedTo = ack.received();
      forcedTo = ack.forced();
      master.received(this, receivedTo);
    } else {
      throw new IllegalArgumentException("a frame of type " + type + " is out of its order");
    }
  }

  // The beginning.

  private void welcome() {
    Answer answer = answer();
    if (answer.action() == Action.REFUSED) {
      LOG.log(
          Level.WARNING,
          "slave {0} ({1}) is refused: {2}",
          Long.toString(hello.brokerId()),
          hello.address(),
          answer.text());
    }
    if (answer.action() == Action.FOLLOW) {
      say(new Welcome(answer, false, master.options.address(), master.history));
      following = true;
      sentTo = answer.place();
      receivedTo = sentTo;
      master.joined(this, sentTo);
      pump();
      return;
    }
    Path path = master.options.directory().resolve("state.snapshot");
    boolean adjusts = answer.action() != Action.REFUSED;
    master
        .blocking(() -> adjusts && master.files.exists(path) ? master.files.open(path) : null)
        .onComplete(
            opened -> {
              StoreFile snapshot = opened.result();
              say(new Welcome(answer, snapshot != null, master.options.address(), master.history));
              if (snapshot != null) {
                sendSnapshot(snapshot, 0);
              }
            });
  }

  private Answer answer() {
    if (hello.version() != Frames.VERSION) {
      return refused(
          "it speaks version " + hello.version() + ", the master version " + Frames.VERSION);
    }
    ReplicationOptions own = master.options;
    if (!hello.cluster().equals(own.cluster()) || !hello.brokerName().equals(own.brokerName())) {
      return refused(
          "it is of "
              + hello.cluster()
              + "/"
              + hello.brokerName()
              + ", the master of "
              + own.cluster()
              + "/"
              + own.brokerName()
              + "; a slave has its master's cluster.name and broker.name");
    }
    if (hello.brokerId() <= 0) {
      return refused("its broker id is " + hello.brokerId() + "; a slave's is 1 or more");
    }
    if (hello.segmentBytes() != own.store().segmentBytes()) {
      return refused(
          "its segments have "
              + hello.segmentBytes()
              + " bytes, the master's "
              + own.store().segmentBytes()
              + "; give it the same store.segment");
    }
    return Handshake.decide(
        new Handshake.Log(
            master.history, master.store.minPhysicalOffset(), master.store.maxPhysicalOffset()),
        hello.log());
  }

  private static Answer refused(String text) {
    return new Answer(Action.REFUSED, 0, text);
  }

  private void say(Welcome welcome) {
    saidMs = master.clock.nowMs();
    socket.write(Frames.welcome(welcome));
  }

  /**
   * Sends the rest of a snapshot, part by part, each when the one before has left. A newer snapshot
   * may take its name meanwhile; this is the old one still.
   */
  private void sendSnapshot(StoreFile snapshot, long from) {
    master
        .blocking(() -> part(snapshot, from))
        .compose(part -> socket.write(Frames.snapshot(part)).map(part))
        .onComplete(
            sent -> {
              if (sent.succeeded() && sent.result().length() > 0) {
                sendSnapshot(snapshot, from + sent.result().length());
              } else {
                master.blocking(() -> closed(snapshot));
                if (sent.failed()) {
                  close("the snapshot could not be sent: " + sent.cause());
                }
              }
            });
  }

  /** Empty at the end of the file. */
  private static Buffer part(StoreFile snapshot, long from) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(SNAPSHOT_PART_BYTES);
    int count = Math.max(0, snapshot.read(bytes, from));
    return Buffer.buffer().appendBytes(bytes.array(), 0, count);
  }

  private static Void closed(StoreFile snapshot) throws IOException {
    snapshot.close();
    return null;
  }

  // The stream.

  /** Sends what there is as long as the socket takes it. */
  void pump() {
    if (!following || reading || closed) {
      return;
    }
    long end = master.store.maxPhysicalOffset();
    while (sentTo < end && !socket.writeQueueFull()) {
      int most = (int) Math.min(SLICE_BYTES, master.history.endOf(sentTo) - sentTo);
      RawSlice slice = master.store.raw().tryRead(sentTo, most);
      if (slice == null) {
        readCold(most);
        return;
      }
      send(slice);
    }
  }

  private void readCold(int most) {
    reading = true;
    Future.fromCompletionStage(master.store.raw().read(sentTo, most))
        .onComplete(
            read -> {
              reading = false;
              RawSlice slice = read.result();
              if (closed) {
                if (slice != null) {
                  slice.close();
                }
              } else if (slice == null) {
                close(
                    "the log at physical offset "
                        + sentTo
                        + " could not be read"
                        + (read.failed() ? ": " + read.cause() : ", it has expired"));
              } else {
                send(slice);
                pump();
              }
            });
  }

  private void send(RawSlice slice) {
    int count = slice.bytes().remaining();
    Data data = data(sentTo, 0);
    sentTo += count;
    saidMs = master.clock.nowMs();
    rate.add(count, saidMs);
    socket.write(Frames.data(data, slice.bytes())).onComplete(written -> slice.close());
  }

  private Data data(long physicalOffset, int flags) {
    confirmedSent = master.confirmedTo();
    Epoch epoch = master.history.at(physicalOffset);
    return new Data(
        epoch == null ? 0 : epoch.number(),
        physicalOffset,
        confirmedSent,
        master.store.minPhysicalOffset(),
        flags | (master.isInSync(id()) ? Frames.IN_SYNC : 0),
        master.store.maxPhysicalOffset());
  }

  /** Says what is confirmed, if the slave does not know it yet. */
  void tellConfirmed() {
    if (following && !closed && confirmedSent != master.confirmedTo() && !socket.writeQueueFull()) {
      socket.write(Frames.data(data(sentTo, 0), null));
    }
  }

  void beat(long nowMs) {
    rate.look(nowMs);
    if (nowMs - heardMs > ReplicationOptions.SILENT_MS) {
      close("it was silent for " + (nowMs - heardMs) + " ms");
    } else if (following
        && nowMs - saidMs >= ReplicationOptions.HEARTBEAT_MS
        && !socket.writeQueueFull()) {
      saidMs = nowMs;
      socket.write(Frames.data(data(sentTo, Frames.ANSWER), null));
    }
  }
}
