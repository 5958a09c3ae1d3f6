package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.FileAccess;
import io.sluice.store.MessageStore;
import io.sluice.store.MessageStores;
import io.sluice.store.RecoveryListener;
import io.sluice.store.StoreOptions;
import io.sluice.testkit.Await;
import io.sluice.testkit.BlockedLoops;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a slave that does not read costs its master little memory, however far it falls behind, and
 * one that reads gets all. Method: a real store and a real socket that nobody reads; what the
 * master has handed to the socket and the socket has not sent is counted.
 */
final class SlowSlaveTest {

  /** Far more than both ends of a connection keep. */
  private static final int MESSAGES = 512;

  private static final int BODY_BYTES = 64 << 10;

  /** Longer than anything takes. */
  private static final int READ_MS = 30_000;

  /** What the session says of itself, and the slice that fills it. */
  private static final long MOST_QUEUED_BYTES = (5 << 20) + (512 << 10);

  @TempDir Path directory;

  private final Vertx vertx = BlockedLoops.vertx();
  private final Context context = vertx.getOrCreateContext();
  private final AtomicLong queued = new AtomicLong();
  private final AtomicLong mostQueued = new AtomicLong();
  private final StoreOptions options = new StoreOptions().segmentBytes(8 << 20).minFreeBytes(0);
  private MessageStore store;
  private Master master;
  private volatile ReplicaSession session;

  @AfterEach
  void close() {
    onLoop("the end", () -> master.stop());
    onLoop("the end of the store", () -> store.close());
    Await.result("the end of Vert.x", vertx.close());
  }

  @Test
  void shouldQueueLittleForASlaveThatDoesNotReadAndSendAllWhenItDoes() throws Exception {
    open();
    int port = listen();
    // Half of it is read in large pieces, the other as it comes.
    appendHalf();
    try (Socket slave = new Socket()) {
      slave.setReceiveBufferSize(64 << 10);
      slave.connect(new InetSocketAddress("127.0.0.1", port));
      slave.getOutputStream().write(hello().getBytes());
      Await.until("the slave is welcome", () -> session != null && joined());
      appendHalf();
      // Whatever else there is to say waits as well.
      call("what is said", () -> sayALot());
      assertTrue(queued.get() > 0, "all went out: the connection keeps more than was appended");
      assertTrue(
          mostQueued.get() <= MOST_QUEUED_BYTES,
          () -> mostQueued + " bytes waited at a time for a slave that does not read");

      long end = call("the end of the log", () -> store.maxPhysicalOffset());
      assertEquals(end, readTo(slave, end));
      assertTrue(mostQueued.get() <= MOST_QUEUED_BYTES, () -> mostQueued + " bytes waited");
    }
  }

  @Test
  void shouldSendWhatIsWaitedForThoughNobodySaidThatItWasAppended() throws Exception {
    open();
    int port = listen();
    try (Socket slave = new Socket("127.0.0.1", port)) {
      slave.setSoTimeout(READ_MS);
      slave.getOutputStream().write(hello().getBytes());
      Await.until("the slave is welcome", () -> session != null && joined());
      // As a Broker that stops does, whose turns have ended.
      call("an append", this::tryAppend);
      long end = call("the end of the log", () -> store.maxPhysicalOffset());
      call("a wait for it", () -> master.whenConfirmed(end));
      assertEquals(end, readTo(slave, end));
    }
  }

  private void open() {
    options.directory(directory);
    CompletionStage<MessageStore> opening =
        MessageStores.open(
            options,
            FileAccess.system(),
            Clock.system(),
            task -> context.runOnContext(nothing -> task.run()),
            LatencyRecorder.NONE,
            RecoveryListener.NONE);
    store = Await.result("the store", Future.fromCompletionStage(opening));
    ReplicationOptions replication =
        new ReplicationOptions(
            "c",
            "b",
            0,
            "127.0.0.1:1",
            directory,
            options,
            "127.0.0.1",
            -1,
            null,
            0,
            1,
            Duration.ofSeconds(3),
            Duration.ofSeconds(5),
            ReplicationOptions.Security.NONE);
    master = new Master(vertx, FileAccess.system(), replication, Clock.system());
    onLoop("the master", () -> master.start(store, () -> {}));
  }

  private int listen() {
    NetServer server =
        call(
            "a server",
            () ->
                vertx
                    .createNetServer()
                    .connectHandler(
                        socket -> {
                          session = new ReplicaSession(master, counted(socket));
                          session.start();
                        }));
    onLoop("listening", () -> server.listen(0, "127.0.0.1").toCompletionStage());
    return server.actualPort();
  }

  /** The same socket, whose writes are counted until they have left. */
  private NetSocket counted(NetSocket socket) {
    return (NetSocket)
        Proxy.newProxyInstance(
            NetSocket.class.getClassLoader(),
            new Class<?>[] {NetSocket.class},
            (proxy, method, arguments) -> {
              Object result;
              try {
                result = method.invoke(socket, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
              if (method.getName().equals("write")) {
                count(((Buffer) arguments[0]).length(), (Future<?>) result);
              }
              return result;
            });
  }

  private void count(int bytes, Future<?> written) {
    if (!written.isComplete()) {
      mostQueued.accumulateAndGet(queued.addAndGet(bytes), Math::max);
      written.onComplete(done -> queued.addAndGet(-bytes));
    }
  }

  private Buffer hello() {
    Handshake.Log log = new Handshake.Log(EpochHistory.NONE, 0, 0);
    return Frames.hello(
        new Frames.Hello(Frames.VERSION, "c", "b", "127.0.0.1:2", 1, options.segmentBytes(), log));
  }

  private boolean joined() {
    return call("the slave", () -> master.status().detail().startsWith("slave 1"));
  }

  private void appendHalf() {
    for (int i = 0; i < MESSAGES / 2; i++) {
      Await.until(
          "there is room",
          () ->
              call(
                  "an append",
                  () -> {
                    boolean done = tryAppend();
                    master.appended();
                    return done;
                  }));
    }
  }

  private boolean tryAppend() {
    MessageBatch batch = new MessageBatch();
    batch.add(
        "t",
        QueueSelector.queue(0),
        0,
        0,
        1,
        new byte[8],
        0,
        0,
        ByteBuffer.allocate(BODY_BYTES),
        new PropertiesWriter());
    ConsumeQueue[] queues = {store.queue("t", 0)};
    return store.append(batch, 0, 1, queues, new long[1], new long[1], false) == 1;
  }

  private Void sayALot() {
    long nowMs = Clock.system().nowMs();
    for (int i = 0; i < 10_000; i++) {
      session.pump();
      session.tellConfirmed();
      session.beat(nowMs + ReplicationOptions.HEARTBEAT_MS);
    }
    return null;
  }

  /** Reads so much of the log, and gives how far it came. */
  private static long readTo(Socket slave, long end) throws Exception {
    long[] at = {0};
    FrameReader reader =
        new FrameReader(
            new FrameReader.Handler() {
              @Override
              public void onData(Frames.Data data) {
                assertEquals(at[0], data.physicalOffset());
              }

              @Override
              public void onBytes(ByteBuffer bytes) {
                at[0] += bytes.remaining();
              }

              @Override
              public void onFrame(byte type, ByteBuffer content) {
                assertEquals(Frames.WELCOME, type);
              }
            });
    slave.setSoTimeout(20_000);
    byte[] bytes = new byte[64 << 10];
    while (at[0] < end) {
      int count = slave.getInputStream().read(bytes);
      assertTrue(count > 0, () -> "the connection ended at " + at[0] + " of " + end);
      reader.read(ByteBuffer.wrap(bytes, 0, count));
    }
    return at[0];
  }

  private <T> T call(String what, Callable<T> work) {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        nothing -> {
          try {
            done.complete(work.call());
          } catch (Exception | AssertionError e) {
            done.fail(e);
          }
        });
    return Await.result(what, done.future());
  }

  private <T> void onLoop(String what, Callable<CompletionStage<T>> work) {
    Await.result(what, Future.fromCompletionStage(call(what, work)));
  }
}
